"""Stands for the media processes in tests of calls: remembers what it was told, makes no sound."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from jackfield.media.client import (
    Digit,
    Hears,
    MediaLost,
    NoPort,
    Played,
    Remote,
    Silence,
    Statistics,
    StreamStats,
    Tone,
    WorkerStats,
)


class FakeStream:
    """One stream; `heard` says what its party hears: the other's audio, a sound, or nothing."""

    def __init__(self, worker: FakeWorker, number: int, address: str) -> None:
        self.worker = worker
        self.id = number
        self.address = address
        self.port = 10000 + 2 * number
        self.on_event: Callable[[Any], None] | None = None
        self.remote: Remote | None = None
        self.bridged_to: FakeStream | None = None
        self.playing: tuple[tuple[str | Tone, ...], bool, int] | None = None
        self.played: list[str | Tone] = []
        self.echoing = False
        self.listening = False
        self.dtmf = ""
        self.recording = ""
        self.closed = False
        self.figures = StreamStats(packets_in=7)
        """What it would tell when asked."""
        self._end: asyncio.TimerHandle | None = None

    def configure(self, remote: Remote | None) -> None:
        self.remote = remote

    def bridge(self, other: FakeStream) -> None:
        if other.worker is not self.worker:
            raise ValueError("streams of two media processes cannot be bridged")
        self.unbridge()
        other.unbridge()
        self.bridged_to, other.bridged_to = other, self

    def unbridge(self) -> None:
        if self.bridged_to is not None:
            self.bridged_to.bridged_to = None
            self.bridged_to = None

    def play(self, sounds: Sequence[str | Tone], *, loop: bool = False, player_id: int) -> None:
        self._stop()
        self.playing = (tuple(sounds), loop, player_id)
        self.played += sounds
        if not loop:
            self._end = asyncio.get_running_loop().call_later(2.0 * len(sounds), self._played)

    def _played(self) -> None:
        playing, self.playing = self.playing, None
        if playing and self.on_event:
            self.on_event(Played(self.id, playing[2], True))

    def _stop(self) -> None:
        if self._end is not None:
            self._end.cancel()
            self._end = None
        self.playing = None

    def stop_play(self) -> None:
        self._stop()

    @property
    def statistics(self) -> StreamStats:
        return self.figures

    def ask_statistics(self) -> None:
        if self.on_event is not None:
            asyncio.get_running_loop().call_soon(self.on_event, Statistics(self.id, self.figures, False))

    def echo(self, on: bool) -> None:
        self.echoing = on

    def send_dtmf(self, digits: str, *, mode: str, duration_ms: int = 100) -> None:
        self.dtmf += digits

    def listen_digits(self, on: bool, *, inband: bool = False) -> None:
        self.listening = on

    def record(self, path: str, *, stereo: bool = False) -> None:
        self.recording = str(path)

    def stop_record(self) -> None:
        self.recording = ""

    def close(self) -> None:
        if self.closed:
            return
        self._stop()
        self.unbridge()
        self.closed = True
        self.worker.streams.remove(self)
        if self.on_event is not None:
            event = Statistics(self.id, self.figures, True)
            asyncio.get_running_loop().call_soon(self.on_event, event)

    # --- what a test can let happen

    def press(self, digits: str) -> None:
        """The party presses keys; heard only by who listens, as in the real thing."""
        for digit in digits:
            if self.listening and self.on_event:
                self.on_event(Digit(self.id, digit, 100, "rfc4733"))

    def report(self, lost: float = 0.0) -> None:
        """The party, whose audio goes elsewhere, reports that it hears somebody."""
        assert self.remote is not None
        if self.remote.elsewhere and self.on_event:
            self.on_event(Hears(self.id, lost))

    def fall_silent(self, seconds: int = 20) -> None:
        assert self.on_event is not None
        self.on_event(Silence(self.id, seconds))

    @property
    def heard(self) -> str:
        """What the party hears now."""
        if self.playing is not None:
            first = self.playing[0][0]
            return f"tone:{first.name}" if isinstance(first, Tone) else first
        return "the other party" if self.bridged_to is not None else "nothing"


class FakeWorker:
    """One media process."""

    def __init__(self) -> None:
        self.alive = True
        self.streams: list[FakeStream] = []
        self.full = False
        self.spares = 0
        self.fingerprint = ""
        self._number = 0

    @property
    def open_streams(self) -> int:
        return len(self.streams)

    async def open(self, *, address: str, count: int = 1, rtcp_mux: bool = False) -> list[FakeStream]:
        if not self.alive:
            raise MediaLost("the media process is not running")
        if self.full:
            raise NoPort("all RTP ports of 10000-20000 are used: widen rtp_ports")
        await asyncio.sleep(0)
        made = []
        for _ in range(count):
            self._number += 1
            made.append(FakeStream(self, self._number, address))
        self.streams += made
        return made

    async def ask_fingerprint(self) -> None:
        await asyncio.sleep(0)
        self.fingerprint = f"sha-256 {':'.join(f'{id(self) >> shift & 0xFF:02X}' for shift in range(32))}"

    async def statistics(self) -> WorkerStats:
        return WorkerStats(1, 1.0, len(self.streams) + self.spares, 100, "fake", 7, 0, 0, 0, 0, 0, 0, 0.0)


class FakePool:
    """All media processes."""

    def __init__(self, count: int = 1) -> None:
        self.workers = [FakeWorker() for _ in range(count)]
        self.on_lost: Callable[[Any], None] | None = None

    def worker(self) -> FakeWorker:
        alive = [worker for worker in self.workers if worker.alive]
        if not alive:
            raise MediaLost("no media process is running")
        return min(alive, key=lambda worker: len(worker.streams))

    def kill(self, worker: FakeWorker) -> None:
        """Let a process die, and a new one come."""
        worker.alive = False
        for stream in worker.streams:
            stream.closed = True
        self.workers.remove(worker)
        self.workers.append(FakeWorker())
        assert self.on_lost is not None
        self.on_lost(worker)

    @property
    def streams(self) -> list[FakeStream]:
        return [stream for worker in self.workers for stream in worker.streams]

    async def close(self) -> None:
        return None
