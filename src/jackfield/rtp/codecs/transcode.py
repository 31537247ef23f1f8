"""From one codec's payloads to another's by the shortest way.

Out of a transcoder come frames of 20 ms, whatever packet times go in: the timestamp of each frame is `out_step` ticks
after the one before. In the usual case (a packet of 20 ms) one `bytes` comes back, in any other a list.
"""

from __future__ import annotations

from jackfield.rtp.codecs.base import Codec
from jackfield.rtp.codecs.g711 import G711, PCMA_TO_PCMU, PCMU_TO_PCMA
from jackfield.rtp.codecs.gsm import FRAME_MARK, FRAME_OCTETS
from jackfield.rtp.packet import Buffer

Frames = bytes | list[bytes]


class Transcoder:
    """Decode and encode at a sampling rate that both codecs share, so that nothing is resampled."""

    __slots__ = (
        "_decode",
        "_encode",
        "_frame_bytes",
        "_rest",
        "decoder",
        "encoder",
        "in_clock",
        "out_clock",
        "out_step",
    )

    def __init__(self, decoder: Codec, encoder: Codec) -> None:
        if decoder.sample_rate != encoder.sample_rate:
            raise ValueError(f"{decoder.name} and {encoder.name} must run at one sampling rate")
        self.decoder = decoder
        self.encoder = encoder
        self.in_clock = decoder.clock_rate
        self.out_clock = encoder.clock_rate
        self.out_step = encoder.frame_clock
        self._decode = decoder.decode
        self._encode = encoder.encode
        self._frame_bytes = 2 * encoder.frame_samples
        self._rest = b""

    def __call__(self, payload: Buffer) -> Frames:
        """One frame, or a list of as many whole frames of 20 ms as are ready (perhaps none); never raises.

        Audio short of a frame is kept for the next call.
        """
        pcm = self._decode(payload)
        if len(pcm) == self._frame_bytes and not self._rest:
            return self._encode(pcm)
        return self._reframed(pcm)

    def conceal(self, ticks: int, payload: Buffer = b"") -> Frames:
        """Frames in place of `ticks` of the incoming clock that were lost; `payload` is the packet after the gap.

        To leave a gap as it is, and let the receiver conceal it, just don't call this.
        """
        samples = max(0, min(ticks, self.in_clock)) * self.decoder.sample_rate // self.in_clock
        pcm = self.decoder.conceal(samples, payload)
        if len(pcm) == self._frame_bytes and not self._rest:
            return self._encode(pcm)
        return self._reframed(pcm)

    def reset(self) -> None:
        """Forget audio short of a frame: the source changed."""
        self._rest = b""

    def _reframed(self, pcm: bytes) -> list[bytes]:
        size = self._frame_bytes
        if self._rest:
            pcm = self._rest + pcm
        whole = len(pcm) - len(pcm) % size
        self._rest = pcm[whole:]
        encode = self._encode
        return [encode(pcm[start : start + size]) for start in range(0, whole, size)]


class Resplit(Transcoder):
    """The same codec in frames of 20 ms, cut without decoding; for codecs with frames of a fixed size."""

    __slots__ = ("_before", "_frame_octets", "_last")

    def __init__(self, decoder: Codec, encoder: Codec, frame_octets: int) -> None:
        super().__init__(decoder, encoder)
        self._frame_octets = frame_octets
        self._before = b""
        self._last = b""

    def __call__(self, payload: Buffer) -> Frames:
        """As Transcoder's."""
        if payload.__class__ is not bytes:
            payload = bytes(payload)
        self._before = self._last
        self._last = payload
        octets = self._changed(payload)
        if len(octets) == self._frame_octets and not self._rest:
            return octets
        return self._split(octets)

    def conceal(self, ticks: int, payload: Buffer = b"") -> Frames:
        """As Transcoder's. Only now is anything decoded."""
        if self._last:
            self.decoder.decode(self._before)
            self.decoder.decode(self._last)
            self._before = self._last = b""  # a second call goes on concealing
        lost = self.decoder.conceal(max(0, min(ticks, self.in_clock)) * self.decoder.sample_rate // self.in_clock)
        return self._split(self.encoder.encode(lost))

    def _changed(self, payload: bytes) -> bytes:
        return payload

    def _split(self, octets: bytes) -> list[bytes]:
        if self._rest:
            octets = self._rest + octets
        size = self._frame_octets
        whole = len(octets) - len(octets) % size
        self._rest = octets[whole:]
        return [octets[start : start + size] for start in range(0, whole, size)]


class GsmResplit(Resplit):
    """GSM frames one by one. What isn't a whole frame with GSM's mark is left out, lest all later ones be shifted."""

    __slots__ = ()

    def _changed(self, payload: bytes) -> bytes:
        if len(payload) == FRAME_OCTETS and payload[0] & 0xF0 == FRAME_MARK:
            return payload
        whole = range(0, len(payload) - FRAME_OCTETS + 1, FRAME_OCTETS)
        return b"".join(payload[i : i + FRAME_OCTETS] for i in whole if payload[i] & 0xF0 == FRAME_MARK)


class Relaw(Resplit):
    """mu-law to A-law and back: one look-up per octet, no PCM between."""

    __slots__ = ("_table",)

    def __init__(self, from_law: str) -> None:
        super().__init__(G711(from_law), G711("pcma" if from_law == "pcmu" else "pcmu"), 160)
        self._table = PCMU_TO_PCMA if from_law == "pcmu" else PCMA_TO_PCMU

    def _changed(self, payload: bytes) -> bytes:
        return payload.translate(self._table)
