"""Calls that begin with a click: the own phones ring first, then it goes on as if the number had been dialled there."""

from __future__ import annotations

from typing import Any

import pytest

from jackfield.control import ControlError
from jackfield.switch.origination import AT_ONCE, PER_MINUTE, RING_TIME, Originator

from .house import House, quiet
from .test_trunk_calls import with_trunk


async def click(house: House, to: str, number: str = "101", **more: Any) -> str:
    """Ask for a call; returns its id."""
    answer = await Originator(house.switch).originate({"from": number, "to": to, **more})
    return str(answer["id"])


async def test_the_own_phone_rings_first_and_shows_whom_it_will_call(house: House) -> None:
    alice, bob = await house.phone("101"), await house.phone("102")
    await click(house, "102")
    ringing = await alice.rings()
    assert ringing.invite is not None
    shown = ringing.invite.from_
    assert (shown.uri.user, shown.display) == ("102", "Phone 102")
    assert not bob.calls
    ringing.hang_up()


async def test_whoever_picks_up_is_connected_and_both_hear_each_other(house: House) -> None:
    alice, bob = await house.phone("101"), await house.phone("102")
    await click(house, "102")
    own = await alice.picks_up()
    ringing = await bob.rings()
    assert ringing.invite is not None
    assert ringing.invite.from_.uri.user == "101"
    await house.pass_time()
    assert "ringback" in house.hears(alice)
    ringing.answer()
    await house.pass_time()
    assert house.hears(alice) == "the other party"
    assert house.hears(bob) == "the other party"
    own.hang_up()
    await quiet(house, 1)
    record = house.record
    assert (record["outcome"], record["direction"], record["hung_up_by"]) == ("answered", "internal", "caller")
    assert (record["caller"]["number"], record["called"]["number"], record["dialed"]) == ("101", "102", "102")
    assert [leg["role"] for leg in record["legs"]] == ["caller", "callee"]
    assert record["answered"] > record["legs"][0]["answered"], "the call is answered by whom it was for"
    assert "its own phones ring first" in house.journal()


async def test_all_phones_of_the_extension_ring_and_the_first_wins(house: House) -> None:
    desk, mobile, bob = await house.phone("101"), await house.phone("101", "10.0.7.7"), await house.phone("102")
    await click(house, "102")
    await desk.rings()
    await mobile.picks_up()
    await house.pass_time()
    assert desk.calls[0].cancelled is not None
    await bob.picks_up()
    assert house.hears(mobile) == "the other party"
    mobile.calls[0].hang_up()
    await quiet(house, 1)


async def test_only_the_named_line_rings_where_one_is_named(house: House) -> None:
    await house.phone("101")
    with pytest.raises(ControlError, match="no phone other of extension 101 is connected"):
        await click(house, "102", line="other")


async def test_nobody_picks_up_at_the_own_phones(house: House) -> None:
    alice, bob = await house.phone("101"), await house.phone("102")
    await click(house, "102")
    ringing = await alice.rings()
    await house.pass_time(RING_TIME + 1)
    assert ringing.cancelled is not None
    assert not bob.calls
    await quiet(house, 1)
    assert house.record["outcome"] == "cancelled"
    assert "nobody picked up" in house.record["reason"]


async def test_the_own_phone_refuses(house: House) -> None:
    alice, bob = await house.phone("101"), await house.phone("102")
    await click(house, "102")
    (await alice.rings()).reject(486)
    await quiet(house, 1)
    assert not bob.calls
    assert house.record["outcome"] == "cancelled"


async def test_giving_up_while_the_far_side_rings_stops_its_ringing(house: House) -> None:
    alice, bob = await house.phone("101"), await house.phone("102")
    await click(house, "102")
    own = await alice.picks_up()
    ringing = await bob.rings()
    own.hang_up()
    await house.pass_time()
    assert ringing.cancelled is not None
    await quiet(house, 1)
    assert (house.record["outcome"], house.record["hung_up_by"]) == ("cancelled", "caller")


async def test_one_who_is_busy_is_heard_to_be(house: House) -> None:
    alice, bob = await house.phone("101"), await house.phone("102")
    await click(house, "102")
    own = await alice.picks_up()
    (await bob.rings()).reject(486)
    await house.pass_time()
    assert "busy" in house.hears(alice)
    await house.pass_time(10)
    assert own.ended is not None
    await quiet(house, 1)
    assert house.record["outcome"] == "busy"


