"""Ports that nobody else takes: each test reserves whole areas of them.

The areas lie below the ports that the kernel gives out by itself. Each is held by a TCP socket on its last port, so
that two test runs on one machine never share one. A program that asks nobody (a benchmark, a system that runs here)
may have ports in any of them: those are passed over.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Sequence
from pathlib import Path
from random import Random

__all__ = ["Block", "NoPorts", "block", "udp_port_in_use"]

FIRST, LAST = 12000, 32000
AREA = 400
PATIENCE = 30.0  # seconds; less than a test may last, so that it is this that is told


class NoPorts(Exception):
    """Every area is taken."""


class Block:
    """Ports that are ours until `release()`: as many as are asked for, however many that be."""

    def __init__(self, areas: range = range(FIRST, LAST, AREA), *, patience: float = PATIENCE) -> None:
        self._areas = areas
        self._patience = patience
        self._locks: list[socket.socket] = []
        self._next = self._end = 0

    def take(self, count: int = 1) -> int:
        """Return the first of `count` free ports in a row; it is even. Waits while all are taken; raises `NoPorts`."""
        first = self._in_a_row(count)
        if first is None:
            self.reserve(count)
            first = self._in_a_row(count)
            assert first is not None
        self._next = first + count
        return first

    def span(self, count: int) -> str:
        """Return a range as settings take it: "12000-12199"."""
        first = self.take(count)
        return f"{first}-{first + count - 1}"

    def release(self) -> None:
        """Let others have the ports."""
        for lock in self._locks:
            lock.close()

    def reserve(self, count: int) -> None:
        """Go on in areas of which `count` ports in a row are free. Waits while there are none; raises `NoPorts`."""
        step = self._areas.step
        wide = -(-(count + 2) // step)
        starts = list(self._areas)[: len(self._areas) - wide + 1]
        Random().shuffle(starts)  # that two runs don't get into each other's way
        until = time.monotonic() + self._patience
        while True:
            for first in starts:
                locks = _locked(range(first + step - 1, first + wide * step, step))
                if locks is None:
                    continue
                before = self._next, self._end
                self._next, self._end = first, first + wide * step
                if self._in_a_row(count) is not None:
                    self._locks += locks
                    return
                self._next, self._end = before
                for lock in locks:
                    lock.close()
            if time.monotonic() > until:
                raise NoPorts(
                    f"no {count} ports in a row are free on 127.0.0.1 between {self._areas[0]} and "
                    f"{self._areas[-1] + step - 1}, other test runs have them or other programs: "
                    "`ss -lunpt` shows whose they are"
                )
            time.sleep(0.5)  # another test run beside us, which will give some back

    def _in_a_row(self, count: int) -> int | None:
        first = self._next + self._next % 2
        while first + count <= self._end:
            busy = next((port for port in range(first, first + count) if not self._free(port, count)), None)
            if busy is None:
                return first
            first = busy + 1 + (busy + 1) % 2
        return None

    def _free(self, port: int, count: int) -> bool:
        step = self._areas.step
        if (port - self._areas.start) % step == step - 1:
            return count >= step and _usable(socket.SOCK_DGRAM, port)  # so many are for audio: our lock is no hindrance
        return _usable(socket.SOCK_DGRAM, port) and (count >= step or _usable(socket.SOCK_STREAM, port))


def block() -> Block:
    """Reserve ports on 127.0.0.1, for UDP and TCP. Waits while there are none; raises `NoPorts`."""
    reserved = Block()
    reserved.reserve(1)
    return reserved


def udp_port_in_use(port: int) -> bool:
    """Whether a socket of any address has the port; asks the kernel, and does not get into the way of who binds it."""
    ends = f":{port:04X}"
    tables = (Path("/proc/net/udp"), Path("/proc/net/udp6"))
    lines = [line for table in tables if table.exists() for line in table.read_text().splitlines()[1:]]
    return any(line.split()[1].endswith(ends) for line in lines)


def _locked(ports: Sequence[int]) -> list[socket.socket] | None:
    locks: list[socket.socket] = []
    try:
        for port in ports:
            locks.append(_bound(socket.SOCK_STREAM, port))
    except OSError:
        for lock in locks:
            lock.close()
        return None
    return locks


def _usable(kind: socket.SocketKind, port: int) -> bool:
    try:
        _bound(kind, port).close()
    except OSError:
        return False
    return True


def _bound(kind: socket.SocketKind, port: int) -> socket.socket:
    holder = socket.socket(socket.AF_INET, kind)
    try:
        holder.bind(("127.0.0.1", port))
    except OSError:
        holder.close()
        raise
    return holder
