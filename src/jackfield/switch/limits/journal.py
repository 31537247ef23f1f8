"""The file in which counts outlive a restart: only ever appended to, written down anew when it has grown.

It is a spool of its own (`jackfield.spool`): an entry is handed to the kernel at once, which costs microseconds, and a
thread makes all of the last second safe from a power cut with one fsync. So no call waits for the disk.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jackfield import spool

__all__ = ["Journal"]

log = logging.getLogger(__name__)

NAME = "counts"
MANY = 20_000
"""Entries after which the counts are written down anew."""


class Journal:
    """`folder` holds the files; it is made when the first call is counted."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._spool: spool.Spool | None = None
        self.entries = 0
        """Since the counts were written down whole."""

    def read(self) -> Iterator[dict[str, Any]]:
        """Yield what was written before. What can't be read is told in the log."""
        for path in self._segments():
            try:
                yield from spool.read(path)
            except OSError as problem:
                log.error("counts of calls are lost, %s can't be read: %s", path, problem)

    def write(self, kind: str, id: str, data: dict[str, Any]) -> None:
        """Append one entry."""
        if self._spool is None:
            self._spool = spool.Spool(self._folder, name=NAME, report=log.error)
        self.entries += 1
        self._spool.append(kind, id, data)

    def begin_anew(self, state: dict[str, Any]) -> None:
        """Begin another file with all counts in it. `tidy` removes the files before, once it is safe."""
        if self._spool is not None:
            self._spool.rotate()
        self.write("state", "", state)
        self.entries = 0

    def tidy(self) -> None:
        """Remove the files before the last one that begins with all counts. Waits for the disk."""
        if self._spool is None or not self._spool.flush():
            return
        segments = self._segments()
        whole = [path for path in segments if _begins_whole(path)]
        for path in segments:
            if whole and path.name < whole[-1].name:
                path.unlink(missing_ok=True)

    def close(self) -> None:
        """End. Waits for the disk."""
        if self._spool is not None:
            self._spool.close()
            self._spool = None

    def _segments(self) -> list[Path]:
        return sorted(self._folder.glob(f"{NAME}-*.spool"))


def _begins_whole(path: Path) -> bool:
    try:
        for entry in spool.read(path, report=log.debug):
            return bool(entry["kind"] == "state")
    except OSError:
        pass
    return False
