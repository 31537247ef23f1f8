"""Sounds: the set that Jackfield brings along, and the conversion of any upload into what the media process plays.

A sound is a pair of 16 bit mono WAV files, `NAME.8000.wav` and `NAME.16000.wav`, made once. `README.md` beside this
file says where the shipped ones come from, under which licence, and what they say.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import wave
from collections.abc import Container, Iterator
from dataclasses import dataclass
from functools import lru_cache
from math import gcd
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

FOLDER = Path(__file__).parent
RATES = (8000, 16000)
LONGEST_SECONDS = 2 * 3600
BLOCK_SECONDS = 10

_HALF_WIDTH = 24  # zero crossings of the low-pass on each side
_CUT = 0.94  # of the lower rate's half
_BETA = 9.0  # Kaiser window: stop band about 90 dB down

Samples = npt.NDArray[np.float32]


class BadSound(Exception):
    """A file that cannot become a sound; the text says why, for the one who uploaded it."""


@dataclass(frozen=True, slots=True)
class Default:
    """A sound of the shipped set: its name, its language ("" for music), and its path below the folder of sounds."""

    name: str
    language: str
    path: str


def defaults() -> tuple[Default, ...]:
    """Return the shipped set, by name."""
    found = []
    for file in sorted(FOLDER.rglob("*.flac")):
        path = file.relative_to(FOLDER).with_suffix("")
        language, *rest = path.parts
        if language == "music":
            found.append(Default("/".join(rest), "", path.as_posix()))
        else:
            found.append(Default("/".join(rest), language, path.as_posix()))
    return tuple(found)


def install(into: Path, languages: Container[str] | None = None) -> int:
    """Put the shipped set into an installation's folder of sounds, where it is missing; returns how many were new.

    `languages` are those to put there, besides the music; None: all. What an administrator has put in place of a
    shipped sound stays. Raises BadSound when the folder cannot be written.
    """
    new = 0
    for sound in defaults():
        if sound.language and languages is not None and sound.language not in languages:
            continue
        target = into / sound.path
        if not all(_file(target, rate).exists() for rate in RATES):
            convert(FOLDER / f"{sound.path}.flac", target)
            new += 1
    return new


def convert(source: Path, into: Path) -> float:
    """Convert a WAV, FLAC, MP3, OGG or other audio file into `INTO.8000.wav` and `INTO.16000.wav`.

    Returns the length in seconds. Channels are mixed. The pair appears at once, or not at all. Raises BadSound.
    """
    import soundfile

    try:
        into.parent.mkdir(parents=True, exist_ok=True)
        with soundfile.SoundFile(str(source)) as file, contextlib.ExitStack() as stack:
            if file.frames > LONGEST_SECONDS * file.samplerate:
                raise BadSound(f"{source.name} is longer than {LONGEST_SECONDS // 3600} hours")
            if not 4000 <= file.samplerate <= 384_000:
                raise BadSound(f"{source.name} has a sampling rate of {file.samplerate} Hz, which no sound has")
            writers = [stack.enter_context(_Writer(into, rate, file.samplerate)) for rate in RATES]
            frames = 0
            for block in _blocks(file):
                frames += len(block)
                for writer in writers:
                    writer.write(block)
            if not frames:
                raise BadSound(f"{source.name} holds no audio")
            seconds = frames / file.samplerate
            for writer in writers:
                writer.finish(seconds)
        return float(seconds)
    except soundfile.LibsndfileError as error:
        if not source.exists():
            raise BadSound(f"{source} does not exist") from error
        raise BadSound(
            f"{source.name} is no audio file that can be read (WAV, FLAC, MP3, OGG): {error.error_string}"
        ) from error
    except OSError as error:
        raise BadSound(f"{into} cannot be written: {error.strerror}") from error


def resample(samples: Samples, from_rate: int, to_rate: int) -> Samples:
    """Return a whole sound at another rate, of matching length."""
    filter_ = _Resampler(from_rate, to_rate)
    made = np.concatenate([filter_.feed(samples), filter_.end()])
    return made[: round(len(samples) * to_rate / from_rate)]


def _file(into: Path, rate: int) -> Path:
    return into.with_name(f"{into.name}.{rate}.wav")


def _blocks(file: Any) -> Iterator[Samples]:
    while True:
        block = file.read(BLOCK_SECONDS * file.samplerate, dtype="float32", always_2d=True)
        if not len(block):
            return
        yield np.ascontiguousarray(block.mean(axis=1), dtype=np.float32)


class _Writer:
    """One of the two files, under another name until it is complete."""

    def __init__(self, into: Path, rate: int, source_rate: int) -> None:
        self._target = _file(into, rate)
        self._rate = rate
        self._resampler = _Resampler(source_rate, rate)
        self._written = 0
        handle, name = tempfile.mkstemp(dir=into.parent, prefix=f".{into.name}.", suffix=".wav")
        self._temporary = Path(name)
        self._wave = wave.open(os.fdopen(handle, "wb"), "wb")  # noqa: SIM115 - closed in __exit__
        self._wave.setnchannels(1)
        self._wave.setsampwidth(2)
        self._wave.setframerate(rate)
        self._done = False

    def __enter__(self) -> _Writer:
        return self

    def write(self, block: Samples) -> None:
        self._put(self._resampler.feed(block))

    def finish(self, seconds: float) -> None:
        rest = self._resampler.end()
        self._put(rest[: max(0, round(seconds * self._rate) - self._written)])
        self._done = True

    def _put(self, samples: Samples) -> None:
        self._wave.writeframes(np.clip(np.rint(samples * 32767), -32768, 32767).astype("<i2").tobytes())
        self._written += len(samples)

    def __exit__(self, *_: object) -> None:
        self._wave.close()
        if self._done:
            self._temporary.chmod(0o644)
            self._temporary.replace(self._target)
        else:
            self._temporary.unlink(missing_ok=True)


@lru_cache(maxsize=8)
def _phases(up: int, down: int) -> Samples:
    """The low-pass, one row of taps for each of the `up` positions that an output has between two inputs."""
    widest = max(up, down)
    reach = _HALF_WIDTH * widest
    positions = np.arange(-reach, reach + 1) / widest
    taps = np.sinc(positions * _CUT) * np.kaiser(2 * reach + 1, _BETA)
    taps *= up / taps.sum()
    padded = np.concatenate((taps, np.zeros(-len(taps) % up)))
    rows: Samples = padded.reshape(-1, up).T[:, ::-1].astype(np.float32)
    return np.ascontiguousarray(rows)


class _Resampler:
    """Between any two rates, block by block (polyphase: only what is kept is computed)."""

    def __init__(self, from_rate: int, to_rate: int) -> None:
        common = gcd(from_rate, to_rate)
        self._up, self._down = to_rate // common, from_rate // common
        if self._up == self._down:
            return
        self._rows = _phases(self._up, self._down)
        self._taps = self._rows.shape[1]
        # The filter delays by half its length; begin as much later, so that nothing is shifted.
        self._next = _HALF_WIDTH * max(self._up, self._down)  # position of the next output, in 1/up of an input
        self._kept: Samples = np.zeros(self._taps - 1, np.float32)

    def feed(self, block: Samples) -> Samples:
        if self._up == self._down:
            return block
        samples = np.concatenate((self._kept, block))
        end = len(block) * self._up
        count = max(0, -(-(end - self._next) // self._down))
        made = np.zeros(count, np.float32)
        octets = samples.itemsize
        # Outputs that are `up` apart lie at the same place between their inputs: one product for all of them.
        for first in range(min(self._up, count)):
            position = self._next + first * self._down
            row, start = position % self._up, position // self._up
            several = -(-(count - first) // self._up)
            windows = np.ndarray(
                (several, self._taps), np.float32, samples.data, start * octets, (self._down * octets, octets)
            )
            made[first :: self._up] = windows @ self._rows[row]
        self._next += count * self._down - end
        self._kept = samples[len(block) :]
        return made

    def end(self) -> Samples:
        """What is still in the filter."""
        if self._up == self._down:
            return np.zeros(0, np.float32)
        return self.feed(np.zeros(self._taps, np.float32))
