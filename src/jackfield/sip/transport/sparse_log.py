"""A log that a flood of bad messages can't fill."""

from __future__ import annotations

import logging
from collections.abc import Callable

__all__ = ["SparseLog"]

_MAX_KEYS = 4_096


class SparseLog:
    """Writes one line per key (as a rule: kind and source address) in a time, and counts what it left out."""

    __slots__ = ("_clock", "_every", "_logger", "_seen")

    def __init__(self, logger: logging.Logger, clock: Callable[[], float], every: float) -> None:
        """Take the time in seconds between two lines of one key."""
        self._logger = logger
        self._clock = clock
        self._every = every
        self._seen: dict[str, tuple[float, int]] = {}

    def __call__(self, level: int, key: str, text: str, *args: object) -> None:
        """Log `text % args`, unless a line with this key was written a short while ago."""
        now = self._clock()
        written, left_out = self._seen.get(key, (None, 0))
        if written is not None and now - written < self._every:
            self._seen[key] = (written, left_out + 1)
            return
        if len(self._seen) >= _MAX_KEYS:
            self._seen.clear()
        self._seen[key] = (now, 0)
        if left_out:
            text += " (and %d more like this since the last line)"
            args = (*args, left_out)
        self._logger.log(level, text, *args)
