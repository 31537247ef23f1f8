"""A caller who talks with nobody (echo, music, an announcement): transferred, played to, connected with others."""

from __future__ import annotations

from typing import Any

import pytest

from jackfield.capture import Recorder
from jackfield.control import ControlError
from jackfield.switch.commands import Commands

from .house import Conversation, House, Phone, quiet
from .test_in_call import ask


async def listening(house: House, number: str = "*62") -> tuple[Phone, Conversation]:
    """Phone 101 in a call with a service, the music if nothing else is said."""
    alice = await house.phone("101")
    call = alice.call(number)
    await call.outcome()
    await house.pass_time()
    return alice, call


async def hang_up(house: House, extension: str) -> Any:
    commands = Commands(house.switch, Recorder(1), stop=lambda: None, path=None)  # type: ignore[arg-type]
    return await commands.hang_up({"id": next(iter(house.switch.calls)), "by": "a program", "extension": extension})


# --- transfer


@pytest.mark.parametrize(("number", "heard"), [("*62", "/sounds/default"), ("*61", "/sounds/welcome")])
async def test_who_listens_is_connected_with_a_number_and_nobody_leaves(house: House, number: str, heard: str) -> None:
    alice, call = await listening(house, number)
    bob = await house.phone("102")
    assert house.hears(alice) == heard
    told = await ask(house, "transfer", to="102", by="a program")
    assert (told["party"]["number"], told["leaves"], told["to"]) == ("101", None, "102")
    there = await bob.rings()
    assert there.invite is not None
    assert there.invite.from_.uri.user == "101"
    await house.pass_time()
    assert house.hears(alice) == "tone:ringback"
    there.answer()
    await house.pass_time(1)
    assert house.hears(alice) == house.hears(bob) == "the other party"
    there.hang_up()
    await quiet(house, 1)
    assert call.ended is not None
    assert "a program transfers Phone 101 (101) to 102" in house.journal()
    assert [leg["number"] for leg in house.record["legs"]] == ["101", "102"]


async def test_who_hears_his_own_voice_is_connected_too(house: House) -> None:
    alice, call = await listening(house, "*43")
    await house.pass_time(3)
    assert house.stream_of(alice).echoing
    bob = await house.phone("102")
    await ask(house, "transfer", to="102")
    there = await bob.picks_up()
    await house.pass_time(1)
    assert not house.stream_of(alice).echoing
    assert house.hears(alice) == house.hears(bob) == "the other party"
    call.hang_up()
    await quiet(house, 1)
    assert there.ended is not None


async def test_nobody_answers_there_and_the_music_goes_on_however_often(house: House) -> None:
    alice, call = await listening(house)
    bob = await house.phone("102")
    for _ in range(15):
        await ask(house, "transfer", to="102")
        (await bob.rings()).reject(486)
        await house.pass_time(1)
        assert house.hears(alice) == "/sounds/default"
    assert call.ended is None
    await ask(house, "transfer", to="102")
    there = await bob.picks_up()
    await house.pass_time(1)
    assert house.hears(alice) == "the other party"
    there.hang_up()
    await quiet(house, 1)
    assert house.journal().count("the transfer to 102 failed: 486") == 15


async def test_one_may_be_taken_from_service_to_service_and_on(house: House) -> None:
    alice, call = await listening(house)
    await ask(house, "transfer", to="*43")
    await house.pass_time(3)
    assert house.stream_of(alice).echoing
    await ask(house, "transfer", to="*62")
    await house.pass_time()
    assert not house.stream_of(alice).echoing
    assert house.hears(alice) == "/sounds/default"
    call.hang_up()
    await quiet(house, 1)


async def test_who_hangs_up_in_the_middle_leaves_nothing_behind(house: House) -> None:
    _, call = await listening(house)
    bob = await house.phone("102")
    await ask(house, "transfer", to="102")
    call.hang_up()  # before anything has begun
    await quiet(house, 1)
    _, call = await listening(house)
    await ask(house, "transfer", to="102")
    await bob.rings()
    with pytest.raises(ControlError, match="under way already"):
        await ask(house, "transfer", to="103")
    call.hang_up()
    await quiet(house, 2)
    assert not bob.ringing


async def test_where_the_number_leads_nowhere_nothing_is_done(house: House) -> None:
    alice, call = await listening(house)
    with pytest.raises(ControlError, match="nothing has the number 777"):
        await ask(house, "transfer", to="777")
    with pytest.raises(ControlError, match='"104" is not in call'):
        await ask(house, "transfer", to="102", party="104")
    assert (await ask(house, "transfer", to="102", extension="101", dry_run=True))["leaves"] is None
    await house.pass_time(1)
    assert house.hears(alice) == "/sounds/default"
    call.hang_up()
    await quiet(house, 1)


