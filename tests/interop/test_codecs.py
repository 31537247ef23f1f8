"""Whatever codec a phone has, it hears every other phone and is heard: all pairs, both ways.

The calling phones are of baresip-python (GSM: Debian's baresip), the called ones of Debian's baresip.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from .rig.booth import Booth, BoothCall
from .rig.configuration import CODECS
from .rig.debian_baresip import SPELLING, DebianBaresip, why_no_baresip
from .rig.ports import Block
from .rig.system import System

pytestmark = pytest.mark.skipif(bool(why_no_baresip()), reason=why_no_baresip())

CALLING = {codec: str(120 + index) for index, codec in enumerate(CODECS)}
CALLED = {codec: str(130 + index) for index, codec in enumerate(CODECS)}
HERTZ = {codec: 500.0 + 150 * index for index, codec in enumerate(CODECS)}


@pytest_asyncio.fixture(loop_scope="session")
async def called(system: System, ports: Block, tmp_path: Path) -> AsyncIterator[dict[str, DebianBaresip]]:
    """A phone with each codec, and no other."""
    async with contextlib.AsyncExitStack() as stack:
        phones = {
            codec: DebianBaresip(tmp_path / codec, ports, system.account(number), HERTZ[codec], codec=codec)
            for codec, number in CALLED.items()
        }
        await asyncio.gather(*(stack.enter_async_context(phone) for phone in phones.values()))
        yield phones


@pytest.mark.parametrize("codec", [codec for codec in CODECS if codec != "gsm"])
async def test_a_phone_talks_with_phones_of_every_codec(
    system: System, booth: Booth, called: dict[str, DebianBaresip], codec: str
) -> None:
    account = system.account(CALLING[codec])
    phone = await booth.phone(account, 400, audio_codecs=[SPELLING.get(codec, codec)])

    async def talk(other: str) -> None:
        mine = await phone.dial(CALLED[other])
        await called[other].rings()
        await called[other].answer()
        await mine.answered()
        await _hear_each_other(mine, called[other], HERTZ[other])
        await mine.hang_up()
        await called[other].ended()

    await asyncio.gather(*(talk(other) for other in CODECS))
    records = await system.records(len(CODECS), number=CALLING[codec])
    for record in records[: len(CODECS)]:
        assert record["outcome"] == "answered", record


async def _hear_each_other(mine: BoothCall, theirs: DebianBaresip, hertz: float) -> None:
    await asyncio.gather(mine.hears(hertz, 0.5), theirs.hears(400, 0.5))


async def test_a_phone_with_gsm_talks_with_phones_of_every_codec(
    system: System, ports: Block, tmp_path: Path, called: dict[str, DebianBaresip]
) -> None:
    async def talk(other: str) -> None:
        account = system.account(CALLING["gsm"])
        async with DebianBaresip(tmp_path / f"to-{other}", ports, account, 400, codec="gsm") as phone:
            await phone.dial(CALLED[other])
            await called[other].rings()
            await called[other].answer()
            await phone.answered()
            await asyncio.gather(phone.hears(HERTZ[other], 0.5), called[other].hears(400, 0.5))
            await phone.hang_up()
            await called[other].ended()

    await asyncio.gather(*(talk(other) for other in CODECS))


async def test_a_call_between_equal_codecs_is_passed_through_and_others_are_transcoded(
    system: System, booth: Booth, called: dict[str, DebianBaresip]
) -> None:
    """The record tells which codec each leg had."""
    phone = await booth.phone(system.account(CALLING["pcma"]), 400, audio_codecs=["pcma"])
    for other, expected in (("pcma", "pcma"), ("opus", "opus")):
        mine = await phone.dial(CALLED[other])
        await called[other].rings()
        await called[other].answer()
        await mine.hears(HERTZ[other])
        await mine.hang_up()
        await called[other].ended()
        record = await system.last_record(CALLED[other])
        legs = {leg["role"]: leg for leg in record["legs"]}
        assert (legs["caller"]["codec"], legs["callee"]["codec"]) == ("pcma", expected), record["legs"]
