"""Hours, days and months of the company's time zone, in which calls and money are counted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

__all__ = ["Period", "Periods", "periods_at"]


@dataclass(frozen=True, slots=True)
class Period:
    """From `start` up to `end`, UTC seconds since 1970."""

    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Periods:
    """The hour, the day and the month that hold a moment."""

    hour: Period
    day: Period
    month: Period


def periods_at(now: float, zone: tzinfo) -> Periods:
    """Return the periods that hold `now`. An hour that comes twice in autumn is two."""
    local = datetime.fromtimestamp(now, zone)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    tomorrow = (midnight + timedelta(days=1)).replace(fold=0)
    first = midnight.replace(day=1)
    next_first = (first + timedelta(days=32)).replace(day=1)
    hour = now - (local.minute * 60 + local.second + local.microsecond / 1e6)
    hour = float(round(hour))
    return Periods(
        Period(hour, hour + 3600.0),
        Period(midnight.timestamp(), tomorrow.timestamp()),
        Period(first.timestamp(), next_first.timestamp()),
    )
