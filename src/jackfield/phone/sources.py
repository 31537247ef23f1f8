"""What a phone says: silence, a tone, a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import numpy as np

from jackfield.phone.account import PhoneError

__all__ = ["File", "Pcm", "Silence", "Source", "Tone"]


class Source(Protocol):
    """Where audio comes from."""

    def read(self, samples: int, rate: int) -> bytes:
        """Return the next `samples` as PCM s16le mono at `rate` Hz; less, or b"", when it is at its end."""
        ...


class Silence:
    """Digital silence."""

    def read(self, samples: int, rate: int) -> bytes:
        """Return zeros."""
        return bytes(2 * samples)


class Tone:
    """A steady sine of `frequency` Hz at `level` dBm0."""

    def __init__(self, frequency: float, level: float = -10.0) -> None:
        self.frequency = frequency
        self._amplitude = 32767 * 10 ** ((level - 3.14) / 20)  # a full-scale sine has +3.14 dBm0 (ITU-T G.711)
        self._phase = 0.0

    def read(self, samples: int, rate: int) -> bytes:
        """Return the tone; its phase goes on from the last call."""
        step = 2 * np.pi * self.frequency / rate
        wave = self._amplitude * np.sin(self._phase + step * np.arange(samples))
        self._phase = float((self._phase + step * samples) % (2 * np.pi))
        return bytes(np.rint(wave).astype("<i2").tobytes())


class Pcm:
    """Audio in memory: `pcm` s16le mono at `rate` Hz."""

    def __init__(self, pcm: bytes, rate: int, *, loop: bool = False) -> None:
        self._samples = np.frombuffer(pcm, dtype="<i2")
        self._rate = rate
        self._loop = loop
        self._position = 0

    def read(self, samples: int, rate: int) -> bytes:
        """Return the next piece; at another rate than its own it is resampled once, as a whole."""
        if rate != self._rate:
            self._position = self._position * rate // self._rate
            self._samples, self._rate = _resampled(self._samples, self._rate, rate), rate
        piece = self._samples[self._position : self._position + samples]
        self._position += len(piece)
        while self._loop and len(piece) < samples and len(self._samples):
            more = self._samples[: samples - len(piece)]
            self._position = len(more)
            piece = np.concatenate((piece, more))
        return bytes(piece.tobytes())


class File(Pcm):
    """A sound file: WAV, FLAC, MP3 or Ogg; several channels are mixed into one. Raises `PhoneError`."""

    def __init__(self, path: Path, *, loop: bool = False) -> None:
        import soundfile

        try:
            data, rate = soundfile.read(str(path), dtype="float32", always_2d=True)
        except (OSError, RuntimeError) as error:
            raise PhoneError(f"{path} can't be played: {error}") from None
        mono = np.clip(np.rint(data.mean(axis=1) * 32767), -32768, 32767).astype("<i2")
        super().__init__(mono.tobytes(), int(rate), loop=loop)


def _resampled(samples: Any, old: int, new: int) -> Any:
    """Resample a whole recording through its spectrum: any rate to any other, without aliases."""
    count = len(samples) * new // old
    if not count:
        return samples[:0]
    spectrum = np.fft.rfft(samples.astype(np.float64))
    bins = count // 2 + 1
    fitted = np.zeros(bins, dtype=complex)
    fitted[: min(bins, len(spectrum))] = spectrum[:bins]
    wave = np.fft.irfft(fitted, count) * (count / len(samples))
    return np.clip(np.rint(wave), -32768, 32767).astype("<i2")
