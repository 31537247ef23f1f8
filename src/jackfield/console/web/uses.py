"""Where a thing is used by others: to say so before it is removed or called otherwise, and to change it there too."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from jackfield.console.change import Wish
from jackfield.console.declarative.checks import NUMBERED, TARGETS
from jackfield.console.declarative.hours_checks import named
from jackfield.console.declarative.sections import SECTIONS
from jackfield.console.declarative.values import written
from jackfield.console.web.told import thing
from jackfield.console.web.words import words
from jackfield.network.firewall.services import NAMES
from jackfield.switch.snapshot import PermissionRule

__all__ = ["Use", "instead", "uses"]

_BY_NUMBER: dict[str, tuple[str, ...]] = {section: (*TARGETS.get(section, ()), *more) for section, more in {
    "extensions": (), "desk_phones": ("extensions",), "ring_groups": ("members",), "services": (), "inbound": (),
    "call_limits": ("only",),
}.items()}  # fmt: skip
FIELDS: dict[str, dict[str, tuple[str, ...]]] = {
    **dict.fromkeys(NUMBERED, _BY_NUMBER),
    "users": {"extensions": ("user",), "call_limits": ("only",)},
    "time_ranges": {"extensions": ("hours",), "services": ("hours",), "inbound": ("hours",), "outbound": ("hours",),
                    "permissions": ("rules",), "call_limits": ("hours",)},
    "holidays": {"time_ranges": ("also_on", "except_on")},
    "permissions": {"extensions": ("permission",)},
    "sites": {"extensions": ("site",), "desk_phones": ("site",), "call_limits": ("only",)},
    "outbound": {"permissions": ("rules",)},
    "address_groups": {"extensions": ("phones_from",), "firewall": tuple(NAMES), "guard": ("never",)},
    "trunks": {"outbound": ("trunks",), "emergency_numbers": ("trunks",), "inbound": ("trunk",),
               "call_limits": ("only",)},
}  # fmt: skip
"""By section: the fields of others that may name a thing of it."""
IN_LISTS = frozenset({"members", "extensions", "trunks", "also_on", "except_on", "only", "never", *NAMES})
"""Fields that are lists of names."""


@dataclass(frozen=True, slots=True)
class Use:
    """One field of a thing that names another one."""

    section: str
    pk: int
    key: tuple[Any, ...]
    thing: str
    label: str
    field: str
    value: Any  # as it is: text, or a tuple of texts
    linked: bool  # by the row and not by the name: another name reaches it by itself


def uses(section: str, row: Any) -> list[Use]:
    """Return what names the thing `row` of a section."""
    return list(_uses(section, row)) if row.pk is not None and section in FIELDS else []


def _uses(section: str, row: Any) -> Iterator[Use]:
    name = str(SECTIONS[section].key_of(row)[0])
    for other, fields in FIELDS[section].items():
        known = SECTIONS[other]
        for field in fields:
            linked = bool(known.fields[field].reference)
            if linked:
                rows = known.model().objects.filter(**{field: row.pk})
            elif field == "rules":
                rows = known.model().objects.all()
            elif field in IN_LISTS:
                rows = known.model().objects.filter(**{f"{field}__icontains": name})
            else:
                rows = known.model().objects.filter(**{field: name})
            for found in rows:
                value = known.fields[field].of(found)
                if (other, found.pk) == (section, row.pk):
                    continue
                if field == "rules":
                    if not any((section, name) == one[:2] for one in named(other, field, value)):
                        continue
                elif isinstance(value, tuple) and name not in value:
                    continue
                key = known.key_of(found)
                said = thing(other, " ".join(str(part) for part in key if part) or "(any)")
                yield Use(other, found.pk, key, said, words(known, field).label, field, value, linked)


def instead(found: Iterable[Use], old: str, new: str) -> list[Wish]:
    """Return what puts `new` in all places of `old`; with "" for `new`, what takes it out of them."""
    wished: dict[tuple[str, int], Wish] = {}
    for use in found:
        value: Any = new
        if use.field == "rules":
            value = written(_rules(use.value, old, new))
        elif isinstance(use.value, tuple):
            value = list(dict.fromkeys(new if part == old else part for part in use.value))
            value = [part for part in value if part]
        wish = wished.setdefault((use.section, use.pk), Wish(use.section, {}, use.key))
        wished[use.section, use.pk] = Wish(use.section, {**wish.values, use.field: value}, use.key)
    return list(wished.values())


def _rules(rules: tuple[PermissionRule, ...], old: str, new: str) -> tuple[PermissionRule, ...]:
    """Return the rules with another name; without one, a rule of a route goes, and one of hours counts always."""
    found = []
    for rule in rules:
        of_route = rule.calls == "route" and rule.only == old
        if of_route and not new:
            continue
        only = new if of_route else rule.only
        found.append(replace(rule, only=only, hours=new if rule.hours == old else rule.hours))
    return tuple(found)
