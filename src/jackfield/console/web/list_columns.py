"""Which columns a list shows: those that everybody sees at first, or those that somebody has chosen, kept while he is
signed in."""

from __future__ import annotations

from django.http import HttpRequest

from jackfield.console.web.forms import field_kind
from jackfield.console.web.screens import Screen
from jackfield.console.web.words import words

__all__ = ["choose", "chosen", "offered"]

SHOWN = ("text", "number", "truth", "choice", "list", "codecs")
"""Kinds of fields that one cell can say."""


def offered(screen: Screen) -> list[tuple[str, str]]:
    """Return the fields that can be columns, with their labels: those of the list first, then as the form has them."""
    fields = screen.section.fields
    names = [*screen.columns, *(name for group in screen.groups for name in group.fields)]
    return [
        (name, words(screen.section, name).label)
        for name in dict.fromkeys(names)
        if name in screen.columns or field_kind(fields[name], words(screen.section, name)) in SHOWN
    ]


def chosen(request: HttpRequest, screen: Screen) -> tuple[str, ...]:
    """Return the columns to show, the first of the list always being there: it leads to the row."""
    kept = request.session.get("columns", {}).get(screen.name)
    if kept is None:
        return screen.columns
    return (screen.columns[0], *(name for name, _label in offered(screen)[1:] if name in kept))


def choose(request: HttpRequest, screen: Screen) -> None:
    """Keep what was chosen in `columns`; nothing, or "usual", means those that everybody sees at first."""
    asked = request.GET.getlist("columns")
    known = dict(request.session.get("columns", {}))
    if "usual" in asked:
        known.pop(screen.name, None)
    else:
        known[screen.name] = [name for name, _label in offered(screen) if name in asked]
    request.session["columns"] = known
