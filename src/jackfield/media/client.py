"""What the switch holds of the media processes: a pool of workers, and the streams that it opened in them.

Everything but `open` and the questions for statistics returns at once: the commands of two turns of the loop leave in
one write, and what they lead to comes back as events. A worker that dies takes its streams along; `on_lost` tells,
and the pool goes on knocking until the supervisor has started it again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

from jackfield.media import protocol
from jackfield.media.protocol import (
    Command,
    Digit,
    Failed,
    Hears,
    Latched,
    Played,
    Remote,
    Report,
    Resumed,
    Silence,
    Started,
    Statistics,
    StreamEvent,
    StreamStats,
    Tone,
    WebRtc,
    WorkerStats,
)

__all__ = [
    "Digit",
    "Failed",
    "Hears",
    "Latched",
    "MediaLost",
    "MediaPool",
    "NoPort",
    "Played",
    "Remote",
    "Resumed",
    "Silence",
    "Started",
    "Statistics",
    "Stream",
    "StreamEvent",
    "StreamStats",
    "Tone",
    "WebRtc",
    "Worker",
    "WorkerStats",
]

log = logging.getLogger(__name__)

_Answer = protocol.Opened | protocol.Refused | protocol.WorkerTold | protocol.FingerprintTold

SPARES = 16
"""Streams that the switch keeps open in advance for each address, so that no caller waits until ports are opened."""
KNOCK_FIRST, KNOCK_LONGEST = 0.05, 1.0  # seconds between attempts to reach a worker that is away


class MediaLost(Exception):
    """No media process can be reached, or the one that was asked has gone."""


class NoPort(Exception):
    """The RTP ports are used up; the text names the range and the setting to change."""


class Stream:
    """One RTP port (and its RTCP port) in a worker, serving one party of a call.

    The commands never raise and never wait. On a stream that is closed, or whose worker is lost, they do nothing.
    """

    __slots__ = ("address", "bridged_to", "closed", "id", "on_event", "port", "remote", "statistics", "worker")

    def __init__(self, worker: Worker, stream: int, address: str, port: int) -> None:
        self.worker = worker
        self.id = stream
        self.address = address  # ours
        self.port = port  # even; RTCP is the next one
        self.on_event: Callable[[StreamEvent], None] | None = None
        self.remote: Remote | None = None  # as last configured
        self.bridged_to: Stream | None = None
        self.statistics: StreamStats | None = None  # the last that were told
        self.closed = False

    def __repr__(self) -> str:
        return f"<Stream {self.id} {self.address}:{self.port}{' closed' if self.closed else ''}>"

    def _tell(self, command: Command) -> None:
        if not self.closed:
            self.worker.tell(command)

    def configure(self, remote: Remote | None) -> None:
        """Say where and how to send and what to expect; None stops sending and forgets the party.

        Idempotent. Sequence numbers, timestamps and SSRC of what we send go on without a break.
        """
        self.remote = remote
        self._tell(protocol.Configure(self.id, remote))

    def bridge(self, other: Stream) -> None:
        """Let this party and the other hear each other; breaks the bridges that either had.

        Both streams must live in the same worker (open them with `count=2`, or on the same `Worker`); raises ValueError
        otherwise.
        """
        if other.worker is not self.worker:
            raise ValueError("streams of two media processes cannot be bridged")
        for stream in (self, other):
            if stream.bridged_to is not None:
                stream.bridged_to.bridged_to = None
        self.bridged_to, other.bridged_to = other, self
        self._tell(protocol.Bridge(self.id, other.id))

    def unbridge(self) -> None:
        """End the bridge, if there is one."""
        if self.bridged_to is not None:
            self.bridged_to.bridged_to = None
            self.bridged_to = None
            self._tell(protocol.Unbridge(self.id))

    def play(self, sounds: Sequence[str | Tone], *, loop: bool = False, player_id: int) -> None:
        """Play sounds one after another to the party, instead of what already plays.

        `sounds` are file paths without the ending for the rate (`.8000.wav`), or `Tone`s. `Played`
        follows when it ends. While it plays, the party does not hear the one that it is bridged to.
        """
        self._tell(protocol.Play(self.id, tuple(sounds), loop, player_id))

    def stop_play(self) -> None:
        """Stop what plays; the bridge is heard again."""
        self._tell(protocol.StopPlay(self.id))

    def echo(self, on: bool) -> None:
        """Send the party back what it says."""
        self._tell(protocol.Echo(self.id, on))

    def send_dtmf(self, digits: str, *, mode: str, duration_ms: int = 100) -> None:
        """Send digits (0-9 * # A-D; a comma is a pause) to the party, as "rfc4733" events or "inband" tones.

        "rfc4733" falls back to tones when the party has no telephone-event. Digits follow those still being sent.
        """
        self._tell(protocol.SendDtmf(self.id, digits, "inband" if mode == "inband" else "rfc4733", duration_ms))

    def listen_digits(self, on: bool, *, inband: bool = False) -> None:
        """Emit `Digit` for RFC 4733 events of the party, and for tones in its audio too when `inband`."""
        self._tell(protocol.ListenDigits(self.id, on, inband))

    def record(self, path: str | Path, *, stereo: bool = False) -> None:
        """Record into a WAV file: both directions mixed, or (stereo) the party left and what it hears right."""
        self._tell(protocol.Record(self.id, str(path), stereo))

    def stop_record(self) -> None:
        """Finish the recording."""
        self._tell(protocol.StopRecord(self.id))

    def ask_statistics(self) -> None:
        """Have a `Statistics` event sent."""
        self._tell(protocol.AskStream(self.id))

    def close(self) -> None:
        """End the stream. A last `Statistics` event follows. Idempotent."""
        if self.closed:
            return
        if self.bridged_to is not None:
            self.bridged_to.bridged_to = None
            self.bridged_to = None
        self._tell(protocol.Close(self.id))
        self.closed = True
        self.worker.stream_closed()


class Worker:
    """One media process, as the switch sees it."""

    def __init__(self, path: Path, lost: Callable[[Worker], None], *, spares: int = 0) -> None:
        self.path = path
        self.alive = False
        self.open_streams = 0  # the load by which the pool chooses
        self._lost = lost
        self._streams: dict[int, Stream] = {}
        self._questions: dict[int, asyncio.Future[Report]] = {}
        self._request = 0
        self.fingerprint = ""  # of its certificate, once somebody has asked for it
        self._spares_wanted = spares
        self._spares: dict[str, deque[Stream]] = {}  # by address
        self._refills: dict[int, str] = {}  # the address, by request
        self._outbox: list[Command] = []
        self._flushing = False
        self._transport: asyncio.Transport | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def __repr__(self) -> str:
        return f"<Worker {self.path.name} {'alive' if self.alive else 'away'}, {self.open_streams} streams>"

    async def open(self, *, address: str, count: int = 1, rtcp_mux: bool = False) -> list[Stream]:
        """Open streams on `address` (our own, an IP literal) in one round trip.

        Spare ones are taken without a round trip. Raises NoPort when the range is used up or the address cannot be
        bound, MediaLost when the worker has gone.
        """
        streams = [] if rtcp_mux else self._take_spares(address, count)
        missing = count - len(streams)
        asked = self._question(lambda request: protocol.Open(request, address, missing, rtcp_mux)) if missing else None
        if not rtcp_mux:
            self._refill(address)
        if asked is not None:
            try:
                answer = await self._answer(asked)
            except asyncio.CancelledError:
                if asked.done() and not asked.cancelled() and asked.exception() is None:
                    came = asked.result()  # in the same moment
                    streams += self._opened(came, address) if isinstance(came, protocol.Opened) else []
                self._give_back(address, streams)
                raise
            if isinstance(answer, protocol.Opened):
                streams += self._opened(answer, address)
            else:
                assert isinstance(answer, protocol.Refused)
                streams += self._take_spares(address, missing)  # another call may have had the last ports opened
                if len(streams) < count:
                    self._give_back(address, streams)
                    raise NoPort(answer.reason)
        self.open_streams += len(streams)
        return streams

    def _opened(self, answer: protocol.Opened, address: str) -> list[Stream]:
        streams = [Stream(self, stream, address, port) for stream, port in answer.streams]
        for stream in streams:
            self._streams[stream.id] = stream
        return streams

    def _take_spares(self, address: str, count: int) -> list[Stream]:
        spares = self._spares.get(address, ())
        return [spares.popleft() for _ in range(min(count, len(spares)))] if spares else []

    def _give_back(self, address: str, streams: Sequence[Stream]) -> None:
        self._spares.setdefault(address, deque()).extend(streams)

    def _refill(self, address: str) -> None:
        """Have spare streams opened when there are few; the command leaves along with the next one."""
        missing = self._spares_wanted - len(self._spares.get(address, ()))
        if missing * 2 >= self._spares_wanted > 0 and self.alive and address not in self._refills.values():
            self._request += 1
            self._refills[self._request] = address
            self._outbox.append(protocol.Open(self._request, address, missing, spare=True))

    async def statistics(self) -> WorkerStats:
        """Ask the worker for its counters. Raises MediaLost."""
        answer = await self._ask(protocol.AskWorker)
        assert isinstance(answer, protocol.WorkerTold)
        return answer.stats

    async def ask_fingerprint(self) -> None:
        """Learn the fingerprint of the worker's certificate, unless it is known. Raises MediaLost."""
        if not self.fingerprint:
            answer = await self._ask(protocol.AskFingerprint)
            assert isinstance(answer, protocol.FingerprintTold)
            self.fingerprint = answer.fingerprint

    def tell(self, command: Command) -> None:
        """Send a command at the end of the next turn of the loop.

        What belongs together is often told in two turns, the answers to the two sides of a call for example, and each
        write wakes the media process: at 20 calls/s that is a quarter of a millisecond. A turn takes far less.
        """
        if not self.alive:
            return
        if not self._flushing:
            assert self._loop is not None
            self._flushing = True
            self._loop.call_soon(self._loop.call_soon, self._flush)
        self._outbox.append(command)

    def stream_closed(self) -> None:
        """Count a closed stream off the load."""
        self.open_streams -= 1

    async def _ask(self, question: Callable[[int], Command]) -> Report:
        return await self._answer(self._question(question))

    def _question(self, question: Callable[[int], Command]) -> asyncio.Future[Report]:
        if not self.alive:
            raise MediaLost(f"the media process at {self.path} is not running")
        self._request += 1
        request = self._request
        assert self._loop is not None
        answer: asyncio.Future[Report] = self._loop.create_future()
        self._questions[request] = answer
        self.tell(question(request))
        return answer

    async def _answer(self, answer: asyncio.Future[Report]) -> Report:
        try:
            return await answer
        except asyncio.CancelledError:
            # A cancelled caller must not leave ports open that nobody knows of.
            if not answer.done():
                answer.cancel()
            raise

    def _flush(self) -> None:
        self._flushing = False
        outbox, self._outbox = self._outbox, []
        if outbox and self._transport is not None:
            self._transport.write(protocol.frame(outbox))

    def connected(self, transport: asyncio.Transport) -> None:
        """Begin anew: the process behind the path is a fresh one."""
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        self.alive = True

    def disconnected(self) -> None:
        """Give up all streams, and tell."""
        if not self.alive:
            return
        self.alive = False
        self._transport = None
        self._outbox = []
        self.fingerprint = ""  # the next process makes its own certificate
        self._spares.clear()
        self._refills.clear()
        streams, self._streams = self._streams, {}
        for stream in streams.values():
            stream.closed = True
            stream.bridged_to = None
        self.open_streams = 0
        questions, self._questions = self._questions, {}
        for answer in questions.values():
            if not answer.done():
                answer.set_exception(MediaLost(f"the media process at {self.path} has gone"))
        self._lost(self)

    def received(self, messages: Sequence[object]) -> None:
        """Hand replies to those who asked and events to their streams."""
        for message in messages:
            if isinstance(message, _Answer):
                self._answered(message)
            else:
                self._event(message)  # type: ignore[arg-type]

    def _answered(self, message: _Answer) -> None:
        address = self._refills.pop(message.request, None)
        if address is not None and isinstance(message, protocol.Opened):
            self._give_back(address, self._opened(message, address))
            return
        answer = self._questions.pop(message.request, None)
        if answer is not None and not answer.done():
            answer.set_result(message)
        elif isinstance(message, protocol.Opened):
            for stream, _ in message.streams:
                self.tell(protocol.Close(stream))

    def _event(self, event: StreamEvent) -> None:
        stream = self._streams.get(event.stream)
        if stream is None:
            return
        if isinstance(event, Statistics):
            stream.statistics = event.stats
            if event.final:
                del self._streams[event.stream]
        if stream.on_event is not None:
            try:
                stream.on_event(event)
            except Exception:
                log.exception("an event of %r was not digested: %r", stream, event)


class _Link(asyncio.Protocol):
    """The connection to one worker."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._frames = protocol.Frames(Report)
        self._transport: asyncio.Transport | None = None
        self.over = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport) or hasattr(transport, "write")
        self._transport = transport  # type: ignore[assignment]
        self._worker.connected(transport)  # type: ignore[arg-type]

    def data_received(self, data: bytes) -> None:
        try:
            self._worker.received(self._frames.feed(data))
        except protocol.OutOfStep as error:
            log.error("the media process at %s speaks another protocol: %s", self._worker.path, error)
            assert self._transport is not None
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self.over.set()
        self._worker.disconnected()


class MediaPool:
    """All media processes of this node."""

    def __init__(self, *, spares: int = 0) -> None:
        """`spares`: streams that each worker is to have open in advance, for each address that is in use."""
        self._spares = spares
        self.on_lost: Callable[[Worker], None] | None = None
        self.workers: list[Worker] = []
        self._keepers: list[asyncio.Task[None]] = []

    async def connect(self, paths: Sequence[Path], *, timeout: float = 10.0) -> None:
        """Connect to the workers' sockets and stay connected until `close`.

        Returns when all answer, or after `timeout` seconds when at least one does. Raises MediaLost when none does.
        """
        self.workers = [Worker(Path(path), self._worker_lost, spares=self._spares) for path in paths]
        ready = [asyncio.Event() for _ in self.workers]
        self._keepers = [
            asyncio.create_task(self._keep(worker, event)) for worker, event in zip(self.workers, ready, strict=True)
        ]
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                for event in ready:
                    await event.wait()
        if not any(worker.alive for worker in self.workers):
            names = ", ".join(str(path) for path in paths) or "no socket named"
            await self.close()
            raise MediaLost(f"no media process answers ({names}): see its log, or start it with 'jackfield run'")

    def worker(self) -> Worker:
        """Return the least loaded worker that is alive. Raises MediaLost when none is."""
        best: Worker | None = None
        for worker in self.workers:
            if worker.alive and (best is None or worker.open_streams < best.open_streams):
                best = worker
        if best is None:
            raise MediaLost("no media process is running: calls have no audio until the supervisor has restarted it")
        return best

    async def close(self) -> None:
        """Let go of all workers; they close the streams that are left."""
        keepers, self._keepers = self._keepers, []
        for keeper in keepers:
            keeper.cancel()
        await asyncio.gather(*keepers, return_exceptions=True)

    async def _keep(self, worker: Worker, ready: asyncio.Event) -> None:
        loop = asyncio.get_running_loop()
        pause = KNOCK_FIRST
        while True:
            try:
                transport, link = await loop.create_unix_connection(lambda: _Link(worker), str(worker.path))
            except OSError:
                await asyncio.sleep(pause)
                pause = min(pause * 2, KNOCK_LONGEST)
                continue
            pause = KNOCK_FIRST
            ready.set()
            try:
                await link.over.wait()
            finally:
                transport.abort()

    def _worker_lost(self, worker: Worker) -> None:
        if self.on_lost is not None and self._keepers:
            try:
                self.on_lost(worker)
            except Exception:
                log.exception("the loss of %r was not digested", worker)
