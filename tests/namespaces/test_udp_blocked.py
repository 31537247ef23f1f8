"""Jackfield Phone in a network that lets no UDP through: its audio goes by coturn over TCP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from interop.rig.booth import Booth, why_no_booth
from interop.rig.browser import BrowserPhone, chromium, let_in, why_no_browser
from interop.rig.configuration import configuration, extension
from interop.rig.ports import block
from interop.rig.system import System, eventually
from jackfield.control import ask
from jackfield.network import turn

from .network import HOUSE, HOUSE_INSIDE, Network, why_no_namespaces

MICROPHONE = 1000.0
WAYS = {
    "UDP is blocked": "meta l4proto udp drop;",
    "nothing but web pages": "meta l4proto udp drop; tcp dport != {pages} drop;",
}
"""What a network drops on its way out."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def system(tmp_path_factory: pytest.TempPathFactory, network: Network) -> AsyncIterator[System]:
    if reason := why_no_namespaces() or why_no_booth() or why_no_browser():
        pytest.skip(reason)
    if not turn.program():
        pytest.skip("Debian's package coturn is not installed (apt install coturn)")
    ports = block()
    settings = configuration(
        [extension(101, user="anna")], users=[{"login": "anna", "name": "Anna"}], settings={"turn": True}
    )
    async with System(
        tmp_path_factory.mktemp("blocked"), ports, settings, host=f"{HOUSE},{HOUSE_INSIDE}",
        prefix=network.inside("house"), console_host=HOUSE, console_tls="on",
    ) as running:  # fmt: skip
        let_in(running, "anna")

        async def on() -> bool:
            known = await ask(running.data / "run" / "network.sock", "addresses")
            return f"{HOUSE}:3478" in (network.run("house", "ss", "-ltn") if known["turn"] else "")

        await eventually(on, "coturn to be up", 20.0)
        yield running
    ports.release()


@pytest.mark.parametrize("way", WAYS)
async def test_a_browser_in_a_network_that_blocks_hears_and_is_heard(
    system: System, network: Network, in_the_office: Booth, tmp_path: Path, way: str
) -> None:
    rules = WAYS[way].format(pages=system.console_port)
    network.run("router", "nft", f"table ip blocked {{ chain c {{ type filter hook forward priority -1; "
                f'iifname "in" jump out; }}; chain out {{ {rules} }}; }}')  # fmt: skip
    desk = await in_the_office.phone(system.account("102", host=HOUSE_INSIDE), 440)
    try:
        async with chromium(tmp_path, MICROPHONE, prefix=network.inside("home")) as browser:
            base = f"https://{HOUSE}:{system.console_port}"
            phone = await BrowserPhone.open(browser, system, "anna", base=base, ignore_https_errors=True)
            await phone.ready()
            await phone.dial("102")
            theirs = await (await desk.rings()).answer()
            await phone.talks("Phone 102")
            await asyncio.gather(theirs.hears(MICROPHONE), phone.hears(440))
            await phone.tap("hangup")
            await phone.idle()
            mine = await desk.dial("101")
            await phone.rings("Phone 102")
            await phone.tap("answer")
            await asyncio.gather(mine.hears(MICROPHONE), phone.hears(440))
            await mine.hang_up()
            await phone.idle()
            await phone.close()
    finally:
        network.run("router", "nft", "delete", "table", "ip", "blocked")
