"""Phones behind a router with NAT, which gives every flow another port and lets nothing in that was not asked for."""

from __future__ import annotations

import asyncio
import time

import pytest

from interop.rig.booth import Booth
from interop.rig.ports import Block
from interop.rig.system import System, eventually

from .network import HOME, HOUSE_INSIDE, ROUTER_OUTSIDE, UDP_TIMEOUT, Network


@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
async def test_a_phone_behind_nat_is_reached_where_its_router_is(house: System, at_home: Booth, transport: str) -> None:
    await at_home.phone(house.account("101", transport), 440)

    (row,) = await house.registrations("101")
    assert row["behind_nat"]
    assert row["address"].startswith(ROUTER_OUTSIDE)
    assert HOME not in row["address"]


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_a_phone_behind_nat_calls_and_is_called(
    house: System, at_home: Booth, in_the_office: Booth, transport: str
) -> None:
    anna = await at_home.phone(house.account("101", transport), 440)
    bert = await in_the_office.phone(house.account("102", host=HOUSE_INSIDE), 660)

    for caller, called, hertz in ((anna, bert, 660), (bert, anna, 440)):
        mine, theirs = await caller.call(called)
        await mine.hears(hertz)
        await theirs.hears(1100 - hertz)
        await theirs.hang_up()
        await mine.ended()


async def test_two_phones_behind_the_same_nat_talk(house: System, at_home: Booth) -> None:
    anna = await at_home.phone(house.account("101"), 440)
    bert = await at_home.phone(house.account("102"), 660)

    mine, theirs = await anna.call(bert)
    await mine.hears(660)
    await theirs.hears(440)
    await mine.hang_up()
    await theirs.ended()


async def test_hold_and_resume_through_nat(house: System, at_home: Booth, in_the_office: Booth) -> None:
    """Held, neither side sends for longer than the router remembers; the audio finds its way back nevertheless."""
    anna = await at_home.phone(house.account("101"), 440)
    bert = await in_the_office.phone(house.account("102", host=HOUSE_INSIDE), 660)
    mine, theirs = await bert.call(anna)
    await theirs.hears(660)

    await mine.do("hold")
    await theirs.hears_melody()
    await theirs.do("hold")
    await asyncio.sleep(UDP_TIMEOUT + 1)
    await mine.do("resume")
    resumed = time.monotonic()
    await theirs.do("resume")
    await mine.hears(440, 0.5, since=resumed)
    await theirs.hears(660, 0.5, since=resumed)
    await mine.hang_up()
    await theirs.ended()


async def test_the_pinhole_of_a_phone_that_is_not_used_stays_open(
    house: System, at_home: Booth, in_the_office: Booth
) -> None:
    """The router forgets after 8 s; the system asks every 5 s whether the phone is there.

    That this is what keeps it open shows a second phone, which is set to be without NAT and so is not asked.
    """
    anna = await at_home.phone(house.account("101"), 440)
    lost = await at_home.phone(house.account("111"), 880)
    bert = await in_the_office.phone(house.account("102", host=HOUSE_INSIDE), 660)
    (row,) = await house.registrations("101")
    await asyncio.sleep(UDP_TIMEOUT * 2)

    (later,) = await house.registrations("101")
    assert later["address"] == row["address"]
    assert later["latency_ms"] is not None
    mine, theirs = await bert.call(anna)
    await mine.hears(440)
    await theirs.hears(660)
    await mine.hang_up()
    await theirs.ended()

    in_vain = await bert.dial("111")
    await in_vain.happens("CALL_OUTGOING")
    await asyncio.sleep(1.0)
    assert lost.calls == []
    await in_vain.hang_up()
    await in_vain.ended()


async def test_a_phone_that_vanishes_is_noticed(house: System, network: Network, ports: Block) -> None:
    async with Booth(ports, address=HOME, prefix=network.inside("home")) as booth:
        await booth.phone(house.account("103"), 440)
        assert await house.registrations("103")
        booth._process.kill()

        async def lost() -> bool:
            return not await house.registrations("103")

        await eventually(lost, "the phone to be unreachable", 45.0)
    assert "103" in await house.logs("103.*unreachable")
