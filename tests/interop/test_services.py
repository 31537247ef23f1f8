"""The numbers that play something, heard by a real phone."""

from __future__ import annotations

import time

import pytest

from .rig.booth import Booth
from .rig.system import System


async def test_the_echo_test_says_back_what_it_hears(system: System, booth: Booth) -> None:
    anna = await booth.phone(system.account("101"), 440)

    mine = await (await anna.dial("*43")).answered()
    await mine.hears(440, 0.5)
    changed = time.monotonic()
    await mine.do("say", hertz=880)
    came_back = await mine.hears(880, 0.2, since=changed)
    assert came_back - changed < 1.0  # a person would call that "at once"; the phone itself keeps 60 ms and more
    await mine.hang_up()


@pytest.mark.parametrize(("number", "codec"), [("*61", "pcmu"), ("*61", "opus/48000/2"), ("*60", "g722/16000/1")])
async def test_an_announcement_is_heard_and_the_call_ends(
    system: System, booth: Booth, number: str, codec: str
) -> None:
    anna = await booth.phone(system.account("101"), 440, audio_codecs=[codec])

    mine = await (await anna.dial(number)).answered()
    await mine.hears_melody()
    await mine.ended(timeout=20.0)


async def test_music_goes_on_until_the_caller_hangs_up(system: System, booth: Booth) -> None:
    anna = await booth.phone(system.account("101"), 440)

    mine = await (await anna.dial("*62")).answered()
    await mine.hears_melody()
    assert not mine.over
    await mine.hang_up()
