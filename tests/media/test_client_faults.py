"""What the switch and the media processes bear of each other: loss, garbage, slowness, faults."""

from __future__ import annotations

import asyncio
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest

from jackfield.media import protocol
from jackfield.media.client import Failed, MediaLost, MediaPool, Tone
from jackfield.media.lane import PythonRoad
from jackfield.media.ports import Ports
from jackfield.media.protocol import Command, Frames
from jackfield.media.worker import Worker
from jackfield.rtp.codecs.g711 import PCMA_TO_PCMU, PCMU_TO_PCMA

from .conftest import Phone
from .process import PATIENCE, Process, process, until


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


async def test_a_listener_that_fails_disturbs_nobody(pool: MediaPool, caplog: pytest.LogCaptureFixture) -> None:
    phone = Phone()
    (stream,) = await pool.worker().open(address="127.0.0.1")
    seen: list[object] = []

    def listener(event: object) -> None:
        seen.append(event)
        raise RuntimeError("listener broke")

    stream.on_event = listener
    stream.configure(phone.remote())
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
    worker = Worker(road, Ports(33000, 60000, clock=road.now, random=Random()), random=Random())
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
