"""Codecs as session descriptions name them: RFC 3551's static numbers, and the short names we use everywhere."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

FIRST_DYNAMIC = 96
LAST_DYNAMIC = 127

TELEPHONE_EVENT = "telephone-event"
COMFORT_NOISE = "cn"


@dataclass(frozen=True, slots=True)
class KnownCodec:
    """What we say about a codec when nobody told us more.

    `encoding` is the registered name on the wire, `clock_rate` the RTP clock in Hz (not always the audio's
    sampling rate: G.722 runs at 16 kHz and counts 8000, RFC 3551 section 4.5.2), `payload_type` the static number
    or the dynamic one that we like best.
    """

    encoding: str
    clock_rate: int = 8000
    payload_type: int = FIRST_DYNAMIC
    channels: int = 1
    fmtp: str = ""


CODECS: dict[str, KnownCodec] = {
    "pcmu": KnownCodec("PCMU", payload_type=0),
    "pcma": KnownCodec("PCMA", payload_type=8),
    "g722": KnownCodec("G722", payload_type=9),
    "gsm": KnownCodec("GSM", payload_type=3),
    "g723": KnownCodec("G723", payload_type=4),
    "g728": KnownCodec("G728", payload_type=15),
    "g729": KnownCodec("G729", payload_type=18),
    # RFC 7587: always "opus/48000/2" whatever is inside. What we encode ourselves is wide-band and mono.
    "opus": KnownCodec(
        "opus",
        48000,
        111,
        channels=2,
        fmtp="maxplaybackrate=16000;sprop-maxcapturerate=16000;stereo=0;sprop-stereo=0;useinbandfec=1",
    ),
    "ilbc": KnownCodec("iLBC", payload_type=97, fmtp="mode=20"),
    "speex": KnownCodec("speex", payload_type=98),
    "g726-32": KnownCodec("G726-32", payload_type=104),
    TELEPHONE_EVENT: KnownCodec(TELEPHONE_EVENT, payload_type=101, fmtp="0-15"),
    COMFORT_NOISE: KnownCodec("CN", payload_type=13),
}

# RFC 3551 table 4, for descriptions that leave the rtpmap line out. 2 is "reserved" today, but phones still
# send it for what it once was.
STATIC_PAYLOADS: dict[int, tuple[str, int, int]] = {
    0: ("pcmu", 8000, 1),
    2: ("g726-32", 8000, 1),
    3: ("gsm", 8000, 1),
    4: ("g723", 8000, 1),
    5: ("dvi4", 8000, 1),
    6: ("dvi4", 16000, 1),
    7: ("lpc", 8000, 1),
    8: ("pcma", 8000, 1),
    9: ("g722", 8000, 1),
    10: ("l16", 44100, 2),
    11: ("l16", 44100, 1),
    12: ("qcelp", 8000, 1),
    13: ("cn", 8000, 1),
    15: ("g728", 8000, 1),
    16: ("dvi4", 11025, 1),
    17: ("dvi4", 22050, 1),
    18: ("g729", 8000, 1),
}

# Best numbers for an encoding at a second clock rate.
_LIKED_NUMBERS = {"telephone-event/48000": 110, "telephone-event/16000": 109, "speex/16000": 99}


@dataclass(frozen=True, slots=True)
class Codec:
    """One format of an RTP stream: a codec under a payload number.

    `name` is ours (lower case: pcmu, pcma, g722, gsm, opus, g729, telephone-event, cn, …), `payload_type` 0-127,
    `clock_rate` the RTP clock in Hz, `channels` as in the rtpmap line, `fmtp` the raw parameters.
    """

    name: str
    payload_type: int
    clock_rate: int = 8000
    channels: int = 1
    fmtp: str = ""

    @property
    def label(self) -> str:
        """The short name, with its clock rate when that isn't the usual one: "opus", "speex/16000"."""
        known = CODECS.get(self.name)
        if known is not None and known.clock_rate == self.clock_rate:
            return self.name
        if self.channels != 1:
            return f"{self.name}/{self.clock_rate}/{self.channels}"
        return f"{self.name}/{self.clock_rate}"

    @property
    def encoding(self) -> str:
        """The name as it goes on the wire ("PCMU")."""
        known = CODECS.get(self.name)
        return known.encoding if known else self.name

    @property
    def rtpmap(self) -> str:
        """The value of the rtpmap line, RFC 8866 section 6.6."""
        channels = f"/{self.channels}" if self.channels != 1 else ""
        return f"{self.payload_type} {self.encoding}/{self.clock_rate}{channels}"

    @property
    def is_audio(self) -> bool:
        """True for what carries sound, false for telephone events, comfort noise and redundancy."""
        return self.name not in _NOT_AUDIO

    def parameter(self, name: str) -> str | None:
        """One parameter of the fmtp line, by its name in any case; None when it isn't there."""
        wanted = name.lower()
        for part in self.fmtp.split(";"):
            key, _, value = part.partition("=")
            if key.strip().lower() == wanted:
                return value.strip()
        return None


