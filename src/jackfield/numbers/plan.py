"""The dial plan's one namespace: who has which number, what is free, and whether a number leads anywhere.

`DialPlan` is plain data in memory, so that a document with thousands of numbers is checked without a query each;
`DialPlan.current()` fills it from the database.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

__all__ = ["DialPlan", "next_free_number"]

_TAIL = re.compile(r"(.*?)([0-9]+)$")


class DialPlan:
    """Numbers and prefixes with their owners. Owners are given in words: `the ring group "Sales"`."""

    def __init__(self, outside_prefix: str = "") -> None:
        self.outside_prefix = outside_prefix
        self.numbers: dict[str, str] = {}
        self.prefixes: dict[str, str] = {}
        self._emergency: dict[str, str] = {}  # behind the outside-line prefix
        self._routes: list[str] = []

    @classmethod
    def current(cls, besides: Any = None) -> DialPlan:
        """Return the plan that the database holds, without the model instance `besides`, which is being changed."""
        from jackfield.company.models import General
        from jackfield.numbers.models import Extension, RingGroup, Service, SpeedDial
        from jackfield.trunks.models import EmergencyNumber, Outbound

        plan = cls(General.current().outside_prefix)

        def rows(model: Any) -> Any:
            found = model.objects.all()
            return found.exclude(pk=besides.pk) if isinstance(besides, model) and besides.pk else found

        for model in (EmergencyNumber, Extension, RingGroup, Service, SpeedDial):
            for row in rows(model).only("number", "name"):
                plan.claim(row.number, described(row), emergency=model is EmergencyNumber)
        for row in rows(Outbound).only("name", "prefix", "enabled"):
            plan.claim_prefix(row.prefix, described(row), enabled=row.enabled)
        return plan

    def claim(self, number: str, owner: str, *, emergency: bool = False) -> None:
        """Give `number` to `owner`; emergency numbers are taken behind the outside-line prefix too."""
        self.numbers.setdefault(number, owner)
        if emergency and self.outside_prefix:
            self._emergency.setdefault(self.outside_prefix + number, owner)

    def claim_prefix(self, prefix: str, owner: str, *, enabled: bool = True) -> None:
        """Give the beginning `prefix` of outside numbers to `owner`, a route."""
        self.prefixes.setdefault(prefix, owner)
        if enabled:
            self._routes.append(prefix)

    def clash(self, number: str) -> str:
        """Return why `number` can't be given away, with the next free one; "" when it can."""
        owner = self.numbers.get(number)
        if owner:
            why = f"number {number} is already {owner}"
        elif number in self._emergency:
            why = f"number {number} is {self._emergency[number]} behind the outside-line prefix {self.outside_prefix}"
        elif number in self.prefixes:
            why = f"number {number} is already the prefix of {self.prefixes[number]}"
        elif number == self.outside_prefix:
            why = f"number {number} is already the outside-line prefix"
        else:
            return ""
        return f"{why}; next free: {self.next_free(number)}"

    def prefix_clash(self, prefix: str) -> str:
        """Return why a route can't have `prefix`; "" when it can."""
        if prefix in self.prefixes:
            which = f"prefix {prefix}" if prefix else "the empty prefix"
            mend = "put all trunks into one route, or change one prefix"
            return f"{which} is already that of {self.prefixes[prefix]}: {mend}"
        if prefix and prefix in self.numbers:
            return f"prefix {prefix} is already {self.numbers[prefix]}"
        return ""

    def taken(self, number: str) -> bool:
        """Tell whether anything has `number`."""
        return (
            number in self.numbers
            or number in self._emergency
            or (bool(number) and number in self.prefixes)
            or number == self.outside_prefix
        )

    def next_free(self, number: str) -> str:
        """Return `number` itself when it is free, else the next one upwards; leading zeros and a `*` before it stay."""
        tail = _TAIL.fullmatch(number)
        head, digits = tail.groups() if tail else (number, "1")
        value, width, candidate = int(digits), len(digits), head + digits
        while self.taken(candidate):
            value += 1
            candidate = f"{head}{value:0{width}d}"
        return candidate

    def leads_somewhere(self, number: str) -> bool:
        """Tell whether a call to `number` would find anything: a number of the house, or a route to the outside."""
        if number in self.numbers or number in self._emergency:
            return True
        return any(number.startswith(prefix) and len(number) > len(prefix) for prefix in self._routes) or (
            number.startswith("+") and bool(self._routes)
        )

    def hidden_outside(self, number: str) -> str:
        """Return the route's prefix that `number` begins with, when that hides an outside number; else ""."""
        found = [prefix for prefix in self._routes if prefix and number.startswith(prefix) and number != prefix]
        return max(found, key=len, default="")

    def __iter__(self) -> Iterator[tuple[str, str]]:
        """Go through the numbers with their owners, sorted as people sort numbers."""
        return iter(sorted(self.numbers.items(), key=lambda item: number_order(item[0])))


def described(row: Any) -> str:
    """Return `the ring group "Sales"` or, where it has no name, `a ring group`: how a clash names an owner."""
    kind = str(row._meta.verbose_name)
    return f'the {kind} "{row.name}"' if row.name else ("an " if kind[0] in "aeiou" else "a ") + kind


def number_order(number: str) -> tuple[bool, int, str]:
    """Sort key for numbers: 99 before 101, codes with * and # at the end."""
    return (not number.isdecimal(), len(number), number)


def next_free_number(start: str = "") -> str:
    """Return the first number that nothing has, from `start` (default: the company's first number) upwards."""
    from jackfield.company.models import General

    return DialPlan.current().next_free(start or General.current().first_number)
