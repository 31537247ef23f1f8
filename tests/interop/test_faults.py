"""What happens when things break: what is heard, what is recorded, what the administrator reads."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from console import postgresql

from .rig.booth import Booth, BoothCall
from .rig.configuration import configuration
from .rig.ports import block
from .rig.system import System, eventually
from .rig.wire import Wire

SDP = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9000 RTP/AVP 0\r\n"

Start = Callable[..., Any]


@pytest_asyncio.fixture(loop_scope="session")
async def start(tmp_path: Path) -> AsyncIterator[Start]:
    """Start a system that may be broken: `system = await start(drain_seconds=20)`."""
    async with contextlib.AsyncExitStack() as stack:

        async def begin(**settings: Any) -> System:
            ports = block()
            stack.callback(ports.release)
            system = System(tmp_path / "system", ports, configuration(), **settings)
            return await stack.enter_async_context(system)

        yield begin


async def _talk(system: System, booth: Booth) -> tuple[BoothCall, BoothCall]:
    anna = await booth.phone(system.account("101"), 440)
    bert = await booth.phone(system.account("102"), 660)
    mine, theirs = await anna.call(bert)
    await mine.hears(660)
    await theirs.hears(440)
    return mine, theirs


async def _both_hear(mine: BoothCall, theirs: BoothCall, since: float, timeout: float = 10.0) -> None:
    await mine.hears(660, 0.5, since=since, timeout=timeout)
    await theirs.hears(440, 0.5, since=since, timeout=timeout)


async def _kill(system: System, name: str) -> None:
    os.kill((await system.processes())[name]["pid"], signal.SIGKILL)


async def _runs_again(system: System, name: str) -> None:
    async def running() -> bool:
        process = (await system.processes())[name]
        return bool(process["restarts"] >= 1 and process["state"] == "running")

    await eventually(running, f"{name} to run again", 20.0)


async def test_garbage_disturbs_nobody(system: System, booth: Booth) -> None:
    mine, theirs = await _talk(system, booth)
    rng = random.Random(4475)
    invite = (
        f"INVITE sip:102@{mine.phone.account.domain} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bKx\r\n"
        "From: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\nContact: <sip:a@b>\r\n"
        "Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
    ).encode()
    async with Wire(system.account("103")) as wire:
        for index in range(300):
            wire.throw(rng.randbytes(rng.randrange(1, 1200)))
            broken = bytearray(invite)
            for _ in range(rng.randrange(1, 12)):
                broken[rng.randrange(len(broken))] = rng.randrange(256)
            wire.throw(bytes(broken))
            wire.throw(invite[: rng.randrange(len(invite))])
            if not index % 50:
                await asyncio.sleep(0)
        for huge in (b"\0" * 60_000, b"INVITE " + b"a" * 60_000, invite.replace(b"\r\n\r\n", b"\r\nX: y" * 9000)):
            wire.throw(huge)
    for _ in range(3):
        _, writer = await asyncio.open_connection("127.0.0.1", system.sip_port)
        writer.write(rng.randbytes(5000))
        with contextlib.suppress(ConnectionError):
            await writer.drain()
        writer.close()
    since = time.monotonic()
    await _both_hear(mine, theirs, since)
    await mine.hang_up()
    await theirs.ended()


@pytest.mark.undisturbed
async def test_garbage_at_the_audio_ports_is_not_heard(system: System, booth: Booth) -> None:
    """Neither noise nor well-formed packets of a stranger get into a call."""
    mine, theirs = await _talk(system, booth)
    rng = random.Random(3550)
    first, last = (int(part) for part in system.rtp_ports.split("-"))
    since = time.monotonic()
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, local_addr=("127.0.0.1", 0))
    for round_ in range(20):
        rtp = bytes([0x80, 0, 0, round_]) + round_.to_bytes(4, "big") + b"evil" + bytes(160)
        for port in range(first, min(last, first + 40)):
            transport.sendto(rtp, ("127.0.0.1", port))
            transport.sendto(rng.randbytes(rng.randrange(1, 300)), ("127.0.0.1", port))
        await asyncio.sleep(0.02)
    transport.close()
    await _both_hear(mine, theirs, since)
    assert (await mine.listen()).gaps(660, since=since) == []
    await mine.hang_up()
    await theirs.ended()


@pytest.mark.parametrize("processes", [1, 2])
async def test_a_media_process_that_is_killed_in_a_call_leaves_a_short_gap(
    start: Start, booth: Booth, processes: int
) -> None:
    system = await start(media_processes=processes)
    mine, theirs = await _talk(system, booth)
    busy = []
    for name in [name for name in await system.processes() if name.startswith("media")]:
        pid = (await system.processes())[name]["pid"]
        ports = subprocess.run(["ss", "-Hulpn"], capture_output=True, text=True, check=False).stdout
        if f"pid={pid}," in ports:
            busy.append(name)
    killed = time.monotonic()
    await _kill(system, busy[0])
    await _both_hear(mine, theirs, killed + 0.5, timeout=15.0)
    gap = max((await mine.listen()).gaps(660, since=killed - 1.0), default=0.0)
    assert gap < 8.0
    assert not mine.over
    assert not theirs.over
    await mine.hang_up()
    await theirs.ended()
    record = await system.last_record("101")
    assert record["outcome"] == "answered"
    assert "audio" in " ".join(line["text"] for line in record["journal"])
    await system.logs(rf"{busy[0]}.*SIGKILL")


async def test_a_switch_that_is_killed_finds_its_phones_again_and_closes_its_calls(start: Start, booth: Booth) -> None:
    system = await start()
    mine, theirs = await _talk(system, booth)
    (call,) = await system.calls()
    before = await system.registrations("102")

    await _kill(system, "switch")
    await _runs_again(system, "switch")
    after = await system.registrations("102")
    assert [row["address"] for row in after] == [row["address"] for row in before]

    await mine.hang_up()
    await theirs.hang_up()
    again, other = await mine.phone.call(theirs.phone)
    await again.hears(660)
    await other.hears(440)
    await again.hang_up()
    await other.ended()

    later, earlier = await system.records(2, number="101")  # two, so nothing is there twice
    assert (earlier["id"], earlier["outcome"]) == (call["id"], "interrupted")
    assert later["outcome"] == "answered"


async def test_calls_go_on_while_the_console_is_dead_and_their_records_arrive(start: Start, booth: Booth) -> None:
    system = await start()
    mine, theirs = await _talk(system, booth)
    await _kill(system, "console")
    await mine.hang_up()
    await theirs.ended()
    again, other = await mine.phone.call(theirs.phone)
    await again.hears(660)
    await again.hang_up()
    await other.ended()

    await _runs_again(system, "console")
    records = await system.records(2, number="101", timeout=30.0)
    assert [record["outcome"] for record in records] == ["answered", "answered"]


@contextlib.contextmanager
def _postgresql() -> Iterator[postgresql.Server]:
    try:
        with postgresql.server() as server:
            yield server
    except postgresql.NotToBeHad as reason:
        pytest.skip(str(reason))


async def test_calls_go_on_while_postgresql_is_away_and_their_records_arrive(start: Start, booth: Booth) -> None:
    with _postgresql() as server:
        server.sql("CREATE DATABASE calls")
        system = await start(database_url=server.url("calls"))
        mine, theirs = await _talk(system, booth)
        server.stop()
        await mine.hang_up()
        await theirs.ended()
        for _ in range(2):
            again, other = await mine.phone.call(theirs.phone)
            await again.hears(660)
            await again.hang_up()
            await other.ended()
        await system.logs("[Dd]atabase")

        server.start()
        records = await system.records(3, number="101", timeout=40.0)
        assert [record["outcome"] for record in records] == ["answered"] * 3
        await system.stop()
    lines = [line for line in system.log().splitlines() if re.search("(?i)database.*(away|reach|connect)", line)]
    assert 1 <= len(lines) <= 4, lines


async def test_calls_go_on_while_the_sqlite_file_is_locked(start: Start, booth: Booth) -> None:
    system = await start()
    lock = sqlite3.connect(system.data / "jackfield.sqlite3", timeout=10)
    mine, theirs = await _talk(system, booth)
    lock.execute("BEGIN EXCLUSIVE")
    await mine.hang_up()
    await theirs.ended()
    again, other = await mine.phone.call(theirs.phone)
    await again.hears(660)
    await again.hang_up()
    await other.ended()
    await asyncio.sleep(2.0)
    lock.rollback()
    lock.close()

    records = await system.records(2, number="101", timeout=40.0)
    assert [record["outcome"] for record in records] == ["answered", "answered"]


async def _keep_full(path: Path) -> None:
    """Take every byte, also those that others give back."""
    with path.open("ab", buffering=0) as file:
        while True:
            with contextlib.suppress(OSError):
                while True:
                    file.write(bytes(65536))
            await asyncio.sleep(0.02)


@pytest.mark.skipif(os.geteuid() != 0, reason="a small file system can only be mounted by root (sudo make test)")
async def test_calls_go_on_while_the_disk_is_full_and_their_records_arrive(
    start: Start, booth: Booth, tmp_path: Path
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "jackfield-test", disk], check=True)
    try:
        system = await start(data=disk / "data")
        mine, theirs = await _talk(system, booth)
        filler = asyncio.create_task(_keep_full(disk / "filler"))
        await eventually(lambda: shutil.disk_usage(disk).free == 0, "the disk to be full")
        await mine.hang_up()
        await theirs.ended()
        for _ in range(2):
            again, other = await mine.phone.call(theirs.phone)
            await again.hears(660)
            await other.hears(440)
            await again.hang_up()
            await other.ended()
        async with Wire(system.account("103")) as wire:  # registering works too
            answer = await wire.send("REGISTER", headers="Expires: 60\r\n", password=system.account("103").password)
            assert answer.status == 200
        await system.logs("No space left")
        filler.cancel()
        (disk / "filler").unlink()

        records = await system.records(3, number="101", timeout=40.0)
        assert [record["outcome"] for record in records] == ["answered"] * 3
        await system.stop()
        lines = [line for line in system.log().splitlines() if "No space left" in line]
        assert len(lines) <= 4, lines  # one for each thing that can't be written
    finally:
        subprocess.run(["umount", "-l", disk], check=False)


async def test_a_system_that_is_told_to_stop_lets_calls_go_on_and_takes_no_new_ones(start: Start, booth: Booth) -> None:
    system = await start(drain_seconds=30)
    mine, theirs = await _talk(system, booth)

    system.terminate()

    async def draining() -> bool:
        return bool((await system.ask("status"))["draining"])

    await eventually(draining, "the switch to drain")
    account = system.account("103")
    async with Wire(account) as wire:
        answer = await wire.send("INVITE", account.uri("101"), body=SDP, password=account.password)
    assert answer.status == 503
    assert int(answer.header("Retry-After").split()[0]) > 0
    since = time.monotonic()
    await _both_hear(mine, theirs, since)
    await mine.do("hold")  # what is going on can be worked with
    await theirs.hears_melody(since=time.monotonic() + 0.3)
    await mine.do("resume")
    await mine.hang_up()
    await theirs.ended()
    await asyncio.to_thread(system._process.wait, 15)  # type: ignore[union-attr]
    assert "Jackfield has stopped" in system.log()


async def test_a_call_that_outlasts_the_drain_is_ended_with_the_system(start: Start, booth: Booth) -> None:
    system = await start(drain_seconds=1)
    mine, theirs = await _talk(system, booth)

    system.terminate()
    await asyncio.gather(mine.ended(), theirs.ended())
    await asyncio.to_thread(system._process.wait, 15)  # type: ignore[union-attr]
