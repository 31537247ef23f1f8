"""RTCP (RFC 3550 section 6): compound packets read and built, round-trip time, and the quality that people hear."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

SENDER_REPORT, RECEIVER_REPORT, SOURCE_DESCRIPTION, GOODBYE = 200, 201, 202, 203
CNAME = 1

MAX_BLOCKS = 31  # what the five bits of the count hold

_NTP_EPOCH = 2_208_988_800  # seconds from 1900 to 1970
_HEADER = struct.Struct("!BBH")
_SENDER = struct.Struct("!IQIII")
_BLOCK = struct.Struct("!IIIIII")
_WORD = struct.Struct("!I")


@dataclass(frozen=True, slots=True)
class ReportBlock:
    """What a receiver says about one source.

    `fraction_lost` in 1/256 since the last report, `lost` packets in all (may be negative), `jitter` in units of the
    RTP clock, `last_sr` the middle 32 bits of an NTP time, `delay` since then in 1/65536 s.
    """

    ssrc: int
    fraction_lost: int = 0
    lost: int = 0
    highest_sequence: int = 0
    jitter: int = 0
    last_sr: int = 0
    delay: int = 0


@dataclass(frozen=True, slots=True)
class SenderReport:
    """SR: `ntp` is a 64-bit NTP time, `rtp_timestamp` the same moment on the RTP clock."""

    ssrc: int
    ntp: int
    rtp_timestamp: int
    packets: int
    octets: int
    reports: tuple[ReportBlock, ...] = ()

    @property
    def middle(self) -> int:
        """The 32 bits of the NTP time that come back as `last_sr`."""
        return self.ntp >> 16 & 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class ReceiverReport:
    """RR, from one who sends no RTP."""

    ssrc: int
    reports: tuple[ReportBlock, ...] = ()


@dataclass(frozen=True, slots=True)
class SourceDescription:
    """SDES with one chunk per source: (SSRC, ((item type, text), …))."""

    chunks: tuple[tuple[int, tuple[tuple[int, str], ...]], ...]

    @classmethod
    def cname(cls, ssrc: int, name: str) -> SourceDescription:
        """The one item that every compound packet must carry."""
        return cls(((ssrc, ((CNAME, name),)),))


@dataclass(frozen=True, slots=True)
class Goodbye:
    """BYE of one or more sources."""

    sources: tuple[int, ...]
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Other:
    """A packet that we only pass on: APP, feedback, extended reports."""

    packet_type: int
    count: int
    body: bytes


RtcpPacket = SenderReport | ReceiverReport | SourceDescription | Goodbye | Other


def parse(data: bytes) -> list[RtcpPacket]:
    """The packets of a compound datagram, up to the first that is cut off; never raises."""
    packets: list[RtcpPacket] = []
    position = 0
    while position + 4 <= len(data):
        first, packet_type, words = _HEADER.unpack_from(data, position)
        end = position + 4 * (words + 1)
        if first >> 6 != 2 or end > len(data):
            break
        body = data[position + 4 : end]
        if first & 0x20 and body:  # padding, allowed in the last packet only
            padding = body[-1]
            if not padding or padding > len(body):
                break
            body = body[:-padding]
        packet = _read(packet_type, first & 0x1F, body)
        if packet is None:
            break
        packets.append(packet)
        position = end
    return packets


def _read(packet_type: int, count: int, body: bytes) -> RtcpPacket | None:
    if packet_type == SENDER_REPORT:
        if len(body) < _SENDER.size:
            return None
        ssrc, ntp, timestamp, sent, octets = _SENDER.unpack_from(body)
        return SenderReport(ssrc, ntp, timestamp, sent, octets, _blocks(body, _SENDER.size, count))
    if packet_type == RECEIVER_REPORT:
        if len(body) < 4:
            return None
        return ReceiverReport(_WORD.unpack_from(body)[0], _blocks(body, 4, count))
    if packet_type == SOURCE_DESCRIPTION:
        return SourceDescription(_chunks(body, count))
    if packet_type == GOODBYE:
        if len(body) < 4 * count:
            return None
        sources = struct.unpack_from(f"!{count}I", body)
        text = body[4 * count + 1 : 4 * count + 1 + body[4 * count]] if len(body) > 4 * count else b""
        return Goodbye(sources, text.decode("utf-8", "replace"))
    return Other(packet_type, count, body)


def _blocks(body: bytes, start: int, count: int) -> tuple[ReportBlock, ...]:
    """As many blocks as are really there."""
    found = []
    for position in range(start, min(start + count * _BLOCK.size, len(body) - _BLOCK.size + 1), _BLOCK.size):
        ssrc, loss, highest, jitter, last_sr, delay = _BLOCK.unpack_from(body, position)
        lost = loss & 0xFFFFFF
        if lost & 0x800000:
            lost -= 0x1000000
        found.append(ReportBlock(ssrc, loss >> 24, lost, highest, jitter, last_sr, delay))
    return tuple(found)


def _chunks(body: bytes, count: int) -> tuple[tuple[int, tuple[tuple[int, str], ...]], ...]:
    chunks = []
    position = 0
    for _ in range(count):
        if position + 4 > len(body):
            break
        ssrc = _WORD.unpack_from(body, position)[0]
        position += 4
        items: list[tuple[int, str]] = []
        while position < len(body) and body[position]:
            length = body[position + 1] if position + 1 < len(body) else 0
            text = body[position + 2 : position + 2 + length]
            items.append((body[position], text.decode("utf-8", "replace")))
            position += 2 + length
        position = (position + 4) & ~3  # at least one zero octet ends the list, then up to the next word
        chunks.append((ssrc, tuple(items)))
    return tuple(chunks)


def build(packets: Sequence[RtcpPacket]) -> bytes:
    """A compound datagram; the order is the caller's (RFC 3550 section 6.1: a report first, then SDES)."""
    return b"".join(_written(packet) for packet in packets)


