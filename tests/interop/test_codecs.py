"""Whatever codec a phone has, it hears every other phone."""

from __future__ import annotations

import asyncio
from pathlib import Path

from .rig.debian_baresip import DebianBaresip
from .rig.ports import Block
from .rig.system import System


async def test_debian(system: System, ports: Block, tmp_path: Path) -> None:
    async with (
        DebianBaresip(tmp_path / "a", ports, system.account("123"), 440, codec="gsm") as anna,
        DebianBaresip(tmp_path / "b", ports, system.account("124"), 660, codec="opus") as bert,
    ):
        await anna.dial("124")
        await bert.rings()
        await bert.answer()
        await anna.answered()
        await asyncio.gather(anna.hears(660), bert.hears(440))
        await anna.hang_up()
        await bert.ended()
