"""Calls that are not simply answered: what the caller gets, and what the record says afterwards."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from .rig.aio_phone import AioPhone, why_no_aiosipua
from .rig.booth import Booth
from .rig.ports import Block
from .rig.sipp import Scenario, Sipp, registered, why_no_sipp
from .rig.system import System
from .rig.wire import Wire

needs_sipp = pytest.mark.skipif(bool(why_no_sipp()), reason=why_no_sipp())
needs_aiosipua = pytest.mark.skipif(bool(why_no_aiosipua()), reason=why_no_aiosipua())

SDP = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9000 RTP/AVP 0\r\n"


async def test_who_is_called_may_be_busy(system: System, booth: Booth) -> None:
    anna = await booth.phone(system.account("101"), 440)
    bert = await booth.phone(system.account("102"), 660)

    mine = await anna.dial("102")
    await (await bert.rings()).do("reject")

    assert "486" in await mine.ended()
    record = await system.last_record("102")
    assert (record["outcome"], record["sip_status"], record["q850"]) == ("busy", 486, 17)
    assert record["hung_up_by"] == "callee"


@needs_aiosipua
async def test_who_is_called_may_decline(system: System, booth: Booth, ports: Block) -> None:
    anna = await booth.phone(system.account("101"), 440)
    async with AioPhone(ports, system.account("102"), 660) as bert:
        mine = await anna.dial("102")
        (await bert.rings()).reject(603, "Decline")

        assert "603" in await mine.ended()
    record = await system.last_record("102")
    assert (record["outcome"], record["sip_status"], record["q850"]) == ("rejected", 603, 21)


async def test_nobody_answers_in_time(system: System, booth: Booth) -> None:
    anna = await booth.phone(system.account("101"), 440)
    bert = await booth.phone(system.account("141"), 660)  # rings for 1 s

    mine = await anna.dial("141")
    theirs = await bert.rings()
    assert "480" in await mine.ended()
    await theirs.ended()

    record = await system.last_record("141")
    assert (record["outcome"], record["sip_status"]) == ("no_answer", 480)
    assert record["ringing"] is not None
    assert record["answered"] is None


async def test_the_caller_gives_up(system: System, booth: Booth) -> None:
    anna = await booth.phone(system.account("101"), 440)
    bert = await booth.phone(system.account("102"), 660)

    mine = await anna.dial("102")
    theirs = await bert.rings()
    await mine.happens("CALL_RINGING")
    await mine.hang_up()
    await theirs.ended()

    record = await system.last_record("102")
    assert (record["outcome"], record["hung_up_by"]) == ("cancelled", "caller")


async def test_a_number_that_is_not_there(system: System, booth: Booth) -> None:
    anna = await booth.phone(system.account("101"), 440)

    assert "404" in await (await anna.dial("777")).ended()
    record = await system.last_record("777")
    assert (record["outcome"], record["sip_status"], record["q850"]) == ("unreachable", 404, 1)


async def test_nobody_has_registered_for_the_extension(system: System, booth: Booth) -> None:
    anna = await booth.phone(system.account("101"), 440)

    assert "480" in await (await anna.dial("110")).ended()


async def test_nobody_calls_without_a_password(system: System) -> None:
    async with Wire(system.account("101")) as wire:
        answer = await wire.send("INVITE", system.account("101").uri("102"), body=SDP, password="wrong")

    assert answer.status in (401, 403)


async def test_an_extension_on_do_not_disturb_is_busy(system: System, booth: Booth) -> None:
    anna = await booth.phone(system.account("101"), 440)
    bert = await booth.phone(system.account("142"), 660)

    assert (await (await anna.dial("142")).ended())[:3] in ("480", "486")
    assert bert.calls == []


async def test_a_forward_leads_to_another_phone(system: System, booth: Booth) -> None:
    anna = await booth.phone(system.account("101"), 440)
    carl = await booth.phone(system.account("103"), 880)

    for number in ("143", "144"):  # always; when its phone is not there
        mine, theirs = await anna.call(carl, number)
        await mine.hears(880)
        await theirs.hears(440)
        assert '"Phone 101" <sip:101@' in theirs.caller
        await mine.hang_up()
        await theirs.ended()


async def test_a_forward_on_no_answer_rings_the_next_phone(system: System, booth: Booth) -> None:
    anna = await booth.phone(system.account("101"), 440)
    bert = await booth.phone(system.account("145"), 660)
    carl = await booth.phone(system.account("103"), 880)

    mine = await anna.dial("145")
    first = await bert.rings()
    second = await carl.rings()
    await first.ended()
    await second.answer()
    await mine.hears(880)
    await second.hang_up()
    await mine.ended()


async def test_forwards_in_a_circle_end(system: System, booth: Booth) -> None:
    anna = await booth.phone(system.account("101"), 440)

    text = await (await anna.dial("146")).ended()  # 146 → 147 → 146 …
    assert text[:3] in ("480", "482", "483")


@needs_aiosipua
async def test_the_caller_hears_what_is_said_before_the_answer(system: System, booth: Booth, ports: Block) -> None:
    anna = await booth.phone(system.account("101"), 440)
    async with AioPhone(ports, system.account("102"), 660) as bert:
        mine = await anna.dial("102")
        theirs = await bert.rings()
        await theirs.early(880)

        await mine.hears(880)
        assert not mine.having("CALL_ESTABLISHED")
        await mine.hang_up()
        await asyncio.wait_for(theirs.over.wait(), 5.0)


@needs_sipp
async def test_the_phone_that_lost_is_told_that_the_call_was_answered_elsewhere(
    system: System, booth: Booth, ports: Block, tmp_path: Path
) -> None:
    """So it shows no missed call (RFC 3326, and the text that phones look for)."""
    anna = await booth.phone(system.account("101"), 440)
    bert = await booth.phone(system.account("102"), 660)
    account, port = system.account("102"), ports.take()
    loser = (
        Scenario()
        .receive("INVITE")
        .reply(100, "Trying")
        .reply(180, "Ringing")
        .receive("CANCEL", matching={"Reason": "cause=200.*[Cc]ompleted elsewhere"})
        .reply(200, "OK")
        .reply(487, "Request Terminated", to="INVITE", again=0.5)
        .receive("ACK")
    )
    async with (
        registered(tmp_path / "register", account, port),
        Sipp(tmp_path / "loser", account.host, account.port, port, loser) as sipp,
    ):
        mine = await anna.dial("102")
        theirs = await bert.rings()
        await sipp.until("SIP/2.0 180")
        await theirs.answer()
        await mine.answered()
        await sipp.done()
        await mine.hears(660)
        await mine.hang_up()


async def test_when_one_of_several_phones_answers_the_others_stop_ringing(system: System, booth: Booth) -> None:
    anna = await booth.phone(system.account("101"), 440)
    desk = await booth.phone(system.account("102"), 660)
    mobile = await booth.phone(system.account("102", "tcp"), 880)

    mine = await anna.dial("102")
    first, second = await asyncio.gather(desk.rings(), mobile.rings())
    await second.answer()
    await first.ended()
    await mine.hears(880)
    await second.hears(440)
    await mine.hang_up()
    await second.ended()
    record = await system.last_record("102")
    assert sorted(leg["role"] for leg in record["legs"]) == ["callee", "callee", "caller"]


async def test_a_ring_group_rings_all_its_members(system: System, booth: Booth) -> None:
    anna = await booth.phone(system.account("101"), 440)
    bert = await booth.phone(system.account("102"), 660)
    carl = await booth.phone(system.account("103"), 880)

    mine = await anna.dial("150")
    first, second = await asyncio.gather(bert.rings(), carl.rings())
    await first.answer()
    await second.ended()
    await mine.hears(660)
    await first.hang_up()
    await mine.ended()


async def test_a_call_that_nobody_of_a_group_takes_goes_on_to_the_next_number(system: System, booth: Booth) -> None:
    anna = await booth.phone(system.account("101"), 440)
    bert = await booth.phone(system.account("102"), 660)

    mine = await anna.dial("151")  # rings 102 for 1 s, then the announcement
    theirs = await bert.rings()
    await theirs.ended()
    await mine.answered()
    await mine.hears_melody()
    await mine.hang_up()


async def test_the_administrator_ends_a_call(system: System, booth: Booth) -> None:
    anna = await booth.phone(system.account("101"), 440)
    bert = await booth.phone(system.account("102"), 660)
    mine, theirs = await anna.call(bert)
    (call,) = await system.calls()

    await system.command("hangup", call["id"])
    await asyncio.gather(mine.ended(), theirs.ended())
    record = await system.last_record("102")
    assert (record["outcome"], record["hung_up_by"]) == ("answered", "system")


async def test_a_call_record_tells_who_when_and_how(system: System, booth: Booth) -> None:
    anna = await booth.phone(system.account("101"), 440, audio_codecs=["pcmu"])
    bert = await booth.phone(system.account("102", "tcp"), 660, audio_codecs=["g722/16000/1"])
    before = time.time()
    mine, theirs = await anna.call(bert)
    await mine.hears(660)
    (active,) = await system.calls()
    await theirs.hang_up()
    await mine.ended()

    record = await system.last_record("101")
    assert record["id"] == active["id"]
    assert (record["caller"]["number"], record["caller"]["name"]) == ("101", "Phone 101")
    assert (record["called"]["number"], record["called"]["name"]) == ("102", "Phone 102")
    assert (record["dialed"], record["direction"], record["outcome"]) == ("102", "internal", "answered")
    assert record["hung_up_by"] == "callee"
    assert before - 1 < _seconds(record["started"]) <= _seconds(record["ringing"]) <= _seconds(record["answered"])
    assert _seconds(record["answered"]) < _seconds(record["ended"]) < time.time() + 1
    assert record["talked"] == pytest.approx(_seconds(record["ended"]) - _seconds(record["answered"]), abs=0.01)
    legs = {leg["role"]: leg for leg in record["legs"]}
    assert (legs["caller"]["codec"], legs["callee"]["codec"]) == ("pcmu", "g722")
    assert "baresip" in legs["callee"]["user_agent"]
    assert "TCP" in legs["callee"]["address"].upper()
    print(record["journal"])
    text = " | ".join(line["text"] for line in record["journal"])
    assert "102" in text
    assert len(record["journal"]) >= 3


def _seconds(text: str) -> float:
    from datetime import datetime

    return datetime.fromisoformat(text).timestamp()


@pytest.mark.parametrize("who", ["caller", "called"])
async def test_a_phone_may_ask_that_ringing_is_acknowledged(system: System, booth: Booth, who: str) -> None:
    """Reliable provisional responses (RFC 3262), on one side only: the other side need not know of it."""
    reliable = {"extra_params": [f"100rel={'required' if who == 'caller' else 'yes'}"]}
    anna = await booth.phone(system.account("101"), 440, **(reliable if who == "caller" else {}))
    bert = await booth.phone(system.account("102"), 660, **(reliable if who == "called" else {}))

    mine = await anna.dial("102")
    theirs = await bert.rings()
    await mine.happens("CALL_RINGING", "CALL_PROGRESS")
    (call,) = await system.calls()
    await theirs.answer()
    await mine.hears(660)
    await theirs.hears(440)
    await mine.hang_up()
    await theirs.ended()
    assert "PRACK" in await system.ladder(call["id"])
