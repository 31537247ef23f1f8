"""Two people call each other."""

from __future__ import annotations

from .house import House


async def test_a_call_rings_is_answered_and_both_hear_each_other(house: House) -> None:
    alice, bob = await house.phone("101"), await house.phone("102")
    call = alice.call("102")
    ringing = await bob.rings()
    await house.pass_time()
    assert call.statuses == [180]
    ringing.answer()
    assert await call.outcome() == 200
    await house.pass_time()
    assert house.hears(alice) == "the other party"
    assert house.hears(bob) == "the other party"
    call.hang_up()
    await house.pass_time()
    assert ringing.ended is not None
    assert ringing.ended.by_peer
    await house.pass_time(40)
    house.assert_quiet()
    record = house.record
    assert record["outcome"] == "answered"
    assert record["hung_up_by"] == "caller"
    assert record["caller"]["number"] == "101"
    assert record["called"]["number"] == "102"
    assert record["started"] <= record["ringing"] <= record["answered"] <= record["ended"]
    assert [leg["codec"] for leg in record["legs"]] == ["pcmu", "pcmu"] or record["legs"][0]["codec"]


async def test_the_called_phone_shows_who_calls(house: House) -> None:
    alice, bob = await house.phone("101"), await house.phone("102")
    alice.call("102")
    ringing = await bob.rings()
    assert ringing.incoming is not None
    shown = ringing.incoming.request.from_
    assert shown.uri.user == "101"
    assert shown.display == "Phone 101"


async def test_the_called_one_hangs_up(house: House) -> None:
    alice, bob = await house.phone("101"), await house.phone("102")
    call = alice.call("102")
    answered = await bob.picks_up()
    answered.hang_up()
    await house.pass_time()
    assert call.ended is not None
    assert house.record["hung_up_by"] == "callee"


async def test_the_caller_gives_up_while_it_rings(house: House) -> None:
    alice, bob = await house.phone("101"), await house.phone("102")
    call = alice.call("102")
    ringing = await bob.rings()
    call.hang_up()
    assert await call.outcome() == 487
    await house.pass_time()
    assert ringing.cancelled is not None
    assert house.record["outcome"] == "cancelled"
    await house.pass_time(40)
    house.assert_quiet()


async def test_a_busy_phone_gives_486(house: House) -> None:
    alice, bob = await house.phone("101"), await house.phone("102")
    call = alice.call("102")
    (await bob.rings()).reject(486)
    assert await call.outcome() == 486
    await house.pass_time()
    assert house.record["outcome"] == "busy"
    assert house.record["q850"] == 17


async def test_nobody_answers(house: House) -> None:
    alice, bob = await house.phone("101"), await house.phone("102")
    call = alice.call("102")
    ringing = await bob.rings()
    assert await call.outcome() == 480
    assert ringing.cancelled is not None
    await house.pass_time()
    assert "did not answer" in house.record["reason"]


async def test_an_unknown_number_gives_404(house: House) -> None:
    alice = await house.phone("101")
    assert await alice.call("777").outcome() == 404
    await house.pass_time()
    assert house.record["sip_status"] == 404


async def test_a_wrong_password_gets_nowhere(house: House) -> None:
    mallory = await house.phone("101", register=False)
    mallory.password = "guess"
    assert (await mallory.register()).status in (401, 403)
    assert await mallory.call("102").outcome() in (401, 403)
    assert not house.records
