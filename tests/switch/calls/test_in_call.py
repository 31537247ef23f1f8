"""Transfer, play, stop and digits by the control socket, in the middle of a call."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from jackfield.control import ControlError
from jackfield.rtp import tones
from jackfield.switch.commands import call_row
from jackfield.switch.in_call import InCall
from jackfield.switch.sounds import TONES

from .house import House, quiet
from .test_hold_and_transfer import talking
from .test_trunk_calls import with_trunk


async def ask(house: House, verb: str, **more: Any) -> Any:
    """Ask for something in the first call in progress, or in the one whose `id` is given."""
    more.setdefault("id", next(iter(house.switch.calls), ""))
    return await InCall(house.switch).handlers()[verb](more)


# --- transfer


async def test_the_called_party_goes_to_another_number_and_the_caller_makes_way(house: House) -> None:
    alice, bob, call, answered = await talking(house)
    carol = await house.phone("103")
    told = await ask(house, "transfer", to="103", by="Reception")
    assert (told["party"]["number"], told["leaves"]["number"], told["to"]) == ("102", "101", "103")
    ringing = await carol.rings()
    assert ringing.invite is not None
    assert ringing.invite.from_.uri.user == "102"
    await house.pass_time()
    assert "ringback" in house.hears(bob)
    assert call.ended is None, "who makes way is not sent away before somebody has answered"
    ringing.answer()
    await house.pass_time(1)
    assert call.ended is not None
    assert house.hears(bob) == house.hears(carol) == "the other party"
    ringing.hang_up()
    await quiet(house, 1)
    assert "Reception transfers Phone 102 (102) to 103" in house.journal()
    assert [leg["party"]["number"] if "party" in leg else leg["number"] for leg in house.record["legs"]] == [
        "101",
        "102",
        "103",
    ]
    assert house.record["legs"][0]["reason"] == "transferred"


@pytest.mark.parametrize("named", ["caller", "101", "Phone 101", "phone 101"])
async def test_the_party_that_is_named_goes_to_the_number(house: House, named: str) -> None:
    alice, bob, call, answered = await talking(house)
    carol = await house.phone("103")
    assert (await ask(house, "transfer", to="103", party=named))["leaves"]["number"] == "102"
    third = await carol.picks_up()
    await house.pass_time(1)
    assert answered.ended is not None
    assert house.hears(alice) == "the other party"
    third.hang_up()
    await quiet(house, 1)


async def test_who_asks_makes_way_whether_it_called_or_was_called(house: House) -> None:
    alice, bob, call, answered = await talking(house)
    await house.phone("103")
    assert (await ask(house, "transfer", to="103", extension="102", dry_run=True))["leaves"]["number"] == "102"
    assert (await ask(house, "transfer", to="103", extension="101", dry_run=True))["leaves"]["number"] == "101"
    with pytest.raises(ControlError, match="extension 104 is not in call"):
        await ask(house, "transfer", to="103", extension="104")
    await house.pass_time(1)
    assert house.hears(alice) == house.hears(bob) == "the other party", "nothing was done"
    call.hang_up()
    await quiet(house, 1)


async def test_who_is_outside_is_the_one_who_goes_to_the_number(house: House) -> None:
    carrier = await with_trunk(house)
    alice = await house.phone("101")
    call = alice.call("901715550101")
    there = await carrier.picks_up()
    await call.outcome()
    told = await ask(house, "transfer", to="102", dry_run=True)
    assert (told["party"]["trunk"] != "", told["leaves"]["number"]) == (True, "101")
    there.hang_up()
    await quiet(house, 1)


async def test_nobody_answers_there_and_both_talk_again(house: House) -> None:
    alice, bob, call, answered = await talking(house)
    carol = await house.phone("103")
    await ask(house, "transfer", to="103")
    (await carol.rings()).reject(486)
    await house.pass_time(1)
    assert house.hears(alice) == house.hears(bob) == "the other party"
    assert "the transfer to 103 failed: 486" in "\n".join(line[1] for line in _call(house).record.journal)
    call.hang_up()
    await quiet(house, 1)


async def test_a_number_that_leads_nowhere_is_refused_before_anything_is_done(house: House) -> None:
    alice, bob, call, _ = await talking(house)
    with pytest.raises(ControlError, match="nothing has the number 777"):
        await ask(house, "transfer", to="777")
    assert house.hears(alice) == house.hears(bob) == "the other party"
    call.hang_up()
    await quiet(house, 1)


async def test_the_number_is_called_by_the_right_of_who_asks_or_by_that_of_the_house(house: House) -> None:
    await with_trunk(house)
    await house.change_extension("102", outside_calls=False)
    _, _, call, _ = await talking(house)
    assert (await ask(house, "transfer", to="901715550101", extension="101", dry_run=True))["to"] == "901715550101"
    assert (await ask(house, "transfer", to="901715550101", party="caller", dry_run=True))["to"] == "901715550101"
    with pytest.raises(ControlError, match="extension 102 may not call outside"):
        await ask(house, "transfer", to="901715550101", extension="102")
    call.hang_up()
    await quiet(house, 1)


async def test_what_stands_in_the_way_is_told(house: House) -> None:
    with pytest.raises(ControlError, match='no call "nothing" is in progress'):
        await ask(house, "transfer", id="nothing", to="103")
    alice, bob, carol = await house.phone("101"), await house.phone("102"), await house.phone("103")
    call = alice.call("102")
    ringing = await bob.rings()
    with pytest.raises(ControlError, match="is not answered yet"):
        await ask(house, "transfer", to="103")
    ringing.answer()
    await call.outcome()
    await house.pass_time()
    with pytest.raises(ControlError, match=r'"104" is not in call .*; there are Phone 101'):
        await ask(house, "transfer", to="103", party="104")
    with pytest.raises(ControlError, match="either a number"):
        await ask(house, "transfer")
    await ask(house, "transfer", to="103")
    await carol.rings()
    with pytest.raises(ControlError, match="under way"):
        await ask(house, "transfer", to="104")
    with pytest.raises(ControlError, match="under way"):
        await ask(house, "play", sound="welcome")
    call.hang_up()
    await house.pass_time(1)
    carol.calls[0].answer()
    await house.pass_time(1)
    carol.calls[0].hang_up()
    await quiet(house, 1)


# --- two calls become one


async def test_two_calls_of_one_extension_become_one(house: House) -> None:
    alice, bob, call, answered = await talking(house)
    carol = await house.phone("103")
    await answered.hold()
    second = bob.call("103")
    third = await carol.picks_up()
    await second.outcome()
    first_id, second_id = house.switch.calls
    told = await ask(house, "transfer", id=first_id, call=second_id, extension="102", by="Phone 102")
    assert (told["party"]["number"], told["leaves"]["number"], told["call"]) == ("101", "102", second_id)
    await house.pass_time(3)
    assert answered.ended is not None
    assert second.ended is not None
    assert house.hears(alice) == house.hears(carol) == "the other party"
    third.hang_up()
    await quiet(house, 2)
    by_id = {record["id"]: record for record in house.records}
    assert by_id[first_id]["reason"] == f"transferred into call {second_id}"
    assert "Phone 102 connects Phone 101 (101), of call" in house.journal(by_id[second_id])


async def test_an_administrator_connects_two_calls_that_share_an_extension_or_says_who_is_meant(house: House) -> None:
    alice, bob, call, answered = await talking(house)
    carol, dave = await house.phone("103"), await house.phone("104")
    other = carol.call("104")
    far = await dave.picks_up()
    await other.outcome()
    first, second = house.switch.calls
    with pytest.raises(ControlError, match="not plain who is to talk with whom"):
        await ask(house, "transfer", id=first, call=second)
    with pytest.raises(ControlError, match="the same call"):
        await ask(house, "transfer", id=first, call=first)
    with pytest.raises(ControlError, match="extension 101 is not in call"):
        await ask(house, "transfer", id=first, call=second, extension="101", party="102", with_party="104")
    await ask(house, "transfer", id=first, call=second, party="101", with_party="104")
    await house.pass_time(3)
    assert answered.ended is not None
    assert other.ended is not None
    assert house.hears(alice) == house.hears(dave) == "the other party"
    far.hang_up()
    await quiet(house, 2)


async def test_the_call_that_is_joined_may_still_ring(house: House) -> None:
    alice, bob, call, answered = await talking(house)
    carol = await house.phone("103")
    second = bob.call("103")
    ringing = await carol.rings()
    first_id, second_id = house.switch.calls
    await ask(house, "transfer", id=first_id, call=second_id)
    await house.pass_time(3)
    assert answered.ended is not None
    ringing.answer()
    await house.pass_time(1)
    assert house.hears(alice) == house.hears(carol) == "the other party"
    assert await second.outcome() >= 400
    call.hang_up()
    await quiet(house, 2)


# --- sounds


async def test_one_party_hears_a_sound_and_the_other_goes_on_hearing_it(house: House) -> None:
    alice, bob, call, _ = await talking(house)
    told = await ask(house, "play", sound="welcome", party="102", by="Reception")
    assert [leg["number"] for leg in told["parties"]] == ["102"]
    assert house.hears(bob) == "/sounds/welcome"
    assert house.hears(alice) == "the other party"
    await house.pass_time(3)
    assert house.hears(bob) == "the other party", "the call goes on afterwards"
    call.hang_up()
    await quiet(house, 1)
    assert 'Reception plays "welcome" to Phone 102 (102), once' in house.journal()


async def test_both_hear_a_tone_until_it_is_stopped(house: House) -> None:
    alice, bob, call, _ = await talking(house)
    await ask(house, "play", sound="tone:busy", times=0)
    await house.pass_time(300)
    assert house.hears(alice) == house.hears(bob) == "tone:busy"
    assert len((await ask(house, "stop_play"))["parties"]) == 2
    assert house.hears(alice) == house.hears(bob) == "the other party"
    assert (await ask(house, "stop_play"))["parties"] == []
    call.hang_up()
    await quiet(house, 1)
    assert "until it is stopped" in house.journal()
    assert house.journal().count("stops what is played") == 1


async def test_a_sound_is_repeated_as_often_as_was_asked(house: House) -> None:
    alice, _, call, _ = await talking(house)
    await ask(house, "play", sound="welcome", party="caller", times=3)
    assert house.stream_of(alice).played == ["/sounds/welcome"] * 3
    await house.pass_time(5)
    assert house.hears(alice) == "/sounds/welcome"
    await house.pass_time(2)
    assert house.hears(alice) == "the other party"
    call.hang_up()
    await quiet(house, 1)


async def test_a_sound_is_played_in_the_language_of_who_hears_it(house: House) -> None:
    german = replace(house.snapshot.sounds[0], language="de", path="/sounds/de/welcome")
    await house.configure(sounds=(*house.snapshot.sounds, german))
    await house.change_extension("102", language="de")
    alice, bob, call, _ = await talking(house)
    await ask(house, "play", sound="welcome")
    assert house.hears(alice) == "/sounds/welcome"
    assert house.hears(bob) == "/sounds/de/welcome"
    call.hang_up()
    await quiet(house, 1)


async def test_nothing_is_played_where_it_could_not_be_heard(house: House) -> None:
    alice, bob, call, answered = await talking(house)
    with pytest.raises(ControlError, match=r'there is no sound "nothing": .*tone:busy'):
        await ask(house, "play", sound="nothing")
    with pytest.raises(ControlError, match='there is no sound "tone:loud"'):
        await ask(house, "play", sound="tone:loud")
    with pytest.raises(ControlError, match="times must be from 1 to 100"):
        await ask(house, "play", sound="welcome", times=101)
    await call.hold()
    with pytest.raises(ControlError, match=r"is on hold: Phone 101 \(101\) has to take it back"):
        await ask(house, "play", sound="welcome")
    assert (await ask(house, "stop_play"))["parties"] == [], "music on hold is not stopped"
    assert house.hears(bob) == "/sounds/default"
    call.hang_up()
    await quiet(house, 1)


async def test_holding_the_call_ends_what_plays(house: House) -> None:
    alice, bob, call, _ = await talking(house)
    await ask(house, "play", sound="welcome", times=0, party="102")
    await call.hold()
    assert house.hears(bob) == "/sounds/default"
    await call.resume()
    assert house.hears(bob) == "the other party"
    call.hang_up()
    await quiet(house, 1)


def test_the_tones_that_can_be_named_are_those_that_there_are() -> None:
    assert TONES == tones.NAMES


# --- digits


async def test_digits_go_to_the_party_as_its_phone_wants_them(house: House) -> None:
    await house.change_extension("102", lines=(replace(house.snapshot.extensions[1].lines[0], dtmf="info"),))
    alice, bob, call, answered = await talking(house)
    await ask(house, "digits", digits="12,#", party="101")
    assert house.stream_of(alice).dtmf == "12,#"
    await ask(house, "digits", digits="4a", extension="101")
    await house.pass_time(1)
    sent = [request.body.decode() for request in answered.requests if request.method == "INFO"]
    assert [text.split()[0] for text in sent] == ["Signal=4", "Signal=A"]
    for wrong in ("", "12x", "1" * 65):
        with pytest.raises(ControlError, match="digits are"):
            await ask(house, "digits", digits=wrong)
    call.hang_up()
    await quiet(house, 1)
    assert "sends 3 digits to Phone 101" in house.journal()
    assert "12" not in house.journal().partition("sends 3 digits")[2]


async def test_the_row_of_a_call_has_what_its_parties_can_be_named_by(house: House) -> None:
    _, _, call, _ = await talking(house)
    legs = call_row(_call(house))["legs"]
    assert [(leg["role"], leg["extension"], leg["answered"]) for leg in legs] == [
        ("caller", "101", True),
        ("callee", "102", True),
    ]
    assert (await ask(house, "transfer", to="103", party=legs[1]["id"], dry_run=True))["party"]["id"] == legs[1]["id"]
    call.hang_up()
    await quiet(house, 1)


def _call(house: House) -> Any:
    return next(iter(house.switch.calls.values()))
