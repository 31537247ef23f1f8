"""Streams that the switch opens: spare ones, ports that are used up, calls that are given up meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from jackfield.media.client import MediaPool, NoPort, Remote, Statistics

from .process import Events, process, until
from .test_ports import free_range


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


@pytest.mark.parametrize("in_use", [0, 1])
async def test_a_switch_that_leaves_nothing_but_spare_streams_is_no_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, in_use: int
) -> None:
    with process(tmp_path / "m.sock") as running:
        pool = MediaPool(spares=4)
        await pool.connect([tmp_path / "m.sock"])
        streams = await pool.worker().open(address="127.0.0.1", count=2)
        for stream in streams[:in_use]:
            stream.configure(Remote("127.0.0.1", 9, codec="pcma", payload_type=8))
        await pool.worker().statistics()
        assert running.worker.streams
        await pool.close()
        await until(lambda: not running.worker.streams)
    told = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert told == ["the switch has gone; 1 streams are closed"] * in_use
