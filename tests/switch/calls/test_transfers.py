"""Blind transfers that cross, fail, chain and go to odd places."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from .house import SWITCH, House, quiet
from .test_hold_and_transfer import talking


async def test_a_second_transfer_is_refused_while_one_is_under_way(house: House) -> None:
    alice, bob, call, answered = await talking(house)
    carol, dave = await house.phone("103"), await house.phone("104")
    assert (await answered.refer(f"<sip:103@{SWITCH}>")).status == 202
    assert (await answered.refer(f"<sip:104@{SWITCH}>")).status == 491
    await carol.picks_up()
    await house.pass_time(1)
    assert house.hears(carol) == "the other party"
    assert not dave.calls
    call.hang_up()
    await quiet(house, 1)


async def test_both_sides_ask_for_a_transfer_in_the_same_moment(house: House) -> None:
    alice, bob, call, answered = await talking(house)
    carol, dave = await house.phone("103"), await house.phone("104")
    statuses = await asyncio.gather(answered.refer(f"<sip:103@{SWITCH}>"), call.refer(f"<sip:104@{SWITCH}>"))
    assert sorted(response.status for response in statuses) == [202, 491]
    first = carol if statuses[0].status == 202 else dave
    await first.picks_up()
    await house.pass_time(1)
    stays = alice if first is carol else bob
    assert house.hears(first) == "the other party"
    assert house.hears(stays) == "the other party"
    (call if stays is alice else answered).hang_up()
    await quiet(house, 1)


async def test_a_second_attempt_after_a_failed_transfer(house: House) -> None:
    alice, bob, call, answered = await talking(house)
    carol = await house.phone("103")
    await answered.refer(f"<sip:777@{SWITCH}>")
    await house.pass_time(1)
    assert (await answered.refer(f"<sip:103@{SWITCH}>")).status == 202
    await carol.picks_up()
    await house.pass_time(1)
    assert house.hears(carol) == "the other party"
    call.hang_up()
    await quiet(house, 1)


async def test_a_transfer_while_a_reinvite_is_under_way(house: House) -> None:
    alice, bob, call, answered = await talking(house)
    carol = await house.phone("103")
    held, referred = await asyncio.gather(answered.hold(), answered.refer(f"<sip:103@{SWITCH}>"))
    assert (held.status, referred.status) == (200, 202)
    await carol.picks_up()
    await house.pass_time(3)
    assert house.hears(alice) == "the other party"
    assert house.hears(carol) == "the other party"
    assert answered.ended is not None
    call.hang_up()
    await quiet(house, 1)


async def test_a_transfer_to_the_transferor_itself(house: House) -> None:
    alice, bob, call, answered = await talking(house)
    assert (await answered.refer(f"<sip:102@{SWITCH}>")).status == 202
    again = await bob.picks_up()
    await house.pass_time(3)
    assert again is not answered
    assert answered.ended is not None
    assert house.hears(alice) == "the other party"
    call.hang_up()
    await house.pass_time(1)
    assert again.ended is not None
    await quiet(house, 1)


async def test_a_transfer_of_somebody_to_its_own_number(house: House) -> None:
    alice, bob, call, answered = await talking(house)
    await answered.refer(f"<sip:101@{SWITCH}>")
    (await alice.rings()).reject(486)
    await house.pass_time(1)
    assert answered.notified()[-1].startswith("SIP/2.0 486")
    assert house.hears(bob) == "the other party"
    call.hang_up()
    await quiet(house, 1)


async def test_five_transfers_one_after_the_other(house: House) -> None:
    alice, bob, call, answered = await talking(house)
    phones = {"102": bob, "103": await house.phone("103"), "104": await house.phone("104")}
    for number in ("103", "104", "102", "103", "104"):
        await answered.refer(f"<sip:{number}@{SWITCH}>")
        answered = await phones[number].picks_up()
        await house.pass_time(3)
        assert house.hears(alice) == "the other party"
        assert house.hears(phones[number]) == "the other party"
        assert call.shown == number, "the display follows"
    assert len(house.pool.streams) == 2
    answered.hang_up()
    await house.pass_time(1)
    assert call.ended is not None
    await quiet(house, 1)
    assert len(house.record["legs"]) == 7
    assert house.record["hung_up_by"] == "callee"


async def test_transfers_in_a_circle_end(house: House) -> None:
    await house.configure(general=replace(house.snapshot.general, max_hops=2))
    alice, bob, call, answered = await talking(house)
    carol = await house.phone("103")
    await answered.refer(f"<sip:103@{SWITCH}>")
    answered = await carol.picks_up()
    await house.pass_time(3)
    await answered.refer(f"<sip:102@{SWITCH}>")
    answered = await bob.picks_up()
    await house.pass_time(3)
    await answered.refer(f"<sip:103@{SWITCH}>")
    await house.pass_time(1)
    assert answered.notified()[-1].startswith("SIP/2.0 482")
    assert house.hears(alice) == "the other party"
    call.hang_up()
    await quiet(house, 1)


async def test_the_transferor_leaves_and_the_target_does_not_answer(house: House) -> None:
    alice, bob, call, answered = await talking(house)
    carol = await house.phone("103")
    await answered.refer(f"<sip:103@{SWITCH}>")
    ringing = await carol.rings()
    answered.hang_up()
    await house.pass_time()
    ringing.reject(486)
    await house.pass_time(1)
    assert call.ended is not None, "nobody is left to talk with"
    await quiet(house, 1)
    assert house.record["hung_up_by"] == "system"
    assert "busy" in house.record["reason"]


async def test_who_holds_goes_on_holding_the_one_it_is_transferred_to(house: House) -> None:
    alice, bob, call, answered = await talking(house)
    carol = await house.phone("103")
    await call.hold()
    await answered.refer(f"<sip:103@{SWITCH}>")
    await carol.picks_up()
    await house.pass_time(1)
    assert house.hears(carol) == "/sounds/default"
    await call.resume()
    assert house.hears(carol) == "the other party"
    call.hang_up()
    await quiet(house, 1)


async def test_a_transfer_to_a_service_and_the_end_of_it(house: House) -> None:
    alice, bob, call, answered = await talking(house)
    await answered.hold()
    await answered.refer(f"<sip:*61@{SWITCH}>")
    await house.pass_time(1)
    assert house.hears(alice) == "/sounds/welcome"
    assert answered.ended is not None
    assert answered.notified()[-1] == "SIP/2.0 200 OK"
    await house.pass_time(5)
    assert call.ended is not None
    await quiet(house, 1)
    assert house.record["hung_up_by"] == "system"


async def test_a_transfer_that_has_no_port_brings_both_together_again(house: House) -> None:
    alice, bob, call, answered = await talking(house)
    carol = await house.phone("103")
    house.pool.workers[0].full = True
    await answered.refer(f"<sip:103@{SWITCH}>")
    await house.pass_time(1)
    assert answered.notified()[-1].startswith("SIP/2.0 503")
    assert not carol.calls
    assert house.hears(alice) == "the other party"
    call.hang_up()
    await quiet(house, 1)


async def test_a_transfer_that_can_not_be_read(house: House) -> None:
    alice, bob, call, answered = await talking(house)
    assert (await answered.refer("<<>>")).status == 400
    assert house.hears(alice) == "the other party"


async def test_somebody_who_talks_with_nobody_can_transfer_nobody(house: House) -> None:
    alice = await house.phone("101")
    call = alice.call("*43")
    assert await call.outcome() == 200
    assert (await call.refer(f"<sip:102@{SWITCH}>")).status == 403
    call.hang_up()
    await quiet(house, 1)


async def test_a_transferor_that_wants_no_news_gets_none(house: House) -> None:
    alice, bob, call, answered = await talking(house)
    carol = await house.phone("103")
    await answered.refer(f"<sip:103@{SWITCH}>", **{"Refer-Sub": "false"})
    await carol.picks_up()
    await house.pass_time(3)
    assert answered.ended is not None
    assert not answered.notified()


async def test_a_transfer_to_one_phone_by_its_gruu(house: House) -> None:
    alice, bob, call, answered = await talking(house)
    desk = await house.phone("103")
    mobile = await house.phone("103", "10.0.0.203", register=False)
    mobile.instance = "<urn:uuid:00000000-0000-1000-8000-00aabbccddee>"
    registered = await mobile.register()
    gruu = next(value for value in registered.values("Contact") if "pub-gruu" in value)
    await answered.refer(f"<{gruu.partition('pub-gruu=')[2].split(chr(34))[1]}>")
    await mobile.picks_up()
    await house.pass_time(3)
    assert house.hears(mobile) == "the other party"
    assert not desk.calls


async def test_the_one_phone_that_was_called_by_its_gruu_may_transfer_elsewhere(house: House) -> None:
    alice, bob = await house.phone("101"), await house.phone("102", register=False)
    bob.instance = "<urn:uuid:00000000-0000-1000-8000-00aabbccddee>"
    registered = await bob.register()
    gruu = next(value for value in registered.values("Contact") if "pub-gruu" in value)
    uri = gruu.partition('pub-gruu="')[2].partition('"')[0]
    carol = await house.phone("103")
    call = alice.call("102", uri=uri)
    answered = await bob.picks_up()
    assert await call.outcome() == 200
    await answered.refer(f"<sip:103@{SWITCH}>")
    await carol.picks_up()
    await house.pass_time(3)
    assert house.hears(carol) == "the other party"
