"""Linphone registers, calls, is called, holds and transfers."""

from __future__ import annotations

import asyncio
import subprocess
import sys
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


LINK = """
import sys
from jackfield import settings
from jackfield.console import database
database.setup(settings.load(data_dir=sys.argv[1]))
from jackfield.console.web.first_run.connecting import link
from jackfield.numbers.models import Line
line = Line.objects.get(extension__number=sys.argv[3])
print(link(line, f"http://127.0.0.1:{sys.argv[2]}") + "/linphone.xml")
"""


async def test_linphone_sets_itself_up_by_the_link_that_the_pages_show(
    system: System, booth: Booth, ports: Block, tmp_path: Path
) -> None:
    command = [sys.executable, "-c", LINK, str(system.data), str(system.console_port), "101"]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=60, check=False)
    assert not done.returncode, done.stderr
    bert = await booth.phone(system.account("102"), 660)
    async with Linphone(tmp_path / "l", ports, system.account("101"), 440, done.stdout.strip()) as linphone:
        await linphone.dial("102")
        theirs = await bert.rings()
        await theirs.answer()
        await theirs.hears(440)
        await linphone.hears(660)
        linphone.do("terminate")
        await theirs.ended()
