"""Call progress tones (`cadences.py`) and comfort noise (RFC 3389) as PCM."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

import numpy as np

from jackfield.rtp.cadences import COUNTRIES, HARMONISED, NAMES, Cadence, Part, cadence

__all__ = [
    "COUNTRIES",
    "HARMONISED",
    "LEVEL",
    "NAMES",
    "Cadence",
    "Part",
    "Player",
    "cadence",
    "comfort_noise",
    "loop",
    "tone",
]

LEVEL = -16.0  # dBm0 of each frequency; telephone sets expect tones at -10 to -20
_FULL_SCALE = 3.14  # dBm0 of a sine that just fits into 16 bits (ITU-T G.711)
_RAMP = 0.004  # seconds; a tone that starts or ends at once clicks


@lru_cache(maxsize=64)
def loop(name: str, country: str, sample_rate: int, level: float = LEVEL) -> bytes:
    """One round of a tone as PCM s16le mono; played again and again it goes on without a seam.

    `level` in dBm0 for each frequency. The result is shared: at 8 kHz it has 16 kB for each second of the cadence.
    """
    return b"".join(_part(part, sample_rate, level, len(cadence(name, country)) > 1) for part in cadence(name, country))


def tone(frequencies: Iterable[float], seconds: float, sample_rate: int, level: float = LEVEL) -> bytes:
    """PCM s16le of some frequencies at once, with soft edges."""
    return _part(Part(tuple(frequencies), seconds), sample_rate, level, True)


def _part(part: Part, sample_rate: int, level: float, soft: bool) -> bytes:
    count = round(part.seconds * sample_rate)
    times = np.arange(count) / sample_rate
    amplitude = 32767 * 10 ** ((level - _FULL_SCALE) / 20)
    wave = np.zeros(count)
    for frequency in part.frequencies:
        wave += amplitude * np.sin(2 * np.pi * frequency * times)
    ramp = min(round(_RAMP * sample_rate), count // 2)
    if soft and ramp:
        edge = np.linspace(0.0, 1.0, ramp)
        wave[:ramp] *= edge
        wave[count - ramp :] *= edge[::-1]
    return np.clip(np.rint(wave), -32768, 32767).astype("<i2").tobytes()


class Player:
    """Reads a loop in pieces of any length, for ever."""

    __slots__ = ("_pcm", "_position")

    def __init__(self, pcm: bytes) -> None:
        if len(pcm) < 2:
            raise ValueError("there is nothing to play")
        self._pcm = pcm[: len(pcm) & ~1]
        self._position = 0

    def read(self, samples: int) -> bytes:
        """The next `samples`."""
        wanted = 2 * samples
        end = self._position + wanted
        piece = self._pcm[self._position : end]
        while len(piece) < wanted:
            end = wanted - len(piece)
            piece += self._pcm[:end]
        self._position = end % len(self._pcm)
        return piece


def comfort_noise(payload: bytes, samples: int, random: np.random.Generator) -> bytes:
    """White noise of the level that a comfort noise packet asks for; the filter coefficients are left out.

    The first octet is the level in -dBov (RFC 3389 section 3.1); an empty payload means silence.
    """
    if not payload or samples <= 0:
        return bytes(2 * max(0, samples))
    deviation = 32768 * 10 ** (-(payload[0] & 0x7F) / 20)
    noise = random.standard_normal(samples) * deviation
    return np.clip(np.rint(noise), -32768, 32767).astype("<i2").tobytes()
