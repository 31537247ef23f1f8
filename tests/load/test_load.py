"""Many calls at once and many calls in a row: none fails, no packet is lost, the kernel drops none.

The short forms run in `make test`; what takes minutes runs in `make load`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from interop.rig.configuration import configuration, extension
from interop.rig.ports import block
from interop.rig.sipp import Scenario, Sipp, registered, why_no_sipp
from interop.rig.system import System

from .crowd import Crowd, Talk
from .kernel import buffer_errors, drops

TALKERS = Path(__file__).with_name("talkers.py")
CROWDS = 4  # extensions on each side
RATE = 40  # calls a second, while they are set up
CALLS_A_SECOND = 60


@pytest.mark.parametrize(
    ("calls", "seconds"),
    [
        (20, 5),
        pytest.param(200, 120, marks=[pytest.mark.load, pytest.mark.timeout(400)]),
    ],
)
async def test_many_calls_at_once_lose_no_packet(tmp_path: Path, calls: int, seconds: int) -> None:
    numbers = [str(300 + index) for index in range(2 * CROWDS)]
    settings = configuration([extension(number, max_calls=100, codecs=["pcmu"]) for number in numbers])
    ports = block()
    audio = iter(range(ports.take(2 * calls * 2 + 2), 65535, 2))
    async with contextlib.AsyncExitStack() as stack:
        stack.callback(ports.release)
        system = await stack.enter_async_context(System(tmp_path / "system", ports, settings, rtp=2 * calls * 2 + 40))
        crowds = [
            await stack.enter_async_context(Crowd(system.account(number), "127.0.0.1", audio)) for number in numbers
        ]
        callers, called = crowds[:CROWDS], crowds[CROWDS:]
        errors = buffer_errors()
        talks = await _call_all(callers, called, calls)
        assert [talk.failed for _, talk in talks if talk.failed] == []
        assert len(await system.calls()) == calls
        other = {talk.call_id: talk for crowd in called for talk in crowd.answered}
        assert len(other) == calls

        counted = await _talk([*(talk for _, talk in talks), *other.values()], seconds)
        print(json.dumps(counted))
        first, last = (int(part) for part in system.rtp_ports.split("-"))
        dropped = drops(first, last) + drops(system.sip_port, system.sip_port)
        assert dropped == 0, f"the kernel dropped {dropped} packets of ours: {counted}"
        assert (counted["lost"], counted["strange"], counted["out_of_order"]) == (0, 0, 0), counted
        assert (counted["sent"], counted["pairs"]) == (calls * 2 * seconds * 50, calls), counted
        if seconds > 60:  # the count is the whole machine's, which has nothing else to do in the long form
            assert buffer_errors() == errors

        await asyncio.gather(*(crowd.hang_up(talk) for crowd, talk in talks))
        assert [talk.failed for _, talk in talks if talk.failed] == []
        await system.quiet()
        records = await system.records(min(calls, 500))
        assert {record["outcome"] for record in records} == {"answered"}


async def _call_all(callers: list[Crowd], called: list[Crowd], calls: int) -> list[tuple[Crowd, Talk]]:
    """Set the calls up, some each second."""

    async def one(index: int) -> tuple[Crowd, Talk]:
        await asyncio.sleep(index / RATE)
        crowd = callers[index % CROWDS]
        return crowd, await crowd.call(called[index % CROWDS].account.number)

    return list(await asyncio.gather(*(one(index) for index in range(calls))))


async def _talk(talks: list[Talk], seconds: int) -> dict[str, Any]:
    """Let all talk, and return what was counted."""
    plan = {"address": "127.0.0.1", "seconds": seconds, "ends": [(talk.port, talk.theirs) for talk in talks]}
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(TALKERS), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    try:
        output, _ = await process.communicate(json.dumps(plan).encode())
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode == 0
    return dict(json.loads(output))


def _caller(hold: float) -> Scenario:
    def lines(method: str, cseq: int, via: str = "[branch]", to: str = "", more: str = "") -> list[str]:
        return [
            f"{method} sip:[field0]@[remote_ip]:[remote_port] SIP/2.0",
            f"Via: SIP/2.0/[transport] [local_ip]:[local_port];branch={via}",
            "From: <sip:[service]@[remote_ip]:[remote_port]>;tag=[pid]c[call_number]",
            f"To: <sip:[field0]@[remote_ip]:[remote_port]>{to}",
            "Call-ID: [call_id]",
            f"CSeq: {cseq} {method}",
            "Max-Forwards: 70",
            "Contact: <sip:[service]@[local_ip]:[local_port]>",
            *([more] if more else []),
        ]

    tag = "[peer_tag_param]"
    return (
        Scenario()
        .request(lines("INVITE", 1), sdp=True)
        .receive(100, optional=True)
        .receive(401)
        .request(lines("ACK", 1, to=tag), again=0)
        .request(lines("INVITE", 2, more="[authentication]"), sdp=True)
        .receive(100, optional=True)
        .receive(180, optional=True)
        .receive(200)
        .request(lines("ACK", 2, to=tag), again=0)
        .pause(hold)
        .request(lines("BYE", 3, to=tag))
        .receive(200)
    )


def _called() -> Scenario:
    return (
        Scenario()
        .receive("INVITE", timeout=60)
        .reply(180, "Ringing")
        .reply(200, "OK", sdp=True, again=0.5)
        .receive("ACK")
        .receive("BYE", timeout=30)
        .reply(200, "OK", to="BYE")
    )


@pytest.mark.skipif(bool(why_no_sipp()), reason=why_no_sipp())
@pytest.mark.parametrize("calls", [300, pytest.param(10_000, marks=[pytest.mark.load, pytest.mark.timeout(900)])])
async def test_of_many_calls_in_a_row_none_fails(tmp_path: Path, calls: int) -> None:
    settings = configuration([extension(300, max_calls=100), extension(301, max_calls=100)])
    ports = block()
    async with contextlib.AsyncExitStack() as stack:
        stack.callback(ports.release)
        system = await stack.enter_async_context(System(tmp_path / "system", ports, settings, rtp=1200))
        caller, called = system.account("300"), system.account("301")
        port, one_media, other_media = ports.take(), ports.take(10), ports.take(10)
        await stack.enter_async_context(registered(tmp_path / "register", called, port))
        numbers = tmp_path / "numbers.csv"
        numbers.write_text("SEQUENTIAL\n301;\n")
        many = ("-r", str(CALLS_A_SECOND), "-l", "90")
        answering = Sipp(
            tmp_path / "called", called.host, called.port, port, _called(),
            calls=calls, media_port=one_media, trace=False,
        )  # fmt: skip
        calling = Sipp(
            tmp_path / "calling", caller.host, caller.port, ports.take(), _caller(0.2), *many,
            "-s", caller.username, "-au", caller.username, "-ap", caller.password, "-inf", str(numbers),
            calls=calls, media_port=other_media, trace=False,
        )  # fmt: skip
        async with answering, calling:
            await calling.done(timeout=60 + 2 * calls / CALLS_A_SECOND)
            await answering.done(timeout=30)
        await system.quiet(30.0)
        counters = (await system.ask("status"))["counters"]
        assert counters["calls_answered_total"] == calls, counters
        records = await system.records(min(calls, 500), timeout=60.0)
        assert {record["outcome"] for record in records} == {"answered"}
