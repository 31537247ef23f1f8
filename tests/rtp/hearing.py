"""Ears for the tests: is it this tone, how clean is it, how loud."""

from __future__ import annotations

import numpy as np


def sine(frequency: float, seconds: float, rate: int, amplitude: float = 8000.0) -> bytes:
    """PCM s16le of one frequency."""
    times = np.arange(round(seconds * rate)) / rate
    return (amplitude * np.sin(2 * np.pi * frequency * times)).astype("<i2").tobytes()


def voice(rate: int, seconds: float, *, first: float = 700.0, second: float = 1400.0) -> bytes:
    """PCM s16le of vowels: a gliding pitch, two moving formants around the given ones (Hz), syllables."""
    times = np.arange(round(seconds * rate)) / rate
    pitch = 130 + 40 * np.sin(2 * np.pi * 0.7 * times) + 10 * np.sin(2 * np.pi * 5 * times)
    phase = 2 * np.pi * np.cumsum(pitch) / rate
    low = first + 250 * np.sin(2 * np.pi * 1.3 * times)
    high = second + 300 * np.sin(2 * np.pi * 0.9 * times)
    wave = np.zeros(len(times))
    for harmonic in range(1, 24):
        frequency = harmonic * pitch
        gain = 1 / (1 + ((frequency - low) / 150) ** 2) + 0.7 / (1 + ((frequency - high) / 200) ** 2)
        wave += gain * np.sin(harmonic * phase)
    wave *= 0.55 + 0.45 * np.sin(2 * np.pi * 3 * times)
    return (wave / np.abs(wave).max() * 15000).astype("<i2").tobytes()


def likeness(heard: bytes, wanted: bytes) -> float:
    """Signal to noise in dB of `heard`, compared sample by sample."""
    one, other = np.frombuffer(wanted, "<i2").astype(float), np.frombuffer(heard, "<i2").astype(float)
    difference = one - other
    return float(10 * np.log10(float(one @ one) / max(float(difference @ difference), 1e-9)))


def clarity(pcm: bytes, frequency: float, rate: int) -> tuple[float, float]:
    """(signal to noise in dB, amplitude) of the best fitting sine of that frequency."""
    heard = np.frombuffer(pcm, "<i2").astype(float)
    times = np.arange(len(heard)) / rate
    basis = np.stack((np.sin(2 * np.pi * frequency * times), np.cos(2 * np.pi * frequency * times)), axis=1)
    weights = np.linalg.lstsq(basis, heard, rcond=None)[0]
    fitted = basis @ weights
    noise = heard - fitted
    ratio = float(fitted @ fitted) / max(float(noise @ noise), 1e-9)
    return 10 * np.log10(ratio), float(np.hypot(*weights))


def level(pcm: bytes) -> float:
    """Root mean square of the samples."""
    samples = np.frombuffer(pcm, "<i2").astype(float)
    return float(np.sqrt(np.mean(samples**2))) if len(samples) else 0.0


def pieces(data: bytes, size: int) -> list[bytes]:
    """`data` in pieces of `size`, the last one perhaps shorter."""
    return [data[start : start + size] for start in range(0, len(data), size)]
