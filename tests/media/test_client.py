"""What the switch holds of the media processes."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest

from jackfield.media import protocol
from jackfield.media.client import (
    Failed,
    MediaLost,
    MediaPool,
    NoPort,
    Played,
    Remote,
    Started,
    Statistics,
    Stream,
    Tone,
)
from jackfield.media.lane import PythonRoad
from jackfield.media.ports import Ports
from jackfield.media.protocol import Command, Frames
from jackfield.media.worker import Worker
from jackfield.rtp.codecs.g711 import PCMA_TO_PCMU, PCMU_TO_PCMA

from .conftest import PATIENCE, Phone
from .test_ports import free_range


class Process:
    """A worker on a thread of its own, with the real clock."""

    def __init__(self, path: Path, ports: tuple[int, int] = (20000, 60000)) -> None:
        road = PythonRoad(PCMU_TO_PCMA, PCMA_TO_PCMU)
        self.worker = Worker(road, Ports(*ports, clock=road.now, random=Random()), random=Random())
        self.worker.listen(path)
        self.path = path
        self._thread = threading.Thread(target=self.worker.run)
        self._thread.start()

    def stop(self) -> None:
        self.worker.stop()
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()


@contextlib.contextmanager
def process(path: Path, **how: Any):
    made = Process(path, **how)
    try:
        yield made
    finally:
        made.stop()


@pytest.fixture
async def pool(tmp_path: Path) -> AsyncIterator[MediaPool]:
    with process(tmp_path / "media.sock"):
        made = MediaPool()
        await made.connect([tmp_path / "media.sock"])
        yield made
        await made.close()


class Events:
    """What a stream told, and a way to wait for it."""

    def __init__(self, *streams: Stream) -> None:
        self.all: list[Any] = []
        self._came = asyncio.Event()
        for stream in streams:
            stream.on_event = self._take

    def _take(self, event: Any) -> None:
        self.all.append(event)
        self._came.set()

    async def next(self, kind: type, count: int = 1) -> Any:
        async with asyncio.timeout(PATIENCE):
            while len(found := [event for event in self.all if isinstance(event, kind)]) < count:
                self._came.clear()
                await self._came.wait()
        return found[count - 1]


async def until(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.005)


def remote(phone: Phone) -> Remote:
    return phone.remote()


async def test_a_call_from_the_switchs_side(pool: MediaPool) -> None:
    a, b = Phone(), Phone()
    one, two = await pool.worker().open(address="127.0.0.1", count=2)
    events = Events(one, two)
    assert one.port % 2 == 0
    assert one.port != two.port
    assert one.address == "127.0.0.1"
    for phone, stream in ((a, one), (b, two)):
        phone.peer = (stream.address, stream.port)
        stream.configure(remote(phone))
    one.bridge(two)
    assert one.bridged_to is two
    assert two.bridged_to is one
    assert one.remote is not None
    await pool.worker().statistics()  # by now all that was said before is done
    a.say(b"\x01" * 160)
    b.say(b"\x02" * 160)
    await events.next(Started, 2)
    a.say(b"\x01" * 160)
    assert (await asyncio.to_thread(b.hear, 1))[0].payload == b"\x01" * 160
    one.ask_statistics()
    told = await events.next(Statistics)
    assert told.stats.packets_in >= 1
    assert not told.final
    assert one.statistics is told.stats
    one.close()
    assert two.bridged_to is None
    two.close()
    await events.next(Statistics, 3)
    assert pool.worker().open_streams == 0
    assert (await pool.worker().statistics()).streams == 0
    a.close()
    b.close()


async def test_every_command_reaches_the_worker(pool: MediaPool, tmp_path: Path) -> None:
    phone = Phone()
    (stream,) = await pool.worker().open(address="127.0.0.1")
    events = Events(stream)
    phone.peer = (stream.address, stream.port)
    stream.configure(remote(phone))
    stream.listen_digits(True, inband=True)
    stream.play([Tone("busy", "CZ")], loop=True, player_id=5)
    assert await asyncio.to_thread(phone.hear, 2)
    stream.stop_play()
    assert (await events.next(Played)).player == 5
    stream.record(tmp_path / "r.wav", stereo=True)
    stream.stop_record()
    stream.send_dtmf("1", mode="rfc4733")
    stream.send_dtmf("2", mode="inband", duration_ms=80)
    heard = await asyncio.to_thread(phone.hear, 15)
    assert {one.payload_type for one in heard} == {0, 101}
    stream.echo(True)
    stream.unbridge()
    stream.play([str(tmp_path / "nothing")], player_id=6)
    assert "nothing" in (await events.next(Failed)).reason
    stream.configure(None)
    stream.close()
    stream.close()
    stream.play([Tone("busy")], player_id=7)
    await events.next(Statistics)
    assert (tmp_path / "r.wav").stat().st_size >= 44
    assert (await pool.worker().statistics()).failures == 0
    phone.close()


async def test_a_bridge_to_another_breaks_the_one_before(pool: MediaPool) -> None:
    a, b, c = await pool.worker().open(address="127.0.0.1", count=3)
    a.bridge(b)
    c.bridge(b)
    assert (a.bridged_to, b.bridged_to, c.bridged_to) == (None, c, b)
    c.unbridge()
    c.unbridge()
    assert (b.bridged_to, c.bridged_to) == (None, None)


async def test_a_bridge_to_a_closed_stream_is_told(pool: MediaPool) -> None:
    a, b = await pool.worker().open(address="127.0.0.1", count=2)
    events = Events(a)
    pool.worker().tell(protocol.Close(b.id))
    a.bridge(b)
    assert "closed" in (await events.next(Failed)).reason


async def test_ports_that_are_used_up_are_told(tmp_path: Path) -> None:
    with process(tmp_path / "m.sock", ports=free_range(2)):
        pool = MediaPool()
        await pool.connect([tmp_path / "m.sock"])
        kept = await pool.worker().open(address="127.0.0.1")
        with pytest.raises(NoPort, match="rtp_ports"):
            await pool.worker().open(address="127.0.0.1", count=2)
        assert len(await pool.worker().open(address="127.0.0.1", count=0)) == 0
        assert (await pool.worker().statistics()).streams == len(kept), "what was opened in vain is closed again"
        await pool.close()


async def test_spare_streams_spare_a_call_the_wait(tmp_path: Path) -> None:
    with process(tmp_path / "m.sock") as running:
        pool = MediaPool(spares=4)
        await pool.connect([tmp_path / "m.sock"])
        worker = pool.worker()
        (first,) = await worker.open(address="127.0.0.1")
        await until(lambda: len(running.worker.streams) == 5)
        await worker.statistics()  # whose answer comes after the news of them
        assert worker.open_streams == 1, "spare ones are no load"
        with pytest.raises(StopIteration) as done:
            worker.open(address="127.0.0.1", count=2).send(None)
        second, third = done.value.value
        assert len({first.id, second.id, third.id}) == 3
        second.bridge(third)  # what is said next brings the replacements
        await until(lambda: len(running.worker.streams) == 7)
        events = Events(second)
        second.close()
        assert (await events.next(Statistics)).final
        assert worker.open_streams == 2
        await pool.close()


async def test_spare_streams_take_no_port_from_a_call(tmp_path: Path) -> None:
    with process(tmp_path / "m.sock", ports=free_range(4)) as running:
        pool = MediaPool(spares=8)
        await pool.connect([tmp_path / "m.sock"])
        worker = pool.worker()
        streams = [await worker.open(address="127.0.0.1", count=2) for _ in range(2)]
        assert len({stream.port for pair in streams for stream in pair}) == 4
        for _ in range(2):
            with pytest.raises(NoPort, match="rtp_ports"):
                await worker.open(address="127.0.0.1")
        assert len(running.worker.streams) == 4
        await pool.close()


async def test_spare_streams_of_a_call_that_was_given_up_serve_the_next(tmp_path: Path) -> None:
    with process(tmp_path / "m.sock") as running:
        pool = MediaPool(spares=2)
        await pool.connect([tmp_path / "m.sock"])
        worker = pool.worker()
        await worker.open(address="127.0.0.1")
        await until(lambda: len(running.worker.streams) == 3)
        await worker.statistics()
        opening = asyncio.create_task(worker.open(address="127.0.0.1", count=3))
        await asyncio.sleep(0)
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await opening
        with pytest.raises(StopIteration):
            worker.open(address="127.0.0.1", count=2).send(None)
        await pool.close()


async def test_a_lost_worker_is_told_and_found_again(tmp_path: Path) -> None:
    path = tmp_path / "m.sock"
    first = Process(path)
    pool, lost = MediaPool(), []
    pool.on_lost = lost.append
    try:
        await pool.connect([path])
        worker = pool.worker()
        one, two = await worker.open(address="127.0.0.1", count=2)
        one.bridge(two)
        await asyncio.to_thread(first.stop)
        await until(lambda: lost)
        assert lost == [worker]
        assert one.closed
        assert one.bridged_to is None
        one.play([Tone("busy")], player_id=1)
        one.close()
        with pytest.raises(MediaLost):
            pool.worker()
        with pytest.raises(MediaLost):
            await worker.open(address="127.0.0.1")
        with process(path):
            await until(lambda: worker.alive)
            assert pool.worker() is worker
            assert len(await worker.open(address="127.0.0.1", count=2)) == 2
            await pool.close()
            assert len(lost) == 1, "letting go is no loss"
    finally:
        first.worker.stop()


async def test_a_question_under_way_ends_with_the_worker(tmp_path: Path) -> None:
    path = tmp_path / "m.sock"

    async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.close()

    server = await asyncio.start_unix_server(mute, path)
    pool = MediaPool()
    await pool.connect([path])
    with pytest.raises(MediaLost):
        await pool.worker().open(address="127.0.0.1")
    await pool.close()
    server.close()
    await server.wait_closed()


async def test_nobody_there_is_told(tmp_path: Path) -> None:
    pool = MediaPool()
    with pytest.raises(MediaLost, match=r"away\.sock"):
        await pool.connect([tmp_path / "away.sock"], timeout=0.05)
    with pytest.raises(MediaLost, match="no media process is running"):
        pool.worker()


async def test_the_least_loaded_worker_is_chosen(tmp_path: Path) -> None:
    paths = [tmp_path / "1.sock", tmp_path / "2.sock"]
    with process(paths[0]), process(paths[1]):
        pool = MediaPool()
        await pool.connect(paths)
        first = pool.worker()
        streams = await first.open(address="127.0.0.1", count=2)
        second = pool.worker()
        assert second is not first
        (other,) = await second.open(address="127.0.0.1")
        assert pool.worker() is second
        with pytest.raises(ValueError, match="two media processes"):
            other.bridge(streams[0])
        streams[0].close()
        streams[1].close()
        assert pool.worker() is first
        await pool.close()


async def test_the_switch_that_goes_takes_its_streams_along(tmp_path: Path) -> None:
    path = tmp_path / "m.sock"
    with process(path) as running:
        gone, stays = MediaPool(), MediaPool()
        await gone.connect([path])
        await stays.connect([path])
        await gone.worker().open(address="127.0.0.1", count=3)
        await stays.worker().open(address="127.0.0.1", count=1)
        assert (await stays.worker().statistics()).streams == 4
        await gone.close()
        await until(lambda: len(running.worker.streams) == 1)
        await stays.close()


async def test_what_is_said_in_one_turn_leaves_in_one_frame(tmp_path: Path) -> None:
    path = tmp_path / "m.sock"
    frames: list[list[object]] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        decode = Frames(Command)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionResetError):
            while True:
                head = await reader.readexactly(4)
                body = await reader.readexactly(int.from_bytes(head, "big"))
                commands = decode.feed(head + body)
                frames.append(commands)
                for command in commands:
                    if isinstance(command, protocol.Open):
                        streams = tuple((number, 10_000 + 2 * number) for number in range(command.count))
                        writer.write(protocol.frame([protocol.Opened(command.request, streams)]))
        writer.close()

    server = await asyncio.start_unix_server(serve, path)
    pool = MediaPool()
    await pool.connect([path])
    one, two = await pool.worker().open(address="127.0.0.1", count=2)
    for stream in (one, two):
        stream.configure(Remote("127.0.0.1", 4000))
    one.bridge(two)
    one.close()
    two.close()
    await until(lambda: len(frames) == 2)
    assert [len(commands) for commands in frames] == [1, 5]
    await pool.close()
    server.close()
    await server.wait_closed()


async def test_a_cancelled_open_leaves_no_ports_behind(tmp_path: Path) -> None:
    path = tmp_path / "m.sock"
    with process(path) as running:
        pool = MediaPool()
        await pool.connect([path])
        opening = asyncio.create_task(pool.worker().open(address="127.0.0.1", count=2))
        await asyncio.sleep(0)
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await opening
        assert (await pool.worker().statistics()).uptime > 0
        await until(lambda: running.worker._ids == 2 and not running.worker.streams)
        assert pool.worker().open_streams == 0
        await pool.close()


async def test_streams_that_come_in_the_moment_of_the_cancellation_serve_the_next(tmp_path: Path) -> None:
    path = tmp_path / "m.sock"
    with process(path) as running:
        pool = MediaPool()
        await pool.connect([path])
        worker = pool.worker()
        opening = asyncio.create_task(worker.open(address="127.0.0.1", count=2))
        received = worker.received

        def and_cancel(messages: Sequence[object]) -> None:
            received(messages)
            opening.cancel()

        worker.received = and_cancel  # type: ignore[method-assign]
        with pytest.raises(asyncio.CancelledError):
            await opening
        with pytest.raises(StopIteration):  # no round trip
            worker.open(address="127.0.0.1", count=2).send(None)
        assert len(running.worker.streams) == 2
        await pool.close()


async def test_a_listener_that_fails_disturbs_nobody(pool: MediaPool, caplog: pytest.LogCaptureFixture) -> None:
    phone = Phone()
    (stream,) = await pool.worker().open(address="127.0.0.1")
    seen: list[object] = []

    def listener(event: object) -> None:
        seen.append(event)
        raise RuntimeError("listener broke")

    stream.on_event = listener
    stream.configure(remote(phone))
    stream.play([], player_id=1)
    await until(lambda: seen)
    assert (await pool.worker().statistics()).streams == 1
    assert "listener broke" in caplog.text
    phone.close()


@pytest.mark.parametrize("garbage", [b"\xff" * 100, b"\x00\x00\x00\x05hello", b"GET / HTTP/1.0\r\n\r\n"])
async def test_garbage_on_the_control_socket_ends_that_connection_only(
    pool: MediaPool, tmp_path: Path, garbage: bytes
) -> None:
    reader, writer = await asyncio.open_unix_connection(tmp_path / "media.sock")
    writer.write(garbage)
    async with asyncio.timeout(PATIENCE):
        assert await reader.read() == b""
    writer.close()
    assert (await pool.worker().statistics()).failures == 0


async def test_a_worker_that_speaks_nonsense_is_left(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "m.sock"

    async def nonsense(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"\xff" * 20)
        await reader.read()
        writer.close()

    server = await asyncio.start_unix_server(nonsense, path)
    pool, lost = MediaPool(), []
    pool.on_lost = lost.append
    await pool.connect([path])
    await until(lambda: lost)
    assert "another protocol" in caplog.text
    await pool.close()
    server.close()
    await server.wait_closed()


def test_the_control_socket_is_for_its_owner_only(tmp_path: Path) -> None:
    with process(tmp_path / "m.sock"):
        assert (tmp_path / "m.sock").stat().st_mode & 0o777 == 0o600
    assert not (tmp_path / "m.sock").exists()


async def test_a_switch_that_reads_late_gets_everything(pool: MediaPool, tmp_path: Path) -> None:
    reader, writer = await asyncio.open_unix_connection(tmp_path / "media.sock")
    questions: list[Command] = [protocol.AskWorker(number) for number in range(20_000)]
    for start in range(0, len(questions), 500):
        writer.write(protocol.frame(questions[start : start + 500]))
    async with asyncio.timeout(PATIENCE):
        await writer.drain()
    assert (await pool.worker().statistics()).failures == 0, "others are served meanwhile"
    frames = Frames(protocol.Report)
    answers: list[Any] = []
    async with asyncio.timeout(PATIENCE):
        while len(answers) < len(questions):
            answers += frames.feed(await reader.read(1 << 20))
    assert [answer.request for answer in answers] == list(range(20_000))
    writer.close()


async def test_a_switch_that_never_reads_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("jackfield.media.worker.MOST_UNSENT", 100_000)
    with process(tmp_path / "m.sock") as running:
        _, writer = await asyncio.open_unix_connection(tmp_path / "m.sock")
        writer.write(protocol.frame([protocol.Open(1, "127.0.0.1")]))
        for _ in range(40):
            writer.write(protocol.frame([protocol.AskWorker(number) for number in range(500)]))
        await until(lambda: "reads no events" in caplog.text)
        await until(lambda: not running.worker.streams)
        writer.close()


def test_a_command_that_fails_is_told_and_disturbs_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    road = PythonRoad(PCMU_TO_PCMA, PCMA_TO_PCMU)
    worker = Worker(road, Ports(20000, 60000, clock=road.now, random=Random()), random=Random())
    said: list[Any] = []

    listener: Any = SimpleNamespace(streams=set(), say=said.append)
    worker.do(protocol.Open(1, "127.0.0.1", 1), listener)
    stream = said[0].streams[0][0]
    monkeypatch.setattr("jackfield.media.stream.Stream.echo", lambda *_: 1 / 0)
    worker.do(protocol.Echo(stream, True), listener)
    assert isinstance(said[-1], Failed)
    assert "division" in said[-1].reason
    monkeypatch.setattr("jackfield.media.stream.Stream.tick", lambda *_: 1 / 0)
    monkeypatch.setattr("jackfield.media.stream.Stream.sweep", lambda *_: 1 / 0)
    worker.tick_for(worker.streams[stream])
    for _ in range(4):
        worker._next_sweep = 0
        worker.turn(0)
    monkeypatch.setattr(road, "wait", lambda _: 1 / 0)
    worker.turn(0)
    assert worker.statistics().failures == 4
    assert "cannot go on speaking" in caplog.text
    worker.close()
