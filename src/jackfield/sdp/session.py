"""A session description as data, and its text (RFC 8866)."""

from __future__ import annotations

import base64
import ipaddress
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Literal

from jackfield.sdp.codecs import Codec

Direction = Literal["sendrecv", "sendonly", "recvonly", "inactive"]
DIRECTIONS: tuple[Direction, ...] = ("sendrecv", "sendonly", "recvonly", "inactive")

# Attributes that have a field of their own in Media; the text is written from the field.
MODELLED = frozenset(("rtpmap", "fmtp", "ptime", "maxptime", "rtcp", "rtcp-mux", "crypto", *DIRECTIONS))

_LONGEST_LITERAL = 45  # characters: IPv6 with the end written as IPv4

RTP_PROTOCOLS = frozenset(("RTP/AVP", "RTP/AVPF", "RTP/SAVP", "RTP/SAVPF", "UDP/TLS/RTP/SAVP", "UDP/TLS/RTP/SAVPF"))

# Length in bytes of master key + salt (RFC 4568 section 6.1, RFC 7714 section 14).
SUITE_KEY_BYTES = {
    "AES_CM_128_HMAC_SHA1_80": 30,
    "AES_CM_128_HMAC_SHA1_32": 30,
    "AEAD_AES_128_GCM": 28,
    "AEAD_AES_256_GCM": 44,
}


class MalformedSdp(ValueError):
    """A body that can't be used as a session description; the text says why."""


@dataclass(frozen=True, slots=True)
class Crypto:
    """One a=crypto line (RFC 4568): `tag` number, `suite` name, `key` as "inline:BASE64[|lifetime][|mki]"."""

    tag: int
    suite: str
    key: str
    parameters: str = ""

    def __str__(self) -> str:
        text = f"{self.tag} {self.suite} {self.key}"
        return f"{text} {self.parameters}" if self.parameters else text

    @property
    def usable(self) -> bool:
        """True for one key of the right length for a suite that we know, with no session parameter that we don't.

        Parameters that begin with "-" may be ignored, all unknown others forbid the line (RFC 4568 section 6.3).
        """
        octets = SUITE_KEY_BYTES.get(self.suite)
        encoded = self.key.removeprefix("inline:").partition("|")[0]
        if octets is None or ";" in self.key:
            return False
        if not all(word.startswith(("-", "WSH=", "KDR=0")) for word in self.parameters.split()):
            return False
        try:
            # Some leave the padding out.
            return len(base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)) == octets
        except ValueError:
            return False

    @property
    def secret(self) -> str:
        """ "SUITE inline:KEY": how the media process wants it."""
        return f"{self.suite} {self.key}"

    @classmethod
    def generate(
        cls, suite: str, *, tag: int = 1, random_bytes: Callable[[int], bytes] = secrets.token_bytes
    ) -> Crypto:
        """A line with a new key. Raises KeyError for a suite that isn't in SUITE_KEY_BYTES."""
        key = base64.b64encode(random_bytes(SUITE_KEY_BYTES[suite])).decode("ascii")
        return cls(tag, suite, "inline:" + key)


@dataclass(frozen=True, slots=True)
class Origin:
    """The o= line. A peer that sends the same `session_id` and `version` again has changed nothing."""

    username: str = "-"
    session_id: str = "0"
    version: str = "0"
    address: str = "0.0.0.0"  # noqa: S104 - nothing is bound, this is text


@dataclass(slots=True)
class Media:
    """One m= line with what belongs to it.

    `port` 0 means refused or ended. `protocol` and `formats` are as on the wire. `codecs` are the formats of an RTP
    line that could be understood, in the order of preference. `address` is its own or the session's. `rtcp` is
    (address or None, port) of an a=rtcp line (RFC 3605). `attributes` are all a= values as received; when an RTP line
    is written, those with a field of their own come from the field, for any other line all are written as they are.
    """

    kind: str = "audio"
    port: int = 0
    protocol: str = "RTP/AVP"
    formats: list[str] = field(default_factory=list)
    codecs: list[Codec] = field(default_factory=list)
    direction: Direction = "sendrecv"
    address: str = ""
    ptime: int | None = None
    maxptime: int | None = None
    rtcp: tuple[str | None, int] | None = None
    rtcp_mux: bool = False
    crypto: list[Crypto] = field(default_factory=list)
    attributes: list[str] = field(default_factory=list)

    @property
    def is_rtp(self) -> bool:
        """True for the RTP profiles that we speak (not UDPTL, nothing over TCP)."""
        return self.protocol.upper() in RTP_PROTOCOLS

    @property
    def is_secure(self) -> bool:
        """True when the profile demands SRTP."""
        return "SAVP" in self.protocol.upper()

    def attribute(self, name: str) -> str | None:
        """The value of the first such attribute; "" for a flag; None when it isn't there."""
        for line in self.attributes:
            key, _, value = line.partition(":")
            if key == name:
                return value
        return None

    def lines(self, session_address: str) -> list[str]:
        """The text lines of this m= line; `session_address` is what needn't be repeated."""
        numbers = [str(c.payload_type) for c in self.codecs]
        formats = numbers if numbers and self.is_rtp else self.formats
        lines = [f"m={self.kind} {self.port} {self.protocol} {' '.join(formats) or '0'}"]
        if self.address and self.address != session_address:
            lines.append(connection_line(self.address))
        if not self.is_rtp:
            return lines + [f"a={text}" for text in self.attributes]
        if not self.port:
            # Nothing about a refused stream is of use to anybody but its name, which a browser knows it by.
            return lines + [f"a={text}" for text in self.attributes if text.startswith("mid:")]
        for codec in self.codecs:
            lines.append(f"a=rtpmap:{codec.rtpmap}")
            if codec.fmtp:
                lines.append(f"a=fmtp:{codec.payload_type} {codec.fmtp}")
        if self.ptime is not None:
            lines.append(f"a=ptime:{self.ptime}")
        if self.maxptime is not None:
            lines.append(f"a=maxptime:{self.maxptime}")
        if self.rtcp is not None:
            where = f" IN {family(self.rtcp[0])} {self.rtcp[0]}" if self.rtcp[0] else ""
            lines.append(f"a=rtcp:{self.rtcp[1]}{where}")
        if self.rtcp_mux:
            lines.append("a=rtcp-mux")
        lines += [f"a=crypto:{crypto}" for crypto in self.crypto]
        lines += [f"a={text}" for text in self.attributes if text.partition(":")[0] not in MODELLED]
        lines.append(f"a={self.direction}")
        return lines


