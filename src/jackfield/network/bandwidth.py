"""What calls take of a line: kbit/s each way by codec, packet time, encryption and the layer at which it is counted.

    each = kbits("pcma")                             80.0: G.711 over IP, 20 ms in a packet
    kbits("gsm", layer="pppoe", security="80")       43.6: with all that a DSL line adds, encrypted
    calls_within(2000, each)                         25

A packet is the codec's bytes, 12 of RTP (RFC 3550 section 5.1), the tag of SRTP, 8 of UDP and 20 of IPv4 or 40 of IPv6,
and then what the layer adds. RTCP is left out: about 0.2 kbit/s for a call. Silence is counted as speech.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

__all__ = [
    "CODECS",
    "OPUS_RATE",
    "PACKET_TIMES",
    "BandwidthProblem",
    "CodecSize",
    "Layer",
    "Need",
    "Security",
    "Way",
    "calls_within",
    "checked",
    "kbits",
    "need",
    "on_the_line",
    "packet_bytes",
    "plan",
]

Layer = Literal["ip", "ethernet", "pppoe", "vpn"]
Security = Literal["off", "80", "32", "gcm"]

OPUS_RATE = 32_000
"""Bit/s at which Opus is counted where nothing else was agreed; 32,000 carry wideband speech at its best."""
PACKET_TIMES = (10, 20, 30, 40, 60)
"""Milliseconds that phones put into a packet; 20 is what nearly all do."""
RTP, UDP = 12, 8
IP: dict[int, int] = {4: 20, 6: 40}
TAGS: dict[Security, int] = {"off": 0, "80": 10, "32": 4, "gcm": 16}
"""Bytes that SRTP adds (RFC 3711 section 3.1 with the suites of RFC 4568 section 6.2; GCM: RFC 7714 section 14.2)."""
ETHERNET = 18
"""Addresses, type and checksum; preamble and gap between frames are not counted, as providers and switches do."""
PPPOE = 8
"""RFC 2516 section 4, and the two bytes of the PPP protocol."""
WIREGUARD = 32
"""Type, receiver and counter before the packet, the tag of ChaCha20-Poly1305 behind it."""
WIREGUARD_BLOCK = 16
"""WireGuard fills packets up to a multiple of this."""


class BandwidthProblem(ValueError):
    """Such a call can't be: the text says why, and what can."""


@dataclass(frozen=True, slots=True)
class CodecSize:
    """How much a codec puts into a packet: `bytes` in each frame of `frame` milliseconds."""

    name: str
    label: str
    frame: int
    bytes: float


CODECS: dict[str, CodecSize] = {
    one.name: one
    for one in (
        CodecSize("pcma", "G.711 A-law", 10, 80),
        CodecSize("pcmu", "G.711 µ-law", 10, 80),
        CodecSize("g722", "G.722", 10, 80),
        CodecSize("opus", "Opus", 10, 0),  # by its rate
        CodecSize("g726-32", "G.726-32", 10, 40),
        CodecSize("gsm", "GSM full rate", 20, 33),
        CodecSize("ilbc", "iLBC", 20, 38),  # of 30 ms: 50
        CodecSize("speex", "Speex", 20, 38),
        CodecSize("g729", "G.729", 10, 10),
    )
}
"""By the names that the configuration has for them."""


@dataclass(frozen=True, slots=True)
class Need:
    """What calls take. `kbits` is each way, for all of them together."""

    codec: str
    label: str
    ptime: int
    packet: int
    """Bytes of a packet at the layer."""
    each: float
    """kbit/s of one call each way."""
    calls: int
    kbits: float


def packet_bytes(
    codec: str, ptime: int = 20, layer: Layer = "ip", security: Security = "off", ip: int = 4, rate: int = OPUS_RATE
) -> int:
    """Return the size of a packet of voice at a layer, in bytes. Raises `BandwidthProblem`.

    `ptime`: milliseconds in it; `security`: "80" and "32" are SRTP with a tag of as many bits; `rate`: bit/s of Opus.
    """
    return on_the_line(_payload(codec, ptime, rate), layer, security, ip)


