"""Phones of different makers call each other, and each hears the other."""

from __future__ import annotations

import asyncio

import pytest

from .rig.aio_phone import AioPhone, why_no_aiosipua
from .rig.booth import Booth
from .rig.ports import Block
from .rig.system import System

needs_aiosipua = pytest.mark.skipif(bool(why_no_aiosipua()), reason=why_no_aiosipua())


async def test_two_phones_hear_each_other(system: System, booth: Booth) -> None:
    anna = await booth.phone(system.account("101"), 440)
    bert = await booth.phone(system.account("102"), 660)

    mine, theirs = await anna.call(bert)

    await mine.hears(660)
    await theirs.hears(440)
    await mine.hang_up()
    await theirs.ended()


@needs_aiosipua
async def test_baresip_calls_aiosipua(system: System, booth: Booth, ports: Block) -> None:
    anna = await booth.phone(system.account("101"), 440)
    async with AioPhone(ports, system.account("102"), 660) as bert:
        mine = await anna.dial("102")
        theirs = await (await bert.rings()).answer()
        await mine.hears(660)
        await theirs.hears(440)
        await theirs.hang_up()
        await mine.ended()


@needs_aiosipua
async def test_aiosipua_calls_baresip(system: System, booth: Booth, ports: Block) -> None:
    bert = await booth.phone(system.account("102"), 660)
    async with AioPhone(ports, system.account("101"), 440) as anna:
        mine = anna.dial("102")
        theirs = await (await bert.rings()).answer()
        await mine.established()
        await mine.hears(660)
        await theirs.hears(440)
        await theirs.hang_up()
        try:
            await asyncio.wait_for(mine.over.wait(), 5.0)
        except TimeoutError:
            print(await system.ladder())
            raise
