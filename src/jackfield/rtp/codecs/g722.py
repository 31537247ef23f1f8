"""G.722 at 64 kbit/s (ITU-T G.722, RFC 3551 section 4.5.2) by libspandsp."""

from __future__ import annotations

from typing import Any

from jackfield.rtp.codecs.base import Codec
from jackfield.rtp.codecs.libraries import NULL, SPANDSP, ffi, load
from jackfield.rtp.packet import Buffer

_BIT_RATE = 64000
_NARROW = 1  # G722_SAMPLE_RATE_8000: only the lower band, straight from and to 8 kHz, without the filter bank
_MAX_OCTETS = 2048


class G722(Codec):
    """16 kHz audio, or 8 kHz in the library's narrow mode; the RTP clock counts 8000 in either case.

    The narrow mode spares the filter bank and a resampler where the other side can't use the upper band.
    """

    __slots__ = ("_decoder", "_encoder", "_lib", "_octets", "_octets_view", "_options", "_pcm", "_pcm_view", "_shift")

    def __init__(self, sample_rate: int = 16000) -> None:
        if sample_rate not in (8000, 16000):
            raise ValueError(f"G.722 runs at 8000 or 16000 Hz, not {sample_rate}")
        super().__init__("g722", sample_rate, 8000)
        self._lib = load(SPANDSP)
        self._options = _NARROW if sample_rate == 8000 else 0
        # Samples per octet = 1 << shift.
        self._shift = 0 if sample_rate == 8000 else 1
        self._encoder: Any = None
        self._decoder: Any = None
        self._octets: Any = None
        self._pcm: Any = None
        self._octets_view: Any = None
        self._pcm_view: Any = None

    def encode(self, pcm: Buffer) -> bytes:
        """One octet per 1/8000 s; up to 2048 octets."""
        if self._encoder is None:
            self._encoder = ffi.gc(
                self._lib.g722_encode_init(NULL, _BIT_RATE, self._options), self._lib.g722_encode_free, 256
            )
            self._octets = ffi.new("uint8_t[]", _MAX_OCTETS)
            self._octets_view = ffi.buffer(self._octets)
        octets = len(pcm) >> 1 + self._shift
        if octets > _MAX_OCTETS:
            octets = _MAX_OCTETS
        if pcm.__class__ is not bytes:
            pcm = bytes(pcm)
        made = self._lib.g722_encode(self._encoder, self._octets, pcm, octets << self._shift)
        result: bytes = self._octets_view[:made]
        return result

    def decode(self, payload: Buffer) -> bytes:
        """One or two samples per octet; there is no octet without a meaning."""
        if self._decoder is None:
            self._decoder = ffi.gc(
                self._lib.g722_decode_init(NULL, _BIT_RATE, self._options), self._lib.g722_decode_free, 256
            )
            self._pcm = ffi.new("int16_t[]", _MAX_OCTETS << self._shift)
            self._pcm_view = ffi.buffer(self._pcm)
        if len(payload) > _MAX_OCTETS:
            payload = payload[:_MAX_OCTETS]
        if payload.__class__ is not bytes:
            payload = bytes(payload)
        samples = self._lib.g722_decode(self._decoder, self._pcm, payload, len(payload))
        self._before = self._last
        pcm: bytes = self._pcm_view[: 2 * samples]
        self._last = pcm
        self._concealed = 0
        return pcm

    def duration(self, payload: Buffer) -> int:
        """One clock tick per octet (two samples of 16 kHz audio)."""
        return len(payload)
