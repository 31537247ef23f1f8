"""Limits on outgoing calls in the YAML document."""

from __future__ import annotations

from typing import Any

from jackfield.console.declarative.section import Section
from jackfield.switch.limits.data import CallLimit

__all__ = ["SECTIONS"]


def _call_limit() -> Any:
    from jackfield.limits.models import CallLimit

    return CallLimit


def _upper(values: Any) -> Any:
    """Return countries as they are written: in capitals."""
    return tuple(one.strip().upper() for one in values)


def _without_blanks(values: Any) -> Any:
    """Return beginnings of numbers, and countries, without what people put between digits."""
    found = ("".join(character for character in one if character not in " -./()") for one in values)
    return tuple(one.upper() for one in found)


SECTIONS = (
    Section(
        "call_limits",
        "limit on calls",
        CallLimit,
        _call_limit,
        key=("name",),
        ordered=True,
        details={
            "hours": {"reference": "time_ranges"},
            "pin": {"secret": True},
            "countries": {"normalise": _upper},
            "prefixes": {"normalise": _without_blanks},
            "opened": {"normalise": _without_blanks},
        },
    ),
)
