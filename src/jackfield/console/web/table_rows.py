"""From the rows of a table to what is wished, and what is to be said of each row before anything is done."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from jackfield.console.change import Removal, Wish
from jackfield.console.declarative.difference import Difference, DocumentError, Problem
from jackfield.console.declarative.merging import key_text
from jackfield.console.web.csv_text import Table, TableError
from jackfield.console.web.forms import sentence
from jackfield.console.web.screens import Screen
from jackfield.console.web.table_columns import Column, Unreadable, key_columns, matched, value
from jackfield.console.web.told import Told, problem_words, tell

__all__ = ["Judged", "Row", "judge", "rows_of"]

ROUNDS = 6
"""How often the rest is tried again once rows with problems were taken out: one may be wrong by another's fault."""


@dataclass(slots=True)
class Row:
    """One row: where it stands, what it is about, what is wished, and what is wrong with it."""

    line: int
    key: str
    wishes: list[Wish] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)  # what it changes; nothing, when it is as it was
    new: bool = False


@dataclass(slots=True)
class Judged:
    """A table before it is imported. `general`: problems that belong to no row, and stop everything."""

    rows: list[Row]
    strange: list[str]  # columns that nobody knows
    difference: Difference = field(default_factory=Difference)
    warnings: list[str] = field(default_factory=list)
    general: list[str] = field(default_factory=list)

    @property
    def good(self) -> list[Row]:
        """Rows that can be imported."""
        return [row for row in self.rows if not row.problems]

    @property
    def wrong(self) -> list[Row]:
        """Rows that can't."""
        return [row for row in self.rows if row.problems]

    @property
    def wishes(self) -> list[Wish | Removal]:
        """What the good rows want."""
        return [wish for row in self.good for wish in row.wishes]

    def counted(self) -> dict[str, int]:
        """Return how many rows make something new, change something, leave it, and are wrong."""
        good = self.good
        new, changed = sum(row.new for row in good), sum(bool(row.told) and not row.new for row in good)
        return {"new": new, "changed": changed, "same": len(good) - new - changed, "wrong": len(self.wrong)}


def rows_of(screen: Screen, table: Table) -> tuple[list[Row], list[str]]:
    """Return what each row wants, and the columns that were left out. Raises `TableError`."""
    placed, strange, twice = matched(screen, table.head)
    have = {column.name for column in placed.values()}
    if twice:
        raise TableError(f"The column {twice[0]} is there twice: remove one.")
    if missing := [name for name in key_columns(screen) if name not in have]:
        raise TableError(
            f"The column {' and the column '.join(missing)} must be there: by that a row says which "
            f"{screen.one} it is about. Found: {', '.join(filter(None, table.head)) or 'no names'}."
        )
    section = screen.section
    known = {key_text(key): key for key in map(section.key_of, _existing(screen))}
    numbers = set(_numbers()) if "extension" in have else set()
    first: dict[str, int] = {}
    found = []
    for line, cells in table.rows:
        row, values = _read(screen, line, cells, placed, len(table.head))
        row.key = key_text([values.get(name) or "" for name in section.key])
        row.new = row.key not in known
        if row.key in first:
            row.problems.append(f"{screen.one} {row.key} is in the table twice, first in line {first[row.key]}.")
        elif section.key and not any(values.get(name) for name in section.key) and section.name != "inbound":
            row.problems.append(f"{placed_label(placed, section.key[0])}: must be given.")
        first.setdefault(row.key, line)
        number = values.pop("extension", None)
        row.wishes.append(Wish(screen.name, values, known.get(row.key), line))
        for one in re.split(r"[\s,;]+", number or ""):
            if one:
                row.wishes.append(_extension(values, one, one in numbers, line))
        found.append(row)
    return found, strange


def placed_label(placed: dict[int, Column], name: str) -> str:
    """Return the label of a column."""
    return next((column.label for column in placed.values() if column.name == name), name)


def _existing(screen: Screen) -> Sequence[Any]:
    from jackfield.console.declarative.merging import stored

    return stored(screen.section)


def _numbers() -> list[str]:
    from jackfield.numbers.models import Extension

    return list(Extension.objects.values_list("number", flat=True))


def _extension(values: dict[str, Any], number: str, there: bool, line: int) -> Wish:
    wanted = {"number": number, "user": values.get("login")}
    if not there and values.get("name"):
        wanted["name"] = values["name"]
    return Wish("extensions", wanted, (number,) if there else None, line)


def _read(
    screen: Screen, line: int, cells: Sequence[str], placed: dict[int, Column], width: int
) -> tuple[Row, dict[str, Any]]:
    row, values = Row(line, ""), {}
    if any(cells[width:]):
        row.problems.append(f"It has {len(cells)} cells, but there are {width} columns: is a separator in a cell?")
    for place, column in placed.items():
        cell = cells[place] if place < len(cells) else ""
        if not cell and (column.kept or column.name == "extension"):
            continue
        try:
            values[column.name] = value(column, cell)
        except Unreadable as error:
            row.problems.append(sentence(f"{column.label}: {error}"))
    return row, values


def judge(rows: list[Row], strange: list[str], save: Callable[[Sequence[Wish | Removal]], Difference]) -> Judged:
    """Try all good rows at once (`save` changes nothing), and take out those that are wrong until the rest fits."""
    found = Judged(rows, strange)
    for _ in range(ROUNDS):
        wishes = found.wishes
        if not wishes:
            return found
        try:
            found.difference = save(wishes)
        except DocumentError as error:
            if not _spread(found, wishes, error.problems):
                return found
            continue
        found.warnings = [problem_words(one, wishes) for one in found.difference.warnings]
        _match(found)
        return found
    found.general.append("Too many rows are wrong because of each other: mend those that are listed first.")
    return found


def _spread(found: Judged, wishes: Sequence[Wish | Removal], problems: Sequence[Problem]) -> bool:
    """Give each problem to its row. Returns whether the rest may be tried again."""
    by_line = {row.line: row for row in found.rows}
    for problem in problems:
        row = by_line.get(problem.line)
        text = problem_words(problem, wishes)
        if row is None:
            found.general.append(text)
        else:
            _, _, said = text.partition(", ") if problem.path.count(".") else ("", "", "")
            row.problems.append(sentence(said or text))
    return not found.general


def _match(found: Judged) -> None:
    """Give each good row what it changes."""
    by_key: dict[tuple[str, str], list[Told]] = {}
    for told in tell(found.difference):
        key = told.key.partition("/")[0] if told.section == "lines" else told.key
        by_key.setdefault(("extensions" if told.section == "lines" else told.section, key), []).append(told)
    for row in found.good:
        for wish in row.wishes:
            key = key_text(wish.about) if wish.about is not None else row.key
            if wish.section == "extensions" and "number" in wish.values:
                key = str(wish.values["number"])
            row.told += by_key.pop((wish.section, key), [])
