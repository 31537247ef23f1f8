"""The line of a site with real phones: a call of its own size, one that gets a smaller codec, one that is refused."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator

import pytest_asyncio

from .rig.booth import Booth
from .rig.system import System, eventually

SITE = {"name": "Branch", "public_addresses": ["203.0.113.7"], "direct_media": False, "bandwidth_up": 115}
G711 = 80.0
OPUS_LOW = 28.0


@pytest_asyncio.fixture(loop_scope="session")
async def branch(system: System) -> AsyncIterator[System]:
    """The phones of 101 and 102 are at a site whose line carries one call, and a small one."""
    at_site = [{"number": number, "site": "Branch"} for number in ("101", "102")]
    await system.apply({"sites": [SITE], "extensions": at_site})
    yield system
    elsewhere = [{"number": number, "site": ""} for number in ("101", "102")]
    await system.apply({"sites": [SITE | {"bandwidth_up": 0}], "extensions": elsewhere})


async def uses(system: System, kbits: float) -> None:
    """Wait until the site's line carries so much."""

    async def there() -> bool:
        (site,) = await system.ask("sites", name="Branch")
        return bool(site["up"] == kbits)

    await eventually(there, f"the site to use {kbits} kbit/s")


async def test_a_full_line_gives_a_smaller_codec_and_then_refuses(branch: System, booth: Booth) -> None:
    anna = await booth.phone(branch.account("101"), 440, audio_codecs=["pcma"])
    bert = await booth.phone(branch.account("102"), 660, audio_codecs=["opus/48000/2", "pcma"])
    clara = await booth.phone(branch.account("103"), 880, audio_codecs=["pcma"])
    dora = await booth.phone(branch.account("104"), 1100, audio_codecs=["opus/48000/2", "pcma"])
    (site,) = await branch.ask("sites", name="Branch")
    assert sorted(phone["extension"] for phone in site["phones"]) == ["101", "102"]

    first, at_anna = await clara.call(anna)
    await first.hears(440)
    await uses(branch, G711)
    second, at_bert = await dora.call(bert)
    since = time.monotonic()
    await second.hears(660, since=since)
    await at_bert.hears(1100, since=since)
    await at_anna.hears(880, since=since)
    await uses(branch, G711 + OPUS_LOW)
    third = await bert.dial("103")
    await third.ended()
    await first.hang_up()
    await second.hang_up()
    await uses(branch, 0.0)
    refused = next(one for one in await branch.records(2, number="102") if one["caller"]["number"] == "102")
    record = await branch.record(refused["id"])
    assert record["sip_status"] == 503
    assert any('the line of site "Branch" is full' in line["text"] for line in record["journal"]), record["journal"]
