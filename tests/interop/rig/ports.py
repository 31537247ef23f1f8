"""Ports that nobody else takes: each test reserves whole blocks of them.

The blocks lie below the ports that the kernel gives out by itself. Each is held by TCP sockets, one on the last of
every 400 ports, so that two test runs on one machine never share one.
"""

from __future__ import annotations

import random
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

__all__ = ["Block", "NoPorts", "block"]

FIRST, LAST = 12000, 32000
STEP = 400
PATIENCE = 60.0  # seconds


class NoPorts(Exception):
    """Every block is taken."""


@dataclass
class Block:
    """Ports from `first` on. `take()` gives them out one after the other, `span()` several in a row."""

    first: int
    size: int
    locks: Sequence[socket.socket] = field(repr=False)
    used: int = 0

    def take(self, count: int = 1) -> int:
        """Return the first of `count` ports in a row; the first one is even."""
        start = self.used + self.used % 2
        if start // STEP != (start + count) // STEP and count < STEP:
            start = (start + count) // STEP * STEP  # the lock's port is not to be given out
        if start + count >= self.size:
            raise NoPorts(f"the block of {self.size} ports is used up")
        self.used = start + count
        return self.first + start

    def span(self, count: int) -> str:
        """Return a range as settings take it: "12000-12199"."""
        first = self.take(count)
        return f"{first}-{first + count - 1}"

    def release(self) -> None:
        """Let others have the ports."""
        for lock in self.locks:
            lock.close()


def block(size: int = 400) -> Block:
    """Reserve ports in a row that are free on 127.0.0.1 by UDP and TCP; waits a while. Raises `NoPorts`."""
    starts = list(range(FIRST, LAST - size + 1, STEP))
    random.Random().shuffle(starts)
    until = time.monotonic() + PATIENCE
    while True:
        for first in starts:
            if (locks := _reserved(first, size)) is not None:
                return Block(first, size, locks)
        if time.monotonic() > until:
            raise NoPorts(f"no {size} ports in a row are free between {FIRST} and {LAST}: end what takes them")
        time.sleep(1.0)  # a benchmark beside us, perhaps


def _reserved(first: int, size: int) -> list[socket.socket] | None:
    locks: list[socket.socket] = []
    try:
        for last in range(first + STEP - 1, first + size, STEP):
            locks.append(_bound(socket.SOCK_STREAM, last))
        for port in range(first, first + size - 1):
            _bound(socket.SOCK_DGRAM, port).close()
    except OSError:
        for lock in locks:
            lock.close()
        return None
    return locks


def _bound(kind: socket.SocketKind, port: int) -> socket.socket:
    holder = socket.socket(socket.AF_INET, kind)
    try:
        holder.bind(("127.0.0.1", port))
    except OSError:
        holder.close()
        raise
    return holder
