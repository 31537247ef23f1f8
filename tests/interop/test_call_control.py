"""What a program asks for in the middle of a call between phones of another maker: who then hears what."""

from __future__ import annotations

import asyncio
import time

import pytest

from jackfield.control import ControlError

from .rig.booth import Booth
from .rig.system import System

BEEP = 1000  # hertz of "tone:beep", the same in every country


async def test_a_tone_is_heard_by_whom_it_is_for_and_by_nobody_else(system: System, booth: Booth) -> None:
    anna = await booth.phone(system.account("101"), 440)
    bert = await booth.phone(system.account("102"), 660)
    mine, theirs = await anna.call(bert)
    await mine.hears(660)
    await theirs.hears(440)
    (call,) = await system.calls()

    begun = time.monotonic()
    told = await system.ask("play", id=call["id"], sound="tone:beep", party="102", times=0, by="a program")
    assert [leg["number"] for leg in told["parties"]] == ["102"]
    beeping = await theirs.hears(BEEP, 0.15, since=begun)
    assert theirs.ear.seconds_of(440, since=beeping + 0.1) < 0.1, "the other is not heard meanwhile"
    await mine.hears(660, 0.5, since=beeping)
    assert mine.ear.hears(BEEP, 0.1, since=begun) is None

    await system.ask("stop_play", id=call["id"], by="a program")
    stopped = time.monotonic()
    await theirs.hears(440, 0.5, since=stopped)
    await system.ask("play", id=call["id"], sound="tone:beep", times=3)
    await asyncio.gather(mine.hears(BEEP, 0.15, since=stopped), theirs.hears(BEEP, 0.15, since=stopped))
    again = time.monotonic()
    await asyncio.gather(mine.hears(660, 0.5, since=again), theirs.hears(440, 0.5, since=again))
    await mine.hang_up()
    await theirs.ended()
    journal = "\n".join(line["text"] for line in (await system.last_record())["journal"])
    assert 'a program plays "tone:beep" to ' in journal
    assert "until it is stopped" in journal
    assert "a program stops what is played" in journal


@pytest.mark.parametrize("who", ["caller", "callee"])
async def test_after_a_transfer_who_stayed_and_the_new_one_hear_each_other(
    system: System, booth: Booth, who: str
) -> None:
    anna = await booth.phone(system.account("101"), 440)
    bert = await booth.phone(system.account("102"), 660)
    carl = await booth.phone(system.account("103"), 880)
    mine, theirs = await anna.call(bert)
    await mine.hears(660)
    (call,) = await system.calls()
    with pytest.raises(ControlError, match="nothing has the number 777"):
        await system.ask("transfer", id=call["id"], to="777")

    told = await system.ask("transfer", id=call["id"], to="103", party=who, by="a program")
    staying, leaving, hertz = (mine, theirs, 440) if who == "caller" else (theirs, mine, 660)
    assert told["leaves"]["number"] == ("102" if who == "caller" else "101")
    third = await carl.rings()
    assert ("101" if who == "caller" else "102") in third.caller
    answered = time.monotonic()
    await third.answer()
    await leaving.ended()
    await staying.hears(880, 0.5, since=answered)
    await third.hears(hertz, 0.5)
    await third.hang_up()
    await staying.ended()
    record = await system.last_record()
    assert [leg["number"] for leg in record["legs"]] == ["101", "102", "103"]
    assert record["legs"][0 if leaving is mine else 1]["reason"] == "transferred"
    journal = "\n".join(line["text"] for line in record["journal"])
    assert "a program transfers" in journal


async def test_a_transfer_that_nobody_answers_brings_both_back_together(system: System, booth: Booth) -> None:
    anna = await booth.phone(system.account("101"), 440)
    bert = await booth.phone(system.account("102"), 660)
    carl = await booth.phone(system.account("103"), 880)
    mine, theirs = await anna.call(bert)
    await mine.hears(660)
    (call,) = await system.calls()
    await system.ask("transfer", id=call["id"], to="103")
    await (await carl.rings()).hang_up()
    again = time.monotonic()
    await mine.hears(660, 0.5, since=again)
    await theirs.hears(440, 0.5, since=again)
    await mine.hang_up()
    await theirs.ended()


async def test_two_calls_become_one(system: System, booth: Booth) -> None:
    anna = await booth.phone(system.account("101"), 440)
    bert = await booth.phone(system.account("102"), 660)
    carl = await booth.phone(system.account("103"), 880)
    from_anna, to_bert = await anna.call(bert)
    from_bert, to_carl = await bert.call(carl)
    await to_carl.hears(660)
    calls = {call["to"]["number"]: call["id"] for call in await system.calls()}

    begun = time.monotonic()
    await system.ask("transfer", id=calls["102"], call=calls["103"], by="a program")
    await to_bert.ended()
    await from_bert.ended()
    await from_anna.hears(880, 0.5, since=begun)
    await to_carl.hears(440, 0.5, since=begun)
    await from_anna.hang_up()
    await to_carl.ended()
    await system.quiet()


async def test_digits_reach_the_phone_that_they_are_for(system: System, booth: Booth) -> None:
    anna = await booth.phone(system.account("101"), 440)
    bert = await booth.phone(system.account("102"), 660)
    mine, theirs = await anna.call(bert)
    await mine.hears(660)
    (call,) = await system.calls()
    await system.ask("digits", id=call["id"], digits="15#", extension="101")
    await theirs.hears_digits("15#")
    assert mine.digits == ""
    await mine.hears(660, 0.5, since=time.monotonic())
    await mine.hang_up()
    await theirs.ended()


async def test_one_who_hears_his_own_voice_is_played_to_and_then_connected(system: System, booth: Booth) -> None:
    anna = await booth.phone(system.account("101"), 440)
    bert = await booth.phone(system.account("102"), 660)
    mine = await anna.dial("*43")
    await mine.answered()
    await mine.hears(440, 0.5)
    (call,) = await system.calls()

    begun = time.monotonic()
    await system.ask("play", id=call["id"], sound="tone:beep", times=0)
    beeping = await mine.hears(BEEP, 0.15, since=begun)
    assert mine.ear.seconds_of(440, since=beeping + 0.2) < 0.1
    await system.ask("stop_play", id=call["id"])
    await mine.hears(440, 0.5, since=time.monotonic())

    assert (await system.ask("transfer", id=call["id"], to="102"))["leaves"] is None
    await (await bert.rings()).hang_up()
    await mine.hears(440, 0.5, since=time.monotonic())  # nobody answered: it is where it was
    await system.ask("transfer", id=call["id"], to="102")
    theirs = await bert.rings()
    await theirs.answer()
    await mine.hears(660, 0.5)
    await theirs.hears(440, 0.5)
    await theirs.hang_up()
    await mine.ended()
