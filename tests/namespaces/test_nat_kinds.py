"""Every pair of sites behind NATs of every kind: both hear each other, or the system says why not, and the mend.

With NAT_MATRIX set to a file, the matrix is written there as Markdown (docs/nat.md has it).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from interop.rig.accounts import Account
from interop.rig.booth import Booth, BoothCall, Phone, why_no_booth
from interop.rig.configuration import configuration, extension
from interop.rig.ports import Block, block
from interop.rig.system import System, eventually
from jackfield.console.provisioning.advice import FRESH

from .internet import SITES, SYSTEM, SYSTEM_TOO, Internet, Site, why_no_alg
from .network import why_no_namespaces

HEARD = 0.3
MAC = "00156512abcd"
FETCH = """
import base64, ssl, sys, urllib.request
address, password = sys.argv[1:]
asked = urllib.request.Request(address, headers={"User-Agent": "Yealink SIP-T46U 108.86.0.20 00:15:65:12:ab:cd"})
if password:
    asked.add_header("Authorization", "Basic " + base64.b64encode(f"00156512abcd:{password}".encode()).decode())
print(urllib.request.urlopen(asked, timeout=20, context=ssl._create_unverified_context()).read().decode())
"""
IN_THE_DATABASE = """
import sys, time
from jackfield.settings import load
from jackfield.console import database
settings = load(data_dir=sys.argv[1])
database.setup(settings)
from jackfield.console.provisioning import links, moving
from jackfield.desk_phones.models import CheckSyncPhone, DeskPhone
"""
LINK = "print(links.new(DeskPhone.objects.get(), hours=1))"
MOVE = """
print(*moving.move(settings, time.time()))
while (row := CheckSyncPhone.objects.get()).answered == "waiting" or not row.status:
    time.sleep(0.1)
print(row.answered)
"""
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
    settings = configuration(
        [extension(number) for number in numbers],
        desk_phones=[{"mac": MAC, "model": "yealink-t46u", "extensions": ["108"]}],
        provisioning={"remote_transport": "udp", "server": SYSTEM},
    )
    folder = tmp_path_factory.mktemp("world")
    system = System(
        folder, many_ports, settings, host=f"{SYSTEM},{SYSTEM_TOO}", console_host=SYSTEM,
        sip_tls_second_port=many_ports.take(),
    )  # fmt: skip
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


async def in_the_database(world: World, program: str) -> str:
    command = [sys.executable, "-c", IN_THE_DATABASE + program, str(world.system.data)]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=60, check=False)
    assert not done.returncode, done.stderr
    return done.stdout.strip()


async def fetched(world: World, site: Site, file: str, password: str = "") -> dict[str, str]:
    """Fetch as a Yealink at a site does; return what it reads in its file."""
    address = f"https://{SYSTEM}:8443/provision/{file}"
    text = await asyncio.to_thread(world.internet.run, site.name, sys.executable, "-c", FETCH, address, password)
    return {key: value for key, _, value in (line.partition(" = ") for line in text.splitlines())}


def account_in(told: dict[str, str]) -> Account:
    transport = {"0": "udp", "2": "tls"}[told["account.1.sip_server.1.transport_type"]]
    host, port = told["account.1.sip_server.1.address"], int(told["account.1.sip_server.1.port"])
    return Account("108", told["account.1.user_name"], told["account.1.password"], host, port, transport)


async def test_a_desk_phone_behind_a_router_that_changes_sip_is_switched_to_tls_by_itself(
    world: World, many_ports: Block
) -> None:
    if reason := why_no_alg():
        pytest.skip(reason)
    site = next(site for site in SITES if site.name == "alg")
    told = await fetched(world, site, f"{await in_the_database(world, LINK)}/{MAC}.cfg")
    booth = Booth(
        many_ports, address=world.internet.phone(site), prefix=world.internet.inside(site.name),
        more="sip_verify_server no\n",
    )  # fmt: skip
    async with booth:
        before = await booth.phone(account_in(told), 440)
        assert before.account.transport == "udp"

        async def named() -> bool:
            return bool((await world.row("108"))["sip_alg"])

        await eventually(named, "the router to be found", 60.0)
        assert "108's phone is being switched to TLS" in (await world.row("108"))["says"]
        asked, answered = (await in_the_database(world, MOVE)).split("\n")  # what the console does every minute
        assert (asked, answered in ("told", "refused")) == (MAC, True), "the phone has heard that it is to fetch"

        async def has_tls() -> Account | None:
            await asyncio.sleep(FRESH / 4)  # who fetches more often than eight times a minute has to wait
            told.update(await fetched(world, site, f"{MAC}.cfg", told["static.auto_provision.server.password"]))
            return found if (found := account_in(told)).transport == "tls" else None

        after = await eventually(has_tls, "settings with TLS", 30.0)  # the console believes for 10 s what it knew
        assert (after.transport, after.port) == ("tls", world.system.tls_port)
        await booth.do("unregister", name=before.name)
        phone = await booth.phone(after, 440)
        other = world.phones[SITES[0], 1]
        mine, theirs = await phone.call(other)
        await asyncio.gather(mine.hears(other.hertz, HEARD), theirs.hears(440, HEARD))

        async def proved() -> str:
            row = await world.row("108")
            return str(row["says"]) if (row["verdict"] or {}).get("hears") else ""

        says = await eventually(proved, "the audio to be proved", 20.0)
        assert says == f"108's phone hears and is heard since it was switched to TLS on port {world.system.tls_port}"
        assert {row["kind"] for row in await world.system.ask("routers")} >= {"changes sip"}, (
            "the others are there still"
        )
        assert "108's phone" not in str(await world.system.ask("routers"))
        await mine.hang_up()
        await theirs.ended()


async def test_a_phone_that_nothing_but_the_second_port_of_tls_lets_out_calls_and_hangs_up(
    world: World, many_ports: Block
) -> None:
    site = next(site for site in SITES if not site.audio)
    second = world.system._settings["sip_tls_second_port"]
    rule = ("insert", "rule", "ip", "site", "through", "iifname", "in", "tcp", "dport", "!=", str(second), "drop")
    world.internet.run(f"r-{site.name}", "nft", *rule)
    other = world.phones[SITES[0], 1]
    booth = Booth(
        many_ports, address=world.internet.phone(site), prefix=world.internet.inside(site.name),
        more="sip_verify_server no\n",
    )  # fmt: skip
    async with booth:
        account = replace(world.system.account("109", "tls", host=SYSTEM), port=second)
        phone = await booth.phone(account, 440)
        mine, theirs = await phone.call(other)
        await mine.hang_up()  # to our Contact, which must name that port
        await theirs.ended()
        mine, theirs = await other.call(phone)
        await theirs.hang_up()
        await mine.ended()
