"""Random names for SIP: branches, tags and Call-IDs."""

from __future__ import annotations

import os
from collections.abc import Callable

__all__ = ["MAGIC_COOKIE", "Tokens"]

MAGIC_COOKIE = "z9hG4bK"
"""How a branch begins that is unique for its transaction (RFC 3261 section 8.1.1.7)."""

_TOKEN = 10  # bytes: 80 bits, where RFC 3261 section 19.3 asks a tag for 32
_POOL = _TOKEN * 200


class Tokens:
    """Unguessable names. `entropy(n)` gives n random bytes; tests pass their own to be repeatable.

    Randomness is drawn in large pieces, because one system call for each tag would cost more than the tag.
    """

    __slots__ = ("_at", "_entropy", "_pool")

    def __init__(self, entropy: Callable[[int], bytes] = os.urandom) -> None:
        self._entropy = entropy
        self._pool = ""
        self._at = 0

    def tag(self) -> str:
        """Return 80 random bits in hexadecimal: a From or To tag, or the random part of anything else."""
        at = self._at
        if at >= len(self._pool):
            self._pool = self._entropy(_POOL).hex()
            at = 0
        self._at = end = at + 2 * _TOKEN
        return self._pool[at:end]

    def branch(self) -> str:
        """Return a branch for a new client transaction (RFC 3261 section 8.1.1.7)."""
        return MAGIC_COOKIE + self.tag()

    def call_id(self) -> str:
        """Return a Call-ID. It names no host: a caller's Call-ID must not tell our address (RFC 3323 section 4.3)."""
        return self.tag() + self.tag()

    def uniform(self, low: float, high: float) -> float:
        """Return a random number of seconds between `low` and `high`, in steps of 10 ms (RFC 3261 section 14.1)."""
        steps = round((high - low) * 100)
        return low + (int(self.tag()[:8], 16) % (steps + 1)) / 100
