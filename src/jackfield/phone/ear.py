"""The ear: tells which tones are in the audio that arrives, since when, and when there is silence."""

from __future__ import annotations

import asyncio
import wave
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from jackfield.phone.account import PhoneError
from jackfield.rtp.resample import Resampler

__all__ = ["Ear", "tone_share"]

FRAME = 0.02  # seconds
REMEMBERED = 250  # frames: 5 s
FAINT = 100.0  # root of the mean square below which there is silence: about -50 dB of full scale


def tone_share(samples: Any, frequency: float, rate: int) -> float:
    """Return how much of the power is in `frequency`: 1.0 for a pure tone, near 0 for anything else (Goertzel)."""
    data = np.asarray(samples, dtype=np.float64)
    power = float(data @ data)
    if not power:
        return 0.0
    turn = np.exp(-2j * np.pi * frequency / rate * np.arange(len(data)))
    return min(1.0, 2 * abs(complex(data @ turn)) ** 2 / (len(data) * power))


class _Watch:
    """One who waits for something to be heard without a break for so many frames."""

    def __init__(self, matches: Callable[[], bool], frames: int, found: asyncio.Future[float]) -> None:
        self.matches, self.frames, self.found = matches, frames, found
        self.since = 0.0
        self.count = 0

    def look(self, at: float) -> None:
        if not self.matches():
            self.count = 0
            return
        if not self.count:
            self.since = at
        self.count += 1
        if self.count >= self.frames and not self.found.done():
            self.found.set_result(self.since)


class Ear:
    """Hears PCM in frames of 20 ms. Times are those of the event loop, at which the packets arrived."""

    def __init__(self) -> None:
        self.rate = 8000
        self.copy_to: Callable[[bytes, int], None] | None = None  # gets PCM and its rate as well
        self._frames: deque[Any] = deque(maxlen=REMEMBERED)
        self._rest = b""
        self._watches: list[_Watch] = []
        self._recording: wave.Wave_write | None = None
        self._resampler: Resampler | None = None

    def feed(self, pcm: bytes, rate: int, at: float) -> None:
        """Take PCM s16le mono that arrived at time `at`."""
        if rate != self.rate:
            self._frames.clear()
            self._rest = b""
            self.rate = rate
            self._resampler = None
        self._record(pcm)
        if self.copy_to is not None:
            self.copy_to(pcm, rate)
        self._rest += pcm
        size = 2 * int(rate * FRAME)
        while len(self._rest) >= size:
            self._frames.append(np.frombuffer(self._rest[:size], dtype="<i2"))
            self._rest = self._rest[size:]
            for watch in self._watches[:]:
                watch.look(at)

    async def hear(
        self, frequency: float, *, seconds: float = 0.2, timeout: float = 5.0, precise: bool = False
    ) -> float:
        """Wait until a tone of `frequency` Hz has sounded for `seconds`, and return when it began.

        `precise` looks at single frames of 20 ms, which tells the beginning better and near frequencies worse (50 Hz
        apart instead of 17). Raises `PhoneError` with what is heard instead after `timeout` seconds.
        """
        width = 1 if precise else 3

        def matches() -> bool:
            piece = self._last(width)
            return len(piece) > 0 and _loudness(piece) > FAINT and tone_share(piece, frequency, self.rate) > 0.6

        return await self._watch(matches, seconds, timeout, f"a tone of {frequency:g} Hz")

    async def silence(self, *, seconds: float = 0.2, timeout: float = 5.0) -> float:
        """Wait until it has been silent for `seconds` of arriving audio. Raises `PhoneError`."""
        return await self._watch(lambda: _loudness(self._last(1)) <= FAINT, seconds, timeout, "silence")

    async def sound(self, *, seconds: float = 0.2, timeout: float = 5.0) -> float:
        """Wait until there has been any sound for `seconds`: speech, music. Raises `PhoneError`."""
        return await self._watch(lambda: _loudness(self._last(5)) > FAINT, seconds, timeout, "any sound")

    def strongest(self, seconds: float = 0.2) -> float:
        """Return the strongest frequency in the last `seconds`, in Hz; 0.0 in silence."""
        piece = self._last(max(1, round(seconds / FRAME)))
        if len(piece) == 0 or _loudness(piece) <= FAINT:
            return 0.0
        spectrum = np.abs(np.fft.rfft(piece * np.hanning(len(piece)), 4 * len(piece)))
        return float(np.argmax(spectrum) * self.rate / (4 * len(piece)))

    def forget(self) -> None:
        """Drop what was heard, so that what follows counts alone."""
        self._frames.clear()

    def record(self, path: Path) -> None:
        """Write what is heard from now on into a WAV file, at the rate of now. Raises `OSError`."""
        self.stop_recording()
        self._recording = wave.open(str(path), "wb")  # noqa: SIM115 - closed by stop_recording
        self._recording.setparams((1, 2, self.rate, 0, "NONE", ""))

    def stop_recording(self) -> None:
        """Finish the file."""
        if self._recording is not None:
            self._recording.close()
            self._recording = None

    def _record(self, pcm: bytes) -> None:
        if self._recording is None:
            return
        rate = self._recording.getframerate()
        if rate != self.rate:
            if self._resampler is None:
                self._resampler = Resampler(self.rate, rate)
            pcm = self._resampler.feed(pcm)
        self._recording.writeframes(pcm)

    def _last(self, frames: int) -> Any:
        count = len(self._frames)
        taken = [self._frames[index] for index in range(max(0, count - frames), count)]
        return np.concatenate(taken).astype(np.float64) if taken else np.zeros(0)

    async def _watch(self, matches: Callable[[], bool], seconds: float, timeout: float, what: str) -> float:
        watch = _Watch(matches, max(1, round(seconds / FRAME)), asyncio.get_running_loop().create_future())
        self._watches.append(watch)
        try:
            return await asyncio.wait_for(watch.found, timeout)
        except TimeoutError:
            raise PhoneError(f"{what} was not heard within {timeout:g} s, but {self._described()}") from None
        finally:
            self._watches.remove(watch)

    def _described(self) -> str:
        if not self._frames:
            return "no audio at all"
        found = self.strongest()
        return f"mostly {found:.0f} Hz" if found else "silence"


def _loudness(samples: Any) -> float:
    return float(np.sqrt(np.mean(samples**2))) if len(samples) else 0.0
