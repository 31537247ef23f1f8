"""Sums of calls by the day, so that the figures of a year are read and not added up from every call.

A day (UTC) is added up once when it is over, a few days at a time and oldest first, by the thread that stores calls.
What changes calls of a day afterwards (one that went on over midnight, a spool that waited) takes away the sums from
that day on, and they are made anew. So whoever reads finds them right or not at all, and then reads the calls.

Of extensions there are thousands, so their sums are kept as what a meter shows: of all calls up to the end of a day,
every fourth day. Two of these give the sums of any time between.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
from django.db.models import Count, F, Sum

from jackfield.history import quality
from jackfield.history.models import Call, DaySums
from jackfield.history.slots import SLOT, Slot

__all__ = ["ADDED", "DAY", "EVERY", "Sums", "extension_rows", "forget", "keep", "meter", "row_sums"]

DAY = 86400
EVERY = 4
"""Days between the days that have a meter."""

Sums = list[float]
"""Calls, answered ones, seconds of waiting and of talking of these."""
Meter = dict[str, list[float]]
"""Extension -> sums of the calls that it made, and sums of those that it got: eight numbers."""

ADDED = {
    "count": Count("*"),
    "answers": Count("answered"),
    "waited": Sum(F("answered") - F("started")),
    "talked": Sum(F("ended") - F("answered")),
}
_read_meter = msgspec.json.Decoder(Meter)


def row_sums(row: dict[str, Any]) -> Sums:
    """Return the sums that the database has made under the names of `ADDED`."""
    return [row["count"], row["answers"], round(row["waited"] or 0.0, 3), round(row["talked"] or 0.0, 3)]


def extension_rows(calls: Any) -> Meter:
    """Return the sums by extension of these calls (a queryset)."""
    found: Meter = {}
    for place, name in ((0, "caller_extension"), (4, "called_extension")):
        for row in calls.order_by().values(name).annotate(**ADDED):
            if row[name]:
                found.setdefault(row[name], [0.0] * 8)[place : place + 4] = row_sums(row)
    return found


def meter(text: str) -> Meter:
    """Read a meter."""
    return _read_meter.decode(text)


def forget(since: float) -> None:
    """Take away the sums of the day in which `since` (seconds since 1970) lies, and of all later ones."""
    DaySums.objects.filter(day__gte=int(since // DAY)).delete()


def keep(now: float, most: int = 4) -> int:
    """Add up days that are over and have no sums yet, at most so many. Returns how many were made."""
    last = DaySums.objects.order_by("-day").values_list("day", flat=True).first()
    if last is None:
        first = Call.objects.order_by("started").values_list("started", flat=True).first()
        if first is None:
            return 0
        last = int(first // DAY) - 1
    days = range(last + 1, min(last + 1 + most, int(now // DAY)))
    for day in days:
        DaySums.objects.bulk_create([_of_day(day)], ignore_conflicts=True)
    return len(days)


def _of_day(day: int) -> DaySums:
    calls = _calls(day, day + 1)
    slots = {
        str(row["slot"] - day * DAY // SLOT): row_sums(row)
        for row in calls.values(slot=Slot("started")).annotate(**ADDED)
    }
    sounded = {
        str(slot - day * DAY // SLOT): found for slot, found in quality.heard(day * DAY, (day + 1) * DAY).items()
    }
    names = ("direction", "outcome", "caller_trunk", "called_trunk")
    kinds = [[*(row[name] for name in names), *row_sums(row)] for row in calls.values(*names).annotate(**ADDED)]
    text = _text(_meter_at(day)) if day % EVERY == EVERY - 1 else ""
    return DaySums(day=day, slots=_text(slots), kinds=_text(kinds), extensions=text, heard=_text(sounded))


def _meter_at(day: int) -> Meter:
    """Return the meter at the end of a day: that of the last time, and the days since."""
    before = DaySums.objects.filter(day__lt=day).exclude(extensions="").order_by("-day").first()
    found = meter(before.extensions) if before is not None else {}
    first = before.day + 1 if before is not None else 0
    add(found, extension_rows(_calls(first, day + 1)))
    return {extension: [round(value, 3) for value in sums] for extension, sums in found.items()}


def add(to: Meter, what: Meter, sign: int = 1) -> None:
    """Add a meter to another, or take it away."""
    for extension, sums in what.items():
        known = to.get(extension)
        to[extension] = (
            [sign * value for value in sums]
            if known is None
            else [old + sign * value for old, value in zip(known, sums, strict=True)]
        )


def _calls(first: int, end: int) -> Any:
    return Call.objects.filter(started__gte=first * DAY, started__lt=end * DAY).order_by()


def _text(value: dict[str, Any] | Iterable[Any]) -> str:
    return msgspec.json.encode(value).decode()
