"""Columns of lists that come from the running switch and not from the database: the state of trunks, and phones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from jackfield.control import ControlError, ask_sync

__all__ = ["LiveCell", "LiveColumn", "live_column"]

KINDS = {"registered": "good", "up": "good", "down": "bad", "refused": "bad", "registering": "warning"}
WORDS = {"up": "ready", "disabled": "off"}
ANSWER_SECONDS = 1.0
"""A list must not wait long for a switch that has other worries."""


@dataclass(frozen=True, slots=True)
class LiveCell:
    """A chip: its text, its meaning ("good", "bad", "warning", ""), and more about it."""

    text: str
    kind: str = ""
    more: str = ""


@dataclass(frozen=True, slots=True)
class LiveColumn:
    """One more column of a list; `cells` in the order of its rows."""

    label: str
    cells: Sequence[LiveCell]


def live_column(section: str, rows: Sequence[Any]) -> LiveColumn | None:
    """Return the live column of a section's list, None for one that has none."""
    column = _COLUMNS.get(section)
    if column is None or not rows:
        return None
    label, verb, cell = column
    try:
        found = ask_sync(settings.JACKFIELD.files.switch_socket, verb, timeout=ANSWER_SECONDS)
    except ControlError as problem:
        return LiveColumn(label, [LiveCell("not known", "", str(problem))] * len(rows))
    return LiveColumn(label, [cell(found, row) for row in rows])


def _trunk(found: list[dict[str, Any]], row: Any) -> LiveCell:
    one = next((one for one in found if one["name"] == row.name), None)
    if one is None:
        return LiveCell("off")
    return LiveCell(WORDS.get(one["state"], one["state"]), KINDS.get(one["state"], ""), one["text"])


def _extension(found: dict[str, int], row: Any) -> LiveCell:
    count = found.get(row.number)
    if count is None:
        return LiveCell("no phone", "warning" if row.enabled else "")
    if count == 0:
        return LiveCell("does not answer", "bad")
    return LiveCell("registered" if count == 1 else f"{count} phones", "good")


_COLUMNS: dict[str, tuple[str, str, Any]] = {
    "trunks": ("State", "trunks", _trunk),
    "extensions": ("Phone", "registered", _extension),
}
