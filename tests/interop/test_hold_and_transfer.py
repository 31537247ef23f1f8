"""Hold with music, resume, blind and attended transfer: done by the phones themselves."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from .rig.booth import Booth
from .rig.debian_baresip import DebianBaresip, why_no_baresip
from .rig.linphone import Linphone, why_no_linphone
from .rig.ports import Block
from .rig.system import System

needs_baresip = pytest.mark.skipif(bool(why_no_baresip()), reason=why_no_baresip())
needs_linphone = pytest.mark.skipif(bool(why_no_linphone()), reason=why_no_linphone())


async def test_who_is_held_hears_music_and_afterwards_the_other_again(system: System, booth: Booth) -> None:
    anna = await booth.phone(system.account("101"), 440)
    bert = await booth.phone(system.account("102"), 660)
    mine, theirs = await anna.call(bert)
    await theirs.hears(440)

    held = time.monotonic()
    await mine.do("hold")
    await theirs.hears_melody(since=held + 0.3)
    assert theirs.ear.hears(440, 0.2, since=held + 0.5) is None

    resumed = time.monotonic()
    await mine.do("resume")
    await theirs.hears(440, 0.5, since=resumed)
    await mine.hears(660, 0.5, since=resumed)
    await mine.hang_up()
    await theirs.ended()


@pytest.mark.parametrize("first_to_hold", ["caller", "called"])
@pytest.mark.parametrize("first_to_resume", ["caller", "called"])
async def test_both_hold_and_both_resume(
    system: System, booth: Booth, first_to_hold: str, first_to_resume: str
) -> None:
    anna = await booth.phone(system.account("101"), 440)
    bert = await booth.phone(system.account("102"), 660)
    mine, theirs = await anna.call(bert)
    await mine.hears(660)
    order = {"caller": [mine, theirs], "called": [theirs, mine]}

    first, second = order[first_to_hold]
    await first.do("hold")
    await second.hears_melody(since=time.monotonic() + 0.3)
    await second.do("hold")
    first, second = order[first_to_resume]
    await first.do("resume")
    await second.do("resume")
    resumed = time.monotonic()
    await theirs.hears(440, 0.5, since=resumed)
    await mine.hears(660, 0.5, since=resumed)
    await mine.hang_up()
    await theirs.ended()


@pytest.mark.parametrize("who", ["caller", "called"])
async def test_a_blind_transfer(system: System, booth: Booth, who: str) -> None:
    anna = await booth.phone(system.account("101"), 440)
    bert = await booth.phone(system.account("102"), 660)
    carl = await booth.phone(system.account("103"), 880)
    mine, theirs = await anna.call(bert)
    await mine.hears(660)
    giving, staying, hertz = (mine, theirs, 660) if who == "caller" else (theirs, mine, 440)

    transfer = asyncio.create_task(giving.do("transfer", uri=giving.phone.account.uri("103")))
    third = await carl.rings()
    answered = time.monotonic()
    await third.answer()
    await transfer
    await giving.ended()
    await staying.hears(880, 0.5, since=answered)
    await third.hears(hertz, 0.5)
    await third.hang_up()
    await staying.ended()


async def test_a_blind_transfer_to_a_number_that_is_not_there_leaves_the_call_as_it_was(
    system: System, booth: Booth
) -> None:
    anna = await booth.phone(system.account("101"), 440)
    bert = await booth.phone(system.account("102"), 660)
    mine, theirs = await anna.call(bert)
    await mine.hears(660)

    with pytest.raises(Exception, match="TransferFailed"):
        await mine.do("transfer", uri=anna.account.uri("777"))
    again = time.monotonic()
    assert not mine.over
    await mine.hears(660, 0.5, since=again)
    await theirs.hears(440, 0.5, since=again)
    await mine.hang_up()
    await theirs.ended()


@pytest.mark.parametrize("who", ["caller", "called"])
async def test_an_attended_transfer(system: System, booth: Booth, who: str) -> None:
    anna = await booth.phone(system.account("101"), 440)
    bert = await booth.phone(system.account("102"), 660)
    carl = await booth.phone(system.account("103"), 880)
    mine, theirs = await anna.call(bert)
    giver, giving, staying, hertz = (anna, mine, theirs, 660) if who == "caller" else (bert, theirs, mine, 440)
    await giving.do("hold")
    asking = await giver.dial("103")
    third = await (await carl.rings()).answer()
    await asking.hears(880)

    begun = time.monotonic()
    await giving.do("attended", other=asking.handle)
    await giving.ended()
    await asking.ended()
    await staying.hears(880, 0.5, since=begun)
    await third.hears(hertz, 0.5, since=begun)
    await staying.hang_up()
    await third.ended()
    await system.quiet()


async def test_an_attended_transfer_of_a_call_to_the_outside_of_the_consultation(system: System, booth: Booth) -> None:
    """Who gives the call away was called twice: both calls came in."""
    anna = await booth.phone(system.account("101"), 440)
    bert = await booth.phone(system.account("102"), 660)
    carl = await booth.phone(system.account("103"), 880)
    from_anna, to_bert = await anna.call(bert)
    from_carl, second = await carl.call(bert)

    begun = time.monotonic()
    await to_bert.do("attended", other=second.handle)
    await to_bert.ended()
    await second.ended()
    await from_anna.hears(880, 0.5, since=begun)
    await from_carl.hears(440, 0.5, since=begun)
    await from_anna.hang_up()
    await from_carl.ended()


@needs_baresip
async def test_hold_and_blind_transfer_by_debians_baresip(
    system: System, booth: Booth, ports: Block, tmp_path: Path
) -> None:
    bert = await booth.phone(system.account("102"), 660)
    carl = await booth.phone(system.account("103"), 880)
    async with DebianBaresip(tmp_path / "anna", ports, system.account("101"), 440, codec="pcma") as anna:
        await anna.dial("102")
        theirs = await (await bert.rings()).answer()
        await theirs.hears(440)
        await anna.do("hold")
        await theirs.hears_melody(since=time.monotonic() + 0.3)
        await anna.do("resume")
        await theirs.hears(440, 0.5, since=time.monotonic())

        await anna.do("transfer", anna.account.uri("103"))
        third = await (await carl.rings()).answer()
        await third.hears(660)
        await theirs.hears(880)
        await anna.ended()
        await third.hang_up()
        await theirs.ended()


@needs_linphone
async def test_hold_and_blind_transfer_by_linphone(system: System, booth: Booth, ports: Block, tmp_path: Path) -> None:
    bert = await booth.phone(system.account("102"), 660)
    carl = await booth.phone(system.account("103"), 880)
    async with Linphone(tmp_path / "anna", ports, system.account("101"), 440) as anna:
        await anna.dial("102")
        theirs = await (await bert.rings()).answer()
        await theirs.hears(440)
        anna.do("pause")
        await theirs.hears_melody(since=time.monotonic() + 0.3)
        anna.do("resume")
        await theirs.hears(440, 0.5, since=time.monotonic())

        anna.do(f"transfer {anna.account.uri('103')}")
        third = await (await carl.rings()).answer()
        await third.hears(660)
        await theirs.hears(880)
        await third.hang_up()
        await theirs.ended()
