"""What is looked for in the call history, from the page's address; and the way through a million calls to it.

A page is read by the index that leads to few calls: that of an extension, of a trunk, or of the numbers that a search
text fits (`history.Party`). Where none does, the calls are walked by time, the newest first, at most `REACH` of them
for one page: then the page says how far it has looked and offers to look on.
"""

from __future__ import annotations

import datetime
import functools
import operator
import zoneinfo
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from django.db.models import F, Q

from jackfield.history.choices import Direction, Outcome
from jackfield.history.models import Call, Party
from jackfield.history.parties import wanted

__all__ = ["COUNTED", "Found", "Search", "chunks"]

PAGE = 50
REACH = 100_000
"""Calls that are looked at for one page where no index leads to those that are wanted."""
FEW = 5_000
"""Calls of the numbers found, up to which these are fetched by their index; more of them lie densely in time."""
MANY_NUMBERS = 500
COUNTED = 10_000

Cursor = tuple[float, str]


@dataclass(frozen=True, slots=True)
class Found:
    """One page of calls, in the order that was asked for."""

    rows: list[Any]
    before: str = ""  # cursor of the page before this one, "" where there is none
    after: str = ""  # cursor of the next page; "" on the last
    reached: float | None = None  # where the walk stopped before the page was full, seconds since 1970


