"""DTMF inside the audio (ITU-T Q.23, Q.24): a generator, and a detector that speech doesn't fool."""

from __future__ import annotations

from typing import Any

import numpy as np

from jackfield.rtp.codecs.libraries import NULL, SPANDSP, ffi, load, present
from jackfield.rtp.resample import Resampler
from jackfield.rtp.tones import tone

ROWS = (697, 770, 852, 941)
COLUMNS = (1209, 1336, 1477, 1633)
_KEYS = ("123A", "456B", "789C", "*0#D")
FREQUENCIES: dict[str, tuple[int, int]] = {
    key: (ROWS[row], COLUMNS[column]) for row, keys in enumerate(_KEYS) for column, key in enumerate(keys)
}

_RATE = 8000


def generate(
    digits: str, sample_rate: int = _RATE, *, tone_seconds: float = 0.1, pause_seconds: float = 0.1, level: float = -9.0
) -> bytes:
    """PCM s16le of some digits, each followed by a pause; `level` in dBm0 of each of the two frequencies.

    Letters in any case. Raises ValueError for anything that isn't 0-9 * # A-D.
    """
    pause = bytes(2 * round(pause_seconds * sample_rate))
    pieces = []
    for digit in digits.upper():
        pair = FREQUENCIES.get(digit)
        if pair is None:
            raise ValueError(f"{digit!r} is not a telephone digit (0-9 * # A-D)")
        pieces += [tone(pair, tone_seconds, sample_rate, level), pause]
    return b"".join(pieces)


class DtmfDetector:
    """Hears digits in PCM s16le mono at 8, 16 or 48 kHz, fed in pieces of any length.

    A digit is told once, as soon as it's certain (after about 30 ms). Signals as Q.24 asks for: 40 ms of tone with
    40 ms of pause are enough, the two frequencies may differ by some dB. libspandsp does the work where it's there.
    """

    __slots__ = ("_ear", "_narrower")

    def __init__(self, sample_rate: int = _RATE) -> None:
        if sample_rate not in (8000, 16000, 48000):
            raise ValueError(f"DTMF is detected at 8000, 16000 or 48000 Hz, not {sample_rate}")
        self._narrower = Resampler(sample_rate, _RATE) if sample_rate > _RATE else None
        self._ear: _SpandspEar | _NumpyEar = _SpandspEar() if present(SPANDSP) else _NumpyEar()

    @property
    def active(self) -> bool:
        """True while a digit sounds."""
        return self._ear.active

    def feed(self, pcm: bytes) -> str:
        """The digits that became certain in this piece of audio; usually ""."""
        if self._narrower is not None:
            pcm = self._narrower.feed(pcm)
        elif len(pcm) & 1:
            pcm = pcm[:-1]
        return self._ear.feed(pcm) if pcm else ""


class _SpandspEar:
    """libspandsp's dtmf_rx."""

    __slots__ = ("_digits", "_lib", "_state")

    # dB by which the low or the high frequency may be the louder, and the faintest level (dBm0) that counts. Narrower
    # than what Q.24 lets an exchange accept would lose phones behind analogue adapters.
    _NORMAL_TWIST, _REVERSE_TWIST, _THRESHOLD = 8, 4, -42

    def __init__(self) -> None:
        self._lib = load(SPANDSP)
        self._state: Any = ffi.gc(self._lib.dtmf_rx_init(NULL, NULL, NULL), self._lib.dtmf_rx_free, 512)
        self._lib.dtmf_rx_parms(self._state, 0, self._NORMAL_TWIST, self._REVERSE_TWIST, self._THRESHOLD)
        self._digits: Any = ffi.new("char[]", 64)

    @property
    def active(self) -> bool:
        return bool(self._lib.dtmf_rx_status(self._state))

    def feed(self, pcm: bytes) -> str:
        self._lib.dtmf_rx(self._state, pcm, len(pcm) >> 1)
        count = self._lib.dtmf_rx_get(self._state, self._digits, 63)
        return ffi.string(self._digits, count).decode("ascii") if count else ""


class _NumpyEar:
    """The same with Goertzel's sums as a matrix product, for machines without the library."""

    __slots__ = ("_certain", "_last", "_misses", "_rest", "active")

    _BLOCK = 102  # samples; 12.75 ms, and the eight frequencies are well apart
    _FAINTEST = 32767 * 10 ** ((-42.0 - 3.14) / 20)
    _TWIST, _REVERSE_TWIST = 10 ** (8 / 10), 10 ** (4 / 10)

    _phases = np.outer(np.arange(_BLOCK), 2 * np.pi * np.array(ROWS + COLUMNS) / _RATE)
    _BASIS = np.hstack((np.cos(_phases), np.sin(_phases))).astype(np.float32)

    def __init__(self) -> None:
        self._rest = b""
        self._last = ""
        self._certain = ""
        self._misses = 0
        self.active = False

    def feed(self, pcm: bytes) -> str:
        pcm = self._rest + pcm
        size = 2 * self._BLOCK
        whole = len(pcm) - len(pcm) % size
        self._rest = pcm[whole:]
        if not whole:
            return ""
        blocks = np.frombuffer(pcm[:whole], dtype="<i2").astype(np.float32).reshape(-1, self._BLOCK)
        sums = blocks @ self._BASIS
        powers = sums[:, :8] ** 2 + sums[:, 8:] ** 2
        energies = (blocks * blocks).sum(axis=1)
        heard = ""
        for power, energy in zip(powers.tolist(), energies.tolist(), strict=True):
            heard += self._block(power, energy)
        return heard

    def _block(self, power: list[float], energy: float) -> str:
        """One block's verdict: two alike in a row begin a digit, two others end it."""
        now = self._digit(power, energy)
        if now == self._certain:
            self._misses = 0
        elif now and now == self._last:
            self._certain, self._misses = now, 0
            self._last, self.active = now, True
            return now
        else:
            self._misses += 1
            if self._misses >= 2:
                self._certain = ""
        self._last = now
        self.active = bool(self._certain)
        return ""

    def _digit(self, power: list[float], energy: float) -> str:
        row = max(range(4), key=power.__getitem__)
        column = max(range(4, 8), key=power.__getitem__)
        low, high = power[row], power[column]
        # A sine of amplitude A gives (A * block / 2)².
        if min(low, high) < (self._FAINTEST * self._BLOCK / 2) ** 2:
            return ""
        if low > high * self._TWIST or high > low * self._REVERSE_TWIST:
            return ""
        if any(power[i] * 6.3 > low for i in range(4) if i != row):
            return ""
        if any(power[i] * 6.3 > high for i in range(4, 8) if i != column):
            return ""
        # Nearly all that is heard must be these two; speech always has more.
        if (low + high) * 2 / self._BLOCK < 0.83 * energy:
            return ""
        return _KEYS[row][column - 4]
