"""Names within lists: the holidays of time ranges, the routes and time ranges of permissions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from jackfield.console.declarative.difference import Problem
from jackfield.console.declarative.merging import Merge
from jackfield.console.declarative.sections import SECTIONS
from jackfield.console.declarative.values import suggestion

__all__ = ["check_names", "named"]


def named(section: str, field: str, value: Any) -> list[tuple[str, str, str]]:
    """Return what a list names: the section of each thing, its name, and where in the list it stands."""
    if field in ("also_on", "except_on"):
        return [("holidays", name, f"[{index}]") for index, name in enumerate(value)]
    found = []
    if (section, field) == ("permissions", "rules"):
        for index, rule in enumerate(value):
            if rule.hours:
                found.append(("time_ranges", rule.hours, f"[{index}].hours"))
            if rule.calls == "route" and rule.only:
                found.append(("outbound", rule.only, f"[{index}].only"))
    return found


def check_names(merge: Merge) -> Iterator[Problem]:
    """Find names that nothing has (any more)."""
    for section, field in (("time_ranges", "also_on"), ("time_ranges", "except_on"), ("permissions", "rules")):
        for item in merge.items[section]:
            for other, name, place in named(section, field, getattr(item.row, field)):
                known = [one.row.name for one in merge.items[other]]
                if name in known:
                    continue
                thing = SECTIONS[other].thing
                if name in {row.name for row in merge.removed.get(other, ())}:
                    why = f'{thing} "{name}" is to be removed, but is used here: change this, or keep it'
                else:
                    hint = suggestion(name, known) if known else f'add it under "{other}"'
                    why = f'there is no {thing} "{name}"; {hint}'
                yield item.problem(field, why, place)
