"""Read session descriptions as real phones write them."""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from typing import cast

from jackfield.sdp.codecs import STATIC_PAYLOADS, Codec, number
from jackfield.sdp.session import DIRECTIONS, Crypto, Direction, MalformedSdp, Media, Origin, Session

# A browser's offer of audio and video has some 10 kB, 250 lines and 25 formats. The limits keep the worst body of all
# under 5 ms.
MAX_BYTES = 24 * 1024
MAX_MEDIA = 16
MAX_FORMATS = 64  # in one m= line
MAX_ALL_FORMATS = 256
MAX_LINES = 500
_MAX_KEYS = 16  # a=crypto lines of one stream; more are left out

_MAX_SHARED = 2000  # characters of an m= section that is remembered
_NOT_SAID = cast(Direction, "")
_DIRECTIONS: dict[str, Direction] = {d: d for d in DIRECTIONS}


def parse(data: bytes) -> Session:
    """Read a body of type application/sdp.

    Bare LF, missing v=, o=, s=, t= and c= lines, unknown attributes and lines that make no sense are put up with: what
    can't be read is left out. An m= line that can't be read stays in its place with port 0, so that an answer keeps
    the order. Raises MalformedSdp (and nothing else) when there is no description at all or a limit is passed.
    """
    if len(data) > MAX_BYTES:
        raise MalformedSdp(f"session description of {len(data)} bytes (limit {MAX_BYTES})")
    text = bytes(data).decode("utf-8", "surrogateescape").replace("\r\n", "\n").replace("\r", "\n")
    lines = [line.strip(" \t\0") for line in text.split("\n")]
    if len(lines) > MAX_LINES:
        raise MalformedSdp(f"session description of {len(lines)} lines (limit {MAX_LINES})")
    starts = [place for place, line in enumerate(lines) if line[:2] == "m="]
    if len(starts) > MAX_MEDIA:
        raise MalformedSdp(f"more than {MAX_MEDIA} media lines")
    session = Session()
    ptime, seen_version = _session_level(session, lines[: starts[0]] if starts else lines)
    if not starts and not seen_version:
        raise MalformedSdp("no session description in the body: neither a v= nor an m= line")
    # Some gateways leave c= out and mean the address of o=.
    address = session.address or (session.origin.address if starts else "")
    all_formats = 0
    for start, end in pairwise([*starts, len(lines)]):
        media = _media(lines[start], lines[start + 1 : end])
        media.address = media.address or address
        media.ptime = media.ptime or ptime
        if not media.direction:
            media.direction = session.direction
        session.media.append(media)
        all_formats += len(media.formats)
        if all_formats > MAX_ALL_FORMATS:
            raise MalformedSdp(f"more than {MAX_ALL_FORMATS} formats")
    return session


def _session_level(session: Session, lines: list[str]) -> tuple[int | None, bool]:
    """Read what stands before the first m= line; return the packet time that media inherit, and if there was a v=."""
    ptime: int | None = None
    seen_version = False
    for line in lines:
        if line[1:2] != "=":
            continue
        kind, value = line[0], line[2:].strip()
        if kind == "a":
            session.attributes.append(value)
            if value in _DIRECTIONS:
                session.direction = _DIRECTIONS[value]
            elif value.startswith("ptime:"):
                ptime = _milliseconds(value[6:])
        elif kind == "c":
            session.address = session.address or _address(value)
        elif kind == "o":
            session.origin = _origin(value)
        elif kind == "s":
            session.name = value or "-"
        elif kind == "v":
            seen_version = True
    return ptime, seen_version


def _media(first: str, lines: list[str]) -> Media:
    """Read an m= section. `direction` is "" where it says none."""
    # Words that can't be repeated in an answer are no words.
    words = [word for word in first[2:].split() if word.isascii() and word.isprintable()]
    kind, port_text, protocol, *formats = words + [""] * (3 - len(words))
    if len(formats) > MAX_FORMATS:
        raise MalformedSdp(f"more than {MAX_FORMATS} formats in a media line")
    text = "\n".join(lines)
    # A phone says the same about its audio in every call, but for its port; keys are new each time.
    shared = len(text) <= _MAX_SHARED and "a=crypto" not in text and "a=ice-pwd" not in text
    read = _section if shared else _section.__wrapped__
    section = read(protocol or "RTP/AVP", " ".join(formats), text)
    port = number(port_text.partition("/")[0], 65535) if formats else None
    return Media(
        kind=kind.lower() or "audio",
        port=port or 0,
        protocol=section.protocol,
        formats=section.formats.copy(),
        codecs=section.codecs.copy(),
        direction=section.direction,
        address=section.address,
        ptime=section.ptime,
        maxptime=section.maxptime,
        rtcp=section.rtcp,
        rtcp_mux=section.rtcp_mux,
        crypto=section.crypto.copy(),
        attributes=section.attributes.copy(),
    )


