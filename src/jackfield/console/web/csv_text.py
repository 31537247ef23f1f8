"""Tables as CSV text: read whatever spreadsheet programs write, write what they open without doing harm.

Separators (comma, semicolon, tab) and encodings (UTF-8 with and without mark, UTF-16 with mark, Windows-1252) are found
from the content. A cell that a spreadsheet program would take for a formula gets an apostrophe before it, and loses it
when it is read again (OWASP, "CSV injection").
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

__all__ = ["MAX_BYTES", "MAX_ROWS", "Table", "TableError", "read_table", "text_of", "write_table"]

MAX_BYTES = 5 << 20
MAX_ROWS = 20_000
MAX_COLUMNS = 200
SEPARATORS = ",;\t"
FORMULA = ("=", "+", "-", "@", "\t", "\r")
MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
KINDS = (
    (b"PK\x03\x04", "This is a workbook (such as .xlsx or .ods), not a table as text: save it as CSV."),
    (b"\xd0\xcf\x11\xe0", "This is an old workbook (.xls), not a table as text: save it as CSV."),
    (b"%PDF", "This is a PDF: a table as CSV is needed."),
)


class TableError(ValueError):
    """The content is no table that could be read; the text says why, for people."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table with its head. Each row comes with the line that it begins in, counted from 1."""

    head: tuple[str, ...]
    rows: tuple[tuple[int, tuple[str, ...]], ...]


def text_of(content: bytes, most: int = MAX_BYTES) -> str:
    """Return the text of an uploaded file of at most `most` bytes. Raises `TableError` for what is none."""
    if len(content) > most:
        raise TableError(f"The file is larger than {most >> 20} MB: split it.")
    for beginning, why in KINDS:
        if content.startswith(beginning):
            raise TableError(why)
    coding = next((name for mark, name in MARKS if content.startswith(mark)), "utf-8")
    try:
        text = content.decode(coding)
    except UnicodeDecodeError:
        if coding != "utf-8":
            raise TableError("The text of this file is damaged: save it anew as CSV in UTF-8.") from None
        try:
            text = content.decode("cp1252")
        except UnicodeDecodeError:
            raise TableError("This is not text: choose a CSV file.") from None
    if any(character < " " and character not in "\t\r\n" for character in set(text)):
        raise TableError("This is not text: choose a CSV file.")
    return text


def read_table(text: str, most: int = MAX_ROWS) -> Table:
    """Read a table of at most `most` rows, whose first one names the columns. Raises `TableError`."""
    skipped, separator = 0, ""
    first, _, rest = text.partition("\n")
    if first.strip().lower().startswith("sep=") and len(first.strip()) == 5:  # as Excel writes it
        text, skipped, separator = rest, 1, first.strip()[4]
    found: list[tuple[int, tuple[str, ...]]] = []
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator or _separator(text))
    line = 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                found.append((line + skipped, tuple(map(_plain, cells))))
            if len(found) > most + 1:
                raise TableError(f"The table has more than {most:,} rows: split it.")
            line = reader.line_num + 1
    except csv.Error as error:
        raise TableError(f"The table can't be read from line {line + skipped} on: {error}.") from None
    if not found:
        raise TableError("The table is empty.")
    head = found[0][1]
    if len(head) > MAX_COLUMNS:
        raise TableError(f"The table has more than {MAX_COLUMNS} columns.")
    if len(found) == 1:
        raise TableError("The table has no rows below the names of the columns.")
    return Table(head, tuple(found[1:]))


def _separator(text: str) -> str:
    """Return what separates the cells: what makes the most of them in the first row, outside quotes."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    bare = "".join(first.split('"')[::2])
    return max(SEPARATORS, key=bare.count)


def _plain(cell: str) -> str:
    cell = cell.strip()
    return cell[1:] if cell[:1] == "'" and cell[1:].startswith(FORMULA) else cell


def write_table(head: Sequence[str], rows: Iterable[Sequence[str]], separator: str = ",") -> bytes:
    """Return a table as UTF-8 with its mark, by which spreadsheet programs know it."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=separator)
    writer.writerow(head)
    writer.writerows([_harmless(cell) for cell in row] for row in rows)
    return out.getvalue().encode("utf-8-sig")


def _harmless(cell: str) -> str:
    return f"'{cell}" if cell.startswith(FORMULA) else cell
