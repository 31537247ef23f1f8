"""Figures of many calls: over time, by hour of the day, by extension, by trunk.

Days that are over have their sums (`history.sums`); what these do not cover, at both ends of the time or all of it as
long as they are being made, the database adds up from the calls. Half hours since 1970 are what both group by, since
every zone's days and hours are made of them.
"""

from __future__ import annotations

import datetime
import zoneinfo
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec
from django.db.models import F

from jackfield.history import quality, sums
from jackfield.history.models import Call, DaySums
from jackfield.history.slots import SLOT, Slot
from jackfield.history.sums import ADDED, DAY, Sums, row_sums

__all__ = ["Figures", "Sounded", "Tally", "figures"]

HOUR_DAYS, DAY_DAYS = 2, 400
"""Up to so many days the figures are told by the hour, and by the day; of more by the month."""


LISTENED_DAYS = 3
"""Of days without sums only so many of the last are asked how they sounded: legs are many, and read one by one."""
SHORT = 0.07
"""Share of all the time that is kept, up to which a time is short."""


@dataclass(slots=True)
class Tally:
    """Calls that are counted together. Times in seconds, summed over those that were answered."""

    calls: int = 0
    answered: int = 0
    waited: float = 0.0
    talked: float = 0.0

    def add(self, found: Sums) -> None:
        """Add sums: calls, answered ones, seconds of waiting and of talking."""
        self.calls += int(found[0])
        self.answered += int(found[1])
        self.waited += found[2]
        self.talked += found[3]

    @property
    def sums(self) -> Sums:
        """Return them as they are added."""
        return [self.calls, self.answered, self.waited, self.talked]

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
class Sounded:
    """How parties sounded that are counted together; see `jackfield.history.quality`."""

    parties: int = 0
    total: float = 0.0
    poor: int = 0
    lowest: float | None = None

    def add(self, found: quality.Heard) -> None:
        """Add what the history has of others."""
        self.parties += int(found[0])
        self.total += found[1]
        self.poor += int(found[2])
        self.lowest = found[3] if self.lowest is None else min(self.lowest, found[3])

    @property
    def mos(self) -> float | None:
        """The average score, 1 to about 4.5."""
        return self.total / self.parties if self.parties else None

    @property
    def poor_share(self) -> float:
        """Parties that sounded poor, in percent."""
        return 100 * self.poor / self.parties if self.parties else 0.0


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
    sounded: list[tuple[str, Sounded]]  # as `over_time`; those without a party have no score


_slots = msgspec.json.Decoder(dict[int, Sums])
_kinds = msgspec.json.Decoder(list[list[Any]])
KINDS = ("direction", "outcome", "caller_trunk", "called_trunk")


