"""The console's door: on one port HTTPS (and TURN over TLS) for other machines, and plain HTTP for this one.

The first byte of a connection tells which of the two a client speaks (RFC 8446 section 5.1: a handshake begins with
0x16). Who comes by plain HTTP from outside is sent on to HTTPS, so that no password ever crosses a network readable.
"""

from __future__ import annotations

import asyncio
import datetime
import functools
import ipaddress
import re
import ssl
from asyncio.sslproto import SSLProtocol
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from jackfield.console import access, turn_door
from jackfield.console.crowd import Crowd
from jackfield.network.addresses import local_addresses
from jackfield.network.certificate import names_of_this_machine
from jackfield.network.certificate_store import Serving, Store

if TYPE_CHECKING:
    from jackfield.settings import Settings

__all__ = ["front"]

HANDSHAKE = 0x16
PATIENCE = 20  # seconds for the first byte, for the rest of a handshake, and for the head of a request
MOST_OF_ONE = 80
"""Connections from one address at once; uvicorn takes 1,500 of all. A browser has some six of them. By TLS further
ones wait for their turn: all phones of an office may be one address."""
LONGEST_WAIT = 60
"""Seconds; by then phones have given up themselves."""
MOST_WHILE_WAITING = 65536
_LOOPBACK = re.compile(r"(::ffff:)?127\.[0-9.]+|::1")
_HEAD = re.compile(rb"[A-Z]+ (/[!-~]*) HTTP/1\.[01]\r\n")
_FOR_PHONES = re.compile(rb"(GET|HEAD) /provision/")
_HOST = re.compile(rb"\r\nhost: *([A-Za-z0-9.:\[\]-]{1,255}) *\r\n", re.IGNORECASE)


def front(settings: Settings) -> Callable[..., asyncio.Protocol]:
    """Return what uvicorn calls for each connection. Raises `OSError` where the certificate can't be used."""
    proxies = tuple(filter(None, settings.trusted_proxies.split(",")))
    if not settings.console_secure:
        return functools.partial(_Http, proxies, lambda: None)
    store = Store(settings.files.certificates, (settings.tls_certificate, settings.tls_key))
    if store.current().origin == "self-signed":
        names = names_of_this_machine([*settings.public_addresses, *settings.console_hosts, *local_addresses()])
        store.self_signed.ensure(names, now=datetime.datetime.now(datetime.UTC))
    serving = Serving(store, functools.partial(_context, settings.files.certificates / "phones"))
    everywhere = settings.console_tls == "on"
    coturn = turn_door.coturn_of(settings)
    crowd = Crowd(lambda: MOST_OF_ONE)

    def make(config: Any, server_state: Any, app_state: Any, _loop: Any = None) -> asyncio.Protocol:
        def inner(**more: Any) -> _Http:
            return _Http(proxies, coturn, config, server_state, app_state | more, _loop)

        return _Front(inner, serving, everywhere, crowd, proxies)

    return make


