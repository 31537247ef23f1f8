"""Encrypted audio by SDES (RFC 4568), and phones that speak IPv6 with phones that speak IPv4."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from .rig.booth import Booth
from .rig.debian_baresip import DebianBaresip, why_no_baresip
from .rig.ports import Block
from .rig.system import System, eventually

needs_baresip = pytest.mark.skipif(bool(why_no_baresip()), reason=why_no_baresip())


@needs_baresip
async def test_an_encrypted_phone_calls_a_plain_one(system: System, booth: Booth, ports: Block, tmp_path: Path) -> None:
    bert = await booth.phone(system.account("102"), 660)
    account = system.account("101", "tls")
    async with DebianBaresip(tmp_path / "anna", ports, account, 440, codec="pcma", encryption="srtp-mand") as anna:
        await anna.dial("102")
        theirs = await (await bert.rings()).answer()
        await anna.answered()
        await asyncio.gather(anna.hears(660, 0.5), theirs.hears(440, 0.5))
        await anna.hang_up()
        await theirs.ended()

    record = await system.last_record("101")
    legs = {leg["role"]: leg for leg in record["legs"]}
    assert (bool(legs["caller"]["secure"]), bool(legs["callee"]["secure"])) == (True, False)


@needs_baresip
async def test_two_encrypted_phones_of_different_codecs(system: System, ports: Block, tmp_path: Path) -> None:
    one, other = system.account("101", "tls"), system.account("102", "tls")
    async with (
        DebianBaresip(tmp_path / "anna", ports, one, 440, codec="g722", encryption="srtp-mand") as anna,
        DebianBaresip(tmp_path / "bert", ports, other, 660, codec="gsm", encryption="srtp-mand") as bert,
    ):
        await anna.dial("102")
        await bert.rings()
        await bert.answer()
        await anna.answered()
        await asyncio.gather(anna.hears(660, 0.5), bert.hears(440, 0.5))
        await bert.hang_up()
        await anna.ended()

    record = await system.last_record("101")
    assert all(leg["secure"] for leg in record["legs"])


@needs_baresip
async def test_an_encrypted_phone_is_held_and_hears_music(
    system: System, booth: Booth, ports: Block, tmp_path: Path
) -> None:
    bert = await booth.phone(system.account("102"), 660)
    account = system.account("101", "tls")
    async with DebianBaresip(tmp_path / "anna", ports, account, 440, encryption="srtp-mand") as anna:
        mine = await bert.dial("101")
        await anna.rings()
        await anna.answer()
        await mine.hears(440)
        await mine.do("hold")
        await eventually(lambda: anna.listen().hears_melody(), "music on hold")
        await mine.do("resume")
        await mine.hang_up()
        await anna.ended()


async def test_a_phone_on_ipv6_talks_with_one_on_ipv4(system: System, booth: Booth, booth_ipv6: Booth) -> None:
    anna = await booth_ipv6.phone(system.account("101", host="::1"), 440)
    bert = await booth.phone(system.account("102"), 660)

    for caller, called, hertz in ((anna, bert, 660), (bert, anna, 440)):
        mine, theirs = await caller.call(called)
        await mine.hears(hertz)
        await theirs.hears(1100 - hertz)
        await mine.hang_up()
        await theirs.ended()


@needs_baresip
async def test_a_desk_phone_that_gets_its_keys_by_dtls_calls_a_plain_one(
    system: System, booth: Booth, ports: Block, tmp_path: Path
) -> None:
    """DTLS-SRTP without ICE and with RTCP on a port of its own, as desk phones have it."""
    bert = await booth.phone(system.account("102"), 660)
    account = system.account("101", "tls")
    async with DebianBaresip(tmp_path / "anna", ports, account, 440, codec="pcma", encryption="dtls_srtp") as anna:
        await anna.dial("102")
        theirs = await (await bert.rings()).answer()
        await anna.answered()
        await asyncio.gather(anna.hears(660, 0.5), theirs.hears(440, 0.5))
        await anna.hang_up()
        await theirs.ended()

    record = await system.last_record("101")
    assert [bool(leg["secure"]) for leg in record["legs"] if leg["role"] == "caller"] == [True]