def on_the_line(payload: int, layer: Layer = "ip", security: Security = "off", ip: int = 4) -> int:
    """Return the size of a packet with `payload` bytes of voice at a layer, in bytes. Raises `BandwidthProblem`."""
    packet = IP[ip] + UDP + RTP + payload + TAGS[security]
    if layer == "ethernet":
        return packet + ETHERNET
    if layer == "pppoe":
        return packet + PPPOE + ETHERNET
    if layer == "vpn":
        filled = -(-packet // WIREGUARD_BLOCK) * WIREGUARD_BLOCK
        return filled + WIREGUARD + UDP + IP[ip]
    if layer != "ip":
        raise BandwidthProblem(f'"{layer}" is no layer: use {", ".join(get_args(Layer))}')
    return packet


def kbits(
    codec: str, ptime: int = 20, layer: Layer = "ip", security: Security = "off", ip: int = 4, rate: int = OPUS_RATE
) -> float:
    """Return what one call takes each way, in kbit/s. As `packet_bytes`."""
    return round(packet_bytes(codec, ptime, layer, security, ip, rate) * 8 / ptime, 2)


def need(
    codec: str,
    calls: int = 1,
    ptime: int = 20,
    layer: Layer = "ip",
    security: Security = "off",
    ip: int = 4,
    rate: int = OPUS_RATE,
) -> Need:
    """Return what calls at once take of a line. Raises `BandwidthProblem`."""
    size = packet_bytes(codec, ptime, layer, security, ip, rate)
    each = round(size * 8 / ptime, 2)
    return Need(codec, CODECS[codec].label, ptime, size, each, calls, round(calls * size * 8 / ptime, 1))


@dataclass(frozen=True, slots=True)
class Way:
    """How packets travel: what is around the voice in each."""

    layer: Layer = "ip"
    security: Security = "off"
    ip: int = 4


def checked(layer: str, security: str, ip: int | str = 4) -> Way:
    """Return the way that words name. Raises `BandwidthProblem` for those that name none."""
    layers = {name: name for name in get_args(Layer)}
    secure: dict[str, Security] = {name: name for name in TAGS}
    if layer not in layers:
        raise BandwidthProblem(f'"{layer}" is no layer: use {", ".join(layers)}')
    if security not in secure:
        raise BandwidthProblem(f'"{security}" is no encryption: use {", ".join(secure)}')
    if str(ip) not in ("4", "6"):
        raise BandwidthProblem(f"there is no version {ip} of IP: use 4 or 6")
    return Way(layers[layer], secure[security], int(ip))


def plan(
    way: Way, calls: int = 1, codecs: Sequence[str] | None = None, ptime: int = 20, rate: int = OPUS_RATE
) -> list[Need]:
    """Return what calls take with each codec; None: with all that can have such packets. Raises `BandwidthProblem`."""
    found = []
    for codec in CODECS if codecs is None else codecs:
        try:
            found.append(need(codec, calls, ptime, way.layer, way.security, way.ip, rate))
        except BandwidthProblem:
            if codecs is not None or codec in ("pcma", "opus"):
                raise
    return found


def calls_within(line: float, each: float) -> int:
    """Return how many calls of `each` kbit/s fit into `line` kbit/s."""
    return int((line + 0.001) / each) if each > 0 else 0


def _payload(codec: str, ptime: int, rate: int) -> int:
    known = CODECS.get(codec)
    if known is None:
        raise BandwidthProblem(f'"{codec}" is no codec: use {", ".join(CODECS)}')
    if not 10 <= ptime <= 120:
        raise BandwidthProblem(f"{ptime} ms don't make a packet: give 10 to 120")
    if codec == "opus":
        if not 6000 <= rate <= 510_000:  # RFC 6716 section 2.1.1
            raise BandwidthProblem(f"Opus has no rate of {rate / 1000:g} kbit/s: give 6 to 510")
        return round(rate * ptime / 8000)
    frame, size = known.frame, known.bytes
    if codec == "ilbc" and ptime % 30 == 0:
        frame, size = 30, 50  # RFC 3952 section 3.1
    if ptime % frame:
        also = " or of 30" if codec == "ilbc" else ""
        raise BandwidthProblem(f"{known.label} has frames of {frame} ms{also}: {ptime} ms is not a multiple of it")
    return int(ptime // frame * size)
