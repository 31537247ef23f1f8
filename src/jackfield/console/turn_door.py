"""TURN through the port of the pages: networks that let nothing but HTTPS through let audio through too.

A browser that opens TLS here and speaks STUN instead of HTTP (the first two bits are 0, which no request of HTTP has,
and the magic cookie follows: RFC 8489 section 5) is connected with coturn, which decides on all the rest. TLS ends
here, so that it is the pages' certificate that browsers see, by which they trust this host already.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from jackfield.network import turn
from jackfield.network.addresses import reachable_addresses

if TYPE_CHECKING:
    from jackfield.settings import Settings

__all__ = ["Relayed", "coturn_of", "may_be_stun"]

log = logging.getLogger(__name__)

COOKIE = b"\x21\x12\xa4\x42"
HEAD = 8
"""Bytes that tell: type, length, cookie."""
HIGH = 65_536
"""Bytes that wait for the slower side before the other one is read no further: three seconds of a call."""


def may_be_stun(data: bytes) -> bool | None:
    """Tell whether a connection begins with STUN; None: too little is there to tell."""
    if data[:1] > b"\x3f" or not COOKIE.startswith(data[4:HEAD]):
        return False
    return True if len(data) >= HEAD else None


def coturn_of(settings: Settings) -> Callable[[], tuple[str, int] | None]:
    """Return what gives the address at which coturn runs; None while it does not."""
    running = settings.files.run / turn.CONFIGURATION

    def find() -> tuple[str, int] | None:
        if not settings.stun_base or not running.exists():
            return None
        host = next(iter(reachable_addresses(settings.hosts)), "")
        return (host, settings.stun_base) if host else None

    return find


class Relayed(asyncio.Protocol):
    """A client's connection; what it says goes to coturn, and back. `ended` is called once."""

    def __init__(self, client: asyncio.Transport, ended: Callable[[], None]) -> None:
        self._client = client
        self._ended = ended
        self._coturn: asyncio.Transport | None = None
        self._waiting = b""
        self._task: asyncio.Task[None] | None = None
        client.set_write_buffer_limits(HIGH)

    def begin(self, coturn: tuple[str, int], data: bytes) -> None:
        """Connect with coturn, which gets `data` first."""
        self._waiting = data
        self._client.pause_reading()
        self._task = asyncio.get_running_loop().create_task(self._connect(coturn))

    async def _connect(self, coturn: tuple[str, int]) -> None:
        try:
            transport, _ = await asyncio.get_running_loop().create_connection(lambda: _Coturn(self._client), *coturn)
        except OSError as problem:
            log.warning("a browser asked for TURN, but coturn can't be reached: %s", problem)
            self._client.abort()
            return
        if self._client.is_closing():
            transport.abort()
            return
        transport.set_write_buffer_limits(HIGH)
        transport.write(self._waiting)
        self._waiting, self._coturn = b"", transport
        self._client.resume_reading()

    def data_received(self, data: bytes) -> None:
        """Pass on what the client says."""
        if self._coturn is None:
            self._waiting += data  # it was on its way before reading was paused
        else:
            self._coturn.write(data)

    def pause_writing(self) -> None:
        """The client does not read: read no more from coturn."""
        if self._coturn is not None:
            self._coturn.pause_reading()

    def resume_writing(self) -> None:
        """The client reads again."""
        if self._coturn is not None and not self._coturn.is_closing():
            self._coturn.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        """End coturn's side too: it frees the relay."""
        if self._task is not None:
            self._task.cancel()
        if self._coturn is not None:
            self._coturn.abort()
        self._ended()


class _Coturn(asyncio.Protocol):
    """The connection to coturn."""

    def __init__(self, client: asyncio.Transport) -> None:
        self._client = client
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._client.write(data)

    def pause_writing(self) -> None:
        self._client.pause_reading()

    def resume_writing(self) -> None:
        if not self._client.is_closing():
            self._client.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        self._client.close()
