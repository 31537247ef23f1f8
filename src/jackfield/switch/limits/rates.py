"""The rate table: what a call to the outside costs, by the beginning of its number.

The console makes the file of a CSV, the switch reads it. It is kept out of the snapshot, since a carrier's table has
100,000 rows and changes by itself. Money is counted in millionths of the currency's unit, as integers.
"""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from pathlib import Path

import msgspec

__all__ = ["EMPTY", "MILLION", "Rate", "RateTable", "read", "write"]

log = logging.getLogger(__name__)

MILLION = 1_000_000
"""What one unit of the currency is counted as."""


class _File(msgspec.Struct):
    """The file. `rows` are the different prices; `prefixes` says for each trunk ("" for all) which row a number has."""

    currency: str = ""
    made: float = 0.0
    rows: list[tuple[str, int, int, int, int]] = []
    prefixes: dict[str, dict[str, int]] = {}


@dataclass(frozen=True, slots=True)
class Rate:
    """A price. A call pays `per_call` and the first interval when it is answered, each further one when it begins."""

    name: str
    per_call: int
    """Millionths of the currency's unit, as all prices."""
    per_minute: int
    first: int = 60
    """Seconds that are paid at once."""
    next: int = 60
    """Seconds of each interval after the first."""

    @property
    def at_answer(self) -> int:
        """What a call costs in the moment in which it is answered."""
        return self.per_call + self.of(self.first)

    @property
    def interval(self) -> int:
        """What each interval after the first costs."""
        return self.of(self.next)

    def of(self, seconds: int) -> int:
        """Return the price of so many seconds, rounded up."""
        return -(-self.per_minute * seconds // 60)


class RateTable:
    """Finds the rate with the longest prefix: one look per length that occurs, whatever the size of the table."""

    __slots__ = ("_lengths", "_rows", "_tables", "currency", "made")

    def __init__(self, currency: str, made: float, rows: list[Rate], prefixes: dict[str, dict[str, int]]) -> None:
        self.currency = currency
        self.made = made
        """UTC seconds since 1970."""
        self._rows = rows
        self._tables = prefixes
        self._lengths: dict[str, list[int]] = {
            trunk: sorted({len(prefix) for prefix in known}, reverse=True) for trunk, known in prefixes.items()
        }

    def __len__(self) -> int:
        return sum(len(known) for known in self._tables.values())

    def find(self, full: str, trunk: str = "") -> Rate | None:
        """Return the rate of a number ("+49…"): of the trunk's own rows first, then of those for all; None without."""
        digits = full.removeprefix("+")
        for name in (trunk, "") if trunk else ("",):
            known = self._tables.get(name)
            if known is None:
                continue
            for length in self._lengths[name]:
                row = known.get(digits[:length])
                if row is not None and len(digits) >= length:
                    return self._rows[row]
        return None

    def entries(self) -> list[tuple[str, str, Rate]]:
        """Return everything: trunk, prefix, rate; sorted."""
        return sorted(
            (
                (trunk, prefix, self._rows[row])
                for trunk, known in self._tables.items()
                for prefix, row in known.items()
            ),
            key=lambda one: one[:2],
        )


EMPTY = RateTable("", 0.0, [], {})


def read(path: Path) -> RateTable:
    """Read the file; an empty table where there is none. Raises `OSError`, `msgspec.DecodeError`."""
    try:
        found = msgspec.json.decode(path.read_bytes(), type=_File)
    except FileNotFoundError:
        return EMPTY
    rows = [Rate(*row) for row in found.rows]
    for known in found.prefixes.values():
        if known and not 0 <= min(known.values()) <= max(known.values()) < len(rows):
            raise msgspec.ValidationError(f"{path} names rows that it does not have")
    return RateTable(found.currency, found.made, rows, found.prefixes)


def write(path: Path, currency: str, made: float, entries: list[tuple[str, str, Rate]]) -> None:
    """Write the file from (trunk, prefix, rate), so that a reader sees the old one or the new one. Raises `OSError`."""
    rows: dict[Rate, int] = {}
    prefixes: dict[str, dict[str, int]] = {}
    for trunk, prefix, rate in entries:
        prefixes.setdefault(trunk, {})[prefix] = rows.setdefault(rate, len(rows))
    found = _File(
        currency, made, [(one.name, one.per_call, one.per_minute, one.first, one.next) for one in rows], prefixes
    )
    draft = path.with_name(path.name + ".new")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(msgspec.json.encode(found))
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
