"""Hours of the week: is a moment inside a set of time ranges, and where does a schedule lead then?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from jackfield.switch.snapshot import Service, TimeRange

__all__ = ["DAYS", "Turn", "is_open", "minutes", "open_range", "turn", "zone"]

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, slots=True)
class Turn:
    """What a schedule does with a call at one moment."""

    range: TimeRange | None
    """The hours that hold the moment; None: none of them does."""
    target: str
    """Number to go to, "" where none is set."""
    why: str
    """In words, with the moment as the company's clock shows it."""


def turn(schedule: Service, at: datetime, time_zone: str) -> Turn:
    """Say where a schedule leads at `at` (any zone) in a company that lives in `time_zone` (IANA name)."""
    local = at.astimezone(zone(time_zone))
    inside = open_range(schedule.time_ranges, local)
    hours = f'inside "{inside.name}"' if inside else "outside of all its hours"
    return Turn(
        inside, schedule.open_target if inside else schedule.closed_target, f"{local:%a %H:%M} ({time_zone}) is {hours}"
    )


def minutes(text: str) -> int:
    """Return the minutes since midnight of "HH:MM"; "24:00" is 1440. What can't be read is midnight."""
    hour, _, minute = text.partition(":")
    if not (hour.isdigit() and (minute.isdigit() or not minute)):
        return 0
    return min(int(hour) * 60 + int(minute or 0), 1440)


def open_range(ranges: Iterable[TimeRange], at: datetime) -> TimeRange | None:
    """Return the first range that holds `at` (in the company's zone). One over midnight belongs to its first day."""
    now = at.hour * 60 + at.minute
    today, yesterday = DAYS[at.weekday()], DAYS[at.weekday() - 1]
    for candidate in ranges:
        start, end = minutes(candidate.start), minutes(candidate.end)
        if start < end:
            if today in candidate.days and start <= now < end:
                return candidate
        elif (today in candidate.days and now >= start) or (yesterday in candidate.days and now < end):
            return candidate
    return None


def is_open(ranges: Iterable[TimeRange], at: datetime) -> bool:
    """Say if `at`, in the company's zone, lies in one of the ranges."""
    return open_range(ranges, at) is not None


@lru_cache(maxsize=64)
def zone(name: str) -> ZoneInfo:
    """Return the time zone of an IANA name; UTC when there is none of that name."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")
