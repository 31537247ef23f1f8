"""What a peer may use of us before it is cut off, in one place."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["TransportLimits"]


@dataclass(frozen=True, slots=True)
class TransportLimits:
    """Sizes in bytes, times in seconds. The tests set short times."""

    max_message: int = 65_535
    """One message on a stream; on UDP the protocol itself ends there."""
    max_head: int = 16_384
    """Start line and headers of one message on a stream."""
    message_time: float = 15.0
    """From the first byte of a message to its last, so that nobody keeps us waiting byte by byte."""
    greeting_time: float = 30.0
    """A connection that has sent no valid message by then is closed."""
    idle_time: float = 4_000.0
    """A connection on which nothing came for so long is closed: over the longest registration (3,600 s)."""
    handshake_time: float = 10.0
    """For TLS and WebSocket handshakes."""
    connect_time: float = 5.0
    """For a connection that we open, the TLS handshake not counted."""
    pong_time: float = 10.0
    """The answer to a keep-alive of ours (RFC 5626 section 4.4.1)."""
    write_time: float = 20.0
    """A peer that takes nothing for so long while something waits is cut off."""
    max_unsent: int = 1_048_576
    """Bytes that wait for one peer to take them."""
    max_connections: int = 20_000
    """Connections that peers opened, in all."""
    max_connections_per_address: int = 2_000
    """The same from one address: an office of this many phones may be behind one NAT."""
    max_unproven_per_address: int = 200
    """Connections of one address that have not sent a valid message yet: an office after a power cut has many."""
    udp_receive_buffer: int = 8 * 1024 * 1024
    """SO_RCVBUF that is asked for; the kernel caps it at net.core.rmem_max unless we have CAP_NET_ADMIN."""
    udp_batch: int = 32
    """Datagrams read per wake-up, so that a flood on one socket leaves time for timers and the others."""
    udp_unsent: int = 2_000
    """Datagrams that wait while the kernel's send buffer is full; the next one is counted as lost."""
    udp_flows: int = 32_768
    """Peers remembered on one socket; forgetting one only costs making its flow anew."""
    log_every: float = 10.0
    """At most one line in this time about malformed messages, and one about clients cut off, per source."""
