"""What is heard before the answer: 180, 183 with and without a description, forks, forwards after it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from jackfield import sdp
from jackfield.sip.exchange import Exchange
from jackfield.sip.session import Session
from jackfield.switch.snapshot import RingGroup, Service

from .house import House, Phone
from .test_races import over
from .test_trunk_calls import with_trunk

RELIABLE = (("Supported", "100rel"),)


async def early(house: House, **options: Any) -> Any:
    """Bob lets himself be heard before he answers: alice, bob, call, ringing."""
    alice, bob = await house.phone("101", **options), await house.phone("102")
    call = alice.call("102")
    ringing = await bob.rings()
    ringing.ring(183, early_media=True)
    await house.pass_time()
    return alice, bob, call, ringing


async def test_a_180_after_early_media_does_not_drown_it_in_a_ringing_tone(house: House) -> None:
    alice, bob, call, ringing = await early(house)
    ringing.ring(180)
    await house.pass_time()
    assert house.hears(alice) == "the other party"
    ringing.answer()
    assert await call.outcome() == 200
    call.hang_up()
    await over(house)


async def test_a_183_without_a_description_is_ringing(house: House) -> None:
    alice, bob = await house.phone("101"), await house.phone("102")
    call = alice.call("102")
    ringing = await bob.rings()
    ringing.ring(183)
    ringing.ring(182)
    await house.pass_time()
    assert set(call.statuses) == {180}
    ringing.answer()
    assert await call.outcome() == 200
    call.hang_up()
    record = await over(house)
    assert record["ringing"] is not None


async def test_a_busy_phone_after_early_media_forwards_to_one_that_rings(house: House) -> None:
    await house.change_extension("102", forward_busy="103")
    carol = await house.phone("103")
    alice, bob, call, ringing = await early(house)
    ringing.reject(486)
    second = await carol.rings()
    await house.pass_time()
    assert house.hears(alice) == "tone:ringback", "the caller hears us now, so we must make the tone"
    second.answer()
    assert await call.outcome() == 200
    await house.pass_time()
    assert house.hears(alice) == "the other party"
    assert house.hears(carol) == "the other party"
    assert len(house.pool.streams) == 2
    call.hang_up()
    await over(house)


async def test_when_the_early_media_of_one_phone_ends_the_other_one_is_heard_ringing(house: House) -> None:
    alice, bob, carol = [await house.phone(number) for number in ("101", "102", "103")]
    call = alice.call("200")
    first, second = await bob.rings(), await carol.rings()
    first.ring(183, early_media=True)
    await house.pass_time()
    assert house.hears(alice) == "the other party"
    second.ring(183, early_media=True)
    await house.pass_time()
    assert house.stream_of(alice).bridged_to is house.stream_of(bob), "one at a time"
    first.reject(486)
    await house.pass_time()
    assert house.hears(alice) == "tone:ringback"
    second.answer()
    assert await call.outcome() == 200
    call.hang_up()
    await over(house)


async def test_the_answer_may_bring_another_codec_than_the_early_media(house: House) -> None:
    alice, bob = await house.phone("101", codecs=("pcmu", "pcma")), await house.phone("102", codecs=("pcmu", "pcma"))
    call = alice.call("102")
    ringing = await bob.rings()
    ringing.ring(183, early_media=True)
    await house.pass_time()
    first = house.stream_of(bob).remote.codec  # type: ignore[union-attr]
    bob.codecs = ("pcma",) if first == "pcmu" else ("pcmu",)
    ringing.answer()
    assert await call.outcome() == 200
    await house.pass_time(1)
    assert house.stream_of(bob).remote.codec != first  # type: ignore[union-attr]
    assert house.hears(alice) == "the other party"
    assert call.remote is not None
    assert call.remote.audio is not None
    assert call.remote.audio.codecs[0].name == first, "what the caller was told in the 183 still holds in the 200"
    call.hang_up()
    await over(house)


async def test_a_codec_of_the_answer_that_can_not_be_converted_is_asked_of_the_caller_too(house: House) -> None:
    alice, bob = await house.phone("101", codecs=("pcmu", "g729")), await house.phone("102", codecs=("pcmu", "g729"))
    call = alice.call("102")
    ringing = await bob.rings()
    bob.codecs = ("pcmu",)
    ringing.ring(183, early_media=True)
    await house.pass_time()
    bob.codecs = ("g729",)
    ringing.answer()
    assert await call.outcome() == 200
    await house.pass_time(1)
    assert house.stream_of(bob).remote.codec == "g729"  # type: ignore[union-attr]
    assert house.stream_of(alice).remote.codec == "g729"  # type: ignore[union-attr]
    call.hang_up()
    await over(house)


async def test_forks_of_a_carrier_are_heard_one_after_the_other(house: House) -> None:
    carrier = await with_trunk(house)
    alice = await house.phone("101")
    call = alice.call("9123")
    ringing = await carrier.rings()
    await house.pass_time()
    invite = ringing.incoming
    assert invite is not None
    offered = sdp.parse(invite.request.body)
    for number, port in (("a", 4100), ("b", 4200)):
        response = invite.request.reply(183, to_tag=number)
        response.set("Contact", f"<sip:fork-{number}@{carrier.address}>")
        answer = sdp.answer(
            offered, address=carrier.address, port=port, codecs=("pcmu",), session_id=port, version=1
        ).session
        response.set_body("application/sdp", answer.to_bytes())
        invite.flow.send(response.to_bytes())
        await house.pass_time()
        assert house.stream_of(carrier).remote.port == port  # type: ignore[union-attr]
        assert house.hears(alice) == "the other party"
    ringing.answer()
    assert await call.outcome() == 200
    await house.pass_time()
    assert house.stream_of(carrier).remote.port == 4000, "the fork that answered"  # type: ignore[union-attr]
    call.hang_up()
    await over(house)


async def test_an_update_before_the_answer_moves_the_early_media(house: House) -> None:
    alice, bob = await house.phone("101"), await house.phone("102")
    call = alice.call("102", headers=RELIABLE)
    ringing = await bob.rings()
    assert ringing.incoming is not None
    assert ringing.remote is not None
    ringing.incoming.progress(183, body=bob.answer_to(ringing.remote, ringing), reliable=True)
    await house.pass_time()
    assert house.hears(alice) == "the other party"
    offer = bob.describe(ringing).replace(b"m=audio 4000", b"m=audio 4444")
    response = await ringing.incoming.session.update(offer)
    assert response.status == 200
    assert b"m=audio" in response.body
    assert house.stream_of(bob).remote.port == 4444  # type: ignore[union-attr]
    ringing.answer()
    assert await call.outcome() == 200
    call.hang_up()
    await over(house)


async def test_a_caller_may_change_its_media_by_update_before_the_answer(house: House) -> None:
    alice, bob, call, ringing = await early(house)
    session = next(one for one in alice.agent.sessions.values() if one.early is not None)
    offer = alice.describe(call).replace(b"m=audio 4000", b"m=audio 4444")
    response = await session.update(offer)
    assert response.status == 200
    assert house.stream_of(alice).remote.port == 4444  # type: ignore[union-attr]
    ringing.answer()
    assert await call.outcome() == 200
    await house.pass_time()
    assert house.stream_of(alice).remote.port == 4444  # type: ignore[union-attr]
    call.hang_up()
    await over(house)


@pytest.mark.parametrize("codecs", [("pcma",), ("g729",)])
@pytest.mark.plain_python
async def test_an_offer_in_a_prack_is_answered_in_its_200(
    house: House, codecs: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    alice, bob = await house.phone("101"), await house.phone("102")
    sent: list[Any] = []

    def prack_with_offer(session: Session, response: Any, *rest: Any, **more: Any) -> None:
        if session.agent is not alice.agent:
            prack(session, response, *rest, **more)
            return
        fields = [("RAck", f"{response.get('RSeq')} {response.cseq.number} INVITE")]
        request = session.dialog.request("PRACK", fields, alice.describe(call, codecs=codecs), "application/sdp")
        Exchange(session, request, lambda answer, request: sent.append(answer))

    prack = Session.prack
    monkeypatch.setattr(Session, "prack", prack_with_offer)
    call = alice.call("102", headers=RELIABLE)
    ringing = await bob.rings()
    ringing.ring(183, early_media=True)
    await house.pass_time()
    assert [response.status for response in sent] == [200]
    assert b"m=audio" in sent[0].body
    if codecs == ("pcma",):
        assert house.stream_of(alice).remote.codec == "pcma"  # type: ignore[union-attr]
    ringing.answer()
    assert await call.outcome() == 200
    call.hang_up()
    await over(house)


@pytest.mark.plain_python
async def test_a_caller_that_never_acknowledges_the_early_media_is_given_up(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    await house.change_extension("102", ring_time=60.0)
    alice, bob = await house.phone("101"), await house.phone("102")
    prack = Session.prack
    monkeypatch.setattr(
        Session, "prack", lambda session, *rest: None if session.agent is alice.agent else prack(session, *rest)
    )
    call = alice.call("102", headers=RELIABLE)
    ringing = await bob.rings()
    ringing.ring(183, early_media=True)
    assert await call.outcome() == 504
    await over(house)


# --- INVITE without a description ------------------------------------------------------------------------------------


async def asks_for_offer(house: House) -> Phone:
    return await house.phone("101", offers=False)


async def test_without_an_offer_early_media_is_plain_ringing(house: House) -> None:
    alice, bob, call, ringing = await early(house, offers=False)
    assert call.statuses == [180]
    ringing.answer()
    assert await call.outcome() == 200
    await house.pass_time()
    assert house.hears(alice) == "the other party"
    call.hang_up()
    await over(house)


async def test_without_an_offer_through_a_group_and_a_forward(house: House) -> None:
    await house.configure(ring_groups=(RingGroup(number="200", members=("102",), step_time=5, fallback="104"),))
    await house.change_extension("104", forward_always="103")
    alice, bob, carol = await asks_for_offer(house), await house.phone("102"), await house.phone("103")
    call = alice.call("200")
    await bob.rings()
    await carol.picks_up()
    assert await call.outcome() == 200
    await house.pass_time()
    assert house.hears(alice) == "the other party"
    assert house.hears(carol) == "the other party"
    call.hang_up()
    await over(house)


async def test_without_an_offer_to_an_announcement_and_on_to_a_phone(house: House) -> None:
    await house.configure(services=(Service(number="*61", kind="announcement", sound="welcome", then="102"),))
    alice, bob = await asks_for_offer(house), await house.phone("102")
    call = alice.call("*61")
    assert await call.outcome() == 200
    await house.pass_time()
    assert house.hears(alice) == "/sounds/welcome"
    await bob.picks_up()
    await house.pass_time()
    assert house.hears(alice) == "the other party"
    call.hang_up()
    await over(house)


async def test_without_an_offer_to_the_outside(house: House) -> None:
    carrier = await with_trunk(house)
    alice = await asks_for_offer(house)
    call = alice.call("9123")
    await carrier.picks_up()
    assert await call.outcome() == 200
    await house.pass_time()
    assert call.codec == house.stream_of(carrier).remote.codec  # type: ignore[union-attr]
    assert house.hears(alice) == "the other party"
    call.hang_up()
    await over(house)


async def test_without_an_offer_only_codecs_that_can_be_played_are_offered_by_a_service(house: House) -> None:
    alice = await house.phone("101", offers=False, codecs=("g729", "pcma"))
    call = alice.call("*61")
    assert await call.outcome() == 200
    await house.pass_time()
    assert call.remote is not None
    assert call.remote.audio is not None
    assert "g729" not in [codec.name for codec in call.remote.audio.codecs]
    assert house.stream_of(alice).remote.codec == "pcma"  # type: ignore[union-attr]
    call.hang_up()
    await over(house)


async def test_an_ack_without_the_answer_to_our_offer_ends_the_call(house: House) -> None:
    alice, bob = await asks_for_offer(house), await house.phone("102")
    alice.describe = lambda conversation, **rest: b""  # type: ignore[method-assign,assignment]
    call = alice.call("102")
    answered = await bob.picks_up()
    assert await call.outcome() == 200
    await house.pass_time(1)
    assert call.ended is not None
    assert answered.ended is not None
    record = await over(house)
    assert "no answer to our offer" in record["reason"]


async def test_an_ack_with_an_answer_that_is_of_no_use_ends_the_call(house: House) -> None:
    alice, bob = await asks_for_offer(house), await house.phone("102")
    alice.codecs = ("ilbc",)
    call = alice.call("102")
    answered = await bob.picks_up()
    assert await call.outcome() == 200
    await house.pass_time(1)
    assert call.ended is not None
    assert answered.ended is not None
    await over(house)


# --- descriptions that nobody can use ---------------------------------------------------------------------------------


async def test_a_caller_with_telephone_events_only_makes_no_phone_ring(house: House) -> None:
    alice, bob = await house.phone("101"), await house.phone("102")
    alice.describe = lambda conversation, **rest: (  # type: ignore[method-assign,assignment]
        b"v=0\r\no=- 1 1 IN IP4 10.0.0.101\r\ns=-\r\nc=IN IP4 10.0.0.101\r\nt=0 0\r\n"
        b"m=audio 4000 RTP/AVP 101\r\na=rtpmap:101 telephone-event/8000\r\n"
    )
    assert await alice.call("102").outcome() == 488
    record = await over(house)
    assert not bob.calls
    assert record["sip_status"] == 488


async def test_a_description_that_can_not_be_read(house: House) -> None:
    alice = await house.phone("101")
    alice.describe = lambda conversation, **rest: b"hello\r\n"  # type: ignore[method-assign,assignment]
    assert await alice.call("102").outcome() == 488
    await over(house)


@pytest.mark.parametrize("status", [488, 415, 606])
async def test_a_phone_that_refuses_the_first_offer_gets_the_other_codecs(house: House, status: int) -> None:
    alice, bob = await house.phone("101", codecs=("pcmu",)), await house.phone("102", codecs=("g722",))

    def picky(ringing: Any) -> None:
        if "g722" not in [codec.name for codec in ringing.remote.audio.codecs]:
            ringing.reject(status)

    bob.auto = picky
    call = alice.call("102")
    await house.pass_time(1)
    bob.calls[-1].answer()
    assert await call.outcome() == 200
    await house.pass_time()
    assert house.stream_of(bob).remote.codec == "g722"  # type: ignore[union-attr]
    call.hang_up()
    await over(house)


async def test_an_answer_that_is_of_no_use_is_hung_up_and_the_caller_told(house: House) -> None:
    alice, bob = await house.phone("101"), await house.phone("102")
    call = alice.call("102")
    ringing = await bob.rings()
    bob.answer_to = lambda offered, conversation: b"hello\r\n"  # type: ignore[method-assign]
    ringing.answer = ringing.incoming.accept  # type: ignore[method-assign,union-attr]
    ringing.answer(b"hello\r\n")  # type: ignore[call-arg]
    ringing.incoming.session.events = ringing  # type: ignore[union-attr]
    assert await call.outcome() == 488
    await house.pass_time(1)
    assert ringing.ended is not None
    await over(house)


async def test_an_answer_without_a_description_is_hung_up(house: House) -> None:
    alice, bob = await house.phone("101"), await house.phone("102")
    call = alice.call("102")
    ringing = await bob.rings()
    assert ringing.incoming is not None
    ringing.incoming.session.events = ringing
    ringing.incoming.accept(b"")
    assert await call.outcome() == 488
    await house.pass_time(1)
    assert ringing.ended is not None
    await over(house)


async def test_early_media_that_is_of_no_use_is_ringing(house: House) -> None:
    alice, bob = await house.phone("101"), await house.phone("102")
    call = alice.call("102")
    ringing = await bob.rings()
    assert ringing.incoming is not None
    ringing.incoming.progress(183, body=b"hello\r\n")
    await house.pass_time()
    assert set(call.statuses) == {180}
    ringing.answer()
    assert await call.outcome() == 200
    call.hang_up()
    await over(house)


async def test_a_plugin_may_play_before_the_answer(house: House) -> None:
    class Plugins:
        async def run(self, call: Any, service: Service) -> None:
            await call.ring_back()
            await call.sleep(1)
            await call.play("welcome")
            await call.ring_back()
            await call.sleep(1)
            async with call.music():
                await call.sleep(1)
            await call.answer()
            await call.ring_back()
            await call.sleep(1)
            await call.hang_up()

    house.switch.plugins = Plugins()  # type: ignore[assignment]
    await house.configure(services=(Service(number="*70", kind="plugin", plugin="x"),))
    alice = await house.phone("101")
    call = alice.call("*70")
    await house.pass_time(0.5)
    assert call.statuses == [180]
    await house.pass_time(1)
    assert call.statuses == [180, 183]
    assert house.hears(alice) == "/sounds/welcome"
    await house.pass_time(2)
    assert house.hears(alice) == "tone:ringback"
    await house.pass_time(1)
    assert house.hears(alice) == "/sounds/default"
    assert await call.outcome() == 200
    await house.pass_time(0.5)
    assert house.hears(alice) == "tone:ringback"
    await over(house)


async def test_a_plugin_that_plays_to_a_caller_without_offer_answers_it(house: House) -> None:
    class Plugins:
        async def run(self, call: Any, service: Service) -> None:
            await call.play()
            await call.play("welcome")
            await call.hang_up(reason="done")

    house.switch.plugins = Plugins()  # type: ignore[assignment]
    await house.configure(
        services=(Service(number="*70", kind="plugin", plugin="x"),), general=replace(house.snapshot.general, music="x")
    )
    alice = await asks_for_offer(house)
    call = alice.call("*70")
    assert await call.outcome() == 200
    await house.pass_time(5)
    assert call.ended is not None
    record = await over(house)
    assert record["reason"] == "done"
