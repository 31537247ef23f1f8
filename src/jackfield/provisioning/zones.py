"""Time zones as phones want them: an IANA name taken apart into offsets and the rules by which clocks change.

The last line of a zone's file is its rule for the years to come as a POSIX TZ string (RFC 9636 section 3.3), such as
`CET-1CEST,M3.5.0,M10.5.0/3`. Phones that know no names are told these figures, which hold whatever the year.
"""

from __future__ import annotations

import re
import zoneinfo
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from pathlib import Path

__all__ = ["Change", "UnknownZone", "Zone", "parse", "zone"]

HOUR = 3600
DAY = 86400
_LENGTHS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_NAME = r"(?:[A-Za-z]{3,}|<[A-Za-z0-9+-]+>)"
_TIME = r"[+-]?\d{1,3}(?::\d{2}(?::\d{2})?)?"
_POSIX = re.compile(rf"({_NAME})({_TIME})(?:({_NAME})({_TIME})?(?:,([^,]+),([^,]+))?)?")
_CHANGE = re.compile(rf"M(\d{{1,2}})\.([1-5])\.([0-6])(?:/({_TIME}))?")


class UnknownZone(ValueError):
    """No such time zone, or one whose rule cannot be told in months and weeks."""


@dataclass(frozen=True, slots=True)
class Change:
    """When the clock changes: in `month` on `weekday` (0 is Sunday) of `week` (5 is the last), `seconds` after
    midnight by the clock that was valid until then. May be negative or more than a day (RFC 9636).
    """

    month: int
    week: int
    weekday: int
    seconds: int

    @property
    def time(self) -> tuple[int, int]:
        """Hour and minute of the day on which the clock really changes."""
        return self.seconds % DAY // HOUR, self.seconds % HOUR // 60

    @property
    def day(self) -> int:
        """The day of the month on or after which the first `actual_weekday` is the day of the change.

        So "last Sunday of October" is "first Sunday on or after the 25th", which also tells what weeks cannot:
        Gaza's "50 hours after the fourth Thursday begins" is the first Saturday on or after the 24th.
        """
        first = _LENGTHS[self.month - 1] - 6 if self.week == 5 else 7 * self.week - 6
        return max(1, first + self.seconds // DAY)

    @property
    def actual_weekday(self) -> int:
        """The weekday of the change itself, 0 is Sunday."""
        return (self.weekday + self.seconds // DAY) % 7

    @property
    def iso_weekday(self) -> int:
        """The same with Monday as 1 and Sunday as 7."""
        return self.actual_weekday or 7

    @property
    def actual_week(self) -> int:
        """The week of the month of that weekday, 5 is the last; near enough where a phone knows weeks alone."""
        return 5 if self.week == 5 else min(4, (self.day + 6) // 7)


@dataclass(frozen=True, slots=True)
class Zone:
    """`offset`, `summer_offset`: seconds east of Greenwich. `begins`, `ends`: of summer time; None without one."""

    name: str
    abbreviation: str
    offset: int
    summer_abbreviation: str = ""
    summer_offset: int = 0
    begins: Change | None = None
    ends: Change | None = None
    posix: str = ""

    @property
    def changes(self) -> bool:
        """Whether clocks change."""
        return self.begins is not None and self.ends is not None

    @property
    def saving(self) -> int:
        """Seconds that the clock is put forward in summer."""
        return self.summer_offset - self.offset if self.changes else 0

    @property
    def sign(self) -> str:
        """Whether the zone is east ("+") or west ("-") of Greenwich."""
        return "-" if self.offset < 0 else "+"

    @property
    def hours(self) -> int:
        """Whole hours of the offset, without its sign."""
        return abs(self.offset) // HOUR

    @property
    def minutes(self) -> int:
        """What remains of the offset in minutes."""
        return abs(self.offset) % HOUR // 60


@lru_cache(maxsize=512)
def zone(name: str) -> Zone:
    """Return a zone by its IANA name ("Europe/Prague"). Raises UnknownZone."""
    try:
        zoneinfo.ZoneInfo(name)  # refuses names that lead out of the folder
        rule = _file(name).rpartition(b"\n")[0].rpartition(b"\n")[2].decode("ascii")
    except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError) as problem:
        raise UnknownZone(f"time zone {name[:60]!r} is not known; write it as in Europe/Prague") from problem
    return parse(name, rule)


def _file(name: str) -> bytes:
    for folder in zoneinfo.TZPATH:
        path = Path(folder, name)
        if path.is_file():
            return path.read_bytes()
    return resources.files("tzdata").joinpath("zoneinfo", *name.split("/")).read_bytes()


def parse(name: str, rule: str) -> Zone:
    """Take a POSIX TZ string apart. Raises UnknownZone."""
    match = _POSIX.fullmatch(rule)
    if match is None:
        raise UnknownZone(f"time zone {name[:60]!r} has a rule that is not understood: {rule[:80]!r}")
    standard, offset, summer, summer_offset, begins, ends = match.groups()
    east = -_seconds(offset)  # POSIX counts west of Greenwich
    if not summer:
        return Zone(name, standard.strip("<>"), east, posix=rule)
    forward = -_seconds(summer_offset) if summer_offset else east + HOUR
    first, last = _change(begins or "M3.2.0"), _change(ends or "M11.1.0")
    if first is None or last is None:  # by the day of the year: no zone of today does that
        raise UnknownZone(f"time zone {name[:60]!r} has a rule that is not understood: {rule[:80]!r}")
    if forward < east:  # Dublin's winter is the exception by law; for a phone it is winter as elsewhere
        standard, east, summer, forward, first, last = summer, forward, standard, east, last, first
    return Zone(name, standard.strip("<>"), east, summer.strip("<>"), forward, first, last, rule)


def _change(text: str) -> Change | None:
    match = _CHANGE.fullmatch(text)
    if match is None:
        return None
    month, week, weekday, time = match.groups()
    return Change(int(month), int(week), int(weekday), _seconds(time or "2"))


def _seconds(text: str) -> int:
    sign = -1 if text.startswith("-") else 1
    hours, minutes, seconds = (*text.lstrip("+-").split(":"), "0", "0")[:3]
    return sign * (int(hours) * HOUR + int(minutes) * 60 + int(seconds))
