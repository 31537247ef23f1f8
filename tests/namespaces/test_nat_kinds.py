"""Every pair of sites behind NATs of every kind: both hear each other, or the system says why not, and the mend.

With NAT_MATRIX set to a file, the matrix is written there as Markdown (docs/nat.md has it).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from interop.rig.booth import Booth, BoothCall, Phone, why_no_booth
from interop.rig.configuration import configuration, extension
from interop.rig.ports import Block, block
from interop.rig.system import System, eventually

from .internet import SITES, SYSTEM, SYSTEM_TOO, Internet, Site, why_no_alg
from .network import why_no_namespaces

HEARD = 0.3
AUDIO = [site for site in SITES if site.audio]


@dataclass
class World:
    """The system, and two phones at each site: "10…" at .2 and "11…" at .3."""

    internet: Internet
    system: System
    phones: dict[tuple[Site, int], Phone]

    async def row(self, number: str) -> dict[str, Any]:
        rows = await self.system.ask("registrations")
        return next(row for row in rows if row["extension"] == number)


@pytest.fixture(scope="session")
def many_ports() -> Iterator[Block]:
    reserved = block()
    yield reserved
    reserved.release()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def world(tmp_path_factory: pytest.TempPathFactory, many_ports: Block) -> AsyncIterator[World]:
    if reason := why_no_namespaces() or why_no_booth():
        pytest.skip(reason)
    numbers = [110 + 10 * second + index for second in (0, 1) for index in range(len(SITES))]
    settings = configuration([extension(number) for number in numbers])
    folder = tmp_path_factory.mktemp("world")
    system = System(folder, many_ports, settings, host=f"{SYSTEM},{SYSTEM_TOO}")
    with Internet(system.sip_port) as internet:
        system._prefix = internet.inside("system")
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(system)
            booths = await asyncio.gather(*(_booth(stack, internet, site, many_ports) for site in SITES))
            phones = {}
            for index, (site, booth) in enumerate(zip(SITES, booths, strict=True)):
                for second in (0, 1):
                    account = system.account(str(110 + 10 * second + index), site.transport, host=SYSTEM)
                    phones[site, second] = await booth.phone(account, hertz(site, second))
            yield World(internet, system, phones)


async def _booth(stack: AsyncExitStack, internet: Internet, site: Site, ports: Block) -> Booth:
    booth = Booth(ports, address=internet.phone(site), prefix=internet.inside(site.name), more="sip_verify_server no\n")
    return await stack.enter_async_context(booth)


def hertz(site: Site, second: int) -> float:
    """The tone of a phone, which no other one has."""
    return 400.0 + 150 * SITES.index(site) + 70 * second


def rounds(sites: list[Site]) -> list[list[tuple[Site, Site]]]:
    """Who calls whom at the same time, so that each calls each (a tournament's round robin)."""
    ring: list[Site | None] = [*sites, *([None] if len(sites) % 2 else [])]
    made = []
    for _ in range(len(ring) - 1):
        half = len(ring) // 2
        pairs = zip(ring[:half], reversed(ring[half:]), strict=True)
        made.append([(one, other) for one, other in pairs if one is not None and other is not None])
        ring = [ring[0], ring[-1], *ring[1:-1]]
    return made


async def both_hear(one: Phone, other: Phone) -> str:
    """Let one call the other; "" when both hear each other's tone, else what went wrong."""
    calls: list[BoothCall] = []
    try:
        calls += await one.call(other)
        mine, theirs = calls
        await asyncio.gather(mine.hears(other.hertz, HEARD), theirs.hears(one.hertz, HEARD))
        await mine.hang_up()
        await theirs.ended()
    except AssertionError as problem:
        for call in calls:
            await call.hang_up()
        return str(problem)
    return ""


async def test_every_pair_of_sites_hears_each_other(world: World) -> None:
    results: dict[tuple[str, str], str] = {}
    for there in rounds(AUDIO):
        for pairs in (there, [(other, one) for one, other in there]):
            heard = await asyncio.gather(*(both_hear(world.phones[a, 0], world.phones[b, 0]) for a, b in pairs))
            results |= {(a.name, b.name): said for (a, b), said in zip(pairs, heard, strict=True)}
    inside = await asyncio.gather(*(both_hear(world.phones[site, 0], world.phones[site, 1]) for site in AUDIO))
    results |= {(site.name, site.name): said for site, said in zip(AUDIO, inside, strict=True)}
    write_matrix(results)
    assert len(results) == len(AUDIO) ** 2
    assert {pair: said for pair, said in results.items() if said} == {}


def write_matrix(results: dict[tuple[str, str], str]) -> None:
    if not (path := os.environ.get("NAT_MATRIX")):
        return
    lines = ["| | " + " | ".join(site.kind for site in AUDIO) + " |", "|---" * (len(AUDIO) + 1) + "|"]
    for row in AUDIO:
        cells = []
        for column in AUDIO:
            said = results.get((row.name, column.name))
            cells.append("not tried" if said is None else "no" if said else "both hear")
        lines.append(f"| **{row.kind}** | " + " | ".join(cells) + " |")
    Path(path).write_text("\n".join(lines) + "\n", encoding="utf-8")


async def test_where_udp_is_blocked_the_phone_rings_and_the_system_says_what_is_closed(world: World) -> None:
    blocked = next(site for site in SITES if not site.audio)
    caller, phone = world.phones[SITES[0], 1], world.phones[blocked, 0]
    mine, theirs = await caller.call(phone)

    async def said() -> dict[str, Any]:
        row = await world.row(phone.account.number)
        return row if row["verdict"] and not row["verdict"]["good"] else {}

    row = await eventually(said, "a verdict on the phone without UDP", 30.0)
    await mine.hang_up()
    await theirs.ended()
    assert f"the router at {world.internet.outside(blocked)} blocks UDP {world.system.rtp_ports}" in row["says"]
    assert "hears nothing and is not heard" in row["says"]
    assert row["verdict"]["transport"] == "tls"


async def test_a_router_that_changes_sip_is_named_and_no_other_one_is(world: World) -> None:
    if reason := why_no_alg():
        pytest.skip(reason)

    async def named() -> set[str]:
        rows = [await world.row(world.phones[site, 0].account.number) for site in SITES]
        return {site.name for site, row in zip(SITES, rows, strict=True) if row["sip_alg"]}

    await eventually(named, "the router with SIP ALG to be found", 60.0)
    assert await named() == {"alg"}
    site = next(site for site in SITES if site.name == "alg")
    row = await world.row(world.phones[site, 0].account.number)
    assert f"the router at {world.internet.outside(site)} changes SIP messages (SIP ALG)" in row["says"]


async def test_the_first_seconds_of_a_call_show_the_kind_of_each_nat(world: World) -> None:
    kinds = {"cone": "full cone", "restr": "address-restricted cone", "port": "port-restricted cone",
             "hair": "port-restricted cone", "symm": "port-restricted cone or symmetric"}  # fmt: skip
    phones = {site.name: world.phones[site, 0] for site in SITES if site.name in kinds}
    calls = [await phone.dial("*43") for phone in phones.values()]

    async def told() -> dict[str, str]:
        rows = {name: await world.row(phone.account.number) for name, phone in phones.items()}
        return {name: (row["verdict"] or {}).get("kind", "") for name, row in rows.items()}

    async def all_told() -> bool:
        return await told() == kinds

    with contextlib.suppress(AssertionError):
        await eventually(all_told, "the kinds of NAT to be told", 20.0)
    assert await told() == kinds
    for call in calls:
        await call.hang_up()


@pytest.mark.parametrize(("site", "kind"), [("port", "port-restricted cone"), ("symm", "symmetric")])
async def test_a_test_tells_the_kind_of_nat_and_that_the_phone_hears(world: World, site: str, kind: str) -> None:
    phone = next(phone for (place, second), phone in world.phones.items() if place.name == site and second == 1)
    number = phone.account.number
    await world.system.ask("prove", extension=number)
    rung = await phone.rings()
    await rung.answer()
    await rung.do("dtmf", digits="1")

    async def proved() -> dict[str, Any]:
        verdict = (await world.row(number))["verdict"]
        return verdict if verdict and verdict["how"] == "test" and verdict["kind"] == kind else {}

    verdict = await eventually(proved, f"the NAT to be told as {kind}", 40.0)
    assert (verdict["hears"], verdict["is_heard"]) == (True, True)
    assert verdict["relay"] is (kind == "symmetric")
    await rung.ended()
