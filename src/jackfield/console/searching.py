"""Searching for words in columns, whatever their letters and the database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import connection
from django.db.models import Q

if TYPE_CHECKING:
    from jackfield.console.declarative.section import Field

__all__ = ["having", "within"]

SEPARATORS = str.maketrans("", "", ":.- ")
"""What stands between the digits of a MAC address where people read it."""


def having(lookup: str, text: str) -> Q:
    """Return what rows must fulfil whose column `lookup` has `text` in it, in capitals or not.

    SQLite knows only of the 26 English letters which belong together: others are looked for as people write them.
    """
    ways = (
        {text} if text.isascii() or connection.vendor != "sqlite" else {text, text.lower(), text.upper(), text.title()}
    )
    found = Q()
    for way in ways:
        found |= Q(**{f"{lookup}__icontains": way})
    return found


def within(known: Field | None, lookup: str, text: str) -> Q:
    """Return the same for a field, also where it is kept otherwise than people spell it: a MAC address."""
    found = having(lookup, text)
    if known is not None and known.spelled is not None and (bare := text.translate(SEPARATORS)):
        found |= having(lookup, bare)
    return found
