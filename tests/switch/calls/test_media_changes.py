"""Hold from both sides, offers that are asked for, fax and back."""

from __future__ import annotations

import asyncio

import pytest

from .house import House
from .test_hold_and_transfer import talking
from .test_races import over

TALK = "the other party"
MUSIC = "/sounds/default"


@pytest.mark.parametrize("first", ["caller", "callee"])
async def test_both_hold_and_come_back_in_any_order(house: House, first: str) -> None:
    alice, bob, call, answered = await talking(house)
    await call.hold()
    assert (house.hears(alice), house.hears(bob)) == (TALK, MUSIC)
    await answered.hold()
    assert (house.hears(alice), house.hears(bob)) == (MUSIC, MUSIC)
    one, other = (call, answered) if first == "caller" else (answered, call)
    await one.resume()
    assert house.hears(other.phone) == TALK, "nobody holds it any more"
    assert house.hears(one.phone) == MUSIC, "still held by the other one"
    await other.resume()
    assert (house.hears(alice), house.hears(bob)) == (TALK, TALK)
    call.hang_up()
    await over(house)


async def test_both_hold_in_the_same_moment(house: House) -> None:
    alice, bob, call, answered = await talking(house)
    responses = await asyncio.gather(call.hold(), answered.hold("inactive"))
    assert [response.status for response in responses] == [200, 200]
    assert (house.hears(alice), house.hears(bob)) == (MUSIC, MUSIC)
    await asyncio.gather(call.resume(), answered.resume())
    assert (house.hears(alice), house.hears(bob)) == (TALK, TALK)
    call.hang_up()
    await over(house)


async def test_hold_by_the_address_zero_of_old_phones(house: House) -> None:
    alice, bob, call, answered = await talking(house)
    body = alice.describe(call).replace(b"c=IN IP4 10.0.0.101", b"c=IN IP4 0.0.0.0")
    assert (await call.offer(body)).status == 200
    assert house.hears(bob) == MUSIC
    await call.resume()
    assert house.hears(bob) == TALK


async def test_hold_by_a_phone_that_does_not_raise_the_version(house: House) -> None:
    alice, bob, call, answered = await talking(house)
    body = alice.describe(call)
    assert (await call.offer(body)).status == 200
    assert (await call.offer(body.replace(b"a=sendrecv", b"a=sendonly"))).status == 200
    assert house.hears(bob) == MUSIC
    assert (await call.offer(body)).status == 200
    assert house.hears(bob) == TALK


async def test_a_repeated_description_changes_nothing(house: House) -> None:
    alice, bob, call, answered = await talking(house)
    body = alice.describe(call)
    first = await call.offer(body)
    assert (await call.offer(body)).body == first.body
    assert house.hears(bob) == TALK


async def test_a_phone_on_hold_asks_us_for_an_offer(house: House) -> None:
    alice, bob, call, answered = await talking(house)
    await call.hold()
    response = await call.ask_for_offer()
    assert response.status == 200
    assert b"m=audio" in response.body
    await house.pass_time()
    assert house.hears(bob) == MUSIC, "its answer still says hold"
    call.direction = "sendrecv"
    assert (await call.ask_for_offer()).status == 200
    await house.pass_time()
    assert house.hears(bob) == TALK
    call.hang_up()
    await over(house)


async def test_an_offer_that_was_asked_for_and_gets_no_answer_changes_nothing(house: House) -> None:
    alice, bob, call, answered = await talking(house)
    assert call.session is not None
    response = await call.session.reinvite(None, answer=lambda offered: b"")
    assert response.status == 200
    await house.pass_time()
    assert (house.hears(alice), house.hears(bob)) == (TALK, TALK)
    await call.hold()
    assert house.hears(bob) == MUSIC
    call.hang_up()
    await over(house)


async def test_nothing_to_offer_is_a_refusal(house: House) -> None:
    await house.change_extension("101", codecs=("g729",))
    alice, bob = await house.phone("101", codecs=("g729",)), await house.phone("102", codecs=("pcma",))
    await house.change_extension("102", codecs=("g729", "pcma"))
    bob.codecs = ("g729", "pcma")
    call = alice.call("102")
    answered = await bob.picks_up()
    assert await call.outcome() == 200
    # Bob goes over to a codec into which Alice's can't be converted.
    assert (await answered.reoffer(codecs=("pcma",))).status == 488
    assert house.hears(alice) == TALK
    call.hang_up()
    await over(house)


async def test_a_description_in_the_middle_that_can_not_be_read(house: House) -> None:
    alice, bob, call, answered = await talking(house)
    response = await call.offer(b"nonsense\r\n")
    assert response.status == 488
    assert "can't be read" in (response.get("Warning") or "")
    assert house.hears(bob) == TALK


async def test_a_party_that_refuses_the_new_codec_keeps_its_own(house: House) -> None:
    alice, bob = await house.phone("101"), await house.phone("102")
    call = alice.call("102")
    await bob.picks_up()
    await call.outcome()
    before = house.stream_of(bob).remote.codec  # type: ignore[union-attr]
    bob.answers_offers = 488
    other = "pcma" if before == "pcmu" else "pcmu"
    assert (await call.reoffer(codecs=(other,))).status == 200
    await house.pass_time(1)
    assert house.stream_of(alice).remote.codec == other  # type: ignore[union-attr]
    assert house.stream_of(bob).remote.codec == before  # type: ignore[union-attr]
    assert (
        "refused a re-INVITE"
        in house.switch.calls[next(iter(house.switch.calls))].record.to_dict()["journal"][-1]["text"]
    )


