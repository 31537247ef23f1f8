"""The media process: one loop on one epoll for packets, the control socket and the clock. No asyncio, no threads.

The switch connects to a Unix socket and says what it wants (`protocol`). Whoever opened a stream owns it: when the
connection ends, its streams are closed.
"""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import signal
import socket
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from jackfield.media import protocol, webrtc
from jackfield.media.lane import PythonRoad
from jackfield.media.playback import Clips
from jackfield.media.ports import NoPort, Ports
from jackfield.media.protocol import Command, Report, StreamEvent
from jackfield.media.stream import Stream

if TYPE_CHECKING:
    from jackfield.rtp.dtls import Identity

log = logging.getLogger(__name__)

TICK_NS = 20_000_000
CATCH_UP = 3  # ticks that were missed and are made up for at once; more are left out, so that nobody gets a burst
SWEEP_NS = 250_000_000  # a quarter of the streams each time
SLICES = 4
READ_BYTES = 64 << 10  # larger ones are mapped and unmapped by malloc each time: three more system calls
COLLECT_NS = 600_000_000_000
MOST_UNSENT = 64 << 20  # bytes of events for a switch that does not read them


class Connection:
    """One switch (or whoever else asks) on the control socket."""

    def __init__(self, worker: Worker, sock: socket.socket) -> None:
        self._worker = worker
        self._sock = sock
        self._frames = protocol.Frames(Command)
        self._unsent = bytearray()
        self._waiting = False  # until the switch reads on
        self.outbox: list[Report] = []
        self.streams: set[int] = set()
        self._watch = partial(worker.road.watch, sock.fileno(), self._readable)
        self._watch(urgent=True)

    def say(self, report: Report) -> None:
        """Tell something at the end of this turn."""
        if not self.outbox:
            self._worker.talkative.append(self)
        self.outbox.append(report)

    def _readable(self) -> None:
        try:
            data = self._sock.recv(READ_BYTES)
            commands = self._frames.feed(data)
        except BlockingIOError:
            return
        except OSError:
            data, commands = b"", []
        except protocol.OutOfStep as error:
            log.error("the control connection is out of step and is closed: %s", error)
            data, commands = b"", []
        for command in commands:
            self._worker.do(command, self)  # type: ignore[arg-type]
        if not data:
            self._worker.disconnected(self)

    def flush(self) -> None:
        """Send what was told."""
        outbox, self.outbox = self.outbox, []
        if outbox and self._sock.fileno() >= 0:
            self._unsent += protocol.frame(outbox)
            self._write()

    def _write(self) -> None:
        try:
            sent = self._sock.send(self._unsent)
            del self._unsent[:sent]
        except BlockingIOError:
            pass
        except OSError:
            self._worker.disconnected(self)
            return
        if len(self._unsent) > MOST_UNSENT:
            log.error("the switch reads no events any more; its streams are closed")
            self._worker.disconnected(self)
        elif bool(self._unsent) is not self._waiting:
            self._waiting = bool(self._unsent)
            self._watch(self._write if self._waiting else None)

    def close(self) -> None:
        """Hang up."""
        if self._sock.fileno() >= 0:
            self._worker.road.forget(self._sock.fileno())
            self._sock.close()
        del self._watch


