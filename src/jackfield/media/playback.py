"""Sounds and tones as packets: read once, encoded once, sent 20 ms at a time.

A sound is a pair of WAV files, `NAME.8000.wav` and `NAME.16000.wav`, that `jackfield.media.sounds.convert` made. The
encoded frames of a sound are shared by all who hear it in the same codec, so music on hold costs no more than sending.
"""

from __future__ import annotations

import mmap
import os
import struct
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path

from jackfield.media.protocol import Tone
from jackfield.rtp import codecs, tones
from jackfield.rtp.codecs import Codec

FRAME_MS = 20
CACHE_BYTES = 32 << 20  # of encoded audio and of tones
WIDE = frozenset(("g722", "opus"))
_RIFF = struct.Struct("<4sI4s")
_CHUNK = struct.Struct("<4sI")
_FORMAT = struct.Struct("<HHIIHH")
_PCM, _EXTENSIBLE = 1, 0xFFFE

Buffer = bytes | memoryview


class CannotPlay(Exception):
    """A sound is missing or unusable, or the party's codec cannot be encoded; the text is for people."""


def read_wav(path: Path) -> tuple[int, memoryview]:
    """Map a WAV file (16 bit, mono) into memory: sampling rate and samples. Raises CannotPlay."""
    try:
        with path.open("rb") as file:
            data = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    except (OSError, ValueError) as error:  # ValueError: an empty file
        raise CannotPlay(f"sound {path} cannot be read: {error}") from error
    rate = 0
    try:
        riff, _, wave = _RIFF.unpack_from(data)
        if (riff, wave) != (b"RIFF", b"WAVE"):
            raise CannotPlay(
                f"sound {path} is no WAV file: convert it with 'jackfield apply' or jackfield.media.sounds"
            )
        at = _RIFF.size
        while True:
            name, size = _CHUNK.unpack_from(data, at)
            at += _CHUNK.size
            if name == b"fmt ":
                kind, channels, rate, _, _, bits = _FORMAT.unpack_from(data, at)
                if kind not in (_PCM, _EXTENSIBLE) or channels != 1 or bits != 16:
                    raise CannotPlay(f"sound {path} is not 16 bit mono PCM: convert it first")
            elif name == b"data":
                if not rate:
                    raise CannotPlay(f"sound {path} does not say its sampling rate")
                return rate, data[at : at + (min(size, len(data) - at) & ~1)]
            at += size + size % 2
    except struct.error as error:
        raise CannotPlay(f"sound {path} is cut off") from error


class Clip:
    """A sound in one codec: frames of 20 ms, encoded when first asked for."""

    __slots__ = ("_codec", "_frame_bytes", "_pcm", "_position", "clock_step", "frames", "length")

    def __init__(self, pcm: Buffer, codec: Codec) -> None:
        self.frames: list[bytes] = []
        self.clock_step = codec.frame_clock
        self._frame_bytes = 2 * codec.frame_samples
        self.length = -(-len(pcm) // self._frame_bytes)
        self._pcm: Buffer = pcm
        self._position = 0
        self._codec: Codec | None = codec

    def frame(self, index: int) -> bytes:
        """The payload number `index` (below `length`)."""
        frames = self.frames
        while index >= len(frames):
            frames.append(self._next())
        return frames[index]

    def _next(self) -> bytes:
        size = self._frame_bytes
        piece = bytes(self._pcm[self._position : self._position + size])
        if len(piece) < size:
            piece += bytes(size - len(piece))
        self._position += size
        assert self._codec is not None
        payload = self._codec.encode(piece)
        if self._position >= len(self._pcm):
            self._codec = None  # an encoder may hold tens of kilobytes
            self._pcm = b""
        return payload


class Clips:
    """All clips of a process, the least recently used given up when they grow too many."""

    def __init__(self, limit: int = CACHE_BYTES) -> None:
        self._limit = limit
        self._clips: OrderedDict[tuple[object, ...], tuple[Clip, int]] = OrderedDict()
        self._bytes = 0

    def clip(self, sound: str | Tone, codec: str, fmtp: str = "") -> Clip:
        """The clip of a sound (path without ending) or tone in a codec. Raises CannotPlay."""
        if codec not in codecs.available():
            raise CannotPlay(f"nothing can be played to a party that only takes {codec}: it can be passed through only")
        key: tuple[object, ...]
        if isinstance(sound, Tone):
            rate = 16000 if codec in WIDE else 8000
            key = (sound.name, sound.country.lower(), codec, fmtp)
        else:
            path, rate, written = _file(sound, codec)
            key = (path, written, codec, fmtp)
        known = self._clips.get(key)
        if known is not None:
            self._clips.move_to_end(key)
            return known[0]
        pcm: Buffer
        if isinstance(sound, Tone):
            if sound.name not in tones.NAMES:
                raise CannotPlay(f"there is no tone {sound.name!r}; there are {', '.join(tones.NAMES)}")
            pcm = tones.loop(sound.name, sound.country, rate)
        else:
            rate, pcm = read_wav(path)
        try:
            clip = Clip(pcm, codecs.create(codec, sample_rate=rate, fmtp=fmtp))
        except ValueError as error:
            raise CannotPlay(f"{sound} cannot be played in {codec}: {error}") from error
        # G.711 has one octet for two of PCM; the others have less.
        cost = len(pcm) // 2 + 100
        self._clips[key] = clip, cost
        self._bytes += cost
        while self._bytes > self._limit and len(self._clips) > 1:
            self._bytes -= self._clips.popitem(last=False)[1][1]
        return clip


def _file(sound: str, codec: str) -> tuple[Path, int, tuple[int, int]]:
    """The file of a sound that suits a codec best, its rate, and what tells when it was changed."""
    for rate in (16000, 8000) if codec in WIDE else (8000,):
        path = f"{sound}.{rate}.wav"
        try:
            found = os.stat(path)
        except OSError:
            continue
        return Path(path), rate, (found.st_mtime_ns, found.st_size)
    raise CannotPlay(f"sound {sound} is missing: there is no {sound}.8000.wav; upload it again or choose another")


class Player:
    """Sounds played one after another to one party."""

    __slots__ = ("_at", "_clips", "_index", "_loop", "id", "ready")

    def __init__(self, player_id: int, *, loop: bool) -> None:
        self.id = player_id
        self.ready = False  # the clips are there
        self._clips: list[Clip] = []
        self._loop = loop
        self._at = 0  # clip
        self._index = 0  # frame within it

    def load(self, clips: Sequence[Clip]) -> None:
        """Go on with these, which are the same sounds in another codec."""
        self._clips = [clip for clip in clips if clip.length]
        self.ready = True

    def next(self) -> tuple[bytes, int] | None:
        """The next payload and its length in ticks of the RTP clock; None when all has been played."""
        if self._at >= len(self._clips):
            if not self._loop or not self._clips:
                return None
            self._at = 0
        clip = self._clips[self._at]
        payload = clip.frame(self._index)
        self._index += 1
        if self._index >= clip.length:
            self._index = 0
            self._at += 1
        return payload, clip.clock_step
