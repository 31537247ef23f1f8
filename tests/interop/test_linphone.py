"""Linphone registers, calls, is called, holds and transfers."""

from __future__ import annotations

from pathlib import Path

import pytest

from .rig.booth import Booth
from .rig.linphone import Linphone, why_no_linphone
from .rig.ports import Block
from .rig.system import System

pytestmark = pytest.mark.skipif(bool(why_no_linphone()), reason=why_no_linphone())


async def test_linphone_calls_another_phone(system: System, booth: Booth, ports: Block, tmp_path: Path) -> None:
    bert = await booth.phone(system.account("102"), 660)
    async with Linphone(tmp_path / "l", ports, system.account("101"), 440) as linphone:
        await linphone.dial("102")
        theirs = await bert.rings()
        await theirs.answer()
        await theirs.hears(440)
        await linphone.hears(660)
        linphone.do("terminate")
        await theirs.ended()


async def test_linphone_is_called_by_another_phone(system: System, booth: Booth, ports: Block, tmp_path: Path) -> None:
    bert = await booth.phone(system.account("102"), 660)
    async with Linphone(tmp_path / "l", ports, system.account("101", "tcp"), 440) as linphone:
        mine = await bert.dial("101")
        await linphone.says("incoming call")
        linphone.do("answer")
        await mine.answered()
        await mine.hears(440)
        await linphone.hears(660)
        await mine.hang_up()
        await linphone.says("Call .* ended")
