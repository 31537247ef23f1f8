"""Phones of a site whose line is full talk with each other all the same, where their audio soon goes directly."""

from __future__ import annotations

from dataclasses import replace

import pytest

from jackfield.switch.snapshot import RingGroup, Service, Site

from .house import SWITCH, Conversation, House, Phone, quiet
from .test_direct_audio import both_report, phone, sends_to

G711 = ("pcmu",)
SMALL = ("pcmu", "gsm")
HERE = ("10.0.0.101-10.0.0.102", "10.0.0.104")
BRNO = Site(name="Brno", networks=HERE, public_addresses=HERE, bandwidth_up=100)


def used(house: House) -> float:
    return house.switch.site_admission.used("Brno")


def uses(house: House, phone: Phone) -> str:
    """The codec in which the phone is sent its audio."""
    remote = house.stream_of(phone).remote
    assert remote is not None
    return remote.codec


async def both(
    house: House, codecs: tuple[str, ...] = G711, site: Site = BRNO
) -> tuple[Phone, Phone, Conversation, Conversation]:
    """Two phones of the site in a call, for which its line has no room."""
    await house.configure(sites=(site,))
    alice, bob = await phone(house, "101", codecs=codecs), await phone(house, "102", codecs=codecs)
    call = alice.call("102")
    answered = await bob.picks_up()
    assert await call.outcome() == 200
    await house.pass_time()
    return alice, bob, call, answered


async def test_a_full_line_does_not_keep_two_phones_of_the_site_from_talking_directly(house: House) -> None:
    alice, bob, call, answered = await both(house, SMALL)
    assert (call.codec, answered.codec) == ("pcmu", "pcmu"), "the line is no reason for a smaller one"
    assert used(house) == 160.0, "for a moment"
    await house.pass_time(2)
    both_report(house, alice, bob)
    await house.pass_time()
    assert used(house) == 0.0
    away, dora = await phone(house, "103"), await phone(house, "104", codecs=SMALL)
    second = away.call("104")
    await dora.picks_up()
    assert await second.outcome() == 200, "and the whole line is there for others"
    assert second.codec == "pcmu"
    call.hang_up()
    second.hang_up()
    await quiet(house, 2)
    assert any('the line of site "Brno" for a moment only' in house.journal(one) for one in house.records)


async def test_other_calls_are_let_in_while_the_two_have_not_gone_yet(house: House) -> None:
    _, _, call, _ = await both(house)
    away, dora = await phone(house, "103"), await phone(house, "104", codecs=G711)
    second = away.call("104")
    await dora.picks_up()
    assert await second.outcome() == 200
    call.hang_up()
    second.hang_up()
    await quiet(house, 2)


@pytest.mark.parametrize(("codecs", "after"), [(SMALL, "gsm"), (G711, "pcmu")])
async def test_those_who_do_not_hear_each_other_get_smaller_codecs_and_no_second_chance(
    house: House, codecs: tuple[str, ...], after: str
) -> None:
    alice, bob, call, answered = await both(house, codecs)
    await house.pass_time(12)
    assert sends_to(call)[0] == SWITCH
    assert [uses(house, one) for one in (alice, bob)] == [after, after]
    assert used(house) == (58.4 if after == "gsm" else 160.0)
    call.hang_up()
    await house.pass_time(3)
    if after == "pcmu":
        assert "Phone 102 (102) keeps pcmu, since it is talking" in house.journal()
        again = alice.call("102")
        assert await again.outcome() == 503
    await quiet(house, 1 if after == "gsm" else 2)


async def test_who_is_held_hears_music_by_a_codec_that_fits(house: House) -> None:
    alice, bob, call, answered = await both(house, SMALL)
    await house.pass_time(2)
    both_report(house, alice, bob)
    await house.pass_time()
    await call.hold()
    await house.pass_time(2)
    assert house.hears(bob) == "/sounds/default"
    assert [uses(house, one) for one in (alice, bob)] == ["gsm", "gsm"]
    assert used(house) <= 100.0
    await call.resume()
    await house.pass_time(4)
    assert sends_to(call)[0] == bob.address
    call.hang_up()
    await quiet(house, 1)


async def test_only_phones_of_the_site_ring(house: House) -> None:
    await house.configure(sites=(replace(BRNO, bandwidth_up=50),))
    alice, bob = await phone(house, "101", codecs=G711), await phone(house, "102", codecs=G711)
    away = await phone(house, "102", address="10.0.0.200", codecs=G711)
    call = alice.call("102")
    await bob.picks_up()
    assert await call.outcome() == 200
    assert not away.calls
    call.hang_up()
    await quiet(house, 1)


async def test_nobody_picks_up_and_the_voice_that_would_say_so_does_not_fit(house: House) -> None:
    await house.configure(
        sites=(replace(BRNO, bandwidth_up=50),),
        services=(Service(number="900", kind="music", name="Music"),),
    )
    await house.change_extension("102", forward_no_answer="900", ring_time=5.0)
    alice, _ = await phone(house, "101", codecs=G711), await phone(house, "102", codecs=G711)
    call = alice.call("102")
    assert await call.outcome() == 503
    await house.pass_time(3)
    assert 'the line of site "Brno" is full' in house.journal()
    await quiet(house, 1)


async def test_calls_to_elsewhere_are_refused_as_before(house: House) -> None:
    await house.configure(
        sites=(replace(BRNO, bandwidth_up=50),), ring_groups=(RingGroup(number="200", members=("103",)),)
    )
    alice = await phone(house, "101", codecs=G711)
    await phone(house, "103", codecs=G711)
    assert await alice.call("103").outcome() == 503
    assert await alice.call("200").outcome() == 503
    await quiet(house, 2)
