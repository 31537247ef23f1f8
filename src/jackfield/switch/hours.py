"""Hours: is a moment inside a time range, when does that change, and where does a schedule lead then?

All of it goes by the company's clock on the wall, so that nothing moves when daylight saving begins or ends.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from jackfield.switch.snapshot import (
    DatedHours,
    Day,
    NamedHours,
    Override,
    Service,
    Snapshot,
    TimeRange,
)

__all__ = ["DAYS", "State", "Turn", "is_open", "minutes", "next_change", "open_range", "state", "turn", "zone"]

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MIDNIGHT = 1440
LOOK_AHEAD = 400
"""Days in which the next change is looked for."""


@dataclass(frozen=True, slots=True)
class State:
    """What a time range is at one moment."""

    open: bool
    why: str
    """In words, with the moment as the company's clock shows it."""
    override: Override | None = None
    """Who has switched it by hand, if so."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What a schedule does with a call at one moment."""

    range: str | None
    """Name of the hours that hold the moment; None: none of them does."""
    target: str
    """Number to go to, "" where none is set."""
    why: str
    """In words, with the moment as the company's clock shows it."""


# --- time ranges by name ----------------------------------------------------------------------------------------------


class _Days:
    """Days to look up at once, however many there are."""

    __slots__ = ("_of_every_year", "_single")

    def __init__(self, days: Iterable[Day | DatedHours]) -> None:
        self._single: set[int] = set()
        self._of_every_year: set[int] = set()
        for day in days:
            span = _span(day)
            if day.yearly:
                self._of_every_year.update(one.month * 32 + one.day for one in span)
            else:
                self._single.update(one.toordinal() for one in span)

    def holds(self, day: date) -> bool:
        return day.toordinal() in self._single or day.month * 32 + day.day in self._of_every_year


def _span(day: Day | DatedHours) -> list[date]:
    """Return the days from the first to the last; nothing for what is no date, since the switch must go on."""
    try:
        first = date.fromisoformat(day.first)
        last = date.fromisoformat(day.last) if day.last else first
    except ValueError:
        return []
    return [first + timedelta(days=number) for number in range(min((last - first).days, 3660) + 1)]


class Hours:
    """A time range, made ready to be asked."""

    __slots__ = ("_also", "_dated", "_except", "_weekly")

    def __init__(self, named: NamedHours, holidays: dict[str, tuple[Day, ...]]) -> None:
        self._weekly = [({DAYS.index(day) for day in one.days}, *_from_to(one.start, one.end)) for one in named.weekly]
        self._dated = [(_Days([one]), *_from_to(one.start, one.end)) for one in named.dates]
        self._also = _Days(day for name in named.also_on for day in holidays.get(name, ()))
        self._except = _Days(day for name in named.except_on for day in holidays.get(name, ()))

    def hold(self, wall: datetime) -> bool:
        """Say if a moment on the company's clock is inside."""
        day, minute = wall.date(), wall.hour * 60 + wall.minute
        return self._on(day, minute) or self._on(day - timedelta(days=1), minute + MIDNIGHT)

    def _on(self, day: date, minute: int) -> bool:
        """Say if a minute of a day is inside; those of the night after it count on: 1500 is one o'clock."""
        for days, start, end in self._dated:
            if start <= minute < end and days.holds(day):
                return True
        if self._except.holds(day):
            return False
        if minute < MIDNIGHT and self._also.holds(day):
            return True
        weekday = day.weekday()
        return any(start <= minute < end and weekday in weekdays for weekdays, start, end in self._weekly)

    def edges(self) -> list[int]:
        """Return the minutes of a day at which it may change."""
        found = {0}
        for _, start, end in (*self._weekly, *self._dated):
            found.update((start % MIDNIGHT, end % MIDNIGHT))
        return sorted(found)


def _from_to(start: str, end: str) -> tuple[int, int]:
    first, last = minutes(start), minutes(end)
    return first, last if last > first else last + MIDNIGHT


