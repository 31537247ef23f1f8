"""Browsers behind a NAT: ICE finds the way that nobody signalled."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from interop.rig.booth import Booth
from interop.rig.system import System
from interop.rig.web_audio import WebAudioPhone, browser, why_no_browser

from .network import HOUSE_INSIDE, Network

pytestmark = pytest.mark.skipif(bool(why_no_browser()), reason=why_no_browser())


async def test_a_browser_behind_nat_calls_and_is_called(
    house: System, network: Network, in_the_office: Booth, tmp_path: Path
) -> None:
    desk = await in_the_office.phone(house.account("102", host=HOUSE_INSIDE), 660)
    async with (
        browser(prefix=network.inside("home"), folder=tmp_path) as chromium,
        WebAudioPhone(chromium, house.account("101", "wss"), 440) as page,
    ):
        await page.do("dial", "102")
        theirs = await (await desk.rings()).answer()
        await asyncio.gather(page.hears(660, 0.5), theirs.hears(440, 0.5))
        await page.do("hangUp")
        await theirs.ended()

        mine = await desk.dial("101")
        await page.says("ringing")
        await page.do("answer")
        await asyncio.gather(page.hears(660, 0.5), mine.hears(440, 0.5))
        await mine.hang_up()
        await page.says("ended", count=2)
