"""Recordings: both directions of a stream into a WAV file that is playable at any moment, also after a crash.

What arrives is laid onto a time line, so that the two directions stay together; half a second later it is written, and
the sizes in the header are brought up to date with each piece. What a killed process loses is the last second or so.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from jackfield.rtp import codecs
from jackfield.rtp.codecs import Codec
from jackfield.rtp.resample import Resampler

Side = Literal[0, 1]
HEARD: Side = 0  # from the party; left in stereo
SAID: Side = 1  # to the party; right

SETTLE = 0.5  # seconds after which nothing more is expected for a moment
APART = 0.08  # seconds that audio may be off its time before silence is put in or it is moved
LONGEST_AHEAD = 1.0  # seconds of audio that may arrive in a burst
_HEADER = struct.Struct("<4sI4s4sIHHIIHH4sI")


class CannotRecord(Exception):
    """The file cannot be written; the text is for people."""


class Recording:
    """One file. `wide` chooses 16 kHz over 8. Times are seconds of any steady clock."""

    def __init__(self, path: Path, *, wide: bool, stereo: bool, now: float) -> None:
        self.path = path
        self.rate = 16000 if wide else 8000
        self._channels = 2 if stereo else 1
        self._start = now
        self._written = 0  # samples of the time line that are in the file
        self._sides: tuple[npt.NDArray[np.int16], npt.NDArray[np.int16]] = (self._silence(4), self._silence(4))
        self._cursors = [0, 0]  # sample after the last one laid down, per side
        self._decoders: dict[tuple[Side, str], tuple[Codec, Resampler | None] | None] = {}
        try:
            self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o640)
            self._write_header()
        except OSError as error:
            raise CannotRecord(f"recording {path} cannot be written: {error.strerror}") from error

    def hear(self, side: Side, codec: str, payload: bytes, now: float) -> None:
        """Take a payload that passed just now."""
        known = self._decoders.get((side, codec), False)
        if known is False:
            known = self._decoders[side, codec] = self._decoder(codec)
        if known is None:
            return
        decoder, resampler = known  # type: ignore[misc]
        pcm = decoder.decode(payload)
        self.lay(side, resampler.feed(pcm) if resampler is not None else pcm, now)

    def lay(self, side: Side, pcm: bytes, now: float) -> None:
        """Lay PCM (s16le at `rate`) onto the time line where it is now, or after what came just before."""
        samples = np.frombuffer(pcm, dtype="<i2")
        due = int((now - self._start) * self.rate)
        at = self._cursors[side]
        if at < due - int(APART * self.rate) or at < self._written:
            at = max(due, self._written)
        elif at > due + int(LONGEST_AHEAD * self.rate):
            return
        line = self._sides[side]
        begin = at - self._written
        if begin + len(samples) > len(line):
            self._write_until(due - int(SETTLE * self.rate))
            line = self._sides[side]
            begin = at - self._written
            if begin < 0 or begin + len(samples) > len(line):
                return
        line[begin : begin + len(samples)] = samples
        self._cursors[side] = at + len(samples)

    def flush(self, now: float) -> None:
        """Write what is settled; call about once a second. Raises CannotRecord."""
        self._write_until(int((now - self._start - SETTLE) * self.rate))
        try:
            self._write_header()
        except OSError as error:
            raise CannotRecord(f"recording {self.path} stopped: {error.strerror}") from error

    def finish(self, now: float) -> None:
        """Write the rest and close the file. Raises CannotRecord."""
        try:
            self._write_until(max(int((now - self._start) * self.rate), *self._cursors))
            self._write_header()
        except OSError as error:
            raise CannotRecord(f"recording {self.path} is not complete: {error.strerror}") from error
        finally:
            os.close(self._file)

    def abandon(self) -> None:
        """Close the file as it is."""
        os.close(self._file)

    def _silence(self, seconds: int) -> npt.NDArray[np.int16]:
        return np.zeros(seconds * self.rate, np.int16)

    def _decoder(self, codec: str) -> tuple[Codec, Resampler | None] | None:
        if codec not in codecs.available():
            return None
        if codec in ("opus", "g722"):
            return codecs.create(codec, sample_rate=self.rate), None
        return codecs.create(codec), Resampler(8000, self.rate) if self.rate != 8000 else None

    def _write_until(self, end: int) -> None:
        """Move the time line up to the sample `end` into the file."""
        heard, said = self._sides
        while self._written < end:
            count = min(end - self._written, len(heard))
            if self._channels == 2:
                piece = np.column_stack((heard[:count], said[:count])).astype("<i2")
            else:
                mixed = heard[:count].astype(np.int32) + said[:count]
                piece = np.clip(mixed, -32768, 32767).astype("<i2")
            data = piece.tobytes()
            place = _HEADER.size + self._written * 2 * self._channels
            try:
                while data:
                    done = os.pwrite(self._file, data, place)
                    data, place = data[done:], place + done
            except OSError as error:
                raise CannotRecord(f"recording {self.path} stopped: {error.strerror}") from error
            for line in self._sides:
                line[: len(line) - count] = line[count:]
                line[len(line) - count :] = 0
            self._written += count

    def _write_header(self) -> None:
        frame = 2 * self._channels
        size = self._written * frame
        header = _HEADER.pack(
            b"RIFF", 36 + size, b"WAVE", b"fmt ", 16, 1, self._channels, self.rate, self.rate * frame, frame, 16,
            b"data", size,
        )  # fmt: skip
        os.pwrite(self._file, header, 0)
