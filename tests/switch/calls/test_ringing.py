"""Several phones, forwards, groups: who rings, who wins, what the others are told."""

from __future__ import annotations

from dataclasses import replace

from jackfield.switch.snapshot import RingGroup, Service

from .house import House, sounds


async def test_the_phones_that_lost_are_told_that_the_call_was_answered_elsewhere(house: House) -> None:
    alice, desk, mobile = (
        await house.phone("101"),
        await house.phone("102"),
        await house.phone("102", "10.0.0.202"),
    )
    call = alice.call("102")
    await desk.rings()
    await mobile.picks_up()
    assert await call.outcome() == 200
    lost = desk.calls[-1]
    assert lost.cancelled is not None
    assert 'text="Call completed elsewhere"' in (lost.cancelled.get("Reason") or "")
    assert house.hears(alice) == "the other party"
    assert len(house.pool.streams) == 2, "the loser's port is free again"


async def test_declining_on_one_phone_stops_the_persons_other_phones(house: House) -> None:
    alice, desk, mobile = (
        await house.phone("101"),
        await house.phone("102"),
        await house.phone("102", "10.0.0.202"),
    )
    call = alice.call("102")
    ringing = await desk.rings()
    await mobile.rings()
    ringing.reject(603)
    assert await call.outcome() == 603
    await house.pass_time()
    assert mobile.calls[-1].cancelled is not None


async def test_one_busy_phone_does_not_stop_the_other(house: House) -> None:
    alice, desk, mobile = (
        await house.phone("101"),
        await house.phone("102"),
        await house.phone("102", "10.0.0.202"),
    )
    call = alice.call("102")
    (await desk.rings()).reject(486)
    await mobile.picks_up()
    assert await call.outcome() == 200


async def test_a_phone_that_answers_while_it_is_cancelled_is_hung_up_at_once(house: House) -> None:
    alice, desk, mobile = (
        await house.phone("101"),
        await house.phone("102"),
        await house.phone("102", "10.0.0.202"),
    )
    call = alice.call("102")
    first, second = await desk.rings(), await mobile.rings()
    first.answer()
    second.answer()
    assert await call.outcome() == 200
    await house.pass_time(1)
    ended = [c for c in (first, second) if c.ended is not None]
    assert len(ended) == 1, "exactly one of the two answers counts"
    assert house.hears(alice) == "the other party"


async def test_early_media_of_the_called_side_is_heard_before_the_answer(house: House) -> None:
    alice, bob = await house.phone("101"), await house.phone("102")
    call = alice.call("102")
    ringing = await bob.rings()
    ringing.ring(183, early_media=True)
    await house.pass_time()
    assert 183 in call.statuses
    assert call.remote is not None, "the caller got a description"
    assert house.hears(alice) == "the other party"
    ringing.answer()
    assert await call.outcome() == 200


async def test_a_ring_group_rings_all_members_and_the_first_wins(house: House) -> None:
    alice, bob, carol = await house.phone("101"), await house.phone("102"), await house.phone("103")
    call = alice.call("200")
    await bob.rings()
    await carol.picks_up()
    assert await call.outcome() == 200
    assert bob.calls[-1].cancelled is not None


async def test_declining_in_a_ring_group_leaves_the_others_ringing(house: House) -> None:
    alice, bob, carol = await house.phone("101"), await house.phone("102"), await house.phone("103")
    call = alice.call("200")
    (await bob.rings()).reject(603)
    await carol.picks_up()
    assert await call.outcome() == 200


async def test_a_ring_group_in_order_gives_each_member_its_time_and_then_falls_back(house: House) -> None:
    group = RingGroup(number="200", members=("102", "103"), strategy="order", step_time=10, fallback="104")
    await house.configure(ring_groups=(group,))
    alice, bob, carol, dave = [await house.phone(number) for number in ("101", "102", "103", "104")]
    call = alice.call("200")
    await bob.rings()
    assert not carol.calls
    await carol.rings()
    assert bob.calls[-1].cancelled is not None
    await dave.picks_up()
    assert await call.outcome() == 200
    await house.pass_time()
    call.hang_up()
    await house.pass_time()
    assert "sent on to 104" in house.journal()


async def test_forwarding_on_no_answer_goes_to_the_other_number(house: House) -> None:
    await house.change_extension("102", forward_no_answer="103", ring_time=12.0)
    alice, bob, carol = await house.phone("101"), await house.phone("102"), await house.phone("103")
    call = alice.call("102")
    await bob.rings()
    await carol.picks_up()
    assert await call.outcome() == 200
    assert bob.calls[-1].cancelled is not None


async def test_an_unregistered_extension_is_not_available_or_forwards(house: House) -> None:
    alice = await house.phone("101")
    assert await alice.call("102").outcome() == 480
    await house.change_extension("102", forward_unreachable="103")
    carol = await house.phone("103")
    call = alice.call("102")
    await carol.picks_up()
    assert await call.outcome() == 200


async def test_two_extensions_that_forward_to_each_other_do_not_loop_for_ever(house: House) -> None:
    await house.change_extension("102", forward_always="103")
    await house.change_extension("103", forward_always="102")
    alice = await house.phone("101")
    assert await alice.call("102").outcome() == 482
    await house.pass_time()
    assert "loop" in house.journal()


