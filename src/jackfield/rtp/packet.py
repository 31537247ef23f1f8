"""RTP packets (RFC 3550 section 5.1) as cheap functions on bytes: nothing is built that isn't asked for."""

from __future__ import annotations

import struct
from dataclasses import dataclass

HEADER_BYTES = 12
MAX_PACKET = 2048  # more than any Ethernet frame carries

# V/P/X/CC, M/PT, sequence number, timestamp, SSRC. `HEADER.unpack_from(data)` is what the media loop uses.
HEADER = struct.Struct("!BBHII")

_VERSION = 0x80
_WORD = struct.Struct("!H")

Buffer = bytes | bytearray | memoryview


@dataclass(frozen=True, slots=True)
class Packet:
    """A whole RTP packet, for everything that isn't in a hurry. `timestamp` is in units of the payload's clock."""

    payload_type: int
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes
    marker: bool = False

    def to_bytes(self) -> bytes:
        """The packet as it goes on the wire."""
        return build(self.payload_type, self.sequence, self.timestamp, self.ssrc, self.payload, self.marker)


def is_rtp(data: Buffer) -> bool:
    """True for a datagram that can be RTP: version 2, long enough, and not RTCP by RFC 5761's rule."""
    return len(data) >= HEADER_BYTES and data[0] & 0xC0 == _VERSION and not 192 <= data[1] <= 223


def is_rtcp(data: Buffer) -> bool:
    """True for a datagram that can be RTCP: version 2, and a packet type that RFC 5761 section 4 reserves for it."""
    return len(data) >= 8 and data[0] & 0xC0 == _VERSION and 192 <= data[1] <= 223


def payload_bounds(data: Buffer) -> tuple[int, int] | None:
    """Start and end of the payload within the packet; None when the header claims more than there is.

    Takes care of contributing sources, a header extension and padding. An empty payload is (n, n).
    """
    end = len(data)
    if end < HEADER_BYTES:
        return None
    first = data[0]
    start = HEADER_BYTES + 4 * (first & 0x0F)
    if first & 0x10:
        if start + 4 > end:
            return None
        start += 4 + 4 * _WORD.unpack_from(data, start + 2)[0]
    if first & 0x20 and end > start:
        padding = data[end - 1]
        if not padding:
            return None
        end -= padding
    return (start, end) if start <= end else None


def payload_of(data: bytes) -> bytes | None:
    """The payload; None when the packet is malformed. One slice for the usual packet with a bare header."""
    if data[:1] == b"\x80" and len(data) >= HEADER_BYTES:
        return data[HEADER_BYTES:]
    bounds = payload_bounds(data)
    return None if bounds is None else data[bounds[0] : bounds[1]]


def parse(data: bytes) -> Packet | None:
    """Read a packet; None for what isn't RTP or is cut off."""
    if not is_rtp(data):
        return None
    payload = payload_of(data)
    if payload is None:
        return None
    _, second, sequence, timestamp, ssrc = HEADER.unpack_from(data)
    return Packet(second & 0x7F, sequence, timestamp, ssrc, payload, bool(second & 0x80))


def build(payload_type: int, sequence: int, timestamp: int, ssrc: int, payload: bytes, marker: bool = False) -> bytes:
    """A packet with a bare header. Sequence, timestamp and SSRC are taken modulo their width."""
    second = payload_type & 0x7F | (0x80 if marker else 0)
    return HEADER.pack(_VERSION, second, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, ssrc & 0xFFFFFFFF) + payload


def extended(value: int, reference: int, bits: int = 16) -> int:
    """The number nearest to `reference` whose lowest `bits` are `value`: undoes the wrap of a counter.

    For sequence numbers 16 bits, for timestamps 32. `reference` is the last result.
    """
    modulus = 1 << bits
    difference = (value - reference) & (modulus - 1)
    if difference >= modulus >> 1:
        difference -= modulus
    return reference + difference
