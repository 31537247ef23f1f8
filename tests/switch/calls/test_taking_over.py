"""Calls that are taken over, and phones that are picked up, by INVITE with Replaces (RFC 3891)."""

from __future__ import annotations

from .house import House, Phone, quiet
from .test_hold_and_transfer import talking
from .test_races import SlowWorker


async def test_a_colleague_picks_up_the_phone_that_rings(house: House) -> None:
    alice, bob, carol = await house.phone("101"), await house.phone("102"), await house.phone("103")
    call = alice.call("102")
    ringing = await bob.rings()
    await house.pass_time()
    picked = carol.call("102", headers=(("Replaces", f"{ringing.replaces_header};early-only"),))
    assert await picked.outcome() == 200
    assert await call.outcome() == 200
    await house.pass_time(1)
    assert ringing.cancelled is not None
    assert "Call completed elsewhere" in (ringing.cancelled.get("Reason") or "")
    assert house.hears(alice) == "the other party"
    assert house.hears(carol) == "the other party"
    assert call.shown == "103"
    picked.hang_up()
    await quiet(house, 1)
    assert house.record["outcome"] == "answered"
    assert house.record["hung_up_by"] == "callee"
    assert [leg["number"] for leg in house.record["legs"]] == ["101", "102", "103"]


async def test_a_call_that_was_answered_is_not_picked_up_as_one_that_rings(house: House) -> None:
    alice, bob, call, answered = await talking(house)
    carol = await house.phone("103")
    taking = carol.call("101", headers=(("Replaces", f"{answered.replaces_header};early-only"),))
    assert await taking.outcome() == 481
    assert house.hears(alice) == "the other party"
    call.hang_up()
    await quiet(house, 1)


async def test_what_was_taken_over_ends_with_the_call(house: House) -> None:
    alice, bob, call, answered = await talking(house)
    carol = await house.phone("103")
    taking = carol.call("101", headers=(("Replaces", answered.replaces_header),))
    assert await taking.outcome() == 200
    await house.pass_time(1)
    assert call.shown == "103"
    call.hang_up()
    await house.pass_time(1)
    assert taking.ended is not None
    await quiet(house, 1)


async def test_strangers_take_nothing_over(house: House) -> None:
    alice, bob, call, answered = await talking(house)
    stranger = Phone(house, "stranger", "", "198.51.100.9")
    house.phones.append(stranger)
    for replaces in (answered.replaces_header, "nothing;to-tag=1;from-tag=2"):
        taking = stranger.call("101", headers=(("Replaces", replaces),))
        assert await taking.outcome() == 403, "and learns nothing of what there is"
    assert house.hears(alice) == "the other party"


async def test_a_call_that_is_not_there_can_not_be_taken_over(house: House) -> None:
    alice = await house.phone("101")
    for replaces in ("nothing;to-tag=1;from-tag=2", "nothing", ";;;"):
        assert await alice.call("102", headers=(("Replaces", replaces),)).outcome() == 481
    assert not house.records


async def test_who_takes_over_gives_up_before_it_is_done(house: House) -> None:
    alice, bob, call, answered = await talking(house)
    carol = await house.phone("103")
    slow = SlowWorker()
    house.pool.workers[0].open = slow.open  # type: ignore[method-assign]
    taking = carol.call("101", headers=(("Replaces", answered.replaces_header),))
    await house.pass_time(0.5)
    taking.hang_up()
    assert await taking.outcome() == 487
    await house.pass_time(3)
    assert answered.ended is None, "nothing was replaced"
    assert house.hears(alice) == "the other party"
    call.hang_up()
    await quiet(house, 1)


async def test_the_call_ends_while_somebody_takes_it_over(house: House) -> None:
    alice, bob, call, answered = await talking(house)
    carol = await house.phone("103")
    slow = SlowWorker()
    house.pool.workers[0].open = slow.open  # type: ignore[method-assign]
    taking = carol.call("101", headers=(("Replaces", answered.replaces_header),))
    await house.pass_time(0.5)
    call.hang_up()
    assert await taking.outcome() in (480, 481)
    await quiet(house, 1)


async def test_who_takes_over_must_have_a_codec(house: House) -> None:
    alice, bob, call, answered = await talking(house)
    carol = await house.phone("103", codecs=("g729",))
    await house.change_extension("103", codecs=("pcmu",))
    taking = carol.call("101", headers=(("Replaces", answered.replaces_header),))
    assert await taking.outcome() == 488
    assert house.hears(alice) == "the other party"
    call.hang_up()
    await quiet(house, 1)


async def test_a_phone_without_offer_picks_up(house: House) -> None:
    alice, bob = await house.phone("101"), await house.phone("102")
    carol = await house.phone("103", offers=False)
    call = alice.call("102")
    ringing = await bob.rings()
    await house.pass_time()
    picked = carol.call("102", headers=(("Replaces", ringing.replaces_header),))
    assert await picked.outcome() == 200
    await house.pass_time(1)
    assert house.hears(carol) == "the other party"
    assert house.hears(alice) == "the other party"
    call.hang_up()
    await quiet(house, 1)
