"""A browser as a telephone, and a desk phone: each calls the other, with tones heard both ways (WebRTC over WSS)."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from .rig.booth import Booth
from .rig.configuration import configuration
from .rig.ports import block
from .rig.system import System, eventually
from .rig.web_audio import WebAudioPhone, browser, why_no_browser

pytestmark = pytest.mark.skipif(bool(why_no_browser()), reason=why_no_browser())


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def chromium() -> AsyncIterator[Any]:
    async with browser() as running:
        yield running


async def test_a_browser_calls_a_desk_phone(system: System, booth: Booth, chromium: Any) -> None:
    bert = await booth.phone(system.account("102"), 660)
    async with WebAudioPhone(chromium, system.account("101", "wss"), 440) as page:
        await page.do("dial", "102")
        theirs = await (await bert.rings()).answer()
        await page.says("confirmed")
        await asyncio.gather(page.hears(660, 0.5), theirs.hears(440, 0.5))
        assert (await page.says("track"))["streams"] == 1
        secured = await page.do("secured")

        await page.do("press", "159#")
        await eventually(lambda: theirs.digits == "159#", "the digits 159# at the desk phone")

        held = time.monotonic()
        await page.do("hold")
        await theirs.hears_melody(since=held + 0.3)
        resumed = time.monotonic()
        await page.do("resume")
        await asyncio.gather(page.hears(660, 0.5, since=resumed), theirs.hears(440, 0.5, since=resumed))

        restarted = time.monotonic()
        await page.do("restart")
        await asyncio.gather(page.hears(660, 0.5, since=restarted), theirs.hears(440, 0.5, since=restarted))

        await page.do("hangUp")
        await theirs.ended()

    assert secured.startswith("FEFD "), secured  # DTLS 1.2
    record = await system.last_record("101")
    legs = {leg["role"]: leg for leg in record["legs"]}
    assert (bool(legs["caller"]["secure"]), bool(legs["callee"]["secure"])) == (True, False)


async def test_a_desk_phone_calls_a_browser_that_has_opus_only(system: System, booth: Booth, chromium: Any) -> None:
    """Audio is transcoded, and keys change their clock from 48000 to 8000 on the way."""
    bert = await booth.phone(system.account("102"), 660)
    async with WebAudioPhone(chromium, system.account("124", "wss"), 440) as page:
        mine = await bert.dial("124")
        await page.says("ringing")
        await page.do("answer")
        await asyncio.gather(page.hears(660, 0.5), mine.hears(440, 0.5))

        assert await page.do("codec") == "audio/opus"
        await page.do("press", "27*")
        await eventually(lambda: mine.digits == "27*", "the digits 27* at the desk phone")

        held = time.monotonic()
        await mine.do("hold")
        await page.hears_melody(since=held + 0.3)
        resumed = time.monotonic()
        await mine.do("resume")
        await page.hears(660, 0.5, since=resumed)

        await mine.hang_up()
        await page.says("ended")


async def test_a_browser_passes_its_call_on_to_another_browser(system: System, booth: Booth, chromium: Any) -> None:
    """Blind transfer; the one that is passed on is moved between media processes where there are several."""
    bert = await booth.phone(system.account("102"), 660)
    async with (
        WebAudioPhone(chromium, system.account("101", "wss"), 440) as page,
        WebAudioPhone(chromium, system.account("103", "wss"), 880) as other,
    ):
        mine = await bert.dial("101")
        await page.says("ringing")
        await page.do("answer")
        await page.hears(660, 0.5)
        await page.do("refer", "103")
        await other.says("ringing")
        await other.do("answer")
        await asyncio.gather(other.hears(660, 0.5), mine.hears(880, 0.5))
        await page.says("ended")
        await other.do("hangUp")
        await mine.ended()


async def test_two_browsers_talk_by_opus(system: System, chromium: Any) -> None:
    async with (
        WebAudioPhone(chromium, system.account("101", "ws"), 440) as one,
        WebAudioPhone(chromium, system.account("103", "wss"), 880) as two,
    ):
        await one.do("dial", "103")
        await two.says("ringing")
        await two.do("answer")
        await asyncio.gather(one.hears(880, 0.5), two.hears(440, 0.5))
        assert await two.do("codec") == "audio/opus"
        await one.do("hangUp")
        await two.says("ended")


async def test_a_browser_shakes_hands_anew_with_another_media_process(
    booth: Booth, chromium: Any, tmp_path: Path
) -> None:
    """A desk phone in two calls gives one to the other, then a media process dies."""
    ports = block()
    try:
        async with System(tmp_path / "system", ports, configuration(), media_processes=2) as system:
            bert = await booth.phone(system.account("102"), 660)
            async with (
                WebAudioPhone(chromium, system.account("101", "wss"), 440) as page,
                WebAudioPhone(chromium, system.account("103", "wss"), 880) as other,
            ):
                giving = await bert.dial("101")
                await page.says("ringing")
                await page.do("answer")
                await page.hears(660)
                await giving.do("hold")
                asking = await bert.dial("103")
                await other.says("ringing")
                await other.do("answer")
                await asking.hears(880)

                begun = time.monotonic()
                await giving.do("attended", other=asking.handle)
                await asyncio.gather(page.hears(880, 0.5, since=begun), other.hears(440, 0.5, since=begun))
                moved = [one for one in (page, other) if len(await one.having("reinvite")) > 0]
                assert moved, "one of the two was in the other process"

                running = await system.processes()
                killed = time.monotonic()
                for name in [name for name in running if name.startswith("media")]:
                    os.kill(running[name]["pid"], signal.SIGKILL)
                await asyncio.gather(page.hears(880, 0.5, since=killed + 1), other.hears(440, 0.5, since=killed + 1))
                await page.do("hangUp")
                await other.says("ended")
    finally:
        ports.release()