async def test_forwards_of_the_called_one_hold_as_for_any_call(house: House) -> None:
    await house.change_extension("102", forward_always="103")
    alice, carol = await house.phone("101"), await house.phone("103")
    await click(house, "102")
    own = await alice.picks_up()
    await carol.picks_up()
    assert house.hears(alice) == "the other party"
    assert own.shown == "103"
    own.hang_up()
    await quiet(house, 1)


async def test_a_number_outside_goes_through_the_trunk_with_the_name_from_the_contacts(house: House) -> None:
    carrier = await with_trunk(house)
    alice = await house.phone("101")
    await click(house, "90171 555 0101", name="Mobile of Bert")
    ringing = await alice.rings()
    assert ringing.invite is not None
    assert ringing.invite.from_.display == "Mobile of Bert"
    ringing.answer()
    there = await carrier.picks_up()
    assert there.invite is not None
    assert there.invite.request_uri.user == "01715550101"
    await house.pass_time()
    assert house.hears(alice) == "the other party"
    there.hang_up()
    await quiet(house, 1)
    assert (house.record["direction"], house.record["hung_up_by"]) == ("out", "callee")


async def test_what_the_extension_may_not_dial_it_may_not_click(house: House) -> None:
    await with_trunk(house)
    await house.change_extension("101", outside_calls=False)
    alice = await house.phone("101")
    with pytest.raises(ControlError, match="may not call outside"):
        await click(house, "901715550101")
    assert not alice.calls


@pytest.mark.parametrize(
    ("number", "to", "told"),
    [
        ("999", "102", "there is no extension 999"),
        ("101", "777", "777"),
        ("101", "", "no number was dialled"),
        ("101", "101", "is the number of the phone itself"),
        ("103", "102", "no phone of extension 103 is connected"),
    ],
)
async def test_what_stands_in_the_way_is_told(house: House, number: str, to: str, told: str) -> None:
    await house.phone("101")
    with pytest.raises(ControlError, match=told):
        await click(house, to, number)
    assert not house.switch.calls


async def test_no_more_than_two_wait_for_their_own_phone(house: House) -> None:
    alice, _ = await house.phone("101"), await house.phone("102")
    for _ in range(AT_ONCE):
        await click(house, "102")
    with pytest.raises(ControlError, match="already ring"):
        await click(house, "102")
    for call in alice.calls:
        call.reject()
    await quiet(house, AT_ONCE)
    await click(house, "102")


async def test_a_script_that_clicks_without_end_is_stopped(house: House) -> None:
    originator = Originator(house.switch)
    alice, _ = await house.phone("101"), await house.phone("102")
    alice.auto = lambda call: call.reject(486)
    for _ in range(PER_MINUTE):
        await originator.originate({"from": "101", "to": "102", "user": "alice"})
        await house.pass_time(0.5)
    with pytest.raises(ControlError, match="in a minute"):
        await originator.originate({"from": "101", "to": "102", "user": "alice"})
    await house.pass_time(61)
    await originator.originate({"from": "101", "to": "102", "user": "alice"})


async def test_the_administrator_can_hang_it_up_while_the_own_phone_rings(house: House) -> None:
    alice, _ = await house.phone("101"), await house.phone("102")
    name = await click(house, "102")
    ringing = await alice.rings()
    house.switch.calls[name].end(200, "hung up by the administrator")
    await house.pass_time()
    assert ringing.cancelled is not None
    await quiet(house, 1)


async def test_the_other_side_can_be_transferred_afterwards(house: House) -> None:
    alice, bob, carol = await house.phone("101"), await house.phone("102"), await house.phone("103")
    await click(house, "102")
    own = await alice.picks_up()
    await bob.picks_up()
    assert (await own.refer("<sip:103@10.0.0.1>")).status == 202
    await carol.picks_up()
    await house.pass_time(3)
    assert house.hears(bob) == "the other party"
    assert house.hears(carol) == "the other party"
    bob.calls[0].hang_up()
    await quiet(house, 1)


async def test_a_draining_switch_takes_no_clicks(house: House) -> None:
    await house.phone("101")
    house.switch.draining = True
    with pytest.raises(ControlError, match="stopping"):
        await click(house, "102")
