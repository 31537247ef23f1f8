"""What the transports count: for metrics, for the status page, and for the tests."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

__all__ = ["Counters", "Stats"]


@dataclass(slots=True)
class Counters:
    """The counters of one transport ("UDP", "TCP", ...). All but `connections` only grow."""

    received: int = 0
    """Datagrams, or whole messages of a stream; keep-alives are counted apart."""
    sent: int = 0
    malformed: int = 0
    """Messages that could not be read, answered or not."""
    throttled: int = 0
    """What admission refused before it was parsed."""
    closed: int = 0
    """What came from those to whom this transport is closed."""
    lost: int = 0
    """Could not be sent: send buffer and queue full, no route, or the connection had gone."""
    unreachable: int = 0
    """ICMP said that a datagram of ours found nobody."""
    keep_alives: int = 0
    """CRLF pings and pongs, STUN requests and empty datagrams."""
    accepted: int = 0
    """Connections that peers opened."""
    opened: int = 0
    """Connections that we opened."""
    connections: int = 0
    """Connections open at this moment, in either direction."""
    turned_away: int = 0
    """Connections closed at once because of a limit on their number."""
    handshakes_failed: int = 0
    """TLS and WebSocket handshakes that came to nothing, and connections that we could not open."""
    cut_off: Counter[str] = field(default_factory=Counter)
    """Connections ended by us: "slow message", "silent", "idle", "unreadable", "not reading", "no pong"."""


@dataclass(slots=True)
class Stats:
    """All counters, by transport, and what concerns them all."""

    by_transport: dict[str, Counters] = field(default_factory=dict)
    errors: int = 0
    """Exceptions of the code above that a message caused; each is in the log with its traceback."""
    kernel_drops: int = 0
    """Datagrams that the kernel threw away because a UDP socket's receive buffer was full."""

    def __getitem__(self, transport: str) -> Counters:
        """Return the counters of a transport, at nought if it has none yet."""
        counters = self.by_transport.get(transport)
        if counters is None:
            counters = self.by_transport[transport] = Counters()
        return counters