def _written(packet: RtcpPacket) -> bytes:
    if isinstance(packet, SenderReport):
        blocks = packet.reports[:MAX_BLOCKS]
        head = _SENDER.pack(
            packet.ssrc,
            packet.ntp,
            packet.rtp_timestamp & 0xFFFFFFFF,
            packet.packets & 0xFFFFFFFF,
            packet.octets & 0xFFFFFFFF,
        )
        return _framed(SENDER_REPORT, len(blocks), head + b"".join(map(_block, blocks)))
    if isinstance(packet, ReceiverReport):
        blocks = packet.reports[:MAX_BLOCKS]
        return _framed(RECEIVER_REPORT, len(blocks), _WORD.pack(packet.ssrc) + b"".join(map(_block, blocks)))
    if isinstance(packet, SourceDescription):
        chunks = packet.chunks[:MAX_BLOCKS]
        return _framed(SOURCE_DESCRIPTION, len(chunks), b"".join(_chunk(ssrc, items) for ssrc, items in chunks))
    if isinstance(packet, Goodbye):
        sources = packet.sources[:MAX_BLOCKS]
        reason = packet.reason.encode()[:255]
        tail = bytes((len(reason),)) + reason if reason else b""
        return _framed(GOODBYE, len(sources), struct.pack(f"!{len(sources)}I", *sources) + tail)
    return _framed(packet.packet_type, packet.count, packet.body)


def _framed(packet_type: int, count: int, body: bytes) -> bytes:
    body += bytes(-len(body) % 4)
    return _HEADER.pack(0x80 | count & 0x1F, packet_type, len(body) // 4) + body


def _block(block: ReportBlock) -> bytes:
    return _BLOCK.pack(
        block.ssrc,
        (block.fraction_lost & 0xFF) << 24 | block.lost & 0xFFFFFF,
        block.highest_sequence & 0xFFFFFFFF,
        block.jitter & 0xFFFFFFFF,
        block.last_sr & 0xFFFFFFFF,
        block.delay & 0xFFFFFFFF,
    )


def _chunk(ssrc: int, items: Sequence[tuple[int, str]]) -> bytes:
    body = _WORD.pack(ssrc)
    for kind, text in items:
        raw = text.encode()[:255]
        body += bytes((kind, len(raw))) + raw
    return body + bytes(4 - len(body) % 4)


def ntp_time(unix_time: float) -> int:
    """Seconds since 1970 as a 64-bit NTP time."""
    return int((unix_time + _NTP_EPOCH) * 4294967296) & 0xFFFFFFFFFFFFFFFF


def round_trip(block: ReportBlock, now: int) -> float | None:
    """Seconds there and back (RFC 3550 section 6.4.1), from a report on us that came in at the NTP time `now`.

    None when the peer has had no sender report of ours yet, or when its figures can't be true.
    """
    if not block.last_sr:
        return None
    ticks = ((now >> 16 & 0xFFFFFFFF) - block.last_sr - block.delay) & 0xFFFFFFFF
    if ticks >= 0xFFFF0000:  # slightly below zero: the clocks' resolution, not time travel
        return 0.0
    return ticks / 65536 if ticks < 60 * 65536 else None


# Equipment impairment and robustness against loss (ITU-T G.113 appendix I; G.711 with concealment). Wide-band codecs
# are judged on the narrow-band scale, where they lose nothing by coding.
_IMPAIRMENT: dict[str, tuple[float, float]] = {
    "pcmu": (0.0, 25.1),
    "pcma": (0.0, 25.1),
    "g722": (0.0, 20.0),
    "opus": (0.0, 30.0),
    "gsm": (20.0, 10.0),
    "g729": (11.0, 19.0),
    "g723": (15.0, 16.1),
    "g726-32": (7.0, 20.0),
    "ilbc": (11.0, 32.0),
    "speex": (11.0, 20.0),
}


def mos(loss: float, jitter: float, round_trip_time: float | None, codec: str) -> float:
    """Mean opinion score, 1.0-4.5, by the E-model (ITU-T G.107) with its defaults.

    `loss` is a fraction (0-1), `jitter` and `round_trip_time` are in seconds. Jitter counts as the delay that a
    playout buffer of twice its size adds.
    """
    delay = ((round_trip_time or 0.0) / 2 + 2 * max(0.0, jitter)) * 1000 + 20  # ms; one frame to collect
    delay_impairment = 0.024 * delay + (0.11 * (delay - 177.3) if delay > 177.3 else 0.0)
    equipment, robustness = _IMPAIRMENT.get(codec, (5.0, 15.0))
    percent = 100 * max(0.0, min(loss, 1.0))
    equipment += (95 - equipment) * percent / (percent + robustness)
    rating = 93.2 - delay_impairment - equipment
    if rating <= 0:
        return 1.0
    if rating >= 100:
        return 4.5
    return max(1.0, 1 + 0.035 * rating + rating * (rating - 60) * (100 - rating) * 7e-6)
