"""Searching for words in columns, whatever their letters and the database."""

from __future__ import annotations

from django.db import connection
from django.db.models import Q

__all__ = ["having"]


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