# --- fax -------------------------------------------------------------------------------------------------------------


def is_fax(house: House, *phones: object) -> list[bool]:
    return [house.stream_of(phone).remote.raw for phone in phones]  # type: ignore[union-attr,arg-type]


@pytest.mark.parametrize("who", ["caller", "callee"])
async def test_fax_begins_from_either_side_and_both_come_back_to_audio(house: House, who: str) -> None:
    alice, bob, call, answered = await talking(house)
    one, other = (call, answered) if who == "caller" else (answered, call)
    response = await one.ask_for_fax()
    assert response.status == 200
    assert b"m=image" in response.body
    assert is_fax(house, alice, bob) == [True, True]
    assert (await one.reoffer()).status == 200
    await house.pass_time(1)
    assert is_fax(house, alice, bob) == [False, False]
    assert b"m=audio 1" in other.offers[-1].body, "the other side was asked back too"
    assert (house.hears(alice), house.hears(bob)) == (TALK, TALK)
    call.hang_up()
    record = await over(house)
    assert "back at audio" in house.journal(record)


async def test_the_other_side_may_end_the_fax(house: House) -> None:
    alice, bob, call, answered = await talking(house)
    await call.ask_for_fax()
    assert (await answered.reoffer()).status == 200
    await house.pass_time(1)
    assert is_fax(house, alice, bob) == [False, False]


async def test_a_fax_that_the_other_side_does_not_take_is_refused_and_the_talk_goes_on(house: House) -> None:
    alice, bob, call, answered = await talking(house)
    bob.answers_offers = 488
    response = await call.ask_for_fax()
    assert response.status == 488
    assert is_fax(house, alice, bob) == [False, False]
    bob.answers_offers = 200
    assert (await call.hold()).status == 200
    assert house.hears(bob) == MUSIC
    call.hang_up()
    await over(house)


@pytest.mark.parametrize("who", ["caller", "callee"])
async def test_a_fax_offer_that_closes_the_audio_line_beside_it(house: House, who: str) -> None:
    alice, bob, call, answered = await talking(house)
    one, phone = (call, alice) if who == "caller" else (answered, bob)
    one.version += 1
    text = (
        f"v=0\r\no=- 7 {one.version} IN IP4 {phone.address}\r\ns=-\r\nc=IN IP4 {phone.address}\r\nt=0 0\r\n"
        "m=audio 0 RTP/AVP 0\r\n"  # as many gateways write it, which switch the line over and keep its place
        "m=image 4000 udptl t38\r\na=T38FaxVersion:0\r\na=T38MaxBitRate:14400\r\n"
    )
    response = await one.offer(text.encode())
    assert response.status == 200
    lines = [line for line in response.body.decode().split("\r\n") if line.startswith("m=")]
    assert lines[0].startswith("m=audio 0 "), "the answer has a line for each that was offered (RFC 3264 section 6)"
    assert lines[1].startswith("m=image 1")
    assert is_fax(house, alice, bob) == [True, True]
    assert (await one.reoffer()).status == 200
    await house.pass_time(1)
    assert is_fax(house, alice, bob) == [False, False]
    call.hang_up()
    await over(house)


@pytest.mark.parametrize("status", [488, 415, 606, 500])
async def test_a_fax_that_is_refused_leaves_the_talk_as_it_was(house: House, status: int) -> None:
    alice, bob, call, answered = await talking(house)
    alice.answers_offers = status
    response = await answered.ask_for_fax()
    assert response.status == 488
    assert is_fax(house, alice, bob) == [False, False]
    assert (house.hears(alice), house.hears(bob)) == (TALK, TALK)
    assert call.ended is None
    assert answered.ended is None
    call.hang_up()
    await over(house)


async def test_a_fax_with_nobody_at_the_other_end_is_refused(house: House) -> None:
    alice = await house.phone("101")
    call = alice.call("*43")
    assert await call.outcome() == 200
    assert (await call.ask_for_fax()).status == 488


async def test_both_sides_begin_a_fax_in_the_same_moment(house: House) -> None:
    alice, bob, call, answered = await talking(house)
    statuses = await asyncio.gather(call.ask_for_fax(), answered.ask_for_fax())
    assert 200 in [response.status for response in statuses]
    await house.pass_time(10)
    assert is_fax(house, alice, bob) == [True, True]
    call.hang_up()
    await over(house)


async def test_somebody_hangs_up_while_a_fax_is_asked_for(house: House) -> None:
    alice, bob, call, answered = await talking(house)
    answered.on_offer = lambda request, reply: answered.hang_up()  # type: ignore[method-assign]
    response = await call.ask_for_fax()
    assert response.status in (481, 487, 488)
    await over(house)


async def test_a_media_process_dies_in_the_middle_of_a_fax(house: House) -> None:
    alice, bob, call, answered = await talking(house)
    await call.ask_for_fax()
    house.pool.kill(house.pool.workers[0])
    await house.pass_time(3)
    assert is_fax(house, alice, bob) == [True, True]
    assert b"m=image" in call.offers[-1].body
    call.hang_up()
    await over(house)
