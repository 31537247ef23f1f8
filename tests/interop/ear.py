"""The ear of the tests: says which tone is heard, since when, and where it was interrupted.

It shares no code with the product, so that an error there can't make it deaf in the same way.
"""

from __future__ import annotations

import itertools
import wave
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["FRAME", "Ear", "Frame", "tone"]

FRAME = 0.02  # seconds between two looks
WINDOW = 0.04  # seconds that are looked at each time: tones 50 Hz apart are told from each other
QUIET = 60.0  # root of the mean square (of 32768) below which it's silence: about -55 dB
PURE = 0.5  # share of the power around the strongest frequency that makes it a tone
ROWS, COLUMNS, KEYPAD = (697, 770, 852, 941), (1209, 1336, 1477, 1633), ("123A", "456B", "789C", "*0#D")
NEAR = 0.04  # how far, as a share of it, a frequency may be off: short windows are blurred


@dataclass(frozen=True, slots=True)
class Frame:
    """One look at the audio."""

    at: float  # seconds, on the clock of whoever fed the audio
    loudness: float  # root of the mean square
    frequency: float  # Hz of the strongest frequency, 0.0 in silence
    purity: float  # share of the power that is around it, 0..1

    key: str = ""  # of a telephone, if its two tones are heard

    def is_tone(self, frequency: float) -> bool:
        """Whether this is a tone of `frequency` Hz (0: silence)."""
        if not frequency:
            return self.loudness < QUIET
        return self.purity >= PURE and abs(self.frequency - frequency) <= max(NEAR * frequency, 20.0)


