"""A small STUN server (RFC 8489): tells everybody from where his packets come, so that phones learn their NAT.

On two ports (3478 and 3479) and on two addresses where the machine has them it also answers as RFC 5780 has it: from
the other address or port (CHANGE-REQUEST), to another port (RESPONSE-PORT), and says where the other one is
(OTHER-ADDRESS). So one Jackfield tests for another whether its ports can be reached from outside.

`Responder` decides and touches no socket; `StunServer` owns the sockets.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import ip_address

from jackfield.sip import stun

__all__ = ["ALTERNATE", "Outgoing", "Pace", "Responder", "StunServer"]

log = logging.getLogger(__name__)

ALTERNATE = 1
"""The other port is the one above."""
BURST, PER_SECOND = 40.0, 10.0
"""For one source: a phone that gathers candidates asks some ten times at once. A source that is forged is a victim to
whom we would send, so he gets no more than this, and answers are hardly larger than questions."""
ALL_BURST, ALL_PER_SECOND = 4000.0, 2000.0
MOST_SOURCES = 20_000
_BATCH = 64
_CHANGE_ADDRESS, _CHANGE_PORT = 4, 2
_UNDERSTOOD = frozenset(
    (0x0001, 0x0006, 0x0008, 0x0020, 0x0024, 0x0025, stun.CHANGE_REQUEST, stun.RESPONSE_PORT, 0x0026)
)


class Pace:
    """A bucket of tokens for each source, and one for all: who asks too often gets nothing."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._sources: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._all = (ALL_BURST, clock())
        self.refused = 0

    def allows(self, address: str) -> bool:
        """Tell whether this source is answered now."""
        now = self._clock()
        source = _whose(address)
        tokens, since = self._sources.pop(source, (BURST, now))
        tokens = min(BURST, tokens + (now - since) * PER_SECOND)
        whole = min(ALL_BURST, self._all[0] + (now - self._all[1]) * ALL_PER_SECOND)
        good = tokens >= 1 and whole >= 1
        self._sources[source] = (tokens - good, now)
        self._all = (whole - good, now)
        if len(self._sources) > MOST_SOURCES:
            self._sources.popitem(last=False)
        self.refused += not good
        return good


def _whose(address: str) -> str:
    """Return the source that is counted: who has an IPv6 address has its whole /64."""
    if ":" not in address:
        return address
    return ip_address(address.partition("%")[0]).exploded[:19]


@dataclass(frozen=True, slots=True)
class Outgoing:
    """An answer: from which of our sockets, to where."""

    data: bytes
    at: tuple[str, int]
    to: tuple[str, int]


class Responder:
    """What to answer. `bound`: the addresses and ports of our sockets; `seen`: how they are seen from outside."""

    def __init__(self, bound: Sequence[tuple[str, int]], seen: Callable[[str], str] = lambda address: address) -> None:
        self._bound = frozenset(bound)
        self._seen = seen
        self._ports = sorted({port for _, port in bound})

    def respond(self, data: bytes, at: tuple[str, int], source: tuple[str, int]) -> Outgoing | None:
        """Return the answer to a datagram that came to the socket `at`; None: nothing. Never raises."""
        try:
            request = stun.parse(data)
        except stun.MalformedStun:
            return None
        if request.message_class != stun.MessageClass.REQUEST or request.method != stun.BINDING or source[1] < 1:
            return None
        unknown = [kind for kind, _ in request.attributes if kind < 0x8000 and kind not in _UNDERSTOOD]
        if unknown:
            return Outgoing(stun.binding_error(request, 420, "Unknown Attribute", unknown), at, source)
        change, wanted = request.get(stun.CHANGE_REQUEST), request.get(stun.RESPONSE_PORT)
        bits = change[-1] if change else 0
        leaves = self._other(at, bool(bits & _CHANGE_ADDRESS), bool(bits & _CHANGE_PORT))
        if leaves is None:  # RFC 5780 section 6.1: who can't is to say so
            return Outgoing(stun.binding_error(request, 420, "Unknown Attribute", [stun.CHANGE_REQUEST]), at, source)
        attributes = [(stun.RESPONSE_ORIGIN, stun.address_value((self._seen(leaves[0]), leaves[1])))]
        other = self._other(at, True, True) or self._other(at, False, True)
        if other is not None:
            attributes.append((stun.OTHER_ADDRESS, stun.address_value((self._seen(other[0]), other[1]))))
        to = source
        if wanted is not None and len(wanted) >= 2 and not change:
            port = int.from_bytes(wanted[:2], "big")
            to = (source[0], port or source[1])
        return Outgoing(stun.binding_response(request, source, attributes), leaves, to)

    def _other(self, at: tuple[str, int], address: bool, port: bool) -> tuple[str, int] | None:
        """Return the socket that differs from `at` in this."""
        family = ":" in at[0]
        hosts = [at[0]]
        if address:
            hosts = sorted(host for host, _ in self._bound if (":" in host) == family and host != at[0])
        ports = [one for one in self._ports if one != at[1]] if port else [at[1]]
        return next(((host, one) for host in hosts for one in ports if (host, one) in self._bound), None)


class StunServer:
    """The sockets. `addresses` are those of the machine, each one bound: an answer leaves from where it was asked."""

    def __init__(
        self,
        addresses: Sequence[str],
        port: int,
        *,
        pace: Pace,
        seen: Callable[[str], str] = lambda address: address,
        allows: Callable[[str], bool] = lambda address: True,
    ) -> None:
        self._addresses = tuple(addresses)
        self._port = port
        self._pace = pace
        self._allows = allows
        self._seen = seen
        self._sockets: dict[tuple[str, int], socket.socket] = {}
        self.answered = 0

    @property
    def bound(self) -> list[tuple[str, int]]:
        """Addresses and ports that are open."""
        return list(self._sockets)

    def start(self) -> None:
        """Open the sockets. Raises `OSError` when the first port is taken; without the second one goes on."""
        try:
            for address in self._addresses:
                self._open(address, self._port)
        except OSError:
            self.close()
            raise
        for address in self._addresses:
            try:
                self._open(address, next(iter(self._sockets))[1] + ALTERNATE)
            except OSError as problem:
                log.info("STUN has no second port on %s: %s", address, problem)
        self._responder = Responder(self.bound, self._seen)

    def _open(self, address: str, port: int) -> None:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_DGRAM)
        try:
            sock.setblocking(False)
            if family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            sock.bind((address, port))
        except OSError:
            sock.close()
            raise
        at: tuple[str, int] = sock.getsockname()[:2]
        self._sockets[at] = sock
        asyncio.get_running_loop().add_reader(sock.fileno(), self._read, sock, at)

    def _read(self, sock: socket.socket, at: tuple[str, int]) -> None:
        for _ in range(_BATCH):
            try:
                data, source = sock.recvfrom(2048)
            except OSError:  # nothing more, or the ICMP error of an earlier answer
                return
            if not stun.is_stun(data) or not self._allows(source[0]) or not self._pace.allows(source[0]):
                continue
            outgoing = self._responder.respond(data, at, source[:2])
            if outgoing is not None:
                try:
                    self._sockets[outgoing.at].sendto(outgoing.data, (*outgoing.to, *source[2:]))
                except OSError:
                    continue
                self.answered += 1

    def close(self) -> None:
        """Close the sockets. Can be called twice."""
        for sock in self._sockets.values():
            asyncio.get_running_loop().remove_reader(sock.fileno())
            sock.close()
        self._sockets.clear()
