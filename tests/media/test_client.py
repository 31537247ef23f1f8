"""What the switch holds of the media processes: streams, and what it says to them."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import pytest

from jackfield.media import protocol
from jackfield.media.client import Failed, MediaPool, Played, Remote, Started, Statistics, Tone
from jackfield.media.protocol import Command, Frames

from .conftest import Phone
from .process import Events, process, until


async def test_a_call_from_the_switchs_side(pool: MediaPool) -> None:
    a, b = Phone(), Phone()
    one, two = await pool.worker().open(address="127.0.0.1", count=2)
    events = Events(one, two)
    assert one.port % 2 == 0
    assert one.port != two.port
    assert one.address == "127.0.0.1"
    for phone, stream in ((a, one), (b, two)):
        phone.peer = (stream.address, stream.port)
        stream.configure(phone.remote())
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
    stream.configure(phone.remote())
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
