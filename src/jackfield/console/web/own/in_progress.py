"""Calls in progress, as the switch tells of them, seen by one who has a part in them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from django.http import HttpRequest

from jackfield.console.web.own import mine

__all__ = ["began", "is_own", "numbers_of", "own_extension", "part_of", "partner", "shown_to_owner"]

Row = Mapping[str, Any]
TOLD = ("id", "role", "number", "name", "extension", "trunk", "answered", "held")
"""What one party of a call is told of the others: no addresses."""


def numbers_of(request: HttpRequest) -> set[str]:
    """Return the numbers of the person's own extensions."""
    return {row.number for row in mine.extensions(request)}


def own_extension(row: Row, numbers: Collection[str]) -> str:
    """Return which of these extensions talks in a call; "" for none."""
    for leg in row["legs"]:
        if leg.get("answered") and leg.get("extension") in numbers:
            return str(leg["extension"])
    return ""


def part_of(row: Row, numbers: Collection[str]) -> str:
    """Return which of these extensions takes part in a call: talks in it, calls, or is rung by it; "" for none."""
    ringing = (str(leg["extension"]) for leg in row["legs"] if leg.get("extension") in numbers)
    return own_extension(row, numbers) or next(ringing, "")


def began(row: Row, numbers: Collection[str]) -> bool:
    """Tell whether one of these extensions has begun a call. It may have handed it on since."""
    return row["from"]["number"] in numbers and not row["from"].get("trunk")


def is_own(row: Row, numbers: Collection[str]) -> bool:
    """Tell whether one of these extensions takes part in a call."""
    asked_for = began(row, numbers) and row.get("state") != "talking"  # by a click, and no phone rings yet
    return asked_for or bool(part_of(row, numbers))


def partner(row: Row, numbers: Collection[str]) -> str:
    """Return whom one of these extensions talks with: a name, or else a number; "" while nobody does."""
    others = [leg for leg in row["legs"] if leg.get("answered") and leg.get("extension") not in numbers]
    return str(others[0]["name"] or others[0]["number"]) if others else ""


def shown_to_owner(row: Row) -> dict[str, Any]:
    """Return a call as those who have a part in it may see it."""
    legs = [{name: leg[name] for name in TOLD} for leg in row["legs"]]
    return {**row, "legs": legs}
