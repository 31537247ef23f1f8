"""A click calls: the own phone, of another maker, rings first, and is then connected."""

from __future__ import annotations

from .rig.booth import Booth
from .rig.system import System


async def test_a_click_rings_the_own_phone_and_then_the_other(system: System, booth: Booth) -> None:
    anna = await booth.phone(system.account("101"), 440)
    bert = await booth.phone(system.account("102"), 660)
    started = await system.ask("originate", **{"from": "101"}, to="102", by="Anna")
    mine = await anna.rings()
    assert "102" in mine.caller
    await mine.answer()
    theirs = await bert.rings()
    assert "101" in theirs.caller
    await theirs.answer()
    await mine.hears(660)
    await theirs.hears(440)
    await mine.hang_up()
    await theirs.ended()
    record = await system.last_record()
    assert record["id"] == started["id"]
    assert (record["outcome"], record["direction"]) == ("answered", "internal")
    assert record["caller"]["number"] == "101"
