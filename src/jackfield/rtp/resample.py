"""Sampling rates up and down by whole numbers (8, 16, 24, 48 kHz), piece by piece, without seams.

Codecs are created at the rate that is wanted, so this is for mixing narrow-band parties with wide-band ones.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

_HALF_WIDTH = 12  # zero crossings on each side: 1.5 ms of delay at 8 kHz, images 60 dB down


@lru_cache(maxsize=16)
def _low_pass(factor: int) -> npt.NDArray[np.float32]:
    """A windowed sinc that cuts at 1/factor of the higher rate's half, with unit gain."""
    reach = _HALF_WIDTH * factor
    positions = np.arange(-reach, reach + 1) / factor
    taps = np.sinc(positions * 0.92) * np.kaiser(2 * reach + 1, 7.0)
    low_pass: npt.NDArray[np.float32] = (taps / taps.sum()).astype(np.float32)
    return low_pass


class Resampler:
    """One stream of PCM s16le mono from one rate to another; either must be a multiple of the other."""

    __slots__ = ("_down", "_history", "_phases", "_rest", "_taps", "_up")

    def __init__(self, from_rate: int, to_rate: int) -> None:
        self._up, self._down = 1, 1
        if to_rate % from_rate == 0:
            self._up = to_rate // from_rate
        elif from_rate % to_rate == 0:
            self._down = from_rate // to_rate
        else:
            raise ValueError(f"can't go from {from_rate} to {to_rate} Hz: neither is a multiple of the other")
        factor = max(self._up, self._down)
        taps = _low_pass(factor)
        self._taps = taps[::-1].copy()
        # Each of the `up` outputs per input sample has its own part of the filter.
        padded = np.concatenate((taps, np.zeros(-len(taps) % factor, np.float32)))
        self._phases = (padded.reshape(-1, factor).T[:, ::-1] * factor).copy()
        length = self._phases.shape[1] if self._up > 1 else len(taps)
        self._history = np.zeros(length - 1, np.float32)
        self._rest = b""

    def feed(self, pcm: bytes) -> bytes:
        """As much as the input yields: every piece of whole frames gives a piece of the matching length."""
        if self._up == self._down:
            return pcm
        size = 2 * self._down
        if self._rest:
            pcm = self._rest + pcm
        whole = len(pcm) - len(pcm) % size
        self._rest = pcm[whole:]
        if not whole:
            return b""
        samples = np.concatenate((self._history, np.frombuffer(pcm[:whole], dtype="<i2").astype(np.float32)))
        self._history = samples[len(samples) - len(self._history) :]
        # Overlapping windows over the same memory (sliding_window_view says it nicer, and takes three times as long).
        octets = samples.itemsize
        if self._up > 1:
            shape = (len(samples) - len(self._history), self._phases.shape[1])
            windows = np.ndarray(shape, samples.dtype, samples.data, 0, (octets, octets))
            made = (windows @ self._phases.T).reshape(-1)
        else:
            shape = (whole // size, len(self._taps))
            windows = np.ndarray(shape, samples.dtype, samples.data, 0, (octets * self._down, octets))
            made = windows @ self._taps
        return np.clip(np.rint(made), -32768, 32767).astype("<i2").tobytes()
