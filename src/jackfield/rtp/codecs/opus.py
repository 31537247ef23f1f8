"""Opus (RFC 6716, RFC 7587) by libopus: mono, made for voice."""

from __future__ import annotations

from typing import Any

from jackfield.rtp.codecs.base import Codec
from jackfield.rtp.codecs.libraries import NULL, OPUS, ffi, load
from jackfield.rtp.packet import Buffer

RATES = (8000, 12000, 16000, 24000, 48000)
DEFAULT_COMPLEXITY = 5  # of 10; half the CPU of 10, hardly audible

_CLOCK_RATE = 48000
_VOIP = 2048  # OPUS_APPLICATION_VOIP
_SET_BITRATE, _SET_VBR, _SET_COMPLEXITY = 4002, 4006, 4010
_SET_INBAND_FEC, _SET_PACKET_LOSS, _SET_SIGNAL = 4012, 4014, 4024
_SIGNAL_VOICE = 3001
_LONGEST_MS = 120
_MAX_OCTETS = 1275
_MIN_BIT_RATE, _MAX_BIT_RATE = 6000, 510000

# bit/s that sound good for mono speech at each rate (RFC 7587 section 3.1.1)
_BIT_RATES = {8000: 14000, 12000: 18000, 16000: 24000, 24000: 28000, 48000: 36000}


class Opus(Codec):
    """Opus at any of its five rates; the RTP clock always counts 48000.

    `fmtp` are the *other* side's parameters: its maxaveragebitrate limits ours, its useinbandfec=1 lets us repeat
    what may have been lost, its cbr=1 makes packets of one size. `loss_percent` is what the encoder reckons with.
    """

    __slots__ = (
        "_decoder",
        "_encoder",
        "_lib",
        "_octets",
        "_octets_view",
        "_pcm",
        "_pcm_max",
        "_pcm_view",
        "_settings",
    )

    def __init__(
        self,
        sample_rate: int = 16000,
        *,
        fmtp: str = "",
        complexity: int = DEFAULT_COMPLEXITY,
        bit_rate: int | None = None,
        loss_percent: int = 5,
    ) -> None:
        if sample_rate not in RATES:
            raise ValueError(f"Opus runs at {', '.join(map(str, RATES))} Hz, not {sample_rate}")
        super().__init__("opus", sample_rate, _CLOCK_RATE)
        self._lib = load(OPUS)
        wishes = _parameters(fmtp)
        rate = min(bit_rate or _BIT_RATES[sample_rate], wishes.get("maxaveragebitrate") or _MAX_BIT_RATE)
        fec = wishes.get("useinbandfec") == 1
        self._settings: tuple[tuple[int, int], ...] = (
            (_SET_BITRATE, max(_MIN_BIT_RATE, min(rate, _MAX_BIT_RATE))),
            (_SET_VBR, 0 if wishes.get("cbr") == 1 else 1),
            (_SET_COMPLEXITY, max(0, min(complexity, 10))),
            (_SET_SIGNAL, _SIGNAL_VOICE),
            (_SET_INBAND_FEC, 1 if fec else 0),
            (_SET_PACKET_LOSS, max(0, min(loss_percent, 100)) if fec else 0),
        )
        self._encoder: Any = None
        self._decoder: Any = None
        self._octets: Any = None
        self._octets_view: Any = None
        self._pcm: Any = None
        self._pcm_view: Any = None
        self._pcm_max = sample_rate * _LONGEST_MS // 1000

    def encode(self, pcm: Buffer) -> bytes:
        """One packet of 2.5, 5, 10, 20, 40 or 60 ms; b"" for any other length."""
        if self._encoder is None:
            self._start_encoder()
        if pcm.__class__ is not bytes:
            pcm = bytes(pcm)
        made = self._lib.opus_encode(self._encoder, pcm, len(pcm) >> 1, self._octets, _MAX_OCTETS)
        result: bytes = self._octets_view[:made] if made > 0 else b""
        return result

    def decode(self, payload: Buffer) -> bytes:
        """A packet of up to 120 ms, mono or stereo (mixed down by the library)."""
        if self._decoder is None:
            self._start_decoder()
        if payload.__class__ is not bytes:
            payload = bytes(payload)
        if not payload:
            return b""  # for the library no data means "lost": it would invent 120 ms
        samples = self._lib.opus_decode(self._decoder, payload, len(payload), self._pcm, self._pcm_max, 0)
        result: bytes = self._pcm_view[: 2 * samples] if samples > 0 else b""
        return result

    def conceal(self, samples: int, payload: Buffer = b"") -> bytes:
        """The library's own concealment; with the next packet, its copy of the lost frame (in-band FEC)."""
        if self._decoder is None:
            self._start_decoder()
        step = self.sample_rate // 400  # 2.5 ms, the unit that the library conceals in
        wanted = min(max(samples, 0), self._pcm_max)
        whole = wanted - wanted % step
        made = 0
        if whole:
            if payload:
                data = bytes(payload)
                made = self._lib.opus_decode(self._decoder, data, len(data), self._pcm, whole, 1)
            else:
                made = self._lib.opus_decode(self._decoder, NULL, 0, self._pcm, whole, 0)
        pcm: bytes = self._pcm_view[: 2 * made] if made > 0 else b""
        return pcm + bytes(2 * max(0, samples) - len(pcm))

    def duration(self, payload: Buffer) -> int:
        """Length in ticks of 1/48000 s, from the packet's first octets."""
        if not payload:
            return 0
        data = bytes(payload)
        samples = int(self._lib.opus_packet_get_nb_samples(data, len(data), _CLOCK_RATE))
        return samples if 0 < samples <= _CLOCK_RATE * _LONGEST_MS // 1000 else 0

    def expect_loss(self, percent: int) -> None:
        """Tell the encoder how much the peer loses (its receiver reports), so that it protects as much as needed."""
        fec = dict(self._settings)[_SET_INBAND_FEC]
        if not fec:
            return
        change = (_SET_PACKET_LOSS, max(0, min(percent, 100)))
        self._settings = (*(s for s in self._settings if s[0] != _SET_PACKET_LOSS), change)
        if self._encoder is not None:
            self._lib.opus_encoder_ctl(self._encoder, change[0], ffi.cast("int", change[1]))

    def _start_encoder(self) -> None:
        error = ffi.new("int *")
        state = self._lib.opus_encoder_create(self.sample_rate, 1, _VOIP, error)
        if state == NULL:
            raise MemoryError("libopus could not make an encoder")
        self._encoder = ffi.gc(state, self._lib.opus_encoder_destroy, 30_000)
        for request, value in self._settings:
            self._lib.opus_encoder_ctl(self._encoder, request, ffi.cast("int", value))
        self._octets = ffi.new("uint8_t[]", _MAX_OCTETS)
        self._octets_view = ffi.buffer(self._octets)

    def _start_decoder(self) -> None:
        error = ffi.new("int *")
        state = self._lib.opus_decoder_create(self.sample_rate, 1, error)
        if state == NULL:
            raise MemoryError("libopus could not make a decoder")
        self._decoder = ffi.gc(state, self._lib.opus_decoder_destroy, 20_000)
        self._pcm = ffi.new("int16_t[]", self._pcm_max)
        self._pcm_view = ffi.buffer(self._pcm)


def _parameters(fmtp: str) -> dict[str, int]:
    """The numeric parameters of an fmtp line; others are left out."""
    found: dict[str, int] = {}
    for part in fmtp.split(";"):
        key, _, value = part.partition("=")
        value = value.strip()
        if value.isascii() and value.isdigit() and len(value) < 8:
            found[key.strip().lower()] = int(value)
    return found
