"""Two phones of one site talk directly, prove that they hear each other, and come back when they are needed here."""

from __future__ import annotations

from typing import Any

import pytest

from jackfield.switch.snapshot import Service, Site
from jackfield.switch.verdict import Verdict

from .house import SWITCH, Conversation, House, Phone, extension, quiet, sounds
from .test_races import over

BRNO = Site(name="Brno", networks=("10.0.0.0/24",), public_addresses=("10.0.0.0/24",))
TALK = "the other party"


def sends_to(call: Conversation) -> tuple[str, int]:
    """Where the phone was told last to send its audio."""
    assert call.remote is not None
    assert call.remote.audio is not None
    return call.remote.audio.address, call.remote.audio.port


async def phone(house: House, number: str, **options: Any) -> Phone:
    """A phone that is known to hear and to be heard."""
    made = await house.phone(number, **options)
    registrar = house.switch.registrar
    for contact in registrar:
        verdict = Verdict(at=house.switch.now(), how="call", network=contact.source[0], is_heard=True, hears=True)
        registrar.experience.judge(contact, verdict)
    return made


async def talking(house: House) -> tuple[Phone, Phone, Conversation, Conversation]:
    """Two such phones in a call."""
    alice, bob = await phone(house, "101"), await phone(house, "102")
    call = alice.call("102")
    answered = await bob.picks_up()
    assert await call.outcome() == 200
    await house.pass_time()
    return alice, bob, call, answered


async def settled(house: House, site: Site = BRNO) -> tuple[Phone, Phone, Conversation, Conversation]:
    """Two phones of a site, some seconds into their call."""
    await house.configure(sites=(site,))
    alice, bob, call, answered = await talking(house)
    await house.pass_time(2)
    return alice, bob, call, answered


def both_report(house: House, *phones: Phone, lost: float = 0.0) -> None:
    for phone in phones:
        house.stream_of(phone).report(lost)


async def proved(house: House) -> tuple[Phone, Phone, Conversation, Conversation]:
    """Two phones that hear each other directly."""
    alice, bob, call, answered = await settled(house)
    both_report(house, alice, bob)
    await house.pass_time()
    return alice, bob, call, answered


def through_us(house: House, *pairs: tuple[Phone, Conversation]) -> bool:
    return all(sends_to(call) == (SWITCH, house.stream_of(phone).port) for phone, call in pairs)


async def test_each_phone_is_told_the_other_ones_address_and_reports_to_us(house: House) -> None:
    alice, bob, call, answered = await settled(house)
    assert sends_to(call) == (bob.address, 4000)
    assert sends_to(answered) == (alice.address, 4000)
    for phone, conversation in ((alice, call), (bob, answered)):
        assert conversation.remote is not None
        assert conversation.remote.audio is not None
        assert conversation.remote.audio.rtcp == (SWITCH, house.stream_of(phone).port + 1)
        assert conversation.remote.origin.address == SWITCH, "the session is still ours (RFC 3264 section 8)"
    both_report(house, alice, bob)
    await house.pass_time(1)
    call.hang_up()
    await over(house)
    assert "they hear each other directly" in house.journal()
    assert "again" not in house.journal()


@pytest.mark.parametrize("silent", ["both", "caller", "callee"])
async def test_without_a_proof_both_come_back_and_are_left_alone(house: House, silent: str) -> None:
    alice, bob, call, answered = await settled(house)
    if silent != "both":
        both_report(house, bob if silent == "caller" else alice)
    await house.pass_time(10)
    assert through_us(house, (alice, call), (bob, answered))
    assert house.hears(alice) == house.hears(bob) == TALK
    call.hang_up()
    await over(house)
    assert "did not report to hear anything directly" in house.journal()

    again = alice.call("102")
    answered = await bob.picks_up()
    await house.pass_time(3)
    assert through_us(house, (alice, again), (bob, answered))
    again.hang_up()
    await quiet(house, 2)
    assert "did not hear each other directly within the last hour" in house.journal(house.records[-1])


async def test_a_report_that_tells_of_heavy_loss_proves_nothing(house: House) -> None:
    alice, bob, call, answered = await settled(house)
    both_report(house, alice, bob, lost=0.9)
    await house.pass_time(10)
    assert through_us(house, (alice, call), (bob, answered))


async def test_reports_that_cease_bring_both_back(house: House) -> None:
    alice, bob, call, answered = await proved(house)
    for _ in range(4):
        await house.pass_time(5)
        both_report(house, alice, bob)
    assert not through_us(house, (alice, call))
    for _ in range(5):
        await house.pass_time(5)
        both_report(house, alice)
    assert through_us(house, (alice, call), (bob, answered))
    call.hang_up()
    await over(house)
    assert "Phone 102 (102) did not report to hear anything any more" in house.journal()


async def test_who_is_held_hears_music_and_both_talk_directly_again_later(house: House) -> None:
    alice, bob, call, answered = await proved(house)
    assert (await call.hold()).status == 200
    await house.pass_time(1)
    assert through_us(house, (bob, answered))
    assert house.hears(bob) == "/sounds/default"
    assert (await call.resume()).status == 200
    assert house.hears(bob) == TALK
    await house.pass_time(2)
    assert sends_to(call) == (bob.address, 4000)
    assert sends_to(answered) == (alice.address, 4000)


async def test_a_blind_transfer_takes_who_stays_back_and_goes_on_directly_with_the_new_party(house: House) -> None:
    alice, bob, call, answered = await proved(house)
    carol = await phone(house, "103")
    assert (await answered.refer(f"<sip:103@{SWITCH}>")).status == 202
    await house.pass_time(1)
    assert through_us(house, (alice, call)), "the caller hears the ringing"
    picked = await carol.picks_up()
    await house.pass_time(2)
    assert sends_to(call) == (carol.address, 4000)
    assert sends_to(picked) == (alice.address, 4000)
    call.hang_up()
    await over(house)


