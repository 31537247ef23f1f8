"""The columns of a section's table: named as in the YAML document, found again by those names or by the labels."""

from __future__ import annotations

import json
import re
import types
import typing
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Union

from jackfield.console.declarative.merging import plain
from jackfield.console.declarative.reading import FIRST_LINE
from jackfield.console.declarative.section import Field
from jackfield.console.declarative.sections import LINES
from jackfield.console.web.screens import Screen
from jackfield.console.web.words import words

__all__ = ["Column", "Unreadable", "cells", "columns", "key_columns", "matched", "value"]

TRUE = frozenset({"yes", "true", "on", "1", "x", "ja", "wahr", "oui", "vrai", "sí", "si", "ano"})
FALSE = frozenset({"no", "false", "off", "0", "nein", "falsch", "non", "faux", "ne"})
_SPOILT = re.compile(r"\d[.,]\d+E\+\d+", re.IGNORECASE)


class Unreadable(ValueError):
    """A cell that can't be read; the text says why, as it stands behind the column's name."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column. `line`: a field of an extension's first phone."""

    name: str
    label: str
    known: Field
    choices: tuple[tuple[str, str], ...] = ()
    line: bool = False

    @property
    def secret(self) -> bool:
        """Whether it is left out of what is exported."""
        return self.known.secret

    @property
    def kept(self) -> bool:
        """Whether an empty cell leaves the value as it is: there is no default, or it would be a secret's."""
        return self.known.secret or self.known.generate is not None


def columns(screen: Screen) -> list[Column]:
    """Return all columns of a section's table."""
    found = []
    for name, known in screen.section.fields.items():
        said = words(screen.section, name)
        found.append(Column(name, said.label or name, known, said.choices))
    if screen.name == "extensions":
        for name in FIRST_LINE:
            said = words(LINES, name)
            found.append(Column(name, said.label, LINES.fields[name], said.choices, line=True))
    elif screen.name == "users":
        found.append(Column("extension", "Extension", Field("extension", str, "")))
    return found


def key_columns(screen: Screen) -> list[str]:
    """Return the columns that a table must have, by which a row says which thing it is about."""
    return [name for name in screen.section.key if name != "language"]


def matched(screen: Screen, head: Sequence[str]) -> tuple[dict[int, Column], list[str], list[str]]:
    """Return the columns of a table by their places; names that nothing has; names that are there twice."""
    every = columns(screen)
    known = {_bare(column.label): column for column in reversed(every)} | {_bare(one.name): one for one in every}
    found: dict[int, Column] = {}
    strange, twice = [], []
    for place, name in enumerate(head):
        column = known.get(_bare(name))
        if column is None:
            if name:
                strange.append(name)
        elif column in found.values():
            twice.append(name)
        else:
            found[place] = column
    return found, strange, twice


def _bare(name: str) -> str:
    return re.sub(r"[\s_*-]+", "", name.casefold())


def value(column: Column, cell: str) -> Any:
    """Return the plain value that a cell stands for; None for an empty one. Raises `Unreadable`."""
    if not cell:
        return None
    kind = _kind(column.known.type)
    origin = typing.get_origin(kind)
    if kind is bool:
        return _truth(cell)
    if kind in (int, float):
        return cell.replace(",", ".") if re.fullmatch(r"\d+,\d+", cell) else cell
    if origin is tuple and not hasattr(typing.get_args(kind)[0], "__dataclass_fields__"):
        # Names of trunks may have spaces within.
        parts = re.split(r"[,;\n]", cell) if "," in cell or column.name == "trunks" else re.split(r"[\s;]+", cell)
        return [part.strip() for part in parts if part.strip()]
    if origin in (tuple, dict) or hasattr(kind, "__dataclass_fields__"):
        try:
            return json.loads(cell)
        except (ValueError, RecursionError):
            raise Unreadable('must be written as in an exported table: {"name": "value"}') from None
    if _SPOILT.fullmatch(cell):
        raise Unreadable(f"{cell} was made of a number by the spreadsheet program: format the column as text")
    for choice, label in column.choices:
        if cell.casefold() in (choice.casefold(), label.casefold()):
            return choice
    return cell


def _kind(kind: Any) -> Any:
    if typing.get_origin(kind) in (Union, types.UnionType):
        return next(part for part in typing.get_args(kind) if part is not type(None))
    return str if typing.get_origin(kind) is Literal else kind


def _truth(cell: str) -> bool:
    word = cell.casefold()
    if word in TRUE or word in FALSE:
        return word in TRUE
    raise Unreadable(f'"{cell}" must be yes or no')


def cells(screen: Screen, chosen: Iterable[Column], row: Any) -> list[str]:
    """Return a row of a table: the model instance `row` in the columns `chosen`."""
    found = plain(screen.section, row)
    first = found["lines"][0] if found.get("lines") else {}
    if screen.name == "users":
        found["extension"] = ", ".join(sorted(one.number for one in row.extensions.all()))
    return [_written((first if column.line else found).get(column.name)) for column in chosen]


def _written(shown: Any) -> str:
    if shown is None:
        return ""
    if isinstance(shown, bool):
        return "yes" if shown else "no"
    if isinstance(shown, list) and not any(isinstance(part, dict) for part in shown):
        return ", ".join(map(str, shown))
    if isinstance(shown, dict | list):
        return json.dumps(shown, ensure_ascii=False) if shown else ""
    return str(shown)
