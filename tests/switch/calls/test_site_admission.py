"""The line of a site carries what it can: calls get smaller codecs before one is refused, and emergencies never are."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from jackfield.capture import Recorder
from jackfield.control import ControlError
from jackfield.switch.commands import Commands
from jackfield.switch.snapshot import EmergencyNumber, RingGroup, Site

from .house import Conversation, House, extension, quiet
from .test_direct_audio import talking as known_to_each_other
from .test_hold_and_transfer import talking
from .test_trunk_calls import CARRIER, provider, trunk

G711 = ("pcmu", "pcma")
SMALL = ("pcmu", "gsm")
LOW = "maxaveragebitrate=12000"


def branch(kbits: int, **fields: Any) -> Site:
    """A site of which the phones of 101 and 102 are, and no others."""
    return Site(
        name="Brno", public_addresses=("10.0.0.101-10.0.0.102",), bandwidth_up=kbits, direct_media=False, **fields
    )


async def with_line(house: House, kbits: int, **fields: Any) -> None:
    await house.configure(sites=(branch(kbits, **fields),))


def used(house: House) -> float:
    return house.switch.site_admission.used("Brno")


def parameters(conversation: Conversation, codec: str) -> str:
    """What the switch told this phone about a codec."""
    assert conversation.remote is not None
    assert conversation.remote.audio is not None
    return next(one.fmtp for one in conversation.remote.audio.codecs if one.name == codec)


async def test_a_phone_of_the_site_takes_its_codec_of_the_line_and_one_elsewhere_nothing(house: House):
    await with_line(house, 1000)
    away, bob = await house.phone("103"), await house.phone("102", codecs=G711)
    call = away.call("102")
    await bob.picks_up()
    assert used(house) == 80.0
    call.hang_up()
    await house.pass_time()
    assert used(house) == 0.0
    await quiet(house, 1)


async def test_two_phones_of_the_site_take_it_twice_while_their_audio_comes_to_us(house: House):
    await with_line(house, 1000)
    _, _, call, _ = await talking(house)
    assert used(house) == 160.0
    call.hang_up()
    await quiet(house, 1)


async def test_a_call_beyond_the_line_is_refused_in_plain_words(house: House):
    await with_line(house, 100)
    away, alice = await house.phone("103"), await house.phone("101", codecs=G711)
    first = away.call("101")
    await alice.picks_up()
    bob = await house.phone("102", codecs=G711)
    second = bob.call("104")
    assert await second.outcome() == 503
    await house.pass_time(3)
    assert 'the line of site "Brno" is full: of 100 kbit/s 20 are left' in house.journal()
    assert "Sites > Brno" in house.journal()
    assert any(line["link"] == "sites/Brno" for line in house.record["journal"])
    assert house.switch.site_admission.today("Brno") == (1, 0)
    first.hang_up()
    await quiet(house, 2)


async def test_when_it_ends_the_next_one_is_let_in(house: House):
    await with_line(house, 100)
    alice, _ = await house.phone("101"), await house.phone("103")
    for _ in range(3):
        call = alice.call("103")
        await house.phones[1].picks_up()
        assert await call.outcome() == 200
        call.hang_up()
        await house.pass_time(3)
    await quiet(house, 3)


async def test_the_phone_that_is_called_is_offered_only_what_fits(house: House):
    await with_line(house, 110)
    away, alice = await house.phone("103", codecs=SMALL), await house.phone("101", codecs=SMALL)
    first = away.call("101")
    await alice.picks_up()
    assert used(house) == 80.0
    other = await house.phone("104", codecs=SMALL)
    bob = await house.phone("102", codecs=SMALL)
    second = other.call("102")
    answered = await bob.picks_up()
    assert await second.outcome() == 200
    assert answered.codec == "gsm"
    assert used(house) == 109.2
    assert house.switch.site_admission.today("Brno") == (0, 1)
    first.hang_up()
    second.hang_up()
    await house.pass_time(3)
    assert any("has 30 kbit/s left: Phone 102 (102) gets gsm" in house.journal(one) for one in house.records)
    await quiet(house, 2)


async def test_the_caller_is_answered_with_what_fits(house: House):
    await with_line(house, 110)
    away, alice = await house.phone("103", codecs=SMALL), await house.phone("101", codecs=SMALL)
    away.call("101")
    await alice.picks_up()
    bob, other = await house.phone("102", codecs=SMALL), await house.phone("104", codecs=SMALL)
    call = bob.call("104")
    await other.picks_up()
    assert await call.outcome() == 200
    assert call.codec == "gsm"
    assert used(house) == 109.2


async def test_only_codecs_of_the_sites_order_take_the_place_of_larger_ones(house: House):
    await with_line(house, 110, codecs=("pcmu",))
    away, alice = await house.phone("103", codecs=SMALL), await house.phone("101", codecs=SMALL)
    away.call("101")
    await alice.picks_up()
    bob = await house.phone("102", codecs=SMALL)
    assert await bob.call("104").outcome() == 503


async def test_opus_is_limited_on_both_sides_before_a_call_is_refused(house: House):
    """What one side sends passes to the other one untouched: both must keep to it (RFC 7587 section 6.1)."""
    await with_line(house, 40)
    away, alice = await house.phone("103", codecs=("opus",)), await house.phone("101", codecs=("opus",))
    call = away.call("101")
    answered = await alice.picks_up()
    assert await call.outcome() == 200
    assert LOW in parameters(answered, "opus")
    assert LOW in parameters(call, "opus")
    assert used(house) == 28.0
    remote = house.stream_of(alice).remote
    assert remote is not None
    assert LOW in remote.fmtp, "the media process keeps to it too"


@pytest.mark.parametrize(("line", "told"), [(100, "maxaveragebitrate=32000"), (0, "")])
async def test_opus_keeps_to_what_is_reckoned_where_a_line_has_a_limit(house: House, line: int, told: str):
    await with_line(house, line)
    away, alice = await house.phone("103", codecs=("opus",)), await house.phone("101", codecs=("opus",))
    call = away.call("101")
    answered = await alice.picks_up()
    for party in (call, answered):
        assert told in parameters(party, "opus")
        assert ("maxaveragebitrate" in parameters(party, "opus")) == bool(told)
    assert used(house) == 48.0
    call.hang_up()
    await house.pass_time(1)
    call = alice.call("103")
    answered = await away.picks_up()
    for party in (call, answered):
        assert told in parameters(party, "opus")


async def test_a_number_that_leads_nowhere_is_said_to_on_a_full_line_too(house: House):
    await with_line(house, 10)
    alice = await house.phone("101")
    assert await alice.call("999").outcome() == 404


async def test_a_caller_with_an_opus_that_is_limited_has_its_callee_limited_too(house: House):
    await with_line(house, 40)
    alice, away = await house.phone("101", codecs=("opus",)), await house.phone("103", codecs=("opus",))
    call = alice.call("103")
    answered = await away.picks_up()
    assert LOW in parameters(answered, "opus")
    assert LOW in parameters(call, "opus")


async def test_phones_that_ring_together_count_as_one(house: House):
    await with_line(house, 100)
    await house.configure(ring_groups=(RingGroup(number="200", members=("101", "102")),))
    alice, bob, away = await house.phone("101"), await house.phone("102"), await house.phone("103")
    call = away.call("200")
    ringing = await alice.rings()
    await bob.rings()
    assert used(house) == 80.0
    ringing.answer()
    assert await call.outcome() == 200
    await house.pass_time()
    assert used(house) == 80.0
    call.hang_up()
    await quiet(house, 1)


async def test_a_phone_elsewhere_still_rings_when_those_at_the_site_can_not(house: House):
    await with_line(house, 10)
    await house.configure(ring_groups=(RingGroup(number="200", members=("101", "104")),))
    alice, other, away = await house.phone("101"), await house.phone("104"), await house.phone("103")
    call = away.call("200")
    await other.picks_up()
    assert await call.outcome() == 200
    assert not alice.calls


async def test_an_emergency_call_is_never_refused_but_takes_its_part(house: House):
    carrier = await provider(house, CARRIER)
    await with_line(house, 10)
    await house.configure(
        trunks=(trunk("Odorik", CARRIER),), emergency_numbers=(EmergencyNumber(number="112", name="Emergency"),)
    )
    alice = await house.phone("101")
    call = alice.call("112")
    await carrier.picks_up()
    assert await call.outcome() == 200
    assert used(house) == 80.0
    bob = await house.phone("102")
    assert await bob.call("103").outcome() == 503
    call.hang_up()
    await quiet(house, 2)


async def test_hold_keeps_its_part_and_a_transfer_gives_it_up(house: House):
    await with_line(house, 1000)
    await house.phone("103")
    await house.phone("104")
    away, other = house.phones
    alice = await house.phone("101")
    call = away.call("101")
    answered = await alice.picks_up()
    await answered.hold()
    await house.pass_time()
    assert used(house) == 80.0, "it will be wanted back"
    await answered.refer("sip:104@test")
    await other.picks_up()
    await house.pass_time(3)
    assert used(house) == 0.0
    call.hang_up()
    await quiet(house, 1)


async def test_another_codec_in_the_call_is_counted_and_only_allowed_where_it_fits(house: House):
    await with_line(house, 100)
    away, alice = await house.phone("103", codecs=SMALL), await house.phone("101", codecs=SMALL)
    away.call("101")
    answered = await alice.picks_up()
    await answered.reoffer(codecs=("gsm",))
    assert used(house) == 29.2
    await answered.reoffer(codecs=("pcmu", "gsm"))
    assert used(house) == 80.0
    await answered.reoffer(codecs=("gsm",))
    bob = await house.phone("102", codecs=("gsm",))
    away.call("102")
    await bob.picks_up()
    assert used(house) == 58.4
    await answered.reoffer(codecs=("pcmu", "gsm"))
    assert answered.codec == "gsm", "there is no room for more by now"
    assert used(house) == 58.4


async def test_audio_that_goes_directly_takes_nothing(house: House):
    await house.configure(sites=(replace(branch(1000), direct_media=True, networks=("10.0.0.0/24",)),))
    alice, bob, call, _ = await known_to_each_other(house)
    await house.pass_time(2)
    for phone in (alice, bob):
        house.stream_of(phone).report(0.0)
    await house.pass_time()
    found = house.switch.site_admission.use("Brno")
    assert (found.up, found.calls, found.direct, found.codecs) == (0.0, 1, 2, {})
    call.hang_up()
    await quiet(house, 1)


@pytest.mark.parametrize("leaves", ["caller cancels", "callee refuses", "nobody answers", "phone is unplugged"])
async def test_it_is_given_back_however_a_call_ends(house: House, leaves: str):
    await with_line(house, 100)
    away, alice = await house.phone("103"), await house.phone("101")
    call = away.call("101")
    ringing = await alice.rings()
    assert used(house) == 80.0
    if leaves == "caller cancels":
        call.hang_up()
    elif leaves == "callee refuses":
        ringing.reject(486)
    elif leaves == "phone is unplugged":
        await house.change_extension("101", lines=())
        call.hang_up()
    await house.pass_time(40)
    assert used(house) == 0.0
    await quiet(house, 1)


async def test_the_sites_order_of_codecs_goes_first(house: House):
    await with_line(house, 0, codecs=("gsm", "pcmu"))
    await house.change_extension("101", codecs=("pcmu", "pcma", "gsm"))
    away, alice = await house.phone("103", codecs=("pcma", "pcmu", "gsm")), await house.phone("101", codecs=SMALL)
    away.call("101")
    answered = await alice.picks_up()
    assert answered.remote is not None
    assert answered.remote.audio is not None
    assert [one.name for one in answered.remote.audio.codecs if one.is_audio] == ["gsm", "pcmu", "pcma"]


async def test_a_phone_whose_extension_is_set_to_the_site_counts_there_wherever_it_is(house: House):
    await house.configure(sites=(branch(1000),), extensions=(extension("103", site="Brno"), extension("104")))
    away, other = await house.phone("103"), await house.phone("104")
    away.call("104")
    await other.picks_up()
    assert used(house) == 80.0


async def test_what_would_happen_tells_the_site_of_the_phone(house: House):
    await house.configure(sites=(Site(name="Brno", public_addresses=("10.0.0.101",)),))
    await house.phone("101")
    commands = Commands(house.switch, Recorder(), stop=lambda: None, path=Path("nowhere"))
    found = await commands.route({"from": "101", "to": "102"})
    assert {"text": 'its phone is at site "Brno"', "setting": "sites/Brno"} in found["trace"]
    await with_line(house, 100)
    await house.phone("102")
    found = await commands.route({"from": "102", "to": "103"})
    assert found["trace"][-1]["text"] == 'the line of site "Brno" has 100 of 100 kbit/s left'
    away = await house.phone("103")
    away.call("101")
    await house.phones[0].picks_up()
    found = await commands.route({"from": "102", "to": "103"})
    assert "has 20 of 100 kbit/s left: now the call would be refused (503)" in found["trace"][-1]["text"]


async def test_the_page_of_a_site_is_told_what_it_uses_and_which_phones_it_has(house: House):
    await with_line(house, 200)
    away, alice = await house.phone("103"), await house.phone("101")
    away.call("101")
    await alice.picks_up()
    commands = Commands(house.switch, Recorder(), stop=lambda: None, path=Path("nowhere")).handlers()
    (row,) = await commands["sites"]({"name": "Brno"})
    assert (row["up"], row["down"], row["calls"], row["codecs"]) == (80.0, 80.0, 1, {"pcmu": 1})
    assert (row["limit_up"], row["limit_down"], row["refused"]) == (200, 0, 0)
    assert [phone["extension"] for phone in row["phones"]] == ["101"]
    (call,) = await commands["calls"]({})
    assert {leg["extension"]: leg["site"] for leg in call["legs"]} == {"103": "", "101": "Brno"}
    with pytest.raises(ControlError, match='no site "Nowhere"'):
        await commands["sites"]({"name": "Nowhere"})


async def test_what_the_phones_really_send_stands_beside_what_is_reckoned(house: House):
    await with_line(house, 1000, layer="ethernet")
    away, alice = await house.phone("103"), await house.phone("101")
    away.call("101")
    await alice.picks_up()
    sites = Commands(house.switch, Recorder(), stop=lambda: None, path=Path("nowhere")).handlers()["sites"]

    async def measured(packets: int, octets: int) -> tuple[float | None, float | None]:
        stream = house.stream_of(alice)
        stream.figures = replace(
            stream.figures, packets_in=packets, bytes_in=octets, packets_out=packets // 2, bytes_out=octets // 2
        )
        (row,) = await sites({"name": "Brno"})
        return row["measured_up"], row["measured_down"]

    assert await measured(100, 16_000) == (None, None), "nothing to compare it with yet"
    await house.pass_time(1.9)
    assert await measured(200, 32_000) == (87.2, 43.6), "50 packets of 160 + 58 bytes each second, half of it back"
    await house.pass_time(1.9)
    assert await measured(250, 48_000) == (75.6, 37.8), "40 ms in each by now"
    await house.pass_time(40)
    assert await measured(251, 48_000) == (None, None), "too long ago"


async def test_encryption_counts(house: House):
    await with_line(house, 1000)
    await house.change_extension(
        "101", lines=tuple(replace(line, srtp="required") for line in house.snapshot.extensions[0].lines)
    )
    away, alice = await house.phone("103"), await house.phone("101")
    call = away.call("101")
    await alice.rings()
    assert used(house) == 84.0, "the tag of SRTP is reckoned with before the answer"
    call.hang_up()
    await quiet(house, 1)
