"""The end of the log files, line by line, in either of the forms that `jackfield.logs` writes."""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from jackfield.logs import redact

__all__ = ["LEVELS", "Line", "processes", "tail"]

LEVELS = ("debug", "info", "warning", "error", "critical")
READ_BYTES = 2 << 20
"""How much of the end of a file is looked through."""
MOST_LINES = 400
MOST_LENGTH = 4000

_LINE = re.compile(
    r"(?P<at>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}) (?P<level>[a-z]+) +(?P<process>\S+) +"
    r"(?:\[(?P<call>[^\]\s]+)\] )?(?P<text>.*)"
)


@dataclass(slots=True)
class Line:
    """One entry; `text` has more than one line where a traceback follows."""

    at: str
    level: str
    call: str
    text: str


def processes(folder: Path) -> list[str]:
    """Return the names of the processes that have a log."""
    return sorted(path.stem for path in folder.glob("*.log")) if folder.is_dir() else []


def tail(folder: Path, process: str, *, level: str = "", call: str = "", words: str = "") -> tuple[list[Line], bool]:
    """Return the newest lines first that fit, and whether older ones were left out.

    `level`: at least this; `call`: of the call whose id begins so; `words`: in the text, whatever the case.
    """
    if process not in processes(folder):  # a name from outside: it must be one of those that are there
        return [], False
    data, cut = _end_of(folder / f"{process}.log")
    least = LEVELS.index(level) if level in LEVELS else 0
    wanted = words.casefold()
    found: deque[Line] = deque(maxlen=MOST_LINES)
    for line in _lines(data):
        if least and (line.level not in LEVELS or LEVELS.index(line.level) < least):
            continue
        if (call and not line.call.startswith(call)) or (wanted and wanted not in line.text.casefold()):
            continue
        cut = cut or len(found) == MOST_LINES
        found.append(line)
    for line in found:
        line.text = redact(line.text[:MOST_LENGTH])
    return list(found)[::-1], cut


def _end_of(path: Path) -> tuple[str, bool]:
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - READ_BYTES))
            data = file.read(READ_BYTES)
    except OSError:
        return "", False
    if size > READ_BYTES:
        data = data[data.find(b"\n") + 1 :]
    return data.decode(errors="replace"), size > READ_BYTES


def _lines(data: str) -> Iterator[Line]:
    line: Line | None = None
    for text in data.splitlines():
        begun = _parsed(text)
        if begun is None:
            if line is not None and len(line.text) < MOST_LENGTH:
                line.text += "\n" + text
            continue
        if line is not None:
            yield line
        line = begun
    if line is not None:
        yield line


def _parsed(text: str) -> Line | None:
    if text.startswith("{"):
        try:
            found = json.loads(text)
            said = found["message"] + ("\n" + found["exception"] if found.get("exception") else "")
            return Line(found["at"].replace("T", " "), found["level"], found.get("call", ""), said)
        except (ValueError, KeyError, TypeError, AttributeError):
            return None
    found = _LINE.match(text)
    return Line(found["at"], found["level"], found["call"] or "", found["text"]) if found else None