async def test_services_answer_and_play(house: House) -> None:
    alice = await house.phone("101")
    call = alice.call("*61")
    assert await call.outcome() == 200
    assert house.hears(alice) == "/sounds/welcome"
    await house.pass_time(5)
    assert call.ended is not None, "the announcement hangs up when it is over"
    music = alice.call("*62")
    assert await music.outcome() == 200
    await house.pass_time(60)
    assert house.hears(alice) == "/sounds/default"
    music.hang_up()
    await house.pass_time()
    echo = alice.call("*43")
    assert await echo.outcome() == 200
    await house.pass_time(5)
    assert house.stream_of(alice).echoing
    echo.hang_up()
    await house.pass_time(40)
    house.assert_quiet()


async def test_a_missing_sound_does_not_stop_the_call(house: House) -> None:
    await house.configure(services=(Service(number="*61", kind="announcement", sound="nowhere", then="102"),))
    alice, bob = await house.phone("101"), await house.phone("102")
    call = alice.call("*61")
    await bob.picks_up()
    assert await call.outcome() == 200
    assert house.hears(bob) == "the other party"


async def test_a_caller_without_a_description_gets_an_offer_in_the_answer(house: House) -> None:
    alice, bob = await house.phone("101", offers=False), await house.phone("102")
    call = alice.call("102")
    await bob.picks_up()
    assert await call.outcome() == 200
    await house.pass_time()
    assert call.codec == "pcmu", "the codec that the called phone chose comes first"
    assert house.hears(alice) == "the other party"
    assert house.hears(bob) == "the other party"


async def test_phones_without_a_common_codec_are_transcoded(house: House) -> None:
    alice, bob = await house.phone("101", codecs=("gsm",)), await house.phone("102", codecs=("g722",))
    call = alice.call("102")
    await bob.picks_up()
    await bob.picks_up()  # it had refused the offer of GSM alone
    assert await call.outcome() == 200
    assert call.codec == "gsm"
    assert house.stream_of(alice).remote is not None
    assert house.stream_of(bob).remote.codec == "g722"  # type: ignore[union-attr]


async def test_both_sides_use_the_same_codec_when_they_share_one(house: House) -> None:
    alice, bob = await house.phone("101", codecs=("pcma", "gsm")), await house.phone("102", codecs=("opus", "gsm"))
    call = alice.call("102")
    await bob.picks_up()
    assert await call.outcome() == 200
    assert house.stream_of(alice).remote.codec == "gsm"  # type: ignore[union-attr]
    assert house.stream_of(bob).remote.codec == "gsm"  # type: ignore[union-attr]


async def test_a_codec_that_we_cannot_transcode_passes_through(house: House) -> None:
    alice, bob = await house.phone("101", codecs=("g729",)), await house.phone("102", codecs=("g729", "pcma"))
    call = alice.call("102")
    await bob.picks_up()
    assert await call.outcome() == 200
    assert house.stream_of(bob).remote.codec == "g729"  # type: ignore[union-attr]


async def test_no_common_codec_that_can_be_transcoded_gives_488(house: House) -> None:
    alice, bob = await house.phone("101", codecs=("g729",)), await house.phone("102", codecs=("pcma",))
    bob.auto = lambda call: call.reject(488)
    assert await alice.call("102").outcome() == 488


async def test_music_while_the_media_ports_are_used_up_is_a_clear_503(house: House) -> None:
    alice, _ = await house.phone("101"), await house.phone("102")
    house.pool.workers[0].full = True
    assert await alice.call("102").outcome() == 503
    await house.pass_time()
    assert "widen rtp_ports" in house.journal()


async def test_do_not_disturb_is_busy(house: House) -> None:
    await house.change_extension("102", do_not_disturb=True)
    alice, bob = await house.phone("101"), await house.phone("102")
    assert await alice.call("102").outcome() == 486
    assert not bob.calls


async def test_calls_in_progress_keep_their_configuration(house: House) -> None:
    alice, bob = await house.phone("101"), await house.phone("102")
    call = alice.call("102")
    ringing = await bob.rings()
    await house.configure(
        extensions=tuple(replace(e, number="9" + e.number) for e in house.snapshot.extensions), sounds=sounds("other")
    )
    ringing.answer()
    assert await call.outcome() == 200
    assert house.hears(alice) == "the other party"


async def test_a_gruu_rings_just_the_phone_that_it_names(house: House) -> None:
    alice, desk = await house.phone("101"), await house.phone("102")
    mobile = await house.phone("102", "10.0.0.202", register=False)
    mobile.instance = "<urn:uuid:00000000-0000-1000-8000-00aabbccddee>"
    registered = await mobile.register()
    gruu = next(value for value in registered.values("Contact") if "pub-gruu" in value)
    uri = gruu.partition('pub-gruu="')[2].partition('"')[0]
    call = alice.call(uri.removeprefix("sip:").partition("@")[0], uri=uri)
    await mobile.picks_up()
    assert await call.outcome() == 200
    assert not desk.calls
