"""A flow: the one way out to a peer, in the sense of RFC 5626 section 2.

Whoever holds a flow can send to its peer without knowing whether a UDP socket, a TCP or TLS connection or a
WebSocket is behind it. Responses leave by the flow on which their request came; requests to a phone leave by
the flow on which it registered, because behind a NAT nothing else reaches it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mypy_extensions import mypyc_attr

if TYPE_CHECKING:
    from jackfield.sip.message import Message

__all__ = ["DEFAULT_PORTS", "RELIABLE", "SECURE", "Address", "Flow", "FlowKey", "Hop", "TransportFailed", "bracketed"]

Address = tuple[str, int]
"""An IP literal without brackets, and a port."""
FlowKey = tuple[str, Address, Address]

DEFAULT_PORTS = {"UDP": 5060, "TCP": 5060, "TLS": 5061, "WS": 80, "WSS": 443}
"""Where a transport listens when no port is named (RFC 3261 section 19.1.2, RFC 7118 section 5)."""
RELIABLE = frozenset({"TCP", "TLS", "WS", "WSS"})
SECURE = frozenset({"TLS", "WSS"})


class TransportFailed(Exception):
    """No flow to the hop could be made; the text says why, for the administrator."""


@dataclass(frozen=True, slots=True)
class Hop:
    """One place to try for a request, as RFC 3263 finds it."""

    transport: str
    """"UDP", "TCP", "TLS", "WS" or "WSS"."""
    host: str
    """IP literal, IPv6 without brackets."""
    port: int
    name: str = ""
    """The name that the peer's TLS certificate must bear; empty: its address."""
    verify: bool = True
    """False accepts any certificate: for a trunk whose certificate is self-signed."""

    def __str__(self) -> str:
        return f"{self.transport} {bracketed(self.host)}:{self.port}"


def bracketed(host: str) -> str:
    """Return the host as URIs and Via write it: IPv6 in brackets."""
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


@mypyc_attr(allow_interpreted_subclasses=True)
class Flow(ABC):
    """A way to one peer. Subclasses carry the socket; tests make their own with only `send`."""

    __slots__ = (
        "__weakref__", "_local", "closed", "last_in", "last_out", "peer_identity", "reliable", "remote", "secure",
        "transport",
    )  # fmt: skip

    transport: str
    """"UDP", "TCP", "TLS", "WS" or "WSS"."""
    remote: Address
    """IP literal and port from which the peer's packets come."""
    reliable: bool
    """The transport repeats what is lost, so that SIP must not (RFC 3261 section 17)."""
    secure: bool
    """TLS is under it."""
    closed: bool
    """The connection has gone. Always False on UDP."""
    peer_identity: str | None
    """The subject of the peer's verified TLS certificate, if it showed one."""
    last_in: float
    """Clock of the loop: when the peer last sent anything, keep-alives too; 0: never."""
    last_out: float
    """When we last sent anything; 0: never."""

    def __init__(
        self,
        transport: str = "UDP",
        local: Address = ("127.0.0.1", 5060),
        remote: Address = ("127.0.0.1", 5060),
        *,
        peer_identity: str | None = None,
    ) -> None:
        self.transport = transport
        self._local = local
        self.remote = remote
        self.reliable = transport in RELIABLE
        self.secure = transport in SECURE
        self.closed = False
        self.peer_identity = peer_identity
        self.last_in = self.last_out = 0.0

    @property
    def local(self) -> Address:
        """Our address and port on this flow, as the socket knows them (not what a NAT makes of them)."""
        return self._local

    @property
    def accepted_at(self) -> int:
        """Our port at which the peer has opened this connection; 0 where it has not."""
        return 0

    @property
    def key(self) -> FlowKey:
        """What tells this flow from every other: transport, our side, the peer's side."""
        return (self.transport, self.local, self.remote)

    @abstractmethod
    def send(self, data: bytes) -> None:
        """Send one message. Never blocks and never raises: a failure is reported to `Transports.failed`."""

    def for_response(self, message: Message) -> Flow:
        """Return the flow by which the response to a request leaves (RFC 3261 section 18.2.2, RFC 3581 section 4).

        `message` is the request or its response: only the top Via is read. As a rule it is this flow itself. It
        is another one when a UDP peer did not ask for `rport` and listens at another port than it sends from, or
        when the connection on which the request came has gone: then a new one is opened to the Via's sent-by.
        """
        return self

    def close(self) -> None:  # noqa: B027 - UDP has nothing to close
        """End the connection under the flow, if it has one."""

    def __str__(self) -> str:
        return f"{self.transport} {bracketed(self.remote[0])}:{self.remote[1]}"

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self}{' closed' if self.closed else ''}>"
