"""WebSockets that the web server hands on by a Unix socket, so that browsers need no port but that of their pages.

Before the WebSocket's own handshake stands one line that says who connected to the web server: that of the PROXY
protocol, version 1 (HAProxy Technologies, "The PROXY protocol", section 2.1). Only the owner of the socket's file can
write it, so nobody can claim an address that is not his.
"""

from __future__ import annotations

import asyncio
import re
import socket
from ipaddress import ip_address
from typing import cast

from jackfield.sip.transport.connections import Connections
from jackfield.sip.transport.local_addresses import canonical
from jackfield.sip.transport.websocket import WebSocketFlow

__all__ = ["Bridge", "BridgedFlow", "introduction"]

_LONGEST = 107
"""Bytes of the line at most, its end included (section 2.1)."""
_LINE = re.compile(rb"PROXY TCP([46]) ([0-9A-Fa-f.:]+) ([0-9A-Fa-f.:]+) ([0-9]{1,5}) ([0-9]{1,5})")


def introduction(client: tuple[str, int], server: tuple[str, int]) -> bytes:
    """Return the line that says who connected to which address of ours. Raises `ValueError` for what is no address."""
    ours, theirs = canonical(server[0]), canonical(client[0])
    if theirs is None:
        raise ValueError(f"{client[0]} is no IP address")
    version = 6 if ":" in theirs else 4
    by_proxy = ours is not None and ip_address(ours).is_loopback and not ip_address(theirs).is_loopback
    if ours is None or (":" in ours) != (version == 6) or by_proxy:
        ours = "::" if version == 6 else "0.0.0.0"  # noqa: S104 - nothing listens there: it says "not known"
    return f"PROXY TCP{version} {theirs} {ours} {client[1]} {server[1]}\r\n".encode()


class BridgedFlow(WebSocketFlow):
    """The WebSocket of a browser, as the web server passes it on. It counts as secure: TLS ends in the same machine."""

    __slots__ = ("_introduced", "_line", "_server")

    def __init__(self, connections: Connections) -> None:
        super().__init__(connections, "WSS", ("", 0))
        self._line = b""
        self._introduced = False
        self._server: asyncio.BaseTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for the line: the web server writes it at once."""
        self._server = transport

    def data_received(self, data: bytes) -> None:
        """Read the line, and all that follows as a WebSocket."""
        if self._introduced:
            super().data_received(data)
            return
        self._line += data
        line, end, rest = self._line.partition(b"\r\n")
        if not end and len(self._line) < _LONGEST:
            return
        self._line, self._introduced = b"", True
        assert self._server is not None
        if not end or not self._introduce(line):
            cast("asyncio.Transport", self._server).abort()
            return
        super().connection_made(self._server)
        if rest and not self.closed:
            super().data_received(rest)

    def connection_lost(self, exc: Exception | None) -> None:
        """As for all connections, if it ever became one."""
        if self._introduced and self._transport is not None:
            super().connection_lost(exc)

    def _introduce(self, line: bytes) -> bool:
        """Take the addresses over from the line; False where the connection is not to be used."""
        found = _LINE.fullmatch(line)
        theirs, ours = (canonical(found[2].decode()), canonical(found[3].decode())) if found else (None, None)
        if found is None or theirs is None or ours is None:
            return False
        self.remote, self._local = (theirs, int(found[4])), (ours, int(found[5]))
        if self._connections.may_open(theirs) is not None:
            self._connections.inbox.stats[self.transport].turned_away += 1
            return False
        self._connections.accept(self)
        return True


class Bridge:
    """Accepts what the web server hands on. `sock` listens already, on a Unix socket."""

    def __init__(self, connections: Connections, sock: socket.socket) -> None:
        self._connections = connections
        self._sock = sock
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Begin to accept."""
        loop = self._connections.loop
        self._server = await loop.create_unix_server(lambda: BridgedFlow(self._connections), sock=self._sock)

    def close(self) -> None:
        """Accept no more; connections that stand go on until all are closed."""
        if self._server is not None:
            self._server.close()
