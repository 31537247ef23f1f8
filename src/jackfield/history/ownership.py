"""Whose extension a number was, and when: kept with every change of the configuration, asked for one's own calls."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Q

from jackfield.history.models import Owned

__all__ = ["Times", "changed", "numbers_of", "times_of"]


def changed(now: float, gone: Collection[str], owned: Mapping[str, int | None]) -> None:
    """Write down who owns which number from `now` (seconds since 1970) on.

    `gone`: numbers that there are no more; `owned`: the user of each number that is new or has another one. Who keeps
    a number is not written anew.
    """
    numbers = [*gone, *owned]
    held = dict(Owned.objects.filter(number__in=numbers, until=None).values_list("number", "user_id"))
    lost = [number for number in held if number in gone or owned.get(number) != held[number]]
    Owned.objects.filter(number__in=lost, until=None).update(until=now)
    Owned.objects.bulk_create(
        Owned(number=number, user_id=user, since=now)
        for number, user in owned.items()
        if user is not None and held.get(number) != user and number not in gone
    )


def numbers_of(user: Any) -> list[str]:
    """Return the numbers that a user has or has had."""
    return sorted(set(Owned.objects.filter(user_id=user.pk).values_list("number", flat=True)))


@dataclass(frozen=True, slots=True)
class Times:
    """When numbers were somebody's: (number, since, until), times in seconds since 1970."""

    spans: tuple[tuple[str, float, float | None], ...]

    def had(self, number: str, at: float) -> bool:
        """Tell whether a number was his at a time."""
        return any(
            number == owned and since <= at and (until is None or at < until) for owned, since, until in self.spans
        )

    def at(self, moment: float) -> set[str]:
        """Return the numbers that were his at a time."""
        return {number for number, _since, _until in self.spans if self.had(number, moment)}

    def filter(self, number: str, started: str) -> Q:
        """Return what rows must fulfil whose lookup `number` is to be his at the time of the lookup `started`."""
        found = Q(pk__in=[])
        always = [owned for owned, since, until in self.spans if not since and until is None]
        if always:
            found |= Q(**{f"{number}__in": always})
        for owned, since, until in self.spans:
            if owned not in always:
                span = Q(**{number: owned, f"{started}__gte": since})
                found |= span if until is None else span & Q(**{f"{started}__lt": until})
        return found


def times_of(user: Any, numbers: Iterable[str]) -> Times:
    """Return when these numbers were the user's. Takes one query."""
    rows = Owned.objects.filter(user_id=user.pk, number__in=list(numbers)).order_by("number", "since")
    return Times(tuple(rows.values_list("number", "since", "until")))