async def test_an_attended_transfer_leaves_nobody_with_the_address_of_one_who_has_gone(house: House) -> None:
    alice, bob, call, answered = await proved(house)
    carol = await phone(house, "103")
    await answered.hold()
    second = bob.call("103")
    picked = await carol.picks_up()
    await house.pass_time(2)
    both_report_of = [stream for stream in house.pool.streams if stream.remote and stream.remote.elsewhere]
    assert len(both_report_of) == 2, "who consults does so directly, too"
    target = f"<sip:103@{SWITCH}?Replaces={second.replaces}>"
    assert (await answered.refer(target)).status == 202
    await house.pass_time(4)
    assert sends_to(call) in ((carol.address, 4000), (SWITCH, house.stream_of(alice).port))
    assert sends_to(call)[0] != bob.address
    assert sends_to(picked)[0] != bob.address
    call.hang_up()
    await quiet(house, 2)


async def test_a_dead_media_process_brings_both_back(house: House) -> None:
    alice, bob, call, answered = await proved(house)
    house.pool.kill(house.pool.workers[0])
    await house.pass_time(0.9)
    assert through_us(house, (alice, call), (bob, answered))
    assert house.hears(alice) == house.hears(bob) == TALK


async def test_a_refresh_of_a_phone_changes_nothing(house: House) -> None:
    alice, bob, call, answered = await proved(house)
    assert call.local is not None
    assert (await call.offer(call.local.to_bytes())).status == 200
    await house.pass_time(1)
    both_report(house, alice, bob)
    assert sends_to(answered)[0] in (alice.address, SWITCH)
    assert (sends_to(call)[0] == SWITCH) == (sends_to(answered)[0] == SWITCH), "both or none"


async def test_a_phone_that_refuses_is_left_with_us(house: House) -> None:
    await house.configure(sites=(BRNO,))
    alice, bob, call, answered = await talking(house)
    bob.answers_offers = 488
    await house.pass_time(3)
    assert through_us(house, (alice, call))
    assert house.hears(alice) == house.hears(bob) == TALK
    call.hang_up()
    await over(house)
    assert "Phone 102 (102)'s phone did not agree" in house.journal()


async def test_the_end_of_the_call_in_the_middle_of_the_attempt_leaves_nothing_behind(house: House) -> None:
    await house.configure(sites=(BRNO,))
    alice, bob, call, answered = await talking(house)
    await house.pass_time(0.95)
    call.hang_up()
    await over(house)
    assert answered.ended is not None


async def test_a_phone_of_which_nothing_is_known_talks_through_us_until_its_first_call_has_shown_how_it_hears(
    house: House,
) -> None:
    await house.configure(sites=(BRNO,))
    alice, bob = await house.phone("101"), await house.phone("102")
    call = alice.call("102")
    answered = await bob.picks_up()
    await house.pass_time(5)
    assert through_us(house, (alice, call), (bob, answered))
    await house.pass_time(12)
    assert sends_to(call) == (bob.address, 4000)
    assert sends_to(answered) == (alice.address, 4000)


SOMEWHERE = Site(name="Elsewhere", networks=("192.0.2.0/24",), public_addresses=("192.0.2.1",))


@pytest.mark.parametrize(
    ("site", "why"),
    [
        (SOMEWHERE, ""),
        (Site(name="Brno", public_addresses=("10.0.0.101",)), ""),
        (Site(name="Brno", public_addresses=("10.0.0.0/24",), direct_media=False), ""),
        (Site(name="Brno", public_addresses=("10.0.0.0/24",), networks=("192.168.7.0/24",)), "no address inside"),
    ],
)
async def test_who_is_not_at_one_site_or_may_not_is_not_asked(house: House, site: Site, why: str) -> None:
    alice, bob, call, answered = await settled(house, site)
    assert not call.offers
    assert not answered.offers
    call.hang_up()
    await over(house)
    assert why in house.journal()
    assert why or "audio goes" not in house.journal()


def answers_gsm(ringing: Conversation) -> None:
    assert ringing.remote is not None
    assert ringing.remote.audio is not None
    if any(codec.name == "gsm" for codec in ringing.remote.audio.codecs):
        ringing.answer()
    else:
        ringing.reject(488)


async def test_different_codecs_need_us(house: House) -> None:
    await house.configure(sites=(BRNO,))
    alice, bob = await phone(house, "101", codecs=("pcmu",)), await phone(house, "102", codecs=("gsm",))
    bob.auto = answers_gsm
    call = alice.call("102")
    await house.pass_time(3)
    assert not call.offers
    call.hang_up()
    await over(house)
    assert "the phones use different codecs (pcmu and gsm)" in house.journal()


async def test_digits_that_must_be_converted_need_us(house: House) -> None:
    people = (*house.snapshot.extensions[1:], extension("101", dtmf="info"))
    await house.configure(extensions=people)
    alice, bob, call, answered = await settled(house)
    assert not call.offers


async def test_what_a_program_plays_brings_them_back(house: House) -> None:
    await house.configure(sounds=sounds("welcome", "default"), services=(Service(number="*43", kind="echo"),))
    alice, bob, call, answered = await proved(house)
    [running] = house.switch.calls.values()
    leg: Any = running.anchor
    leg.listener.interrupt(["/sounds/welcome"], loop=False)
    await house.pass_time(1)
    assert through_us(house, (alice, call), (bob, answered))
    await house.pass_time(3)
    assert house.hears(alice) == TALK