class _Http(H11Protocol):
    """Uvicorn's HTTP, which hangs up on who does not come to the point, and on who comes too often at once."""

    def __init__(
        self,
        proxies: tuple[str, ...],
        coturn: Callable[[], tuple[str, int] | None],
        *given: Any,
        **named: Any,
    ) -> None:
        super().__init__(*given, **named)
        self._proxies = proxies
        self._coturn = coturn
        self._late: asyncio.TimerHandle | None = None
        self._begun = False
        self._seen = b""
        self.gone: Callable[[], None] = _nothing  # gives the place back
        self.others_wait: Callable[[], bool] = bool

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(cast(asyncio.Transport, transport))
        if self.client is not None:
            self.app_state = self.app_state | {"peer": self.client[0]}  # whom a proxy's headers hide from here on
        if name := _common_name(transport.get_extra_info("peercert")):
            self.app_state = self.app_state | {"certificate": name}
        if self._crowded():
            cast(asyncio.Transport, transport).abort()
        else:
            self._wait()

    def data_received(self, data: bytes) -> None:
        if not self._begun:
            data = self._begin(data)
            if not data:
                return
        super().data_received(data)
        if self.conn.their_state is h11.IDLE and self.conn.trailing_data[0]:
            self._wait()  # a head of which the rest is to come
        else:
            self._done()

    def _begin(self, data: bytes) -> bytes:
        """Return what of the first bytes is HTTP; b"" while nobody can tell, or when TURN is spoken from now on."""
        self._seen += data
        stun = turn_door.may_be_stun(self._seen) if self.scheme == "https" else False
        if stun is None:
            return b""
        self._begun, data, self._seen = True, self._seen, b""
        where = self._coturn() if stun else None
        if where is None:
            return data  # which HTTP refuses, when it is none
        self._done()
        client = self.transport
        # It stays among the connections, as long as it lasts: it counts as one, and ends with the console.
        relayed = turn_door.Relayed(client, lambda: self.connections.discard(self))
        client.set_protocol(relayed)
        relayed.begin(where, data)
        return b""

    def connection_lost(self, exc: Exception | None) -> None:
        self._done()
        super().connection_lost(exc)
        self.gone()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        idle = self.cycle is None or self.cycle.response_complete
        if idle and not self.transport.is_closing() and self.others_wait():
            self.transport.close()  # it has what it came for

    def _wait(self) -> None:
        if self._late is None:
            self._late = self.loop.call_later(PATIENCE, self.transport.abort)

    def _done(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _crowded(self) -> bool:
        """Whether an address has as many connections as one may have; those of the machine and of proxies don't count.

        Who connects counts, not whom he claims to speak for.
        """
        if self.client is None or len(self.connections) <= MOST_OF_ONE:
            return False
        who = _counted(self.client[0], self._proxies)
        if who is None:
            return False
        others = (one.client for one in self.connections if isinstance(one, H11Protocol))
        return sum(client is not None and _network(client[0]) == who for client in others) > MOST_OF_ONE


def _nothing() -> None:
    pass


def _counted(address: str, proxies: tuple[str, ...]) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    """Return as whom an address counts; None for the machine itself and for proxies, who speak for many."""
    if _LOOPBACK.fullmatch(address) or access.is_within(address, proxies):
        return None
    return _network(address)


@functools.lru_cache(maxsize=1024)
def _network(address: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    """Return what counts as one address: an IPv4 address, or the /64 that every IPv6 customer has for himself."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return None
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    return ipaddress.ip_network((int(found), 64) if found.version == 6 else str(found), strict=False)


def _common_name(certificate: Any) -> str:
    """Return whom a client's certificate, which was verified, is for; "" where it showed none."""
    subject = (certificate or {}).get("subject", ())
    return next((str(value) for part in subject for name, value in part if name == "commonName"), "")


def _context(authorities: Path, certificate: Path, key: Path) -> ssl.SSLContext:
    """Return a context. `authorities`: a folder with PEM files of those that sign phones' certificates, or none.

    Only then clients are asked for one, and those who have none come in as before.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    context.load_cert_chain(certificate, key)
    if known := sorted(authorities.glob("*.pem")):
        for one in known:
            context.load_verify_locations(one)
        context.verify_mode = ssl.CERT_OPTIONAL
    return context


class _Front(asyncio.Protocol):
    """Reads the first bytes, and hands the connection to whoever it is for."""

    def __init__(
        self,
        inner: Callable[..., _Http],
        serving: Serving,
        everywhere: bool,
        crowd: Crowd,
        proxies: tuple[str, ...],
    ) -> None:
        self._inner = inner
        self._serving = serving
        self._everywhere = everywhere
        self._crowd = crowd
        self._proxies = proxies
        self._seen = b""
        self._who: Any = None  # as whom it counts
        self._turn: Callable[[], None] | None = None  # it waits for it
        self._transport: asyncio.Transport
        self._timer: asyncio.TimerHandle

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._timer = asyncio.get_running_loop().call_later(PATIENCE, transport.abort)  # type: ignore[attr-defined]

    def connection_lost(self, exc: Exception | None) -> None:
        self._timer.cancel()
        if self._turn is not None:
            self._crowd.give_up(self._who, self._turn)

    def data_received(self, data: bytes) -> None:
        self._seen += data
        if self._turn is not None:
            if len(self._seen) > MOST_WHILE_WAITING:
                self._transport.abort()
        elif self._seen[0] == HANDSHAKE:
            self._in_turn(self._begin_tls)
        elif not self._everywhere and self._from_here():
            self._go_on(self._inner())
        elif _FOR_PHONES.match(self._seen):
            self._in_turn(self._by_plain_http)
        elif b"\r\n\r\n" in self._seen or len(self._seen) > 16384:
            self._timer.cancel()
            self._transport.write(_elsewhere(self._seen))
            self._transport.close()

    def _in_turn(self, begin: Callable[[], None]) -> None:
        """Begin, or do so when this address has a place."""
        peer = self._transport.get_extra_info("peername")
        self._who = _counted(peer[0], self._proxies) if peer else None
        if self._who is None:
            begin()
            return

        def turn() -> None:
            self._turn = None
            self._timer.cancel()
            begin()

        found = self._crowd.enter(self._who, turn)
        if found:
            turn()
        elif found is None:
            self._transport.abort()
        else:
            self._turn = turn
            self._timer.cancel()
            self._timer = asyncio.get_running_loop().call_later(LONGEST_WAIT, self._transport.abort)

    def _place(self) -> tuple[Callable[[], None], Callable[[], bool]]:
        """Return what gives its place back, and what tells whether others of its address wait for it."""
        if self._who is None:
            return _nothing, bool
        return functools.partial(self._crowd.leave, self._who), functools.partial(self._crowd.waits, self._who)

    def _by_plain_http(self) -> None:
        inner = self._inner(phones_only=True)  # who may have what by plain HTTP, `provisioning` decides
        inner.gone, inner.others_wait = self._place()
        self._go_on(inner)

    def _go_on(self, inner: _Http) -> None:
        self._timer.cancel()
        self._transport.set_protocol(inner)
        inner.connection_made(self._transport)
        inner.data_received(self._seen)

    def _from_here(self) -> bool:
        """Whether the connection never leaves this machine."""
        return ipaddress.ip_address(self._transport.get_extra_info("sockname")[0].partition("%")[0]).is_loopback

    def _begin_tls(self) -> None:
        loop, inner = asyncio.get_running_loop(), self._inner()
        self._timer.cancel()
        gone, inner.others_wait = self._place()
        self._serving.refresh()  # a new certificate counts from the next connection on
        # `loop.start_tls` would lose the bytes that were read already.
        waiter: Any = None
        tls: Any = _Tls(
            gone, loop, inner, self._serving.context, waiter, server_side=True, ssl_handshake_timeout=PATIENCE
        )
        self._transport.set_protocol(tls)
        tls.connection_made(self._transport)
        rest = memoryview(self._seen)
        while rest and not self._transport.is_closing():
            room = tls.get_buffer(len(rest))
            count = min(len(room), len(rest))
            room[:count] = rest[:count]
            tls.buffer_updated(count)
            rest = rest[count:]


class _Tls(SSLProtocol):
    """TLS that tells when its connection is gone, also where no handshake came about."""

    def __init__(self, gone: Callable[[], None], *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._gone = gone

    def connection_lost(self, exc: BaseException | None) -> None:
        super().connection_lost(exc)
        self._gone()


def _elsewhere(request: bytes) -> bytes:
    """Return the answer to a request by plain HTTP: the same address by HTTPS, or that it's needed."""
    head, host = _HEAD.match(request), _HOST.search(request)
    line = b"400 Bad Request"
    if head and host:
        line = b"308 Permanent Redirect\r\nLocation: https://" + host[1] + head[1]
    text = b"The console is reached by HTTPS here: write https:// before its address.\n"
    return b"HTTP/1.1 %s\r\nContent-Type: text/plain\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (
        line, len(text), text
    )  # fmt: skip
