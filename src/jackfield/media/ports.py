"""RTP ports: pairs of UDP sockets, even for RTP and odd for RTCP (RFC 3550 section 11), out of a configured range."""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import logging
import socket
import struct
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from random import Random
from typing import Any

import cffi

log = logging.getLogger(__name__)

EXPEDITED_FORWARDING = 46  # DSCP, RFC 3246: what networks give voice the best treatment by
QUARANTINE_SECONDS = 2.0  # late packets of the last party must not be heard in the next call
BUSY_SECONDS = 30.0  # before a port that another program holds is tried again
RECEIVE_BUFFER = 65536  # bytes; the kernel doubles it: about 3 s of packets

_SO_MEMINFO = 55  # linux/socket.h
_SK_MEMINFO_DROPS = 8
_MEMINFO = struct.Struct("=9I")


class NoPort(Exception):
    """No pair of ports can be had; the text says which setting helps."""


@dataclass(slots=True, eq=False)
class Pair:
    """The sockets of one stream. `rtcp` is None when RTCP shares the RTP port (RFC 5761)."""

    pool: str  # address that they were taken for
    port: int  # of RTP
    rtp: socket.socket
    rtcp: socket.socket | None
    family: socket.AddressFamily


class Ports:
    """The range `first` … `last` on each of our own addresses.

    Pairs are given out in random order, and a closed one comes last again after its quarantine. `hosts` are the
    addresses to bind to when a stream is wanted for one that is not on this machine (behind a one-to-one NAT).
    `clock` returns ns.
    """

    def __init__(
        self,
        first: int,
        last: int,
        *,
        clock: Callable[[], int],
        random: Random,
        hosts: Sequence[str] = (),
        dscp: int = EXPEDITED_FORWARDING,
        quarantine: float = QUARANTINE_SECONDS,
        receive_buffer: int = RECEIVE_BUFFER,
    ) -> None:
        self.range = f"{first}-{last}"
        self._even = range(first + first % 2, last, 2)
        if not self._even or not 0 < first <= last <= 65535:
            raise ValueError(f"the RTP ports {self.range} hold no pair of an even and an odd port")
        self._clock = clock
        self._random = random
        self._hosts = tuple(hosts)
        self._dscp = dscp
        self._quarantine_ns = int(quarantine * 1e9)
        self._receive_buffer = receive_buffer
        self._fresh: dict[str, list[int]] = {}
        # (free again at, port), the soonest first: closed ones, and those that another program holds
        self._used: dict[str, deque[tuple[int, int]]] = {}
        self._busy: dict[str, deque[tuple[int, int]]] = {}

    def open(self, address: str, *, rtcp_mux: bool = False) -> Pair:
        """Bind a pair on `address` (IP literal). Raises NoPort."""
        try:
            family = socket.AF_INET6 if _host(address)[1] else socket.AF_INET
        except (ValueError, OSError):
            raise NoPort(f"{address!r} is not an IP address that media can be received on") from None
        if address not in self._fresh:
            fresh = list(self._even)
            self._random.shuffle(fresh)
            self._fresh[address] = fresh
            self._used[address] = deque()
            self._busy[address] = deque()
        fresh, used, busy = self._fresh[address], self._used[address], self._busy[address]
        now = self._clock()
        while True:
            if fresh:
                port = fresh.pop()
            elif used and used[0][0] <= now:
                port = used.popleft()[1]
            elif busy and busy[0][0] <= now:
                port = busy.popleft()[1]
            else:
                raise NoPort(
                    f"all RTP ports {self.range} on {address} are in use: widen the setting rtp_ports "
                    "(two ports for each stream, two streams for each call)"
                )
            try:
                return self._bind(address, port, family, rtcp_mux)
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    fresh.append(port)
                    raise NoPort(f"RTP port {port} on {address} cannot be opened: {error.strerror}") from error
                log.debug(
                    "RTP port %d or %d on %s is held by another program; trying the next", port, port + 1, address
                )
                busy.append((now + int(BUSY_SECONDS * 1e9), port))

    def close(self, pair: Pair) -> None:
        """Close both sockets and put their ports into quarantine."""
        pair.rtp.close()
        if pair.rtcp is not None:
            pair.rtcp.close()
        self._used[pair.pool].append((self._clock() + self._quarantine_ns, pair.port))

    @property
    def free(self) -> int:
        """How many pairs are left on the address that has the fewest."""
        now = self._clock()
        return min(
            (
                len(self._fresh[address]) + sum(1 for free_at, _ in self._used[address] if free_at <= now)
                for address in self._fresh
            ),
            default=len(self._even),
        )

    def _bind(self, address: str, port: int, family: socket.AddressFamily, rtcp_mux: bool) -> Pair:
        rtp = self._socket(address, port, family)
        try:
            rtp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self._receive_buffer)
            rtcp = None if rtcp_mux else self._socket(address, port + 1, family)
        except OSError:
            rtp.close()
            raise
        return Pair(address, port, rtp, rtcp, family)

    def _socket(self, address: str, port: int, family: socket.AddressFamily) -> socket.socket:
        made = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
        try:
            if family is socket.AF_INET6:
                made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                if self._dscp:
                    made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, self._dscp << 2)
            elif self._dscp:
                made.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, self._dscp << 2)
            try:
                made.bind(socket_address(address, port))
            except OSError as error:
                if error.errno != errno.EADDRNOTAVAIL:
                    raise
                # An address that only the NAT in front of us has.
                made.bind((self._host(family), port))
        except OSError:
            made.close()
            raise
        return made

    def _host(self, family: socket.AddressFamily) -> str:
        for host in self._hosts:
            if (":" in host) == (family is socket.AF_INET6):
                return host
        return "::" if family is socket.AF_INET6 else "0.0.0.0"  # noqa: S104 - what the administrator has not narrowed


@lru_cache(maxsize=4096)
def _host(address: str) -> tuple[str, bool, int]:
    """An IP literal as the kernel writes it, whether it is IPv6, and its scope."""
    host, _, scope = address.partition("%")
    ip = ipaddress.ip_address(host)
    if not scope or ip.version == 4:
        return str(ip), ip.version == 6, 0
    return str(ip), True, int(scope) if scope.isdigit() else socket.if_nametoindex(scope)


def socket_address(address: str, port: int) -> tuple[Any, ...]:
    """What the socket calls want for an IP literal, a scope ("fe80::1%eth0") included.

    Raises ValueError for what is no IP literal, OSError for a scope that this machine does not have.
    """
    host, is_ipv6, scope = _host(address)
    return (host, port, 0, scope) if is_ipv6 else (host, port)


def kernel_drops(sock: socket.socket) -> int:
    """Datagrams that the kernel threw away because the socket's buffer was full (the figure of SO_RXQ_OVFL)."""
    try:
        return int(_MEMINFO.unpack(sock.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, _MEMINFO.size))[_SK_MEMINFO_DROPS])
    except (OSError, struct.error):
        return 0


@cache
def _libc() -> Any:
    ffi = cffi.FFI()
    ffi.cdef("int connect(int fd, const uint8_t *address, unsigned int size);")
    return ffi.dlopen(None)


def disconnect(sock: socket.socket) -> None:
    """Let a connected UDP socket receive from everyone again; it stays bound. (`socket.connect` has no AF_UNSPEC.)"""
    with contextlib.suppress(OSError):
        _libc().connect(sock.fileno(), bytes(16), 16)
