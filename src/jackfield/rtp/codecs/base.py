"""What every codec can do, and how a lost frame is covered up."""

from __future__ import annotations

from abc import ABC, abstractmethod

from jackfield.rtp.codecs.concealment import extend_pitch
from jackfield.rtp.packet import Buffer

FRAME_MS = 20


class Codec(ABC):
    """One direction-independent codec instance: its encoder and decoder belong to one stream each.

    PCM is always mono, signed 16 bit, little-endian, at `sample_rate` Hz. `clock_rate` is the RTP clock, which is not
    the same for G.722 and Opus. `frame_samples` and `frame_clock` are 20 ms in either unit. No method raises on what
    came from the wire: garbage gives empty audio.
    """

    __slots__ = ("_before", "_concealed", "_last", "clock_rate", "frame_clock", "frame_samples", "name", "sample_rate")

    def __init__(self, name: str, sample_rate: int, clock_rate: int) -> None:
        self.name = name
        self.sample_rate = sample_rate
        self.clock_rate = clock_rate
        self.frame_samples = sample_rate * FRAME_MS // 1000
        self.frame_clock = clock_rate * FRAME_MS // 1000
        self._before = b""
        self._last = b""
        self._concealed = 0

    @abstractmethod
    def encode(self, pcm: Buffer) -> bytes:
        """Whole frames of PCM to one payload; what isn't a whole frame at the end is left out."""

    @abstractmethod
    def decode(self, payload: Buffer) -> bytes:
        """A payload of any number of frames to PCM; b"" when it can't be read."""

    @abstractmethod
    def duration(self, payload: Buffer) -> int:
        """Length of a payload in units of the RTP clock, without decoding it; 0 when it can't be read."""

    def conceal(self, samples: int, payload: Buffer = b"") -> bytes:
        """PCM of exactly `samples` in place of audio that was lost; fades to silence within 60 ms.

        `payload` is the packet *after* the gap, when it's there already: Opus may carry the lost frame in it.
        Decode that packet afterwards as usual.
        """
        pcm = extend_pitch(self._before + self._last, samples, self.sample_rate, self._concealed)
        self._concealed += samples
        return pcm

    def _remember(self, pcm: bytes) -> bytes:
        """Keep the last two frames: what `conceal` continues from. References only, nothing is copied."""
        self._before = self._last
        self._last = pcm
        self._concealed = 0
        return pcm
