"""Which of our addresses a peer sees: what goes into Via and Contact towards it."""

from __future__ import annotations

import socket
from collections.abc import Callable

__all__ = ["LocalAddresses", "canonical", "family_of", "is_ip", "is_wildcard"]

_FRESH = 30.0
_MAX_PEERS = 8_192
_DISCARD_PORT = 9


def family_of(host: str) -> socket.AddressFamily:
    """Return the address family of an IP literal."""
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def is_ip(host: str) -> bool:
    """Tell an IP literal (without brackets) from a name. A link-local address with its zone is none of ours."""
    return canonical(host) is not None


def canonical(host: str) -> str | None:
    """Return an IP literal as the kernel writes it, by which flows are found; None for a name."""
    try:
        family = family_of(host)
        return socket.inet_ntop(family, socket.inet_pton(family, host))
    except (OSError, ValueError):
        return None


def is_wildcard(host: str) -> bool:
    """Tell whether a socket bound to this address listens on all of its family."""
    return host in {"0.0.0.0", "::", ""}  # noqa: S104 - compared, not bound


class LocalAddresses:
    """Asks the kernel's routing table, and remembers the answer for half a minute: addresses come and go."""

    __slots__ = ("_clock", "_known")

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._known: dict[str, tuple[float, str | None]] = {}

    def towards(self, remote_host: str) -> str | None:
        """Return our address as seen by this IP literal, or None when there is no way to it."""
        now = self._clock()
        known = self._known.get(remote_host)
        if known is not None and now < known[0]:
            return known[1]
        if len(self._known) >= _MAX_PEERS:
            self._known.clear()
        address = _route_source(remote_host)
        self._known[remote_host] = (now + _FRESH, address)
        return address

    def forget(self) -> None:
        """Ask anew from now on: addresses have changed."""
        self._known.clear()


def _route_source(remote_host: str) -> str | None:
    """Connect a UDP socket, which sends nothing, and look which address the kernel chose."""
    try:
        with socket.socket(family_of(remote_host), socket.SOCK_DGRAM) as probe:
            probe.connect((remote_host, _DISCARD_PORT))
            host: str = probe.getsockname()[0]
    except (OSError, ValueError):
        return None
    return host.partition("%")[0]