def figures(since: datetime.date, until: datetime.date, zone: zoneinfo.ZoneInfo) -> Figures:
    """Add up the calls that began from `since` to `until`, both included, days of `zone`."""
    begin = datetime.datetime.combine(since, datetime.time(), zone).timestamp()
    end = datetime.datetime.combine(until + datetime.timedelta(days=1), datetime.time(), zone).timestamp()
    days = (until - since).days + 1
    unit = "hour" if days <= HOUR_DAYS else "day" if days <= DAY_DAYS else "month"
    label = {"hour": "%a %H:00" if days > 1 else "%H:00", "day": "%a %d %b", "month": "%B %Y"}[unit]

    over_time = {text: Tally() for text in _labels(since, until, unit, label, zone)}
    by_hour = [Tally() for _hour in range(24)]
    every = Tally()
    by_direction: dict[str, Tally] = defaultdict(Tally)
    by_outcome: dict[str, int] = defaultdict(int)
    trunks: dict[str, Ends] = defaultdict(Ends)

    def add_slots(day: float, slots: Iterable[tuple[int, Sums]]) -> None:
        for at, text, found in _local(day, slots, zone, label, by_the_hour=unit == "hour"):
            over_time.setdefault(text, Tally()).add(found)
            by_hour[at].add(found)

    sounded = {text: Sounded() for text in over_time}

    def add_heard(day: float, slots: Iterable[tuple[int, quality.Heard]]) -> None:
        for _at, text, found in _local(day, slots, zone, label, by_the_hour=unit == "hour"):
            sounded.setdefault(text, Sounded()).add(found)

    kinds_seen: dict[tuple[str, str, str, str], Tally] = defaultdict(Tally)

    rest = [(begin, end)]
    if begin < end:
        kept = DaySums.objects.filter(day__gte=int(-(-begin // DAY)), day__lt=int(end // DAY)).order_by("day")
        covered = []
        for day, slots, kinds, heard in kept.values_list("day", "slots", "kinds", "heard"):
            add_slots(day * DAY, _slots.decode(slots).items())
            add_heard(day * DAY, _slots.decode(heard).items())
            for direction, outcome, came, went, *found in _kinds.decode(kinds):
                kinds_seen[direction, outcome, came, went].add(found)
            covered.append(day)
        rest = list(_without(begin, end, covered))
    newest = Call.objects.order_by("-started").values_list("started", flat=True).first() or 0.0
    for first, last in rest:
        between = Call.objects.filter(started__gte=first, started__lt=last).order_by()
        for row in between.values(slot=Slot("started")).annotate(**ADDED):
            add_slots(row["slot"] * SLOT, ((0, row_sums(row)),))
        for slot, one in quality.heard(max(first, min(last, newest) - LISTENED_DAYS * DAY), last).items():
            add_heard(slot * SLOT, ((0, one),))
        for row in _grouped(first, last).values(*KINDS).annotate(**ADDED):
            kinds_seen[row["direction"], row["outcome"], row["caller_trunk"], row["called_trunk"]].add(row_sums(row))
    for (direction, outcome, came, went), tally in kinds_seen.items():
        by_direction[direction].add(tally.sums)
        by_outcome[outcome] += tally.calls
        if came:
            trunks[came].got.add(tally.sums)
        if went:
            trunks[went].made.add(tally.sums)
    for tally in by_hour:
        every.add(tally.sums)

    extensions = {}
    for number, found in _extensions(begin, end).items():
        if found[0] or found[4]:
            ends = extensions[number] = Ends()
            ends.made.add(found[:4])
            ends.got.add(found[4:])
    return Figures(
        unit, every, list(over_time.items()), [(f"{hour:02d}:00", one) for hour, one in enumerate(by_hour)],
        dict(by_direction), dict(by_outcome), _busiest(extensions.items()), _busiest(trunks.items()),
        list(sounded.items()),
    )  # fmt: skip


def _without(begin: float, end: float, covered: list[int]) -> Iterator[tuple[float, float]]:
    """Yield what of a time the days do not cover."""
    at = begin
    for day in covered:
        if day * DAY > at:
            yield at, day * DAY
        at = (day + 1) * DAY
    if at < end:
        yield at, end


def _local(
    day: float, slots: Iterable[tuple[int, Sums]], zone: zoneinfo.ZoneInfo, label: str, *, by_the_hour: bool
) -> Iterator[tuple[int, str, Sums]]:
    """Yield hour of the day, name of the hour, day or month, and sums of each half hour after `day`."""
    known: dict[tuple[int, int], str] = {}
    first = datetime.datetime.fromtimestamp(day, zone)
    shift = (first.utcoffset() or datetime.timedelta()).total_seconds()
    later = datetime.datetime.fromtimestamp(day + DAY, zone).utcoffset() or datetime.timedelta()
    plain = shift == later.total_seconds()  # no change of the clock on this day
    for slot, found in slots:
        if plain:
            local = int(day + slot * SLOT + shift)
            at, key = local // 3600 % 24, (local // DAY, local // 3600 % 24 if by_the_hour else 0)
        else:
            moment = datetime.datetime.fromtimestamp(day + slot * SLOT, zone)
            at, key = moment.hour, (moment.toordinal(), moment.hour if by_the_hour else 0)
        text = known.get(key)
        if text is None:
            moment = datetime.datetime.fromtimestamp(day + slot * SLOT, zone)
            text = known[key] = moment.strftime(label)
        yield at, text, found


def _extensions(begin: float, end: float) -> sums.Meter:
    """Return the sums by extension: the difference of two meters, and the calls between these and both ends."""
    times = Call.objects.values_list("started", flat=True)  # each end by itself: both at once would read them all
    first, last = times.order_by("started").first(), times.order_by("-started").first()
    if first is None or last is None:
        return {}
    begin, end = max(begin, first), min(end, last + 1)
    meters = DaySums.objects.exclude(extensions="").filter(
        day__gte=int(begin // DAY) - sums.EVERY, day__lt=int(end // DAY) + 1
    )
    ends = [(day + 1) * DAY for day in meters.order_by("day").values_list("day", flat=True)]
    if len(ends) < 2 or begin >= end:
        return sums.extension_rows(_grouped(begin, end)) if begin < end else {}
    near = [min(ends, key=lambda one: abs(one - at)) for at in (begin, end)]
    if near[0] == near[1]:
        return sums.extension_rows(_grouped(begin, end))
    shown = dict(meters.filter(day__in=[one // DAY - 1 for one in near]).values_list("day", "extensions"))
    found = sums.meter(shown[near[1] // DAY - 1])
    sums.add(found, sums.meter(shown[near[0] // DAY - 1]), -1)
    for at, mark, sign in ((begin, near[0], 1), (end, near[1], -1)):
        low, high = min(at, mark), max(at, mark)
        if low < high:
            between = Call.objects.filter(started__gte=low, started__lt=high).order_by()
            sums.add(found, sums.extension_rows(between), sign if at < mark else -sign)
    return found


def _grouped(begin: float, end: float) -> Any:
    """Return the calls of a time in such a way that the database reads them by the right index.

    Of a long time by that of the group, all of it and without sorting; of a short time by that of the time.
    """
    times = Call.objects.values_list("started", flat=True)
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
