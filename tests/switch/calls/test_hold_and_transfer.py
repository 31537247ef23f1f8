"""What people do in the middle of a call."""

from __future__ import annotations

import pytest

from .house import SWITCH, Conversation, House, Phone


async def talking(house: House, a: str = "101", b: str = "102") -> tuple[Phone, Phone, Conversation, Conversation]:
    """Two phones in a call."""
    alice, bob = await house.phone(a), await house.phone(b)
    call = alice.call(b)
    answered = await bob.picks_up()
    assert await call.outcome() == 200
    await house.pass_time()
    return alice, bob, call, answered


async def test_who_is_held_hears_music_and_comes_back(house: House) -> None:
    alice, bob, call, _ = await talking(house)
    assert (await call.hold()).status == 200
    assert house.hears(bob) == "/sounds/default"
    assert call.remote is not None
    assert call.remote.audio is not None
    assert call.remote.audio.direction == "recvonly"
    assert (await call.resume()).status == 200
    assert house.hears(bob) == "the other party"
    call.hang_up()
    await house.pass_time()
    assert "holds the call" in house.journal()


async def test_the_called_side_can_hold_too(house: House) -> None:
    alice, bob, _, answered = await talking(house)
    assert (await answered.hold("inactive")).status == 200
    assert house.hears(alice) == "/sounds/default"
    await answered.resume()
    assert house.hears(alice) == "the other party"


@pytest.mark.parametrize("caller_first", [True, False])
async def test_both_may_hold_and_both_come_back(house: House, caller_first: bool) -> None:
    alice, bob, call, answered = await talking(house)
    await call.hold()
    await answered.hold()
    for one in (call, answered) if caller_first else (answered, call):
        assert (await one.resume()).status == 200
    assert house.hears(alice) == "the other party"
    assert house.hears(bob) == "the other party"


async def test_a_new_codec_is_offered_to_the_other_side_so_that_nothing_is_transcoded(house: House) -> None:
    alice, bob = await house.phone("101", codecs=("pcmu", "pcma")), await house.phone("102", codecs=("pcmu", "pcma"))
    call = alice.call("102")
    await bob.picks_up()
    await call.outcome()
    assert (await call.reoffer(codecs=("pcma",))).status == 200
    await house.pass_time(1)
    assert house.stream_of(alice).remote.codec == "pcma"  # type: ignore[union-attr]
    assert house.stream_of(bob).remote.codec == "pcma"  # type: ignore[union-attr]


async def test_an_unusable_offer_is_refused_and_the_call_goes_on(house: House) -> None:
    alice, bob, call, _ = await talking(house)
    response = await call.reoffer(codecs=("g729",))
    assert response.status == 488 or house.hears(alice) == "the other party"
    assert house.hears(alice) == "the other party"
    assert call.ended is None


async def test_blind_transfer_by_the_called_side(house: House) -> None:
    alice, bob, call, answered = await talking(house)
    carol = await house.phone("103")
    assert (await answered.refer(f"<sip:103@{SWITCH}>")).status == 202
    ringing = await carol.rings()
    assert ringing.incoming is not None
    assert ringing.incoming.request.from_.uri.user == "101", "the new phone sees who is really there"
    assert ringing.incoming.request.get("Referred-By") is not None
    await house.pass_time()
    assert house.hears(alice) == "tone:ringback"
    ringing.answer()
    await house.pass_time(1)
    assert answered.notified()[-1] == "SIP/2.0 200 OK"
    assert answered.ended is not None, "the transferor is out"
    assert house.hears(alice) == "the other party"
    assert house.hears(carol) == "the other party"
    call.hang_up()
    await house.pass_time(40)
    assert ringing.ended is not None
    house.assert_quiet()
    assert len(house.record["legs"]) == 3


async def test_blind_transfer_by_the_caller(house: House) -> None:
    alice, bob, call, answered = await talking(house)
    carol = await house.phone("103")
    await call.refer(f"<sip:103@{SWITCH}>")
    await carol.picks_up()
    await house.pass_time(1)
    assert call.ended is not None
    assert house.hears(bob) == "the other party"
    answered.hang_up()
    await house.pass_time(40)
    house.assert_quiet()


async def test_a_blind_transfer_that_fails_brings_both_together_again(house: House) -> None:
    alice, bob, call, answered = await talking(house)
    carol = await house.phone("103")
    await answered.refer(f"<sip:103@{SWITCH}>")
    (await carol.rings()).reject(486)
    await house.pass_time(1)
    assert answered.notified()[-1].startswith("SIP/2.0 486")
    assert house.hears(alice) == "the other party"
    assert house.hears(bob) == "the other party"
    call.hang_up()
    await house.pass_time()
    assert answered.ended is not None


async def test_who_was_on_hold_before_a_failed_transfer_hears_music_again(house: House) -> None:
    alice, bob, call, answered = await talking(house)
    await answered.hold()
    await answered.refer(f"<sip:777@{SWITCH}>")
    await house.pass_time(1)
    assert house.hears(alice) == "/sounds/default"
    await answered.resume()
    assert house.hears(alice) == "the other party"


async def test_a_transfer_to_an_unknown_number_is_told_to_the_transferor(house: House) -> None:
    alice, bob, call, answered = await talking(house)
    await answered.refer(f"<sip:777@{SWITCH}>")
    await house.pass_time(1)
    assert answered.notified()[-1].startswith("SIP/2.0 404")
    assert house.hears(alice) == "the other party"


async def test_the_caller_hangs_up_while_it_is_transferred(house: House) -> None:
    alice, bob, call, answered = await talking(house)
    carol = await house.phone("103")
    await answered.refer(f"<sip:103@{SWITCH}>")
    ringing = await carol.rings()
    call.hang_up()
    await house.pass_time(1)
    assert ringing.cancelled is not None
    assert answered.ended is not None
    await house.pass_time(40)
    house.assert_quiet()


