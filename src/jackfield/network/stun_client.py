"""Asking STUN servers (RFC 8489) how we look from outside, and to send to us from elsewhere (RFC 5780)."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from jackfield.sip import stun

__all__ = ["DEFAULT_PORT", "Endpoint", "Reply", "Server", "StunClient", "StunRefused", "addresses_of", "read_server"]

DEFAULT_PORT = 3478
RTO, TRIES = 0.5, 3
"""Seconds to the first repetition, doubled for each (RFC 8489 section 6.2.1), and how often is asked."""


class StunRefused(Exception):
    """The server answered with an error; `code` is 420 where it does not know what was asked."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{code} {reason}")
        self.code = code


@dataclass(frozen=True, slots=True)
class Server:
    """A server by address or name."""

    host: str
    port: int = DEFAULT_PORT

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def read_server(text: str) -> Server:
    """Read "stun.example.com", "stun.example.com:3479", "[2001:db8::1]:3478". Raises `ValueError` with the mend."""
    bare = text.strip().removeprefix("stun:")
    host, port = bare, ""
    if bare.startswith("["):
        host, _, rest = bare[1:].partition("]")
        port = rest.removeprefix(":")
    elif bare.count(":") == 1:
        host, _, port = bare.partition(":")
    good = host and not any(char in host for char in " /[]@?") and (not port or port.isdecimal())
    if not good or (port and not 0 < int(port) < 65536):
        raise ValueError(f'"{text}" is no STUN server: write a name or an address, with ":port" where it is not 3478')
    return Server(host, int(port) if port else DEFAULT_PORT)


@dataclass(frozen=True, slots=True)
class Reply:
    """What a server answered.

    `mapped`: how it sees us; `source`: from where the answer came; `other`: where else it can send from (RFC 5780);
    `arrived`: at which of our sockets.
    """

    mapped: tuple[str, int]
    source: tuple[str, int]
    other: tuple[str, int] | None
    arrived: Endpoint


class Endpoint(asyncio.DatagramProtocol):
    """One of our sockets."""

    def __init__(self, heard: Callable[[bytes, tuple[str, int], Endpoint], None]) -> None:
        self._heard = heard
        self.transport: asyncio.DatagramTransport | None = None
        self.local = ("", 0)
        self.stray: set[bytes] = set()
        """What else came: the first bytes of each, by which a packet of our own is known again."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the socket."""
        self.transport = cast(asyncio.DatagramTransport, transport)
        self.local = transport.get_extra_info("sockname")[:2]

    def datagram_received(self, data: bytes, source: tuple[str, int]) -> None:
        """Take an answer, or keep what is none."""
        if stun.is_stun(data):
            self._heard(data, source, self)
        elif len(self.stray) < 16:
            self.stray.add(data[:32])

    def send(self, data: bytes, to: tuple[str, int]) -> None:
        """Send; what can't be sent is lost, as on the way."""
        if self.transport is not None and not self.transport.is_closing():
            with contextlib.suppress(OSError):
                self.transport.sendto(data, to)

    def close(self) -> None:
        """Close the socket."""
        if self.transport is not None:
            self.transport.close()


class StunClient:
    """`async with StunClient() as client: …`. An answer is known by its transaction, at whichever socket it arrives."""

    def __init__(self, *, rto: float = RTO, tries: int = TRIES, token: Callable[[], bytes] | None = None) -> None:
        self._rto, self._tries = rto, tries
        self._token = token or (lambda: secrets.token_bytes(12))
        self._waiting: dict[bytes, asyncio.Future[Reply]] = {}
        self._endpoints: list[Endpoint] = []

    async def __aenter__(self) -> StunClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        for endpoint in self._endpoints:
            endpoint.close()

    async def open(self, address: str, port: int = 0) -> Endpoint:
        """Open a socket. Raises `OSError`."""
        loop = asyncio.get_running_loop()
        _, endpoint = await loop.create_datagram_endpoint(lambda: Endpoint(self._heard), local_addr=(address, port))
        self._endpoints.append(endpoint)
        return endpoint

    async def ask(
        self,
        endpoint: Endpoint,
        server: tuple[str, int],
        *,
        change_address: bool = False,
        change_port: bool = False,
        response_port: int = 0,
        token: bytes = b"",
    ) -> Reply | None:
        """Ask a server, an IP literal and a port; None when no answer comes. Raises `StunRefused`.

        change_address, change_port: it is to answer from elsewhere; response_port: to another port of ours.
        """
        token = token or self._token()
        attributes = []
        if change_address or change_port:
            bits = 4 * change_address + 2 * change_port
            attributes.append((stun.CHANGE_REQUEST, bits.to_bytes(4, "big")))
        if response_port:
            attributes.append((stun.RESPONSE_PORT, response_port.to_bytes(2, "big") + b"\0\0"))
        request = stun.binding_request(token, attributes=attributes)
        answer: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._waiting[token] = answer
        try:
            for attempt in range(self._tries):
                endpoint.send(request, server)
                done, _ = await asyncio.wait((answer,), timeout=self._rto * 2**attempt)
                if done:
                    return answer.result()
            return None
        finally:
            self._waiting.pop(token, None)
            answer.cancel()

    def _heard(self, data: bytes, source: tuple[str, int], endpoint: Endpoint) -> None:
        try:
            message = stun.parse(data)
        except stun.MalformedStun:
            return
        answer = self._waiting.get(message.transaction_id)
        if answer is None or answer.done():
            return
        if message.message_class == stun.MessageClass.ERROR:
            code, reason = message.error or (500, "")
            answer.set_exception(StunRefused(code, reason))
        elif message.message_class == stun.MessageClass.SUCCESS:
            mapped = stun.mapped_address(message)
            if mapped is not None:
                other = stun.read_address(message.get(stun.OTHER_ADDRESS))
                answer.set_result(Reply(mapped, source[:2], other, endpoint))


async def addresses_of(server: Server, family: socket.AddressFamily) -> list[tuple[str, int]]:
    """Return the addresses of a server; [] when its name can't be looked up."""
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(server.host, server.port, family=family, type=socket.SOCK_DGRAM)
    except (OSError, UnicodeError):
        return []
    return list(dict.fromkeys((str(one[4][0]), int(one[4][1])) for one in found))