@dataclass(frozen=True)
class Search:
    """What is looked for; `problems` says in words what of the address could not be read."""

    zone: zoneinfo.ZoneInfo
    text: str = ""
    since: datetime.date | None = None
    until: datetime.date | None = None  # this day too
    direction: str = ""
    outcome: str = ""
    extension: str = ""
    trunk: str = ""
    least: int = 0  # seconds of talking
    oldest_first: bool = False
    problems: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, given: Mapping[str, str], zone: str) -> Search:
        """Read the parameters of an address. What can't be understood is left out, and said in `problems`."""
        problems: dict[str, str] = {}

        def day(name: str) -> datetime.date | None:
            try:
                return datetime.date.fromisoformat(given[name]) if given.get(name) else None
            except ValueError:
                problems[name] = f'"{given[name]}" is no day that exists: write it as 2026-11-23'
                return None

        direction, outcome = given.get("direction", ""), given.get("outcome", "")
        least = given.get("least", "").strip()
        if least and not (least.isascii() and least.isdigit() and len(least) < 7):
            problems["least"] = f'"{least}" is no number of seconds'
            least = ""
        return cls(
            zone=zoneinfo.ZoneInfo(zone),
            text=given.get("q", "").strip()[:100].replace("\0", ""),
            since=day("since"),
            until=day("until"),
            direction=direction if direction in Direction.values else "",
            outcome=outcome if outcome in Outcome.values or outcome == "missed" else "",
            extension=given.get("extension", "").strip()[:40].replace("\0", ""),
            trunk=given.get("trunk", "").strip()[:100].replace("\0", ""),
            least=int(least or 0),
            oldest_first=given.get("sort") == "started",
            problems=problems,
        )

    # --- what is asked of the database

    @property
    def begin(self) -> float | None:
        """First moment, seconds since 1970."""
        return None if self.since is None else self._midnight(self.since)

    @property
    def end(self) -> float | None:
        """First moment after the last day."""
        if self.until is None or self.until == datetime.date.max:
            return None
        return self._midnight(self.until + datetime.timedelta(days=1))

    def _midnight(self, day: datetime.date) -> float:
        return datetime.datetime.combine(day, datetime.time(), self.zone).timestamp()

    @cached_property
    def narrow(self) -> bool:
        """Whether anything but the time is asked for."""
        asked = (self.text, self.direction, self.outcome, self.extension, self.trunk, self.least)
        return any(asked)

    @cached_property
    def _numbers(self) -> tuple[list[str], int]:
        """Numbers that the search text fits, and of about how many calls they are."""
        exact = list(Party.objects.filter(number=self.text).values_list("number", "calls")) if self.text else []
        found = exact or list(
            Party.objects.filter(folded__contains=wanted(self.text)).values_list("number", "calls")[: 20 * MANY_NUMBERS]
        )
        return sorted({number for number, _ in found}), sum(calls for _, calls in found)

    @cached_property
    def _plain(self) -> Q:
        """What is asked of the call itself."""
        found = Q()
        if self.begin is not None:
            found &= Q(started__gte=self.begin)
        if self.end is not None:
            found &= Q(started__lt=self.end)
        if self.direction:
            found &= Q(direction=self.direction)
        if self.outcome == "missed":
            found &= Q(answered=None, ended__isnull=False)
        elif self.outcome:
            found &= Q(outcome=self.outcome)
        if self.least:
            found &= Q(ended__gte=F("answered") + self.least)
        return found

    @cached_property
    def _parties(self) -> list[list[Q]]:
        """What is asked of those who talk: of each list, one condition must hold."""
        found = []
        if self.text:
            found.append(self._by_text())
        if self.extension:
            found.append([Q(caller_extension=self.extension), Q(called_extension=self.extension)])
        if self.trunk:
            found.append([Q(caller_trunk=self.trunk), Q(called_trunk=self.trunk)])
        return found

    def _by_text(self) -> list[Q]:
        numbers, _ = self._numbers
        if len(numbers) > MANY_NUMBERS:
            part = wanted(self.text)
            names = ("caller_number", "called_number", "dialed", "caller_name", "called_name")
            return [Q(**{f"{name}__icontains": part}) for name in names]
        return [Q(**{f"{name}__in": numbers}) for name in ("caller_number", "called_number", "dialed")]

    @cached_property
    def _branches(self) -> list[Q]:
        """Conditions that an index answers, of which one must hold; none where the time must be walked."""
        if self.text and self._numbers[1] <= FEW:
            return self._parties[0]
        named = self._parties[1:] if self.text else self._parties
        return named[0] if named else []

    def _rest(self, besides: list[Q]) -> Q:
        """Everything that is asked for but what the index has answered."""
        found = self._plain
        for group in self._parties:
            if group is not besides:
                found &= functools.reduce(operator.or_, group)
        return found

    def page(self, cursor: str = "", *, back: bool = False, size: int = PAGE) -> Found:
        """Return the calls after the cursor, or with `back` those before it, in the order of the list."""
        at = _cursor(cursor)
        rising = self.oldest_first != back
        keys, reached = self._keys(at, rising, size + 1)
        more = len(keys) > size
        keys = keys[:size]
        by_id = Call.objects.in_bulk([id for _, id in keys])
        rows = [by_id[id] for _, id in keys if id in by_id]
        onward = (_of(rows[-1]) if more else "") if reached is None else f"{reached!r}_"
        if not at:
            return Found(rows, "", onward, reached)
        returning = _of(rows[0]) if rows else cursor
        if back:
            return Found(rows[::-1], onward, returning, reached)
        return Found(rows, returning, onward, reached)

    def count(self) -> tuple[int, bool]:
        """Return how many calls there are, and whether that is all of them: nobody waits for a million."""
        ids = Call.objects.filter(self._rest([])).order_by()
        if self.narrow and not self._branches:  # as far as one page would look
            edge = self._edge(None, self.oldest_first)
            if edge is not None:
                walked = ids.filter(started__lt=edge) if self.oldest_first else ids.filter(started__gte=edge)
                return min(walked[: COUNTED + 1].count(), COUNTED), False
        found = ids[: COUNTED + 1].count()
        return min(found, COUNTED), found <= COUNTED

    def _keys(self, at: Cursor | None, rising: bool, most: int) -> tuple[list[Cursor], float | None]:
        """Return time and id of the next calls; and where the walk stopped, if it did before there were enough."""
        order = ("started", "id") if rising else ("-started", "-id")
        rows = Call.objects.filter(self._rest(self._branches)).order_by(*order)
        if at is not None:
            rows = rows.filter(_beyond(at, rising))
        keys: list[Cursor] = []
        if self._branches:
            for branch in self._branches:
                keys += rows.filter(branch).values_list("started", "id")[:most]
            return sorted(set(keys), reverse=not rising)[:most], None
        edge = self._edge(at, rising) if self.narrow else None
        if edge is not None:
            rows = rows.filter(started__lt=edge) if rising else rows.filter(started__gte=edge)
        keys = list(rows.values_list("started", "id")[:most])
        return keys, None if len(keys) >= most else edge

    def _edge(self, at: Cursor | None, rising: bool) -> float | None:
        """Return the time up to which one page looks; None when that is all there is. Reads the index alone."""
        walked = Call.objects.order_by("started" if rising else "-started")
        if at is not None:
            walked = walked.filter(started__gte=at[0]) if rising else walked.filter(started__lte=at[0])
        if self.begin is not None:
            walked = walked.filter(started__gte=self.begin)
        if self.end is not None:
            walked = walked.filter(started__lt=self.end)
        found: float | None = walked.values_list("started", flat=True)[REACH : REACH + 1].first()
        return found


def _cursor(text: str) -> Cursor | None:
    started, _, id = text.partition("_")
    try:
        return (float(started), id) if text else None
    except ValueError:
        return None


def _of(row: Any) -> str:
    return f"{row.started!r}_{row.id}"


def _beyond(at: Cursor, rising: bool) -> Q:
    """Return the condition of what comes after the cursor; for one without id, from its time on."""
    started, id = at
    if rising:
        later = Q(started__gte=started)  # by itself first: this is what the index is read by
        return later & (Q(started__gt=started) | Q(id__gt=id)) if id else later
    if not id:
        return Q(started__lt=started)
    return Q(started__lte=started) & (Q(started__lt=started) | Q(id__lt=id))


def chunks(search: Search, size: int = 2000) -> Iterator[list[Any]]:
    """Yield all calls that are looked for, many at a time: each time a question of its own, that nobody waits for."""
    cursor = ""
    while True:
        found = search.page(cursor, size=size)
        if found.rows:
            yield found.rows
        if not found.after:
            return
        cursor = found.after