_NOT_AUDIO = frozenset((TELEPHONE_EVENT, COMFORT_NOISE, "red", "rtx", "ulpfec", "tone"))


@lru_cache(maxsize=512)
def named(label: str) -> Codec:
    """A codec by its label ("pcma", "speex/16000", "l16/16000/2") with our defaults; unknown names count 8000."""
    name, _, rest = label.strip().lower().partition("/")
    rate_text, _, channel_text = rest.partition("/")
    known = CODECS.get(name)
    rate = number(rate_text, 1_000_000) or (known.clock_rate if known else 8000)
    channels = number(channel_text, 255) or (known.channels if known else 1)
    if known is not None and known.clock_rate == rate:
        wanted = known.payload_type
    else:
        wanted = _LIKED_NUMBERS.get(f"{name}/{rate}", FIRST_DYNAMIC)
    return Codec(name, wanted, rate, channels, known.fmtp if known else "")


def number(text: str, limit: int) -> int | None:
    """A plain decimal number of at most `limit`; None for signs, blanks, other scripts' digits, and huge ones."""
    if text.isascii() and text.isdigit() and len(text) <= 10:
        value = int(text)
        return value if value <= limit else None
    return None


def with_numbers(codecs: Sequence[str | Codec], keep: Mapping[str, int]) -> list[Codec]:
    """Give every codec a payload number of its own, those in `keep` (label → number) first.

    Static codecs have their static number. A dynamic number asked for twice goes to the first one; the other gets
    the next that is free. Codecs that find no free number any more are left out; doubles too.
    """
    return list(_with_numbers(tuple(codecs), tuple(keep.items())))


@lru_cache(maxsize=256)
def _with_numbers(codecs: tuple[str | Codec, ...], kept: tuple[tuple[str, int], ...]) -> list[Codec]:
    keep = dict(kept)
    wanted: list[Codec] = []
    seen: set[str] = set()
    for item in codecs:
        codec = named(item) if isinstance(item, str) else item
        if codec.label in seen:
            continue
        seen.add(codec.label)
        static = static_number(codec)
        if static is not None:
            codec = replace(codec, payload_type=static)
        elif codec.label in keep:
            codec = replace(codec, payload_type=keep[codec.label])
        wanted.append(codec)
    # Numbers of the other leg win over our own liking, wherever in the list they stand.
    taken = {c.payload_type for c in wanted if static_number(c) is not None}
    owner = {keep[c.label]: c.label for c in reversed(wanted) if c.label in keep and static_number(c) is None}
    reserved = taken | set(owner)
    result: list[Codec] = []
    for codec in wanted:
        if static_number(codec) is None and owner.get(codec.payload_type) != codec.label:
            chosen = _free_number(codec.payload_type, reserved)
            if chosen is None:
                continue
            reserved.add(chosen)
            codec = replace(codec, payload_type=chosen)
        result.append(codec)
    return result


def static_number(codec: Codec) -> int | None:
    """The codec's static payload number (RFC 3551), None when its number is dynamic."""
    known = CODECS.get(codec.name)
    if known and known.payload_type < FIRST_DYNAMIC and known.clock_rate == codec.clock_rate:
        return known.payload_type
    return None


def _free_number(liked: int, reserved: set[int]) -> int | None:
    if FIRST_DYNAMIC <= liked <= LAST_DYNAMIC and liked not in reserved:
        return liked
    for candidate in range(FIRST_DYNAMIC, LAST_DYNAMIC + 1):
        if candidate not in reserved:
            return candidate
    return None


def payload_numbers(codecs: Iterable[Codec]) -> dict[str, int]:
    """Label → payload number of the dynamic ones: what `offer(payload_types=…)` of the other leg wants to keep."""
    return {c.label: c.payload_type for c in codecs if FIRST_DYNAMIC <= c.payload_type <= LAST_DYNAMIC}


def shared_first(codecs: Sequence[str], other_leg: Iterable[Codec]) -> list[str | Codec]:
    """The order to offer to a party when the other leg of the call has already said what it speaks.

    Those of `codecs` (the party's own list) that the other leg has too come first, in the party's order and with
    the other leg's parameters, because they can pass untouched; the rest follows for transcoding.
    """
    theirs = {c.label: c for c in reversed(list(other_leg))}
    labels = [named(c).label for c in codecs]
    shared: list[str | Codec] = [theirs[label] for label in labels if label in theirs]
    return shared + [label for label in labels if label not in theirs]
