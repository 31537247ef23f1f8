"""What a site gives its phones in a call: a number, a language, tones, the time, and an address for emergencies."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from jackfield.media.client import Tone
from jackfield.switch.snapshot import EmergencyNumber, General, Outbound, Service, Site, Sound

from .house import REALM, House, Phone
from .test_trunk_calls import CARRIER, provider, trunk

VIENNA = Site(
    name="Vienna", public_addresses=("10.0.0.101",), language="de", country="AT", time_zone="Asia/Tokyo",
    caller_id="4315550100", emergency_address="Ring 1, 2nd floor, Vienna",
)  # fmt: skip


async def house_with(house: House, site: Site = VIENNA, **fields: Any) -> Phone:
    carrier = await provider(house, CARRIER)
    await house.configure(
        sites=(site,),
        trunks=(trunk("Odorik", CARRIER, caller_id="5550100"),),
        outbound=(Outbound(name="World", prefix="9", trunks=("Odorik",)),),
        emergency_numbers=(EmergencyNumber(number="112", name="Emergency"),),
        **fields,
    )
    return carrier


async def shown_to(carrier: Phone, phone: Phone, number: str) -> str:
    call = phone.call(number)
    answered = await carrier.picks_up()
    assert answered.invite is not None
    identity = answered.invite.get("P-Asserted-Identity") or str(answered.invite.from_)
    call.hang_up()
    await phone.house.pass_time(3)
    return identity.partition("sip:")[2].partition("@")[0]


async def test_the_number_of_the_site_is_shown_outside_and_that_of_the_trunk_elsewhere(house: House):
    carrier = await house_with(house)
    assert await shown_to(carrier, await house.phone("101"), "90123456") == "4315550100"
    assert await shown_to(carrier, await house.phone("102"), "90123456") == "5550100"


async def test_an_extensions_own_number_comes_first_but_in_an_emergency_that_of_the_site(house: House):
    carrier = await house_with(house)
    await house.change_extension("101", caller_id="5550111")
    alice = await house.phone("101")
    assert await shown_to(carrier, alice, "90123456") == "5550111"
    assert await shown_to(carrier, alice, "112") == "4315550100"


async def test_announcements_are_in_the_language_of_the_site_unless_the_extension_has_one(house: House):
    spoken = tuple(Sound(name="welcome", path=f"/sounds/{tag}/welcome", language=tag) for tag in ("en", "de", "fr"))
    await house_with(house, sounds=spoken)
    alice, bob = await house.phone("101"), await house.phone("102")
    played = []
    for phone, language in ((alice, ""), (bob, ""), (alice, "fr")):
        await house.change_extension("101", language=language)
        call = phone.call("*61")
        await call.outcome()
        await house.pass_time()
        played += house.stream_of(phone).played
        call.hang_up()
        await house.pass_time(3)
    assert played == [f"/sounds/{tag}/welcome" for tag in ("de", "en", "fr")]


async def test_tones_are_those_of_the_sites_country(house: House):
    await house_with(house, sounds=())
    alice = await house.phone("101")
    call = alice.call("*62")
    await call.outcome()
    await house.pass_time()
    assert house.stream_of(alice).played == [Tone("hold", "AT")]


async def test_the_time_is_told_as_it_is_at_the_site(house: House):
    names = [f"time/hour/{hour}" for hour in range(24)] + [f"time/minute/{minute}" for minute in range(60)]
    await house_with(
        house,
        general=General(realm=REALM, time_zone="UTC"),
        sounds=tuple(Sound(name=name, path=name) for name in names),
        services=(Service(number="*60", kind="time"),),
    )
    alice, bob = await house.phone("101"), await house.phone("102")
    hours = []
    for phone in (alice, bob):
        call = phone.call("*60")
        await call.outcome()
        await house.pass_time()
        hours.append(int(str(house.stream_of(phone).played[0]).rpartition("/")[2]))
        call.hang_up()
        await house.pass_time(3)
    assert (hours[0] - hours[1]) % 24 == 9


async def test_an_emergency_call_tells_where_help_has_to_come_to(house: House):
    carrier = await house_with(house)
    alice = await house.phone("101")
    await shown_to(carrier, alice, "112")
    assert 'the call comes from site "Vienna": Ring 1, 2nd floor, Vienna' in house.journal()
    (told,) = [data for kind, _, data in house.spooled if kind == "event" and data["kind"] == "emergency"]
    assert told["number"] == "112"
    assert told["extension"] == "101"
    assert told["address"] == "Ring 1, 2nd floor, Vienna"
    assert "10.0.0.101" in told["phone"]


async def test_a_site_without_an_address_is_named_all_the_same(house: House):
    carrier = await house_with(house, replace(VIENNA, emergency_address=""))
    await shown_to(carrier, await house.phone("101"), "112")
    assert 'site "Vienna", which has no address for emergencies' in house.journal()