@lru_cache(maxsize=256)
def _section(protocol: str, formats: str, text: str) -> Media:
    """Read the lines of an m= section into a Media that must not be changed, without kind and port."""
    media = Media(protocol=protocol, formats=formats.split(" ") if formats else [], direction=_NOT_SAID)
    reader = _MediaReader(media)
    for line in text.split("\n"):
        if line[1:2] != "=":
            continue
        kind, value = line[0], line[2:].strip()
        if kind == "a":
            reader.attribute(value)
        elif kind == "c" and not media.address:
            media.address = _address(value)
    reader.finish()
    return media


class _MediaReader:
    """Collects the attributes of one m= section."""

    __slots__ = ("fmtp", "media", "rtpmap")

    def __init__(self, media: Media) -> None:
        self.media = media
        self.rtpmap: dict[int, tuple[str, int, int]] = {}
        self.fmtp: dict[int, str] = {}

    def attribute(self, text: str) -> None:
        """Take in one a= line."""
        media = self.media
        media.attributes.append(text)
        name, _, value = text.partition(":")
        if name == "rtpmap":
            self._rtpmap(value)
        elif name == "fmtp":
            first, _, parameters = value.strip().partition(" ")
            payload = number(first, 127)
            if payload is not None and parameters:
                before = self.fmtp.get(payload)
                self.fmtp[payload] = f"{before};{parameters.strip()}" if before else parameters.strip()
        elif name in _DIRECTIONS:
            media.direction = _DIRECTIONS[name]
        elif name == "ptime":
            media.ptime = _milliseconds(value)
        elif name == "maxptime":
            media.maxptime = _milliseconds(value)
        elif name == "rtcp-mux":
            media.rtcp_mux = True
        elif name == "rtcp":
            first, _, rest = value.strip().partition(" ")
            port = number(first, 65535)
            if port:
                media.rtcp = (_address(rest) or None, port)
        elif name == "crypto" and len(media.crypto) < _MAX_KEYS:
            crypto = _crypto(value)
            if crypto is not None:
                media.crypto.append(crypto)

    def _rtpmap(self, value: str) -> None:
        first, _, rest = value.strip().partition(" ")
        payload = number(first, 127)
        name, _, rate_text = rest.strip().partition("/")
        rate_text, _, channel_text = rate_text.partition("/")
        rate = number(rate_text.strip(), 1_000_000) or 8000
        if payload is None or not name:
            return
        name = name.strip().lower()
        channels = number(channel_text.strip(), 255) or 1
        # RFC 3551 and RFC 7587 leave no choice here; peers that write G722/16000 or opus/48000 mean these.
        if name == "g722":
            rate, channels = 8000, 1
        elif name == "opus":
            rate, channels = 48000, 2
        self.rtpmap[payload] = (name, rate, channels)

    def finish(self) -> None:
        """Say which codecs the formats are."""
        media = self.media
        if "RTP/" not in media.protocol.upper():
            return
        for text in dict.fromkeys(media.formats):
            payload = number(text, 127)
            if payload is None:
                continue
            meaning = self.rtpmap.get(payload) or STATIC_PAYLOADS.get(payload)
            if meaning is not None:
                name, rate, channels = meaning
                media.codecs.append(Codec(name, payload, rate, channels, self.fmtp.get(payload, "")))


def _address(value: str) -> str:
    """The address of "IN IP4 192.0.2.1/127" without its scope of multicast; "" when there is none."""
    words = value.split()
    return words[2].partition("/")[0].strip("[]") if len(words) >= 3 else ""


def _origin(value: str) -> Origin:
    words = value.split()
    if len(words) < 6:
        return Origin()
    return Origin(words[0], words[1], words[2], words[5].strip("[]"))


def _milliseconds(text: str) -> int | None:
    """A packet time; some write it with a fraction."""
    return number(text.strip().partition(".")[0], 1000) or None


def _crypto(value: str) -> Crypto | None:
    words = value.split(None, 3)
    if len(words) < 3 or not words[2].lower().startswith("inline:"):
        return None
    tag = number(words[0], 999_999_999)
    if tag is None:
        return None
    return Crypto(tag, words[1], "inline:" + words[2][7:], words[3] if len(words) == 4 else "")