async def test_the_transferor_may_leave_before_the_target_answers(house: House) -> None:
    alice, bob, call, answered = await talking(house)
    carol = await house.phone("103")
    await answered.refer(f"<sip:103@{SWITCH}>")
    ringing = await carol.rings()
    answered.hang_up()
    await house.pass_time()
    ringing.answer()
    await house.pass_time(1)
    assert house.hears(alice) == "the other party"
    assert house.hears(carol) == "the other party"


async def test_attended_transfer(house: House) -> None:
    alice, bob, call, answered = await talking(house)
    carol = await house.phone("103")
    await answered.hold()
    consultation = bob.call("103")
    with_carol = await carol.picks_up()
    assert await consultation.outcome() == 200
    await house.pass_time()
    await answered.refer(f"<sip:103@{SWITCH}?Replaces={consultation.replaces}>")
    await house.pass_time(1)
    assert answered.notified()[-1] == "SIP/2.0 200 OK"
    assert answered.ended is not None
    assert consultation.ended is not None
    assert house.hears(alice) == "the other party"
    assert house.hears(carol) == "the other party"
    call.hang_up()
    await house.pass_time(40)
    assert with_carol.ended is not None
    house.assert_quiet()
    assert len(house.records) == 2


async def test_attended_transfer_while_the_third_phone_still_rings(house: House) -> None:
    alice, bob, call, answered = await talking(house)
    carol = await house.phone("103")
    await answered.hold()
    consultation = bob.call("103")
    ringing = await carol.rings()
    await house.pass_time()
    consultation.session = next(s for s in bob.agent.sessions.values() if not s.confirmed)
    await answered.refer(f"<sip:103@{SWITCH}?Replaces={consultation.replaces}>")
    await house.pass_time()
    assert house.hears(alice) == "tone:ringback"
    ringing.answer()
    await house.pass_time(1)
    assert house.hears(alice) == "the other party"
    assert house.hears(carol) == "the other party"


async def test_an_invite_with_replaces_takes_over_a_call(house: House) -> None:
    alice, bob, call, answered = await talking(house)
    carol = await house.phone("103")
    assert call.session is not None
    leg = next(s for s in house.switch.agent.sessions.values() if s.dialog.call_id == answered.session.dialog.call_id)  # type: ignore[union-attr]
    dialog = leg.dialog
    replaces = f"{dialog.call_id};to-tag={dialog.local_tag};from-tag={dialog.remote_tag}"
    taking = carol.call("101", headers=(("Replaces", replaces), ("Require", "replaces")))
    assert await taking.outcome() == 200
    await house.pass_time(1)
    assert answered.ended is not None
    assert house.hears(alice) == "the other party"
    assert house.hears(carol) == "the other party"


async def test_digits_by_info_reach_the_other_side(house: House) -> None:
    alice, bob, call, _ = await talking(house)
    assert call.session is not None
    response = await call.session.request(
        "INFO", body=b"Signal=5\r\nDuration=160\r\n", content_type="application/dtmf-relay"
    )
    assert response.status == 200
    assert house.stream_of(bob).dtmf == "5"


async def test_a_phone_that_vanished_ends_the_call(house: House) -> None:
    alice, bob, call, answered = await talking(house)
    house.network.lost = lambda data: b"10.0.0.102" in data.split(b"\r\n", 2)[1]
    bob.transports.receive = lambda message, flow: None
    house.stream_of(bob).fall_silent(20)
    await house.pass_time(60)
    assert call.ended is not None
    assert house.record["reason"] == "no answer to OPTIONS"


async def test_silence_alone_does_not_end_a_call(house: House) -> None:
    alice, bob, call, _ = await talking(house)
    house.stream_of(bob).fall_silent(20)
    await house.pass_time(60)
    assert call.ended is None
    assert house.hears(alice) == "the other party"


async def test_a_media_process_that_dies_costs_no_call(house: House) -> None:
    alice, bob, call, answered = await talking(house)
    house.pool.kill(house.pool.workers[0])
    await house.pass_time(5)
    assert call.offers, "the phones were given new ports"
    assert answered.offers
    assert house.hears(alice) == "the other party"
    assert house.hears(bob) == "the other party"
    call.hang_up()
    await house.pass_time(5)
    assert "audio is restored" in house.journal()


async def test_the_administrator_hangs_up(house: House) -> None:
    alice, bob, call, answered = await talking(house)
    next(iter(house.switch.calls.values())).end(200, "hung up by the administrator")
    await house.pass_time()
    assert call.ended is not None
    assert answered.ended is not None
    assert house.record["hung_up_by"] == "system"


async def test_fax_by_t38_passes_through(house: House) -> None:
    alice, bob, call, answered = await talking(house)
    assert call.local is not None
    call.version += 1
    body = (
        f"v=0\r\no=- 7 {call.version} IN IP4 {alice.address}\r\ns=-\r\nc=IN IP4 {alice.address}\r\nt=0 0\r\n"
        "m=image 4000 udptl t38\r\na=T38FaxVersion:0\r\na=T38MaxBitRate:14400\r\na=T38FaxUdpEC:t38UDPRedundancy\r\n"
    ).encode()
    assert call.session is not None
    response = await call.session.reinvite(body)
    assert response.status == 200
    assert b"m=image" in response.body
    assert b"T38FaxUdpEC:t38UDPRedundancy" in answered.offers[-1].body
    assert house.stream_of(alice).remote.raw  # type: ignore[union-attr]
    assert house.stream_of(bob).remote.raw  # type: ignore[union-attr]
