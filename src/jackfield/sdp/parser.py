"""Read session descriptions as real phones write them."""

from __future__ import annotations

import re

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

_LINE_END = re.compile("\r\n|\n|\r")
_DIRECTIONS: dict[str, Direction] = {d: d for d in DIRECTIONS}


def parse(data: bytes) -> Session:
    """Read a body of type application/sdp.

    Bare LF, missing v=, o=, s=, t= and c= lines, unknown attributes and lines that make no sense are put up with: what
    can't be read is left out. An m= line that can't be read stays in its place with port 0, so that an answer keeps
    the order. Raises MalformedSdp (and nothing else) when there is no description at all or a limit is passed.
    """
    if len(data) > MAX_BYTES:
        raise MalformedSdp(f"session description of {len(data)} bytes (limit {MAX_BYTES})")
    lines = _LINE_END.split(bytes(data).decode("utf-8", "surrogateescape"))
    if len(lines) > MAX_LINES:
        raise MalformedSdp(f"session description of {len(lines)} lines (limit {MAX_LINES})")
    session = Session()
    reader: _MediaReader | None = None
    readers: list[_MediaReader] = []
    session_ptime: int | None = None
    seen_version = False
    all_formats = 0
    for line in lines:
        line = line.strip(" \t\0")
        if line[1:2] != "=":
            continue
        kind, value = line[0], line[2:].strip()
        if kind == "m":
            if len(readers) == MAX_MEDIA:
                raise MalformedSdp(f"more than {MAX_MEDIA} media lines")
            reader = _MediaReader(value)
            readers.append(reader)
            all_formats += len(reader.media.formats)
            if all_formats > MAX_ALL_FORMATS:
                raise MalformedSdp(f"more than {MAX_ALL_FORMATS} formats")
        elif reader is not None:
            if kind == "a":
                reader.attribute(value)
            elif kind == "c" and not reader.media.address:
                reader.media.address = _address(value)
        elif kind == "a":
            session.attributes.append(value)
            if value in _DIRECTIONS:
                session.direction = _DIRECTIONS[value]
            elif value.startswith("ptime:"):
                session_ptime = _milliseconds(value[6:])
        elif kind == "c":
            session.address = session.address or _address(value)
        elif kind == "o":
            session.origin = _origin(value)
        elif kind == "s":
            session.name = value or "-"
        elif kind == "v":
            seen_version = True
    if not readers and not seen_version:
        raise MalformedSdp("no session description in the body: neither a v= nor an m= line")
    # Some gateways leave c= out and mean the address of o=.
    fallback = session.address or (session.origin.address if readers else "")
    for each in readers:
        session.media.append(each.finish(fallback, session.direction, session_ptime))
    return session


class _MediaReader:
    """Collects the lines of one m= section."""

    __slots__ = ("direction", "fmtp", "media", "rtpmap")

    def __init__(self, value: str) -> None:
        # Words that can't be repeated in an answer are no words.
        words = [word for word in value.split() if word.isascii() and word.isprintable()]
        words += [""] * (3 - len(words))
        formats = words[3:]
        if len(formats) > MAX_FORMATS:
            raise MalformedSdp(f"more than {MAX_FORMATS} formats in a media line")
        port = number(words[1].partition("/")[0], 65535) if formats else None
        self.media = Media(
            kind=words[0].lower() or "audio", port=port or 0, protocol=words[2] or "RTP/AVP", formats=formats
        )
        self.rtpmap: dict[int, tuple[str, int, int]] = {}
        self.fmtp: dict[int, str] = {}
        self.direction: Direction | None = None

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
            self.direction = _DIRECTIONS[name]
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

    def finish(self, address: str, direction: Direction, ptime: int | None) -> Media:
        """The media line, with what the session level says where it says nothing itself."""
        media = self.media
        media.address = media.address or address
        media.direction = self.direction or direction
        media.ptime = media.ptime or ptime
        if "RTP/" in media.protocol.upper():
            for text in dict.fromkeys(media.formats):
                payload = number(text, 127)
                if payload is None:
                    continue
                meaning = self.rtpmap.get(payload) or STATIC_PAYLOADS.get(payload)
                if meaning is not None:
                    name, rate, channels = meaning
                    media.codecs.append(Codec(name, payload, rate, channels, self.fmtp.get(payload, "")))
        return media


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
