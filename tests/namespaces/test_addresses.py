"""A system behind a router: what each party is told, how the public address is found, and what the test proves."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import pytest_asyncio

from interop.rig.booth import Booth, why_no_booth
from interop.rig.configuration import configuration
from interop.rig.ports import Block, block
from interop.rig.system import System, eventually
from jackfield.control import ask

from .network import why_no_namespaces
from .office import (
    ANNEX,
    AWAY,
    AWAY6,
    DESK,
    PUBLIC,
    PUBLIC_LATER,
    STUN,
    SYSTEM,
    SYSTEM6,
    SYSTEM_ANNEX,
    SYSTEM_LATER,
    Office,
)


@pytest.fixture(scope="module")
def office() -> Iterator[Office]:
    if reason := why_no_namespaces() or why_no_booth():
        pytest.skip(reason)
    with Office() as built:
        yield built


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shared_system(tmp_path_factory: pytest.TempPathFactory, office: Office) -> AsyncIterator[System]:
    ports = block()
    settings = configuration(settings={"stun_servers": [f"{STUN}:3478"]})
    folder = tmp_path_factory.mktemp("office")
    async with System(folder, ports, settings, host="0.0.0.0,::", prefix=office.inside("system")) as running:
        running.address = SYSTEM
        yield running
    ports.release()


@pytest_asyncio.fixture(loop_scope="session")
async def system(shared_system: System) -> AsyncIterator[System]:
    yield shared_system
    await shared_system.quiet()


@pytest.fixture
def ports() -> Iterator[Block]:
    reserved = block()
    yield reserved
    reserved.release()


def forwards(system: System) -> list[tuple[str, int | str]]:
    return [("udp", system.sip_port), ("tcp", system.sip_port), ("udp", system.rtp_ports)]


async def network(system: System, verb: str) -> Any:
    return await ask(system.data / "run" / "network.sock", verb, timeout=60.0)


async def test_the_public_address_is_found_by_stun(system: System) -> None:
    found = (await network(system, "search"))["found"]
    assert {(one["address"], one["way"]) for one in found} == {(PUBLIC, "stun"), (SYSTEM6, "interface")}


async def test_without_forwards_the_test_proves_that_nothing_arrives_and_says_what_to_forward(system: System) -> None:
    report = await network(system, "test")
    assert (report["public"], report["ours"], report["behind_router"]) == (PUBLIC, SYSTEM, True)
    assert report["mapping"] == "kept"
    assert {one["proof"] for one in report["ports"] if one["kind"] == "udp"} == {"closed"}
    assert {one["what"] for one in report["ports"] if one["kind"] == "udp"} == {"sip", "audio"}

    said = " ".join((await system.command("check", check=False)).split())
    assert f"forward UDP {system.rtp_ports}" in said
    assert SYSTEM in said


async def test_one_forward_that_is_missing_is_named(system: System, office: Office) -> None:
    with office.forwarding(("udp", system.sip_port)):
        report = await network(system, "test")
    proofs = {one["what"]: one["proof"] for one in report["ports"] if one["kind"] == "udp"}
    assert proofs == {"sip": "outside", "audio": "closed"}


async def test_with_forwards_a_packet_from_the_internet_proves_them(system: System, office: Office) -> None:
    with office.forwarding(*forwards(system)):
        report = await network(system, "test")
    assert {one["proof"] for one in report["ports"] if one["kind"] == "udp"} == {"outside"}
    assert report["answers_elsewhere"]


@pytest.mark.parametrize(
    ("place", "address", "host", "told"),
    [
        ("away", AWAY, PUBLIC, PUBLIC),
        ("annex", ANNEX, SYSTEM_ANNEX, SYSTEM_ANNEX),
        ("away", AWAY6, SYSTEM6, SYSTEM6),
    ],
    ids=["on the Internet", "at the second interface", "by IPv6"],
)
async def test_a_phone_elsewhere_and_one_in_the_office_hear_each_other(
    system: System, office: Office, ports: Block, place: str, address: str, host: str, told: str
) -> None:
    """Both ways of calling; each is told the address at which it reaches us."""
    with office.forwarding(*forwards(system)):
        async with (
            Booth(ports, address=DESK, prefix=office.inside("desk")) as in_the_office,
            Booth(ports, address=address, prefix=office.inside(place)) as elsewhere,
        ):
            anna = await in_the_office.phone(system.account("101", host=SYSTEM), 440)
            bert = await elsewhere.phone(system.account("102", host=host), 660)
            for caller, called, hertz in ((anna, bert, 660), (bert, anna, 440)):
                mine, theirs = await caller.call(called)
                await mine.hears(hertz)
                await theirs.hears(1100 - hertz)
                if caller is anna:
                    (call,) = await system.calls()
                    ladder = str(await system.ask("trace", call=call["id"], format="messages"))
                await theirs.hang_up()
                await mine.ended()
    family = "IP6" if ":" in told else "IP4"
    assert f"c=IN {family} {told}" in ladder
    assert f"c=IN IP4 {SYSTEM}" in ladder
    if told != PUBLIC:
        assert PUBLIC not in ladder


async def test_another_public_address_is_noticed_and_told_in_the_middle_of_a_call(
    system: System, office: Office, ports: Block
) -> None:
    with office.forwarding(*forwards(system)):
        async with (
            Booth(ports, address=DESK, prefix=office.inside("desk")) as in_the_office,
            Booth(ports, address=AWAY, prefix=office.inside("away")) as elsewhere,
        ):
            anna = await in_the_office.phone(system.account("103", host=SYSTEM), 440)
            bert = await elsewhere.phone(system.account("104", host=PUBLIC), 660)
            mine, theirs = await bert.call(anna)
            await mine.hears(440)
            await theirs.hears(660)
            (call,) = await system.calls()
            with office.another_public_address():
                await network(system, "search")

                async def told() -> bool:
                    return f"c=IN IP4 {PUBLIC_LATER}" in str(
                        await system.ask("trace", call=call["id"], format="messages")
                    )

                await eventually(told, "the phone outside to be told the new address")
                await asyncio.sleep(0.2)
                await mine.hang_up()
                await theirs.ended()
            await network(system, "search")


async def test_another_address_of_our_own_in_the_middle_of_a_call_is_told_and_audio_comes_back(
    system: System, office: Office, ports: Block
) -> None:
    async with Booth(ports, address=DESK, prefix=office.inside("desk")) as in_the_office:
        anna = await in_the_office.phone(system.account("103", host=SYSTEM), 440)
        bert = await in_the_office.phone(system.account("104", host=SYSTEM), 660)
        mine, theirs = await anna.call(bert)
        await asyncio.gather(mine.hears(660), theirs.hears(440))
        (call,) = await system.calls()
        with office.another_own_address():

            async def told() -> bool:
                ladder = str(await system.ask("trace", call=call["id"], format="messages"))
                return ladder.count(f"c=IN IP4 {SYSTEM_LATER}") == 2

            await eventually(told, "both to be told the new address", 20.0)
            since = time.monotonic()
            await asyncio.gather(mine.hears(660, since=since), theirs.hears(440, since=since))
            await mine.hang_up()
            await theirs.ended()
    await network(system, "search")