class Ear:
    """Hears what is fed to it, PCM s16le mono of any rate; the rate may change on the way."""

    def __init__(self) -> None:
        self.frames: list[Frame] = []
        self._rate = 0
        self._samples: Any = np.zeros(0, np.int16)

    def feed(self, pcm: bytes, rate: int, at: float) -> None:
        """Hear PCM whose last sample arrived at the time `at`."""
        if rate != self._rate:
            self._rate, self._samples = rate, np.zeros(0, np.int16)
        self._samples = np.concatenate((self._samples, np.frombuffer(pcm, "<i2")))
        window, hop = int(WINDOW * rate), int(FRAME * rate)
        count = max(0, (len(self._samples) - window) // hop + 1)
        for index in range(count):
            piece = self._samples[index * hop : index * hop + window].astype(np.float64)
            left = (len(self._samples) - index * hop - window) / rate
            self.frames.append(_look(piece, rate, at - left))
        self._samples = self._samples[count * hop :]

    @classmethod
    def of(cls, path: Path) -> Ear:
        """Hear a WAV file of 16 bit; of several channels the first. Time begins at 0 with the file."""
        ear = cls()
        with wave.open(str(path), "rb") as file:
            channels, rate, length = file.getnchannels(), file.getframerate(), file.getnframes()
            samples = np.frombuffer(file.readframes(length), "<i2")[::channels]
        ear.feed(samples.tobytes(), rate, len(samples) / rate)
        return ear

    def seconds_of(self, frequency: float, since: float = 0.0) -> float:
        """Return how long a tone was heard altogether."""
        return FRAME * sum(frame.is_tone(frequency) for frame in self.frames if frame.at >= since)

    def hears(self, frequency: float, seconds: float = 0.3, since: float = 0.0) -> float | None:
        """Return when a tone began that lasted `seconds` without a break, the first one after `since`; or None."""
        needed, begun = max(1, round(seconds / FRAME)), 0.0
        count = 0
        for frame in self.frames:
            if frame.at < since or not frame.is_tone(frequency):
                count = 0
                continue
            begun = begun if count else frame.at
            count += 1
            if count >= needed:
                return begun
        return None

    def keys(self, since: float = 0.0) -> str:
        """Return the keys of a telephone whose tones were heard, each for 40 ms at least (ITU-T Q.23)."""
        found, before, count = "", "", 0
        for frame in self.frames:
            count = count + 1 if frame.key == before else 1
            before = frame.key
            if frame.at >= since and frame.key and count == 2:
                found += frame.key
        return found

    def hears_melody(self, seconds: float = 1.0, since: float = 0.0) -> bool:
        """Whether there was sound that changes, as speech and music do, for `seconds` altogether."""
        loud = [frame for frame in self.frames if frame.at >= since and frame.loudness >= QUIET]
        pitches = {round(frame.frequency / 25) for frame in loud}
        return len(loud) * FRAME >= seconds and len(pitches) >= 4

    def gaps(self, frequency: float, since: float = 0.0, until: float = float("inf")) -> list[float]:
        """Return how long each interruption lasted between the first and the last moment of a tone, in seconds.

        What is shorter than the window can't be told from it and is left out.
        """
        heard = [
            index for index, frame in enumerate(self.frames) if since <= frame.at <= until and frame.is_tone(frequency)
        ]
        return [(after - before - 1) * FRAME for before, after in itertools.pairwise(heard) if after - before > 2]

    def story(self) -> str:
        """Return what was heard in a few words, for the message of a failed test: "440 Hz 0.5 s, silence 1.2 s"."""
        pieces: list[tuple[str, int]] = []
        for frame in self.frames:
            name = _name(frame)
            if pieces and pieces[-1][0] == name:
                pieces[-1] = (name, pieces[-1][1] + 1)
            else:
                pieces.append((name, 1))
        told = [f"{name} {count * FRAME:.2f} s" for name, count in pieces if count > 1] or ["nothing at all"]
        return ", ".join([*told[:4], "…", *told[-8:]] if len(told) > 14 else told)


def tone(frequencies: float | Sequence[float], rate: int, seconds: float, loudness: float = 0.3) -> bytes:
    """Return a tone (or several at once) as PCM s16le mono. `loudness`: peak of the sum, 1.0 is full scale."""
    wanted: Iterable[float] = [frequencies] if isinstance(frequencies, int | float) else frequencies
    waves = [np.sin(2 * np.pi * hertz * np.arange(int(rate * seconds)) / rate) for hertz in wanted]
    return np.round(sum(waves) / len(waves) * loudness * 32767).astype("<i2").tobytes()


def _look(piece: Any, rate: int, at: float) -> Frame:
    piece = piece - piece.mean()
    loudness = float(np.sqrt(np.mean(piece**2)))
    if loudness < QUIET:
        return Frame(at, loudness, 0.0, 0.0)
    power = np.abs(np.fft.rfft(piece * np.hanning(len(piece)), 4 * len(piece))) ** 2
    best = int(np.argmax(power))
    width = 10  # the main lobe of the Hann window is 8 of these bins to each side
    around = float(power[max(0, best - width) : best + width + 1].sum())
    purity = around / float(power.sum())
    key = "" if purity > 0.9 else _key(power, rate / (4 * len(piece)))
    return Frame(at, loudness, best * rate / (4 * len(piece)), purity, key)


def _key(power: Any, width: float) -> str:
    """Return the key whose two tones hold nearly all the power, each a good part of it; `width` of a bin in Hz."""

    def of(hertz: float) -> float:
        middle, side = round(hertz / width), max(1, round(30 / width))
        return float(power[middle - side : middle + side + 1].sum())

    total = float(power.sum())
    rows, columns = [of(hertz) for hertz in ROWS], [of(hertz) for hertz in COLUMNS]
    low, high = max(rows), max(columns)
    if low + high < 0.7 * total or min(low, high) < 0.15 * total:
        return ""
    return KEYPAD[rows.index(low)][columns.index(high)]


def _name(frame: Frame) -> str:
    if frame.loudness < QUIET:
        return "silence"
    return f"{round(frame.frequency / 10) * 10} Hz" if frame.purity >= PURE else "sound"