def _hours(snapshot: Snapshot) -> dict[str, Hours]:
    """Return the time ranges by name, made ready once for a snapshot."""
    made = snapshot.derived.get("hours")
    if not isinstance(made, dict):
        holidays = {one.name: one.dates for one in snapshot.holidays}
        made = {one.name: Hours(one, holidays) for one in snapshot.time_ranges}
        snapshot.derived["hours"] = made
    return made


def state(snapshot: Snapshot, name: str, at: datetime) -> State:
    """Say whether the time range `name` is open at `at` (any zone), and why. One that is not there is always open."""
    wall = at.astimezone(zone(snapshot.general.time_zone))
    for override in snapshot.overrides:
        if override.range == name and (not override.until or at.timestamp() < override.until):
            return State(override.open, f'"{name}" is switched to {_words(override)}', override)
    known = _hours(snapshot).get(name)
    if known is None:
        return State(True, f'there is no time range "{name}"')
    inside = known.hold(wall)
    said = "inside" if inside else "outside of"
    return State(inside, f'{wall:%a %H:%M} ({snapshot.general.time_zone}) is {said} "{name}"')


def _words(override: Override) -> str:
    which = "open" if override.open else "closed"
    return f"{which} by {override.by}" if override.by else which


def next_change(snapshot: Snapshot, name: str, at: datetime) -> datetime | None:
    """Return when the hours of `name` change by themselves after `at`, in UTC; None: not in the next 400 days."""
    known = _hours(snapshot).get(name)
    if known is None:
        return None
    here = zone(snapshot.general.time_zone)
    now = known.hold(at.astimezone(here))
    day = at.astimezone(here).date()
    edges = known.edges()
    for number in range(LOOK_AHEAD):
        for moment in _moments(day + timedelta(days=number), edges, here):
            if moment > at and known.hold(moment.astimezone(here)) is not now:
                return moment
    return None


def _moments(day: date, edges: list[int], here: ZoneInfo) -> list[datetime]:
    """Return the moments of a day at which something may change, in order.

    On a day on which the clock is changed these are all its half hours too: an edge may be passed by the change.
    """
    midnight = datetime(day.year, day.month, day.day, tzinfo=here)
    begins = midnight.astimezone(UTC)
    following = day + timedelta(days=1)
    ends = datetime(following.year, following.month, following.day, tzinfo=here).astimezone(UTC)
    found = {
        midnight.replace(hour=edge // 60, minute=edge % 60, fold=fold).astimezone(UTC)
        for edge in edges
        for fold in (0, 1)
    }
    if ends - begins != timedelta(days=1):
        found.update(_half_hours(begins, ends))
    return sorted(found)


def _half_hours(begins: datetime, ends: datetime) -> Iterator[datetime]:
    while begins < ends:
        yield begins
        begins += timedelta(minutes=30)


# --- schedules, and hours of their own --------------------------------------------------------------------------------


def turn(schedule: Service, at: datetime, snapshot: Snapshot) -> Turn:
    """Say where a schedule leads at `at` (any zone). It is open inside the time range that it names, or inside its
    own hours; who has switched the time range by hand decides alone."""
    name = None
    if schedule.hours:
        named = state(snapshot, schedule.hours, at)
        if named.open or named.override is not None or not schedule.time_ranges:
            target = schedule.open_target if named.open else schedule.closed_target
            return Turn(schedule.hours if named.open else None, target, named.why)
    time_zone = snapshot.general.time_zone
    local = at.astimezone(zone(time_zone))
    inside = open_range(schedule.time_ranges, local)
    name = inside.name if inside else None
    hours = f'inside "{name}"' if inside else "outside of all its hours"
    return Turn(
        name, schedule.open_target if inside else schedule.closed_target, f"{local:%a %H:%M} ({time_zone}) is {hours}"
    )


def minutes(text: str) -> int:
    """Return the minutes since midnight of "HH:MM"; "24:00" is 1440. What can't be read is midnight."""
    hour, _, minute = text.partition(":")
    if not (hour.isdigit() and (minute.isdigit() or not minute)):
        return 0
    return min(int(hour) * 60 + int(minute or 0), MIDNIGHT)


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
