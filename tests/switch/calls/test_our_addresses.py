"""The address that a party is told in Via, Contact and SDP, by where it is; and what happens when it changes."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from jackfield.control import ControlError
from jackfield.switch.snapshot import General, VpnDevice

from .house import House, Phone
from .phones import SWITCH, Conversation
from .test_trunk_calls import with_trunk

PUBLIC, NEW = "203.0.113.99", "198.51.100.99"


async def behind_a_router(house: House, public: str = PUBLIC) -> None:
    general = General(realm=house.snapshot.general.realm, company="Test", public_address=public)
    await house.configure(general=general)


def told(call: Conversation) -> tuple[str, str, str]:
    """Return what the phone was told in Via, Contact and SDP."""
    assert call.incoming is not None
    assert call.remote is not None
    assert call.remote.audio is not None
    request = call.incoming.request
    return request.via.host, request.contact.uri.host, call.remote.audio.address


async def rings(house: House, phone: Phone, caller: Phone, number: str) -> Conversation:
    call = caller.call(number)
    ringing = await phone.rings()
    ringing.answer()
    assert await call.outcome() == 200
    return ringing


@pytest.mark.parametrize(("address", "expected"), [("10.0.0.7", SWITCH), ("198.51.100.7", PUBLIC)])
async def test_a_phone_in_the_office_is_told_our_own_address_and_one_outside_the_public_one(
    house: House, address: str, expected: str
) -> None:
    await behind_a_router(house)
    alice, bob = await house.phone("101"), await house.phone("102", address)
    assert told(await rings(house, bob, alice, "102")) == (expected,) * 3


async def test_who_comes_by_the_vpn_is_told_our_own_address_though_it_is_no_local_network(house: House) -> None:
    device = VpnDevice(name="Branch", public_key="x", address="10.87.0.2", networks=("172.20.0.0/24",))
    general = General(local_networks=("192.168.1.0/24",), public_address=PUBLIC, vpn=True)
    await house.configure(general=general, vpn_devices=(device,))
    for remote, expected in (("10.87.0.2", None), ("172.20.0.9", None), ("10.87.1.2", PUBLIC)):
        assert house.switch.addresses.advertised(remote, "10.87.0.1") == expected


async def test_a_trunk_is_told_the_public_address(house: House) -> None:
    await behind_a_router(house)
    carrier = await with_trunk(house)
    alice = await house.phone("101")
    assert told(await rings(house, carrier, alice, "90123456")) == (PUBLIC,) * 3


async def test_an_ipv6_phone_is_never_told_an_ipv4_address(house: House) -> None:
    await behind_a_router(house)
    assert house.switch.addresses.advertised("2001:db8::7", "fd00::1") is None
    assert house.switch.addresses.advertised("198.51.100.7", SWITCH) == PUBLIC


@pytest.mark.plain_python
async def test_who_comes_by_a_proxy_on_this_machine_is_told_an_address_that_he_reaches(house: House) -> None:
    leg: Any = SimpleNamespace(flow=SimpleNamespace(remote=("10.0.0.7", 40000), local=("127.0.0.1", 8088)))
    assert "127.0.0.1" not in house.switch.addresses.of(leg)


async def test_calls_and_trunks_hear_of_a_new_address(house: House) -> None:
    """A dynamic address changes in the middle of a call: the party outside is told by re-INVITE, the other one not."""
    know = house.switch.addresses.handlers()["public_addresses"]
    assert (await know({"known": [[PUBLIC, ""]]}))["changed"]
    alice, bob = await house.phone("101"), await house.phone("102", "198.51.100.7")
    at_alice = alice.call("102")
    ringing = await bob.rings()
    ringing.answer()
    assert await at_alice.outcome() == 200
    assert told(ringing)[2] == PUBLIC
    assert await know({"known": [[PUBLIC, ""]]}) == {"changed": False, "calls": 0}

    assert await know({"known": [[NEW, ""]]}) == {"changed": True, "calls": 1}
    await house.pass_time(1)
    assert ringing.remote is not None
    assert ringing.remote.audio is not None
    assert ringing.remote.audio.address == NEW
    assert len(ringing.offers) == 1
    assert at_alice.offers == []
    assert house.hears(bob) == "the other party"
    ringing.hang_up()
    await house.pass_time(1)
    assert NEW in house.journal()


@pytest.mark.plain_python
async def test_parties_hear_each_other_again_when_our_own_address_becomes_another(house: House) -> None:
    """The sockets of the address that is gone hear nothing more: each party gets another, and hears as before."""
    alice, bob = await house.phone("101"), await house.phone("102")
    at_alice = alice.call("102")
    ringing = await bob.rings()
    ringing.answer()
    assert await at_alice.outcome() == 200
    before = set(house.pool.streams)
    addresses: Any = house.switch.addresses
    addresses.of = lambda leg: ("10.0.0.2", "10.0.0.2")
    assert await addresses.handlers()["public_addresses"]({"known": [], "moved": True}) == {"changed": True, "calls": 1}
    await house.pass_time(1)
    assert len(set(house.pool.streams) - before) == 2
    for phone in (alice, bob):
        assert house.hears(phone) == "the other party"
    ringing.hang_up()
    await house.pass_time(1)


async def test_names_are_not_told(house: House) -> None:
    know = house.switch.addresses.handlers()["public_addresses"]
    with pytest.raises(ControlError, match="no names"):
        await know({"known": [["phone.example.com", ""]]})
    with pytest.raises(ControlError, match="known"):
        await know({"known": "x"})
