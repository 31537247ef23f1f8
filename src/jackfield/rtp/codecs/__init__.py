"""Audio codecs: what is there, one instance for a stream, and transcoders between any two.

`available()` shrinks when a library is missing; `missing_libraries()` says what to install. Names are those of
`jackfield.sdp`: pcmu, pcma, g722, gsm, opus.
"""

from __future__ import annotations

from jackfield.rtp.codecs.base import FRAME_MS, Codec
from jackfield.rtp.codecs.g711 import G711, SILENCE
from jackfield.rtp.codecs.g722 import G722
from jackfield.rtp.codecs.gsm import FRAME_OCTETS, Gsm
from jackfield.rtp.codecs.libraries import GSM, LIBRARIES, OPUS, SPANDSP, LibraryMissing, present
from jackfield.rtp.codecs.opus import DEFAULT_COMPLEXITY, Opus
from jackfield.rtp.codecs.transcode import Frames, GsmResplit, Relaw, Resplit, Transcoder

__all__ = [
    "FRAME_MS",
    "NAMES",
    "SILENCE",
    "Codec",
    "Frames",
    "LibraryMissing",
    "Transcoder",
    "UnknownCodec",
    "available",
    "create",
    "missing_libraries",
    "transcoder",
]

NAMES = ("pcmu", "pcma", "g722", "gsm", "opus")

_LIBRARY = {"g722": SPANDSP, "gsm": GSM, "opus": OPUS}
_NARROW = frozenset(("pcmu", "pcma", "gsm"))


class UnknownCodec(ValueError):
    """A codec that we can only pass through, or a name that nobody knows."""


def available() -> frozenset[str]:
    """The codecs that can be encoded and decoded here and now."""
    return frozenset(name for name in NAMES if name not in _LIBRARY or present(_LIBRARY[name]))


def missing_libraries() -> list[str]:
    """One sentence for each library that isn't found, naming its Debian package; empty when all is well."""
    return [str(LibraryMissing(library)) for library in LIBRARIES if not present(library)]


def create(name: str, *, sample_rate: int | None = None, fmtp: str = "", complexity: int = DEFAULT_COMPLEXITY) -> Codec:
    """A codec for one stream.

    `sample_rate` (Hz) is that of the PCM side: 8000 for G.711 and GSM; 8000 or 16000 (the default) for G.722; 8000,
    12000, 16000 (the default), 24000 or 48000 for Opus. `fmtp` and `complexity` (0-10) matter to Opus' encoder.
    Raises UnknownCodec, LibraryMissing, or ValueError for a rate that the codec can't run at.
    """
    if name in _NARROW:
        if sample_rate not in (None, 8000):
            raise ValueError(f"{name} runs at 8000 Hz, not {sample_rate}")
        return Gsm() if name == "gsm" else G711(name)
    if name == "g722":
        return G722(sample_rate or 16000)
    if name == "opus":
        return Opus(sample_rate or 16000, fmtp=fmtp, complexity=complexity)
    raise UnknownCodec(f"no codec named {name!r}; there are {', '.join(NAMES)}")


def transcoder(from_name: str, to_name: str, *, fmtp: str = "", complexity: int = DEFAULT_COMPLEXITY) -> Transcoder:
    """A transcoder for one direction of one call.

    Where one side is narrow-band both run at 8 kHz, else at 16. `fmtp` are the parameters of the party that receives
    the result. Between equal names frames are only cut to 20 ms. Raises as `create`.
    """
    rate = 8000 if from_name in _NARROW or to_name in _NARROW else 16000
    decoder = create(from_name, sample_rate=rate)
    encoder = create(to_name, sample_rate=rate, fmtp=fmtp, complexity=complexity)
    if from_name == to_name == "gsm":
        return GsmResplit(decoder, encoder, FRAME_OCTETS)
    if from_name == to_name and from_name != "opus":
        return Resplit(decoder, encoder, 160)  # an octet for each tick of 8000 in all three
    if {from_name, to_name} == {"pcmu", "pcma"}:
        return Relaw(from_name)
    return Transcoder(decoder, encoder)