async def test_who_listens_takes_a_place_in_another_call(house: House) -> None:
    alice, call = await listening(house)
    carol, dave = await house.phone("103"), await house.phone("104")
    other = carol.call("104")
    far = await dave.picks_up()
    await other.outcome()
    first, second = house.switch.calls
    with pytest.raises(ControlError, match="name by with_party who"):
        await ask(house, "transfer", id=first, call=second)
    with pytest.raises(ControlError, match="extension 101 is not in call"):
        await ask(house, "transfer", id=first, call=second, extension="101", with_party="104")
    told = await ask(house, "transfer", id=first, call=second, with_party="104")
    assert (told["party"]["number"], told["leaves"]["number"]) == ("101", "103")
    await house.pass_time(3)
    assert other.ended is not None
    assert house.hears(alice) == house.hears(dave) == "the other party"
    assert list(house.switch.calls) == [second]
    far.hang_up()
    await quiet(house, 2)
    assert call.ended is not None
    by_id = {record["id"]: record for record in house.records}
    assert by_id[first]["reason"] == f"transferred into call {second}"


# --- sounds and digits


async def test_a_sound_interrupts_the_music_which_goes_on_afterwards(house: House) -> None:
    alice, call = await listening(house)
    told = await ask(house, "play", sound="welcome")
    assert [leg["number"] for leg in told["parties"]] == ["101"]
    assert house.hears(alice) == "/sounds/welcome"
    await house.pass_time(3)
    assert house.hears(alice) == "/sounds/default"
    await ask(house, "play", sound="tone:busy", times=0)
    await house.pass_time(60)
    assert house.hears(alice) == "tone:busy"
    assert len((await ask(house, "stop_play"))["parties"]) == 1
    assert house.hears(alice) == "/sounds/default"
    assert (await ask(house, "stop_play"))["parties"] == [], "the service's own music is not stopped"
    assert house.hears(alice) == "/sounds/default"
    call.hang_up()
    await quiet(house, 1)


async def test_an_announcement_that_was_interrupted_is_heard_to_its_end(house: House) -> None:
    alice, call = await listening(house, "*61")
    await ask(house, "play", sound="tone:beep")
    assert house.hears(alice) == "tone:beep"
    await house.pass_time(2.5)
    assert house.hears(alice) == "/sounds/welcome"
    assert call.ended is None
    await house.pass_time(3)
    await quiet(house, 1)
    assert call.ended is not None


async def test_a_sound_in_an_echo_test_is_heard_and_then_the_own_voice_again(house: House) -> None:
    alice, call = await listening(house, "*43")
    await house.pass_time(3)
    await ask(house, "play", sound="tone:beep")
    assert not house.stream_of(alice).echoing
    await house.pass_time(3)
    assert house.stream_of(alice).echoing
    await ask(house, "digits", digits="1")
    assert house.stream_of(alice).dtmf == "1"
    call.hang_up()
    await quiet(house, 1)


# --- hanging up on behalf of an extension


async def test_who_is_rung_alone_declines_and_the_caller_hears_that(house: House) -> None:
    alice, bob = await house.phone("101"), await house.phone("102")
    call = alice.call("102")
    await bob.rings()
    await house.pass_time()
    await hang_up(house, "102")
    assert await call.outcome() == 603
    await quiet(house, 1)
    assert not bob.ringing
    assert "declined by a program" in house.journal()
    assert house.record["outcome"] == "rejected"


async def test_who_is_rung_with_others_declines_for_himself_alone(house: House) -> None:
    alice, bob, carol = await house.phone("101"), await house.phone("102"), await house.phone("103")
    call = alice.call("200")
    await bob.rings()
    there = await carol.rings()
    await house.pass_time()
    await hang_up(house, "102")
    await house.pass_time()
    assert not bob.ringing
    there.answer()
    assert await call.outcome() == 200
    with pytest.raises(ControlError, match="extension 104 is not in call"):
        await hang_up(house, "104")
    await hang_up(house, "103")
    await quiet(house, 1)
    assert call.ended is not None
    assert house.record["reason"] == "hung up by a program"


async def test_who_calls_and_thinks_better_of_it_at_his_screen_has_cancelled_the_call(house: House) -> None:
    alice, bob = await house.phone("101"), await house.phone("102")
    call = alice.call("102")
    await bob.rings()
    await house.pass_time()
    await hang_up(house, "101")
    assert await call.outcome() == 487
    await quiet(house, 1)
    assert not bob.ringing
    assert (house.record["outcome"], house.record["hung_up_by"]) == ("cancelled", "caller")


async def test_who_hangs_up_at_his_screen_is_named_in_the_record(house: House) -> None:
    alice, bob = await house.phone("101"), await house.phone("102")
    call = alice.call("102")
    await bob.picks_up()
    await call.outcome()
    await house.pass_time()
    await hang_up(house, "102")
    await quiet(house, 1)
    assert (house.record["outcome"], house.record["hung_up_by"]) == ("answered", "callee")
