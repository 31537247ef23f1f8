"""How much is called: today against a usual day, the last 24 hours, and how calls sounded.

What was found is kept for some seconds (of days that are over: for good), so that twenty people who look at the
overview cost the database no more than one.
"""

from __future__ import annotations

import datetime
import threading
import time
import zoneinfo
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

__all__ = ["Counts", "Quality", "Today", "kept", "last_day", "quality", "sounded", "today"]

T = TypeVar("T")

DAY, QUARTER = 86400, 900
WEEKS = 4
"""A usual day is the mean of this many of the same weekday before it, up to the same time of day."""
SAMPLE = 300
RECENT_HOURS = 3
FOR_GOOD = 7 * DAY


@dataclass(slots=True)
class Counts:
    """Calls: all, those that were answered, and those from outside that nobody took."""

    calls: float = 0
    answered: float = 0
    missed: float = 0

    def add(self, other: Counts, share: float = 1.0) -> None:
        """Take others in, weighted."""
        self.calls += other.calls * share
        self.answered += other.answered * share
        self.missed += other.missed * share


@dataclass(frozen=True, slots=True)
class Today:
    """Calls since midnight; `usual` by this time of the day, None when there is no history to tell from."""

    now: Counts
    usual: Counts | None


@dataclass(frozen=True, slots=True)
class Quality:
    """How the last calls sounded: mean opinion score (1 … 4.5) over `legs` parties, of whom `poor` heard badly."""

    mos: float
    legs: int
    poor: int


@dataclass(slots=True)
class _Kept:
    until: float = 0.0
    value: Any = None
    lock: threading.Lock = field(default_factory=threading.Lock)


_all: dict[tuple[Any, ...], _Kept] = {}
_MOST = 200


def kept(seconds: float, name: tuple[Any, ...], find: Callable[[], T]) -> T:
    """Return what `find` found less than `seconds` ago for this installation under `name`; ask it at most once."""
    from django.conf import settings

    key = (settings.JACKFIELD.files.path, *name)
    if key not in _all and len(_all) >= _MOST:
        now = time.monotonic()
        for old in [known for known, one in list(_all.items()) if one.until < now] or list(_all)[: _MOST // 2]:
            _all.pop(old, None)
    entry = _all.setdefault(key, _Kept())
    with entry.lock:
        if time.monotonic() >= entry.until:
            found: T = find()
            entry.value, entry.until = found, time.monotonic() + seconds
        value: T = entry.value
        return value


def _quarters(start: float, end: float) -> dict[int, Counts]:
    """Count calls by quarter of an hour since `start`, seconds since 1970."""
    from django.db.models import Count, F
    from django.db.models.functions import Floor

    from jackfield.history.choices import Direction, Outcome
    from jackfield.history.models import Call

    rows = (
        Call.objects.filter(started__gte=start, started__lt=end)
        .order_by()
        .annotate(quarter=Floor((F("started") - start) / QUARTER))
        .values_list("quarter", "direction", "outcome")
        .annotate(count=Count("pk"))
    )
    found: dict[int, Counts] = {}
    for quarter, direction, outcome, count in rows:
        counts = found.setdefault(int(quarter), Counts())
        counts.calls += count
        if outcome == Outcome.ANSWERED:
            counts.answered += count
        elif direction == Direction.IN and outcome != Outcome.ONGOING:
            counts.missed += count
    return found


def last_day(now: float) -> list[tuple[float, Counts]]:
    """Return the counts of each of the last 24 hours: (start of the hour, counts), the oldest first."""
    start = now - now % 3600 - 23 * 3600

    def find() -> list[tuple[float, Counts]]:
        hours = [(start + 3600 * hour, Counts()) for hour in range(24)]
        for quarter, counts in _quarters(start, start + DAY).items():
            hours[min(23, quarter // 4)][1].add(counts)
        return hours

    return kept(15, ("last day", start), find)


def today(now: float, zone: str) -> Today:
    """Return how many calls there were since midnight, and how many a usual day has by this time."""
    place = zoneinfo.ZoneInfo(zone)
    date = datetime.datetime.fromtimestamp(now, place).date()
    passed = int((now - _midnight(date, place)) // QUARTER)
    counts = Counts()
    for one in kept(15, ("today", date, zone), lambda: _day(date, place)).values():
        counts.add(one)
    usual, days = Counts(), 0
    for week in range(1, WEEKS + 1):
        before = date - datetime.timedelta(weeks=week)
        found = kept(FOR_GOOD, ("day", before, zone), lambda before=before: _day(before, place))  # type: ignore[misc]
        if found:
            days += 1
            for quarter, one in found.items():
                if quarter <= passed:
                    usual.add(one)
    if not days:
        return Today(counts, None)
    mean = Counts()
    mean.add(usual, 1 / days)
    return Today(counts, mean)


def _midnight(date: datetime.date, place: zoneinfo.ZoneInfo) -> float:
    return datetime.datetime.combine(date, datetime.time(), place).timestamp()


def _day(date: datetime.date, place: zoneinfo.ZoneInfo) -> dict[int, Counts]:
    return _quarters(_midnight(date, place), _midnight(date + datetime.timedelta(days=1), place))


def sounded(now: float) -> list[tuple[float, float | None, float | None]]:
    """Return how calls of the last 24 hours sounded: (start of the hour, average score, lowest), the oldest first.

    Both are None where nobody was heard.
    """
    from jackfield.history.quality import Heard, heard
    from jackfield.history.slots import SLOT

    start = now - now % 3600 - 23 * 3600
    recent = start + (24 - RECENT_HOURS) * 3600
    # Long calls are heard of late, so nothing is kept for good; but most of a day needs no second look each minute.
    slots = kept(1800, ("sounded", start), lambda: heard(start, recent)) | kept(
        60, ("sounded now", recent), lambda: heard(recent, start + DAY)
    )
    hours: dict[int, list[Heard]] = {}
    for slot, one in slots.items():
        hours.setdefault(int((slot * SLOT - start) // 3600), []).append(one)
    scores: list[tuple[float, float | None, float | None]] = []
    for hour in range(24):
        mean = lowest = None
        if found := hours.get(hour):
            parties, total, _poor, worst = zip(*found, strict=True)
            mean, lowest = sum(total) / sum(parties), min(worst)
        scores.append((start + 3600 * hour, mean, lowest))
    return scores


def quality() -> Quality | None:
    """Return how the last answered calls sounded, None when nothing was measured."""
    return kept(30, ("quality",), _quality)


def _quality() -> Quality | None:
    from jackfield.history.models import Call, Leg
    from jackfield.history.quality import POOR_MOS

    calls = list(Call.objects.filter(outcome="answered").order_by("-started").values_list("pk", flat=True)[:SAMPLE])
    heard = [
        float(media["mos"])
        for media in Leg.objects.filter(call__in=calls).order_by().values_list("media", flat=True)
        if isinstance(media, dict) and media.get("mos")
    ]
    if not heard:
        return None
    return Quality(sum(heard) / len(heard), len(heard), sum(mos < POOR_MOS for mos in heard))