@dataclass(slots=True)
class Session:
    """A whole description. `address` is the session's c= line, `direction` what media lines inherit."""

    origin: Origin = field(default_factory=Origin)
    name: str = "-"
    address: str = ""
    media: list[Media] = field(default_factory=list)
    direction: Direction = "sendrecv"
    attributes: list[str] = field(default_factory=list)

    @classmethod
    def parse(cls, data: bytes) -> Session:
        """Read a body; raises MalformedSdp and nothing else. See `jackfield.sdp.parse`."""
        from jackfield.sdp.parser import parse  # the parser needs this class

        return parse(data)

    def to_bytes(self) -> bytes:
        """The text, strict whatever the source was: CRLF, every line that RFC 8866 demands, in its order."""
        origin = self.origin
        lines = [
            "v=0",
            f"o={origin.username} {origin.session_id} {origin.version} IN {family(origin.address)} {origin.address}",
            f"s={self.name or '-'}",
        ]
        if self.address:
            lines.append(connection_line(self.address))
        lines.append("t=0 0")
        lines += [f"a={text}" for text in self.attributes if text.partition(":")[0] not in MODELLED]
        for media in self.media:
            lines += media.lines(self.address)
        lines.append("")
        return "\r\n".join(lines).encode("utf-8", "surrogateescape")

    @property
    def audio(self) -> Media | None:
        """The first audio line in use, None when there is none."""
        return self._first("audio")

    @property
    def image(self) -> Media | None:
        """The first image (T.38) line in use, None when there is none."""
        return self._first("image")

    def _first(self, kind: str) -> Media | None:
        for media in self.media:
            if media.kind == kind and media.port:
                return media
        return None


def connection_line(address: str) -> str:
    """The c= line for an IPv4 or IPv6 literal or a name."""
    return f"c=IN {family(address)} {address}"


def family(address: str) -> str:
    """ "IP6" for an address with colons, else "IP4"."""
    return "IP6" if ":" in address else "IP4"


def is_literal(address: str) -> bool:
    """True for an IPv4 or IPv6 address in digits (no name, no scope)."""
    return len(address) <= _LONGEST_LITERAL and _looked_at(address)[0]


def is_unspecified(address: str) -> bool:
    """True for 0.0.0.0 and ::, by which RFC 2543 phones say "hold"."""
    return len(address) <= _LONGEST_LITERAL and _looked_at(address)[1]


@lru_cache(maxsize=1024)
def _looked_at(address: str) -> tuple[bool, bool]:
    """Whether it is a literal, and an unspecified one; every description of a phone names the same address."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False, False
    return "%" not in address, "%" not in address and parsed.is_unspecified


def reverse(direction: Direction) -> Direction:
    """The same direction seen from the other end."""
    if direction == "sendonly":
        return "recvonly"
    if direction == "recvonly":
        return "sendonly"
    return direction


def sends(direction: Direction) -> bool:
    """True when the one who says `direction` sends."""
    return direction in ("sendrecv", "sendonly")


def receives(direction: Direction) -> bool:
    """True when the one who says `direction` receives."""
    return direction in ("sendrecv", "recvonly")


def narrow(direction: Direction, other: Direction) -> Direction:
    """What both directions (seen from the same end) allow."""
    sending = sends(direction) and sends(other)
    receiving = receives(direction) and receives(other)
    if sending:
        return "sendrecv" if receiving else "sendonly"
    return "recvonly" if receiving else "inactive"


def refused(media: Media) -> Media:
    """The same m-line with port 0, so that it keeps its place (RFC 3264 section 6)."""
    return Media(
        kind=media.kind,
        port=0,
        protocol=media.protocol,
        formats=list(media.formats[:1]),
        codecs=media.codecs[:1],
        attributes=[text for text in media.attributes if text.startswith("mid:")],
    )


def readdressed(media: Media, address: str, port: int) -> Media:
    """The m-line with all its attributes, at another address: how T.38 passes through a back-to-back agent."""
    return replace(media, address=address, port=port if media.port else 0, attributes=list(media.attributes))
