"""Two phones call each other and hear each other."""

from __future__ import annotations

from .rig.booth import Booth
from .rig.system import System


async def test_two_phones_hear_each_other(system: System, booth: Booth) -> None:
    anna = await booth.phone(system.account("101"), 440)
    bert = await booth.phone(system.account("102"), 660)

    mine, theirs = await anna.call(bert)

    await mine.hears(660)
    await theirs.hears(440)
    await mine.hang_up()
    await theirs.ended()
