"""The first users as rows: typed into fields, pasted from a table, or from a CSV file."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping
from typing import Any

__all__ = ["FIELDS", "MOST", "read_pasted", "read_rows"]

FIELDS = ("name", "email", "number", "login")
MOST = 500
_HEADS = {
    "name": ("name", "full name", "person", "who", "vorname", "nom", "nombre", "jmeno", "jméno"),
    "email": ("email", "e-mail", "mail", "address", "e-mail address", "correo"),
    "number": ("number", "extension", "ext", "ext.", "nummer", "nebenstelle", "durchwahl", "numéro", "linka", "número"),
    "login": ("login", "user", "username", "user name", "account"),
}
_SURNAME = ("surname", "last name", "nachname", "family name", "příjmení", "apellido")


def read_rows(data: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return the rows of the fields `rows.0.name` and so on; empty ones and those to be removed are left out."""
    numbers = sorted({int(match[1]) for key in data if (match := re.match(r"rows\.(\d{1,4})\.", key))})
    found = []
    for number in numbers[:MOST]:
        row = {name: " ".join(str(data.get(f"rows.{number}.{name}", "")).split())[:200] for name in FIELDS}
        if any(row.values()) and f"rows.{number}.remove" not in data:
            found.append(row)
    return found


def read_pasted(text: str) -> list[dict[str, str]]:
    """Return the rows of a pasted table. A head line is understood; without one, each cell says what it is."""
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        return []
    separator = max("\t;,", key=lambda one: (sum(line.count(one) for line in lines[:20]), one == "\t"))
    table = [[cell.strip() for cell in row] for row in csv.reader(io.StringIO("\n".join(lines)), delimiter=separator)]
    head = [cell.lower() for cell in table[0]]
    known = {
        index: name for index, cell in enumerate(head) for name, words in _HEADS.items() if cell in words
    }  # fmt: skip
    if known:
        surname = next((index for index, cell in enumerate(head) if cell in _SURNAME), None)
        return [row for cells in table[1 : MOST + 1] if (row := _by_head(cells, known, surname))]
    return [row for cells in table[:MOST] if (row := _by_look(cells))]


def _by_head(cells: list[str], known: Mapping[int, str], surname: int | None) -> dict[str, str] | None:
    row = dict.fromkeys(FIELDS, "")
    for index, name in known.items():
        if index < len(cells) and not row[name]:
            row[name] = cells[index]
    if surname is not None and surname < len(cells):
        row["name"] = f"{row['name']} {cells[surname]}".strip()
    return row if any(row.values()) else None


def _by_look(cells: list[str]) -> dict[str, str] | None:
    row = dict.fromkeys(FIELDS, "")
    names = []
    for cell in cells:
        if "@" in cell and not row["email"]:
            row["email"] = cell.strip("<>")
        elif re.fullmatch(r"[0-9*#]{2,15}", cell) and not row["number"]:
            row["number"] = cell
        elif cell and any(letter.isalpha() for letter in cell):
            names.append(cell)
    row["name"] = " ".join(names[:2])
    return row if any(row.values()) else None
