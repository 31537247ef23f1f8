"""A company's own template, and what an update of ours did to the one that it was made from.

The text of ours at that time is kept with the company's own one (`then`). So three texts tell everything: what the
company changed, what the update changed, and whether both touched the same lines.
"""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Difference", "Line", "difference", "digest"]

CONTEXT = 3  # lines shown around a change


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a comparison. `sign`: "+" new, "-" gone, " " the same, "@" where lines are left out."""

    sign: str
    text: str


@dataclass(frozen=True, slots=True)
class Difference:
    """`ours`: what the update did to our template. `own`: what the company did to it. `merged`: its template with the
    update's changes, None where both touched the same lines and a person has to decide.
    """

    changed: bool  # ours is another than the one that the company's was made from
    ours: tuple[Line, ...]
    own: tuple[Line, ...]
    merged: str | None


def digest(text: str) -> str:
    """Return what stands for a template's text: hex, the same for all line ends."""
    return hashlib.sha256("\n".join(text.splitlines()).encode()).hexdigest()


def difference(builtin_then: str, builtin_now: str, own: str) -> Difference:
    """Compare the template of ours that the company's was made from, ours of today, and the company's."""
    changed = digest(builtin_then) != digest(builtin_now)
    return Difference(
        changed, _lines(builtin_then, builtin_now), _lines(builtin_then, own), merge(builtin_then, builtin_now, own)
    )


def merge(then: str, now: str, own: str) -> str | None:
    """Put the changes of both into one text; None where they overlap or touch."""
    base, theirs, mine = (text.splitlines(keepends=True) for text in (then, now, own))
    changes = _joined(_changes(base, theirs), _changes(base, mine))
    if changes is None:
        return None
    merged, at = [], 0
    for start, end, lines in changes:
        merged += [*base[at:start], *lines]
        at = end
    return "".join([*merged, *base[at:]])


_Change = tuple[int, int, list[str]]  # lines [start, end) of the base become these


def _changes(base: Sequence[str], other: Sequence[str]) -> list[_Change]:
    matcher = difflib.SequenceMatcher(None, base, other, autojunk=False)
    return [
        (start, end, list(other[first:last]))
        for tag, start, end, first, last in matcher.get_opcodes()
        if tag != "equal"
    ]


def _joined(theirs: list[_Change], mine: list[_Change]) -> list[_Change] | None:
    """Return all changes in order; a change that both made counts once. None where two stand in each other's way."""
    found: list[_Change] = []
    for change in sorted([*theirs, *(one for one in mine if one not in theirs)], key=lambda one: one[:2]):
        if found and change[0] <= found[-1][1] and (found[-1] in theirs) != (change in theirs):
            return None
        found.append(change)
    return found


def _lines(before: str, after: str) -> tuple[Line, ...]:
    found: list[Line] = []
    for line in difflib.unified_diff(before.splitlines(), after.splitlines(), n=CONTEXT, lineterm=""):
        if line.startswith(("---", "+++")) and not found:
            continue
        found.append(Line("@", line) if line.startswith("@@") else Line(line[:1] or " ", line[1:]))
    return tuple(found)
