"""GSM 06.10 full rate (RFC 3551 section 4.5.8) by libgsm."""

from __future__ import annotations

from typing import Any

from jackfield.rtp.codecs.base import Codec
from jackfield.rtp.codecs.libraries import GSM as LIBRARY
from jackfield.rtp.codecs.libraries import ffi, load
from jackfield.rtp.packet import Buffer

FRAME_OCTETS = 33
_FRAME_SAMPLES = 160
_FRAME_PCM = 2 * _FRAME_SAMPLES
FRAME_MARK = 0xD0  # the upper half of every frame's first octet


class Gsm(Codec):
    """8 kHz; 33 octets for each 20 ms, any number of them in a payload."""

    __slots__ = ("_decoder", "_encoder", "_frame", "_frame_view", "_lib", "_pcm", "_pcm_view")

    def __init__(self) -> None:
        super().__init__("gsm", 8000, 8000)
        self._lib = load(LIBRARY)
        self._encoder: Any = None
        self._decoder: Any = None
        self._frame: Any = None
        self._frame_view: Any = None
        self._pcm: Any = None
        self._pcm_view: Any = None

    def encode(self, pcm: Buffer) -> bytes:
        """33 octets per 160 samples."""
        if self._encoder is None:
            self._encoder = ffi.gc(self._lib.gsm_create(), self._lib.gsm_destroy, 1024)
            self._frame = ffi.new("uint8_t[]", FRAME_OCTETS)
            self._frame_view = ffi.buffer(self._frame)
        if pcm.__class__ is not bytes:
            pcm = bytes(pcm)
        if len(pcm) == _FRAME_PCM:
            self._lib.gsm_encode(self._encoder, pcm, self._frame)
            result: bytes = self._frame_view[:]
            return result
        frames = []
        for start in range(0, len(pcm) - _FRAME_PCM + 1, _FRAME_PCM):
            self._lib.gsm_encode(self._encoder, pcm[start : start + _FRAME_PCM], self._frame)
            frames.append(self._frame_view[:])
        return b"".join(frames)

    def decode(self, payload: Buffer) -> bytes:
        """160 samples per frame; a frame without the GSM mark is left out."""
        if self._decoder is None:
            self._decoder = ffi.gc(self._lib.gsm_create(), self._lib.gsm_destroy, 1024)
            self._pcm = ffi.new("int16_t[]", _FRAME_SAMPLES)
            self._pcm_view = ffi.buffer(self._pcm)
        if payload.__class__ is not bytes:
            payload = bytes(payload)
        if len(payload) == FRAME_OCTETS:
            if self._lib.gsm_decode(self._decoder, payload, self._pcm):
                return b""
            return self._remember(self._pcm_view[:])
        frames = []
        for start in range(0, len(payload) - FRAME_OCTETS + 1, FRAME_OCTETS):
            if not self._lib.gsm_decode(self._decoder, payload[start : start + FRAME_OCTETS], self._pcm):
                frames.append(self._pcm_view[:])
        return self._remember(b"".join(frames)) if frames else b""

    def duration(self, payload: Buffer) -> int:
        """160 clock ticks for each whole frame."""
        if not payload or payload[0] & 0xF0 != FRAME_MARK:
            return 0
        return len(payload) // FRAME_OCTETS * _FRAME_SAMPLES
