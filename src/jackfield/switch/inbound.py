"""Incoming rules: what a called number of a trunk leads to. The first rule that fits, by order, wins."""

from __future__ import annotations

import re
from collections.abc import Sequence

from jackfield.switch.numbers import clean, in_range, same, to_e164
from jackfield.switch.snapshot import Inbound, Snapshot

__all__ = ["InboundRules", "fits", "rules_of"]

_RANGE = re.compile(r"(\+?\d+)\s*-\s*(\+?\d+)")


def _range(pattern: str) -> tuple[str, str] | None:
    """Return both ends of "5550100-5550199". "555-0101" is a number with a separator: its parts differ in length."""
    match = _RANGE.fullmatch(pattern.strip())
    if match is None or len(match[1]) != len(match[2]) or match[1] > match[2]:
        return None
    return match[1], match[2]


def _is_exact(pattern: str) -> bool:
    return bool(pattern) and not pattern.endswith("*") and _range(pattern) is None


def fits(pattern: str, number: str, country: str) -> bool:
    """Say if a cleaned called number fits a rule's `number`: exact, range, prefix with "*", or "" for any."""
    if not pattern or pattern == "*":
        return True
    if pattern.endswith("*"):
        beginning = clean(pattern[:-1])
        if number.startswith(beginning):
            return True
        return beginning.startswith("+") and (to_e164(number, country) or "").startswith(beginning)
    if ends := _range(pattern):
        return in_range(number, *ends, country)
    return same(number, clean(pattern), country)


class InboundRules:
    """The rules for one trunk, with exact numbers found at once even when there are thousands."""

    def __init__(self, rules: Sequence[Inbound], country: str) -> None:
        self.rules = rules
        self._country = country
        self._exact: dict[str, int] = {}
        self._patterns: list[int] = []
        for position, rule in enumerate(rules):
            if not _is_exact(rule.number):
                self._patterns.append(position)
                continue
            number = clean(rule.number)
            self._exact.setdefault(number, position)
            if international := to_e164(number, country):
                self._exact.setdefault(international, position)

    def find(self, number: str) -> int | None:
        """Return the position of the first rule that fits a cleaned number."""
        best = self._exact.get(number)
        international = to_e164(number, self._country)
        if international is not None:
            other = self._exact.get(international)
            best = other if best is None else best if other is None else min(best, other)
        for position in self._patterns:
            if best is not None and position > best:
                break
            if fits(self.rules[position].number, number, self._country):
                return position
        return best


def rules_of(snapshot: Snapshot, trunk: str) -> InboundRules:
    """Return the rules that hold for calls from a trunk, made once for a snapshot."""
    made = snapshot.derived.setdefault("inbound", {})
    assert isinstance(made, dict)
    rules = made.get(trunk)
    if rules is None:
        chosen = [rule for rule in snapshot.inbound if rule.trunk in ("", trunk)]
        rules = made[trunk] = InboundRules(chosen, snapshot.general.country)
    assert isinstance(rules, InboundRules)
    return rules
