"""Who has been in calls: what a search for a number or a name looks through, instead of a million calls."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Any

from django.db import connection, transaction

__all__ = ["COUNT", "collect", "folded", "of_call", "rows", "wanted"]

Key = tuple[str, str]
LONGEST = 250  # characters of either; PostgreSQL can't index texts of any length
COUNT = (
    "INSERT INTO history_party (number, name, folded, calls, last) VALUES (%s, %s, %s, %s, %s) "
    "ON CONFLICT (number, name) DO UPDATE SET calls = history_party.calls + excluded.calls, "
    "last = CASE WHEN excluded.last > history_party.last THEN excluded.last ELSE history_party.last END"
)
"""Counts a party: number, name, folded, calls, last."""
MARKS = re.compile(r"[\s()/.\-]+")
NUMBER = re.compile(r"[+*#]?[\d\s()/.\-*#]+")


def folded(text: str) -> str:
    """Return text without accents and capitals, as a search compares it."""
    if text.isascii():
        return text.lower()
    plain = unicodedata.normalize("NFKD", text.casefold())
    return "".join(sign for sign in plain if not unicodedata.combining(sign))


def wanted(text: str) -> str:
    """Return what a search text is to be found as: a number without its marks and without 0, 00 or + before it."""
    if NUMBER.fullmatch(text) and any(sign.isdigit() for sign in text):
        digits = MARKS.sub("", text)
        return digits.lstrip("+0") or digits
    return folded(text)


def of_call(caller: Key, called: Key, dialed: str, direction: str) -> list[Key]:
    """Return the parties of a call as (number, name); of what came from outside, the number that was dialled too."""
    found = [caller, called]
    if direction in ("in", "through") and dialed != called[0]:
        found.append((dialed, ""))
    return [(number[:LONGEST], name[:LONGEST]) for number, name in dict.fromkeys(found) if number or name]


def rows(counted: dict[Key, tuple[int, float]]) -> list[tuple[Any, ...]]:
    """Return the values for `COUNT`, in one order for all: two writers then never wait for each other."""
    return [
        (number, name, f"{folded(name)} {number}", calls, last)
        for (number, name), (calls, last) in sorted(counted.items())
    ]


def collect() -> None:
    """Make the parties anew from all calls that there are."""
    counted: dict[Key, tuple[int, float]] = {}
    sources = (
        ("caller_number", "caller_name", ""),
        ("called_number", "called_name", ""),
        ("dialed", "''", " WHERE direction IN ('in', 'through') AND dialed <> called_number"),
    )
    with transaction.atomic(), connection.cursor() as cursor:
        for number, name, where in sources:
            cursor.execute(
                f"SELECT {number}, {name}, COUNT(*), MAX(started) FROM history_call{where} GROUP BY 1, 2"  # noqa: S608
            )
            found: Iterable[tuple[str, str, int, float]] = cursor.fetchall()
            for party, called, calls, last in found:
                party, called = party[:LONGEST], called[:LONGEST]
                before = counted.get((party, called), (0, 0.0))
                counted[party, called] = (before[0] + calls, max(before[1], last))
        counted.pop(("", ""), None)
        cursor.execute("DELETE FROM history_party")
        if counted:
            cursor.executemany(COUNT, rows(counted))
