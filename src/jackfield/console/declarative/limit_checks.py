"""Names within limits on calls: the users, extensions, trunks and sites that a rule is about."""

from __future__ import annotations

from collections.abc import Iterator

from jackfield.console.declarative.difference import Problem
from jackfield.console.declarative.merging import Merge
from jackfield.console.declarative.sections import SECTIONS
from jackfield.console.declarative.values import suggestion

__all__ = ["check_limits"]

NAMED = {"user": "users", "extension": "extensions", "trunk": "trunks", "site": "sites"}
"""Section of the things of which each has a count of its own."""


def check_limits(merge: Merge) -> Iterator[Problem]:
    """Find names that nothing has (any more)."""
    for item in merge.items["call_limits"]:
        section = NAMED.get(item.row.per)
        if section is None:
            continue
        known = [str(SECTIONS[section].key_of(one.row)[0]) for one in merge.items[section]]
        for index, name in enumerate(item.row.only):
            if name not in known:
                thing = SECTIONS[section].thing
                hint = suggestion(name, known) if known else f'add it under "{section}"'
                yield item.problem("only", f'there is no {thing} "{name}"; {hint}', f"[{index}]")
