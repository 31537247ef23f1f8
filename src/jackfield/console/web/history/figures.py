"""Figures of many calls, added up by the database: over time, by hour of the day, by extension, by trunk.

Half hours since 1970 are what the database groups by, since every zone's days and hours are made of them.
"""

from __future__ import annotations

import datetime
import zoneinfo
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Count, F, Func, IntegerField, Sum

from jackfield.history.models import Call

__all__ = ["Figures", "Tally", "figures"]

SLOT = 1800
HOUR_DAYS, DAY_DAYS = 2, 400
"""Up to so many days the figures are told by the hour, and by the day; of more by the month."""


SHORT = 0.07
"""Share of all the time that is kept, up to which a time is short."""


class _Slot(Func):  # type: ignore[misc]
    """The half hour of a time: whole half hours since 1970."""

    output_field = IntegerField()
    template = f"CAST(FLOOR(%(expressions)s / {SLOT}) AS INTEGER)"

    def as_sqlite(self, compiler: Any, connection: Any, **more: Any) -> Any:
        """FLOOR is a function in Python there, and CAST cuts off already."""
        return self.as_sql(compiler, connection, template=f"CAST(%(expressions)s / {SLOT} AS INTEGER)", **more)


@dataclass(slots=True)
class Tally:
    """Calls that are counted together. Times in seconds, summed over those that were answered."""

    calls: int = 0
    answered: int = 0
    waited: float = 0.0
    talked: float = 0.0

    def add(self, row: dict[str, Any]) -> None:
        """Add what the database has counted."""
        self.calls += row["count"]
        self.answered += row["answers"]
        self.waited += row["waited"] or 0.0
        self.talked += row["talked"] or 0.0

    @property
    def missed(self) -> int:
        """Calls that nobody answered, for any reason."""
        return self.calls - self.answered

    @property
    def wait(self) -> float | None:
        """Average seconds to the answer."""
        return self.waited / self.answered if self.answered else None

    @property
    def talk(self) -> float | None:
        """Average seconds of talking."""
        return self.talked / self.answered if self.answered else None

    @property
    def share(self) -> float:
        """Answered calls in percent."""
        return 100 * self.answered / self.calls if self.calls else 0.0


@dataclass(slots=True)
class Ends:
    """Calls that an extension or a trunk has made (or carried out) and got (or brought in)."""

    made: Tally = field(default_factory=Tally)
    got: Tally = field(default_factory=Tally)

    @property
    def calls(self) -> int:
        """Calls of both ways."""
        return self.made.calls + self.got.calls

    @property
    def talked(self) -> float:
        """Seconds of both ways."""
        return self.made.talked + self.got.talked


@dataclass(slots=True)
class Figures:
    """What is known of a period."""

    unit: str  # of `over_time`: hour, day or month
    all: Tally
    over_time: list[tuple[str, Tally]]
    by_hour: list[tuple[str, Tally]]
    by_direction: dict[str, Tally]
    by_outcome: dict[str, int]
    extensions: list[tuple[str, Ends]]  # the busiest first
    trunks: list[tuple[str, Ends]]


ADDED = {
    "count": Count("*"),
    "answers": Count("answered"),
    "waited": Sum(F("answered") - F("started")),
    "talked": Sum(F("ended") - F("answered")),
}


def figures(since: datetime.date, until: datetime.date, zone: zoneinfo.ZoneInfo) -> Figures:
    """Add up the calls that began from `since` to `until`, both included, days of `zone`."""
    begin = datetime.datetime.combine(since, datetime.time(), zone).timestamp()
    end = datetime.datetime.combine(until + datetime.timedelta(days=1), datetime.time(), zone).timestamp()
    calls = Call.objects.filter(started__gte=begin, started__lt=end).order_by()
    days = (until - since).days + 1
    unit = "hour" if days <= HOUR_DAYS else "day" if days <= DAY_DAYS else "month"
    label = {"hour": "%a %H:00" if days > 1 else "%H:00", "day": "%a %d %b", "month": "%B %Y"}[unit]

    over_time = {text: Tally() for text in _labels(since, until, unit, label, zone)}
    by_hour = {f"{hour:02d}:00": Tally() for hour in range(24)}
    every = Tally()
    for row in calls.values(slot=_Slot("started")).annotate(**ADDED):
        at = datetime.datetime.fromtimestamp(row["slot"] * SLOT, zone)
        over_time.setdefault(at.strftime(label), Tally()).add(row)
        by_hour[f"{at.hour:02d}:00"].add(row)
        every.add(row)

    by_direction: dict[str, Tally] = defaultdict(Tally)
    by_outcome: dict[str, int] = defaultdict(int)
    trunks: dict[str, Ends] = defaultdict(Ends)
    names = ("direction", "outcome", "caller_trunk", "called_trunk")
    calls = _grouped(begin, end)
    for row in calls.values(*names).annotate(**ADDED):
        by_direction[row["direction"]].add(row)
        by_outcome[row["outcome"]] += row["count"]
        if row["caller_trunk"]:
            trunks[row["caller_trunk"]].got.add(row)
        if row["called_trunk"]:
            trunks[row["called_trunk"]].made.add(row)

    extensions: dict[str, Ends] = defaultdict(Ends)
    for row in calls.values("caller_extension").annotate(**ADDED):
        extensions[row["caller_extension"]].made.add(row)
    for row in calls.values("called_extension").annotate(**ADDED):
        extensions[row["called_extension"]].got.add(row)
    extensions.pop("", None)
    return Figures(
        unit, every, list(over_time.items()), list(by_hour.items()), dict(by_direction), dict(by_outcome),
        _busiest(extensions.items()), _busiest(trunks.items()),
    )  # fmt: skip


def _grouped(begin: float, end: float) -> Any:
    """Return the calls of a time in such a way that the database reads them by the right index.

    Of a long time by that of the group, all of it and without sorting; of a short time by that of the time.
    """
    times = Call.objects.values_list("started", flat=True)  # each end by itself: both at once would read them all
    first, last = times.order_by("started").first() or 0.0, times.order_by("-started").first() or 0.0
    if min(end, last) - max(begin, first) < SHORT * (last - first):
        return Call.objects.filter(started__gte=begin, started__lt=end).order_by()
    at = F("started") + 0.0  # which no index of the time answers
    return Call.objects.alias(at=at).filter(at__gte=begin, at__lt=end).order_by()


def _busiest(found: Iterable[tuple[str, Ends]]) -> list[tuple[str, Ends]]:
    return sorted(found, key=lambda one: (-one[1].calls, one[0]))


def _labels(
    since: datetime.date, until: datetime.date, unit: str, label: str, zone: zoneinfo.ZoneInfo
) -> Iterable[str]:
    """Yield the names of all hours, days or months in their order, those without calls too."""
    at = datetime.datetime.combine(since, datetime.time(), zone)
    last = datetime.datetime.combine(until, datetime.time(23, 59), zone)
    while at <= last:
        yield at.strftime(label)
        at += datetime.timedelta(hours=1) if unit == "hour" else datetime.timedelta(days=1)
