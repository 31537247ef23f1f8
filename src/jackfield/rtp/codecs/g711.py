"""G.711 (ITU-T G.711, RFC 3551 sections 4.5.14): mu-law and A-law by the interpreter's own C code."""

from __future__ import annotations

import warnings
from collections.abc import Callable

from jackfield.rtp.codecs.base import Codec
from jackfield.rtp.packet import Buffer

with warnings.catch_warnings():
    # Deprecated in 3.11 and 3.12; from 3.13 the same module comes from audioop-lts.
    warnings.simplefilter("ignore", DeprecationWarning)
    import audioop

# The octet that stands for silence, per law.
SILENCE = {"pcmu": b"\xff", "pcma": b"\xd5"}

_ALL = bytes(range(256))


class G711(Codec):
    """`law` is "pcmu" or "pcma"; one octet per sample at 8 kHz."""

    __slots__ = ("_compress", "_expand")

    def __init__(self, law: str) -> None:
        super().__init__(law, 8000, 8000)
        self._compress: Callable[[Buffer, int], bytes]
        self._expand: Callable[[Buffer, int], bytes]
        if law == "pcmu":
            self._compress, self._expand = audioop.lin2ulaw, audioop.ulaw2lin
        else:
            self._compress, self._expand = audioop.lin2alaw, audioop.alaw2lin

    def encode(self, pcm: Buffer) -> bytes:
        """One octet per sample."""
        if len(pcm) & 1:
            pcm = pcm[:-1]
        return self._compress(pcm, 2)

    def decode(self, payload: Buffer) -> bytes:
        """One sample per octet; there is no octet without a meaning."""
        self._before = self._last
        self._last = pcm = self._expand(payload, 2)
        self._concealed = 0
        return pcm

    def duration(self, payload: Buffer) -> int:
        """One clock tick per octet."""
        return len(payload)


# ITU-T G.711 tables 3 and 4 in one step each: through linear PCM, once, at import.
PCMU_TO_PCMA = audioop.lin2alaw(audioop.ulaw2lin(_ALL, 2), 2)
PCMA_TO_PCMU = audioop.lin2ulaw(audioop.alaw2lin(_ALL, 2), 2)
