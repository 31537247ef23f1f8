"""Phones of one site talk past the system: what they say stays behind their router, and they prove that they hear."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest

from interop.rig.booth import Booth, BoothCall
from interop.rig.ports import Block
from interop.rig.system import System, eventually

from .network import ROUTER_OUTSIDE, Network

UPSTAIRS = "192.168.78.2"
NETWORKS = ["192.168.77.0/24", "192.168.78.0/24"]
SITE = {"name": "Home", "public_addresses": [ROUTER_OUTSIDE], "networks": NETWORKS}


@pytest.fixture
def upstairs(network: Network) -> Iterator[tuple[str, ...]]:
    """Return what to put before a command so that it runs upstairs, in a second network behind the same router."""
    network.add("attic")
    network.cable("attic", "in", [f"{UPSTAIRS}/24"], "router", "attic", ["192.168.78.1/24"])
    network.run("attic", "ip", "route", "add", "default", "via", "192.168.78.1")
    network.run("router", "nft", "insert", "rule", "ip", "home", "through", "iifname", "attic", "accept")
    yield network.inside("attic")
    network.remove("attic")


class Counted:
    """Packets of audio (G.711 every 20 ms: 200 octets with their headers) that leave the site."""

    def __init__(self, network: Network) -> None:
        self._network = network

    def audio(self) -> int:
        told = self._network.run("router", "nft", "-j", "list", "counter", "ip", "counted", "audio")
        return int(next(part["counter"] for part in json.loads(told)["nftables"] if "counter" in part)["packets"])


@pytest.fixture
def counted(network: Network) -> Iterator[Counted]:
    rules = (
        "table ip counted { counter audio { }; chain through { type filter hook forward priority 10; "
        'oifname "out" meta l4proto udp ip length 190-220 counter name audio; }; }'
    )
    network.run("router", "nft", rules)
    yield Counted(network)
    network.run("router", "nft", "delete", "table", "ip", "counted")


@pytest.fixture
def walls(network: Network) -> Iterator[None]:
    """What is between the two networks lets nothing through, as some routers keep their networks apart."""
    rules = (
        "table ip walls { chain through { type filter hook forward priority 5; "
        'iifname "in" oifname "attic" drop; iifname "attic" oifname "in" drop; }; }'
    )
    network.run("router", "nft", rules)
    yield
    network.run("router", "nft", "delete", "table", "ip", "walls")


async def talking(house: System, downstairs: Booth, upstairs: Booth, srtp: str) -> tuple[BoothCall, BoothCall]:
    """Two phones of the site in a call, which hear each other through the system at first."""
    await house.apply({"sites": [SITE]})
    options = {"extra_params": [f"mediaenc={srtp}"]} if srtp else {}
    transport = "tls" if srtp else "udp"
    anna = await downstairs.phone(house.account("101", transport), 440, **options)
    bert = await upstairs.phone(house.account("102", transport), 660, **options)
    mine, theirs = await anna.call(bert)
    await mine.hears(660)
    await theirs.hears(440)
    return mine, theirs


async def comes_to(house: System, state: str) -> None:
    """Wait until the attempt to talk directly has come so far; "" when it is over."""

    async def there() -> bool:
        (call,) = await house.calls()
        return bool(call["direct"] == state)

    await eventually(there, f"the direct audio to be {state or 'over'}", 30.0)


@pytest.mark.parametrize("srtp", ["", "srtp-mand"])
async def test_the_audio_of_two_phones_of_a_site_does_not_cross_the_router(
    house: System,
    at_home: Booth,
    network: Network,
    ports: Block,
    counted: Counted,
    upstairs: tuple[str, ...],
    srtp: str,
) -> None:
    async with Booth(ports, address=UPSTAIRS, prefix=upstairs, more="sip_verify_server no\n") as second_booth:
        mine, theirs = await talking(house, at_home, second_booth, srtp)
        await comes_to(house, "proved")
        before, since = counted.audio(), time.monotonic()
        await mine.hears(660, 1.0, since=since)
        await theirs.hears(440, 1.0, since=since)
        assert counted.audio() == before, "no packet of audio crossed the router"
        assert before > 0, "before that it did"

        await mine.do("hold")
        await theirs.hears_melody(since=time.monotonic())
        await mine.do("resume")
        resumed = time.monotonic()
        await mine.hears(660, 0.5, since=resumed)
        await theirs.hears(440, 0.5, since=resumed)
        await mine.hang_up()
        await theirs.ended()


async def test_phones_that_do_not_reach_each_other_come_back(
    house: System, at_home: Booth, network: Network, ports: Block, upstairs: tuple[str, ...], walls: None
) -> None:
    async with Booth(ports, address=UPSTAIRS, prefix=upstairs) as second_booth:
        mine, theirs = await talking(house, at_home, second_booth, "")
        await comes_to(house, "trying")
        await comes_to(house, "")
        since = time.monotonic()
        await mine.hears(660, 0.5, since=since)
        await theirs.hears(440, 0.5, since=since)
        await mine.hang_up()
        await theirs.ended()
