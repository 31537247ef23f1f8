"""Cover up lost audio by repeating the last pitch period (the idea of ITU-T G.711 Appendix I)."""

from __future__ import annotations

import numpy as np

_SHORTEST_PERIOD = 1 / 400  # s; the range of voices
_LONGEST_PERIOD = 1 / 66
_FULL = 0.010  # s at full level
_SILENT = 0.060  # s after which only silence is left


def extend_pitch(history: bytes, samples: int, sample_rate: int, already: int) -> bytes:
    """PCM of `samples` that continues `history` (s16le, the last 40 ms suffice).

    `already` is how many samples have been made up since real audio was heard, so that a long gap fades out.
    """
    if samples <= 0:
        return b""
    past = np.frombuffer(history[: len(history) & ~1], dtype="<i2").astype(np.float32)
    longest = int(sample_rate * _LONGEST_PERIOD)
    if len(past) < 2 * longest or already >= sample_rate * _SILENT:
        return bytes(2 * samples)
    period = _pitch(past, int(sample_rate * _SHORTEST_PERIOD), longest)
    # Go on where the last period stopped, also when this is the second call in the same gap.
    positions = (np.arange(samples) + already) % period
    made = past[len(past) - period :][positions]
    times = (np.arange(samples) + already) / sample_rate
    made *= np.clip((_SILENT - times) / (_SILENT - _FULL), 0.0, 1.0).astype(np.float32)
    return made.astype("<i2").tobytes()


def _pitch(past: np.ndarray, shortest: int, longest: int) -> int:
    """The lag (samples) at which the end of the audio resembles itself most."""
    end = past[-longest:]
    best, best_score = longest, 0.0
    for lag in range(shortest, longest + 1):
        before = past[len(past) - longest - lag : len(past) - lag]
        energy = float(before @ before)
        score = float(end @ before) / (energy**0.5) if energy > 0 else 0.0
        # A multiple of the period fits as well as the period itself; prefer the shorter one.
        if score > best_score * 1.02:
            best, best_score = lag, score
    return best