class Worker:
    """All streams of this process. `road` is a `lane.PythonRoad` or a `fastlane.FastRoad`; `clock` returns ns."""

    def __init__(
        self,
        road: Any,
        ports: Ports,
        *,
        clock: Callable[[], int] = time.monotonic_ns,
        unix: Callable[[], float] = time.time,
        random: Random,
        path: str = "",
    ) -> None:
        self.road: PythonRoad = road
        self.now = clock
        self.unix = unix
        self.random = random
        self.clips = Clips()
        self.streams: dict[int, Stream] = {}
        self.talkative: list[Connection] = []
        self.played = 0
        self._identity: Identity | None = None
        self._path = path or road.path
        self._ports = ports
        self._connections: set[Connection] = set()
        self._owners: dict[int, Connection] = {}
        self._ids = 0
        self._ticking: dict[Stream, None] = {}
        self._next_tick = 0
        self._next_sweep = clock() + SWEEP_NS
        self._slice = 0
        self._started = clock()
        self._listening: socket.socket | None = None
        self._socket_path: Path | None = None
        self._stopping = False
        self._parent = os.getppid()
        self._exit_with_parent = False
        self._failures = 0
        self._past = {"relayed": 0, "transcoded": 0, "dropped_source": 0, "dropped_malformed": 0, "kernel_drops": 0}
        self._commands: dict[type, Callable[[Any, Stream], None]] = {
            protocol.Configure: lambda command, stream: stream.configure(command.remote),
            protocol.Bridge: self._bridge,
            protocol.Unbridge: lambda command, stream: stream.unbridge(),
            protocol.Play: lambda command, stream: stream.voice.play(
                command.sounds, loop=command.loop, player_id=command.player
            ),
            protocol.StopPlay: lambda command, stream: stream.voice.stop(),
            protocol.Echo: lambda command, stream: stream.echo(command.on),
            protocol.SendDtmf: lambda command, stream: stream.voice.send_digits(
                command.digits, inband=command.mode == "inband", duration_ms=command.duration_ms
            ),
            protocol.ListenDigits: lambda command, stream: stream.listen_digits(command.on, inband=command.inband),
            protocol.Record: lambda command, stream: stream.record(command.path, stereo=command.stereo),
            protocol.StopRecord: lambda command, stream: stream.stop_record(),
            protocol.AskStream: lambda command, stream: stream.emit(
                protocol.Statistics(stream.id, stream.statistics(), False)
            ),
            protocol.Close: lambda command, stream: self._close(stream),
        }

    # --- the loop --------------------------------------------------------------------------------------------------

    def listen(self, path: Path) -> None:
        """Open the control socket, for this user only. Raises OSError."""
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
        before = os.umask(0o177)
        try:
            listening.bind(str(path))
        except OSError:
            listening.close()
            raise
        finally:
            os.umask(before)
        listening.listen(16)
        self._listening = listening
        self._socket_path = path
        self.road.watch(listening.fileno(), self._accept, urgent=True)

    def run(self, *, exit_with_parent: bool = False) -> None:
        """Serve until `stop`, or until the process that started this one has gone.

        Where Python's collector is off (it would hold up packets), what an error may have left behind is picked up
        once in a long while; closed streams leave nothing for it.
        """
        self._exit_with_parent = exit_with_parent
        collected = self.now()
        while not self._stopping:
            self.turn(SWEEP_NS)
            if self.now() - collected > COLLECT_NS and not gc.isenabled():
                gc.collect()
                collected = self.now()
        self.close()

    def stop(self) -> None:
        """Make `run` return after this turn."""
        self._stopping = True

    def turn(self, longest: int) -> None:
        """Wait for what comes, up to `longest` ns, and do it."""
        until = self._next_tick if self._ticking else self._next_sweep
        if longest < SWEEP_NS:
            until = min(until, self.now() + longest)
        try:
            self.road.wait(min(until, self._next_sweep))
        except Exception:
            self._failed("what came in could not be dealt with")
        now = self.now()
        if self._ticking and now >= self._next_tick:
            self._tick(now)
        if now >= self._next_sweep:
            self._sweep(now)
        if self.talkative:
            talkative, self.talkative = self.talkative, []
            for connection in talkative:
                connection.flush()

    def close(self) -> None:
        """Close all streams and connections."""
        if self._listening is not None:  # first, so that nobody comes back at once
            self.road.forget(self._listening.fileno())
            self._listening.close()
            self._listening = None
            assert self._socket_path is not None
            with contextlib.suppress(OSError):
                self._socket_path.unlink()
        for connection in list(self._connections):
            self.disconnected(connection)
        for stream in list(self.streams.values()):
            self._close(stream)
        self.road.close()

    def tick_for(self, stream: Stream) -> None:
        """Call `stream.tick` each 20 ms until it says False."""
        if not self._ticking:
            self._next_tick = self.now()
        self._ticking[stream] = None

    def _tick(self, now: int) -> None:
        due = (now - self._next_tick) // TICK_NS + 1
        self._next_tick += due * TICK_NS
        frames = min(due, CATCH_UP)
        for stream in list(self._ticking):
            try:
                if stream.closed or not stream.tick(frames):
                    self._ticking.pop(stream, None)
            except Exception:
                self._ticking.pop(stream, None)
                self._failed(f"stream {stream.id} cannot go on speaking")

    def _sweep(self, now: int) -> None:
        self._next_sweep = now + SWEEP_NS
        self._slice = (self._slice + 1) % SLICES
        for stream in list(self.streams.values()):
            if stream.id % SLICES == self._slice:
                try:
                    stream.sweep(now)
                except Exception:
                    self._failed(f"stream {stream.id} could not be looked after")
        if self._exit_with_parent and os.getppid() != self._parent:
            log.error("the process that started this one has gone; it ends, too")
            self.stop()

    def _failed(self, what: str) -> None:
        self._failures += 1
        log.exception("%s", what)

    # --- control ---------------------------------------------------------------------------------------------------

    def _accept(self) -> None:
        assert self._listening is not None
        with contextlib.suppress(OSError):
            sock, _ = self._listening.accept()
            sock.setblocking(False)
            self._connections.add(Connection(self, sock))

    def disconnected(self, connection: Connection) -> None:
        """Close what a connection owned."""
        if connection not in self._connections:
            return
        self._connections.discard(connection)
        connection.close()
        # One that was never told of a phone was open in advance: nobody misses it.
        used = sum(self.streams[stream_id].remote is not None for stream_id in connection.streams)
        if used:
            log.warning("the switch has gone; %d streams are closed", used)
        for stream_id in list(connection.streams):
            self._close(self.streams[stream_id])

    def do(self, command: Command, connection: Connection) -> None:
        """Carry a command out. Nothing that goes wrong with it disturbs the others."""
        try:
            if isinstance(command, protocol.Open):
                self._open(command, connection)
            elif isinstance(command, protocol.AskWorker):
                connection.say(protocol.WorkerTold(command.request, self.statistics()))
            elif isinstance(command, protocol.AskFingerprint):
                connection.say(protocol.FingerprintTold(command.request, self.identity().fingerprint))
            else:
                stream = self.streams.get(command.stream)
                if stream is not None:
                    self._commands[type(command)](command, stream)
        except Exception as error:
            self._failed(f"{command} could not be carried out")
            stream_id = getattr(command, "stream", None)
            if stream_id is not None:
                connection.say(protocol.Failed(stream_id, f"the media process failed: {error}"))

    def _open(self, command: protocol.Open, connection: Connection) -> None:
        opened: list[Stream] = []
        try:
            for _ in range(command.count):
                opened.append(self.open_stream(command.address, command.rtcp_mux, connection.say))
        except NoPort as error:
            if not command.spare:
                for stream in opened:
                    self._close(stream)
                log.error("%s", error)
                connection.say(protocol.Refused(command.request, str(error), True))
                return
        for stream in opened:
            self._owners[stream.id] = connection
            connection.streams.add(stream.id)
        connection.say(protocol.Opened(command.request, tuple((stream.id, stream.pair.port) for stream in opened)))

    def open_stream(self, address: str, rtcp_mux: bool, emit: Callable[[StreamEvent], None]) -> Stream:
        """Make a stream. Raises NoPort."""
        pair = self._ports.open(address, rtcp_mux=rtcp_mux)
        self._ids += 1
        stream = Stream(self, self._ids, pair, emit)
        self.streams[stream.id] = stream
        return stream

    def identity(self) -> Identity:
        """The certificate that browsers are shown, made at the first need."""
        if self._identity is None:
            self._identity = webrtc.new_identity()
        return self._identity

    def _bridge(self, command: protocol.Bridge, stream: Stream) -> None:
        other = self.streams.get(command.other)
        if other is None:
            stream.emit(protocol.Failed(stream.id, "it cannot be bridged: the other stream is closed"))
        else:
            stream.bridge(other)

    def _close(self, stream: Stream) -> None:
        if self.streams.pop(stream.id, None) is None:
            return
        self._ticking.pop(stream, None)
        connection = self._owners.pop(stream.id, None)
        if connection is not None:
            connection.streams.discard(stream.id)
        for name, value in self._counters(stream).items():
            self._past[name] += value
        stream.close()
        self._ports.close(stream.pair)

    def _counters(self, stream: Stream) -> dict[str, int]:
        endpoint = stream.endpoint
        return {
            "relayed": stream.lane.relayed,
            "transcoded": stream.relay.transcoded,
            "dropped_source": endpoint.dropped_source,
            "dropped_malformed": endpoint.dropped_malformed + stream.lane.malformed,
            "kernel_drops": endpoint.kernel_drops,
        }

    def statistics(self) -> protocol.WorkerStats:
        """The counters of this process."""
        sums = dict(self._past)
        for stream in self.streams.values():
            for name, value in self._counters(stream).items():
                sums[name] += value
        return protocol.WorkerStats(
            pid=os.getpid(),
            uptime=(self.now() - self._started) / 1e9,
            streams=len(self.streams),
            ports_free=self._ports.free,
            path=self._path,
            relayed=sums["relayed"],
            transcoded=sums["transcoded"],
            played=self.played,
            dropped_source=sums["dropped_source"],
            dropped_malformed=sums["dropped_malformed"],
            kernel_drops=sums["kernel_drops"],
            failures=self._failures,
            cpu_seconds=time.process_time(),
        )

    def seconds(self) -> float:
        """The steady clock in seconds."""
        return self.now() / 1e9


def wake_on_signals(road: PythonRoad) -> Callable[[], None]:
    """Have signals end the wait of the loop, so that their handlers run at once; returns how to undo it."""
    reader, writer = socket.socketpair()
    reader.setblocking(False)
    writer.setblocking(False)
    signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)

    def drain() -> None:
        with contextlib.suppress(OSError):
            reader.recv(64)

    road.watch(reader.fileno(), drain, urgent=True)

    def undo() -> None:
        signal.set_wakeup_fd(-1)
        reader.close()
        writer.close()

    return undo
