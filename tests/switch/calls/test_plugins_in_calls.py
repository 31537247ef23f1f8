"""Plug-ins that behave badly: the call still ends, all is released, and one clear line names the plug-in."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from dataclasses import replace
from importlib.metadata import EntryPoint
from typing import Any

import pytest

from jackfield.switch.destinations.extension import dials_of
from jackfield.switch.plugins import GROUP, Plugins
from jackfield.switch.snapshot import Service

from .house import House, Phone
from .test_races import over

released: list[bool] = []


@pytest.fixture(autouse=True)
def nobody_is_left() -> Iterator[None]:
    released.clear()
    yield
    released.append(True)


async def stubborn(call: Any, service: Any) -> None:
    """Never lets itself be cancelled."""
    await call.answer()
    while not released:
        try:
            await asyncio.sleep(5)
        except asyncio.CancelledError:
            continue


async def swallows_once(call: Any, service: Any) -> None:
    await call.answer()
    try:
        await call.collect(timeout=600)
    except asyncio.CancelledError:
        await call.play("welcome")


async def waits_for_ever(call: Any, service: Any) -> None:
    await call.ring_back()
    await asyncio.get_running_loop().create_future()


async def breaks_in_its_farewell(call: Any, service: Any) -> None:
    await call.answer()
    try:
        await call.talk_alone()
    finally:
        raise ValueError("no order to close")


async def leaves_the_program(call: Any, service: Any) -> None:
    sys.exit(1)


async def cancels_its_own_work(call: Any, service: Any) -> None:
    work = asyncio.ensure_future(asyncio.sleep(100))
    asyncio.get_running_loop().call_later(1, work.cancel)
    await work


async def returns(call: Any, service: Any) -> None:
    return


async def goes_on_after_the_talk(call: Any, service: Any) -> None:
    ringing = await call.ring(dials_of(call, call.snapshot.numbers["102"]), timeout=20)
    await call.bridge(ringing.leg)
    await call.play("welcome")


async def caller_of(house: House, plugin: object) -> Phone:
    name = plugin.__name__  # type: ignore[attr-defined]
    points = [EntryPoint(name, f"{__name__}:{name}", GROUP)]
    house.switch.plugins = Plugins(found=lambda: points)
    await house.configure(services=(Service(number="*70", kind="plugin", plugin=name),))
    return await house.phone("101")


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]


@pytest.mark.parametrize("who", ["caller", "administrator"])
async def test_one_that_can_not_be_stopped_is_left_behind(
    house: House, caplog: pytest.LogCaptureFixture, who: str
) -> None:
    alice = await caller_of(house, stubborn)
    call = alice.call("*70")
    assert await call.outcome() == 200
    if who == "caller":
        call.hang_up()
    else:
        next(iter(house.switch.calls.values())).end(200, "hung up by the administrator")
    await house.pass_time(15)
    assert call.ended is not None or who == "caller"
    assert not house.switch.calls
    assert not house.pool.streams
    assert house.record["hung_up_by"] == {"caller": "caller", "administrator": "system"}[who]
    assert house.record["answered"] is not None
    assert "left behind" in house.journal()
    assert [line for line in said(caplog) if 'plug-in "stubborn" (service *70)' in line and "CancelledError" in line]
    released.append(True)
    await over(house)
    assert len(said(caplog)) == 1


async def test_one_that_swallows_the_hang_up_is_stopped_at_its_next_verb(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    alice = await caller_of(house, swallows_once)
    call = alice.call("*70")
    assert await call.outcome() == 200
    await house.pass_time(1)
    call.hang_up()
    await house.pass_time(1)
    assert not house.switch.calls
    record = await over(house)
    assert record["hung_up_by"] == "caller"
    assert not said(caplog)


async def test_one_that_never_returns_ends_with_its_caller(house: House, caplog: pytest.LogCaptureFixture) -> None:
    alice = await caller_of(house, waits_for_ever)
    call = alice.call("*70")
    await house.pass_time(3600)
    assert call.statuses
    call.hang_up()
    assert await call.outcome() == 487
    record = await over(house)
    assert record["outcome"] == "cancelled"
    assert not said(caplog)


async def test_one_that_never_returns_ends_with_the_longest_call_that_is_allowed(house: House) -> None:
    alice = await caller_of(house, waits_for_ever)
    await house.configure(general=replace(house.snapshot.general, max_call_minutes=10))
    call = alice.call("*70")
    assert await call.outcome() == 480
    record = await over(house)
    assert "limit of 10 minutes" in record["reason"]


async def test_one_that_breaks_when_its_caller_has_gone_is_named(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    alice = await caller_of(house, breaks_in_its_farewell)
    call = alice.call("*70")
    assert await call.outcome() == 200
    call.hang_up()
    record = await over(house)
    assert (record["outcome"], record["hung_up_by"]) == ("answered", "caller")
    assert len(said(caplog)) == 1
    assert 'plug-in "breaks_in_its_farewell" (service *70) failed: ValueError: no order to close' in said(caplog)[0]


async def test_one_that_leaves_the_program_ends_its_call_only(house: House, caplog: pytest.LogCaptureFixture) -> None:
    alice = await caller_of(house, leaves_the_program)
    assert await alice.call("*70").outcome() == 500
    record = await over(house)
    assert record["reason"] == 'plug-in "leaves_the_program" failed'
    assert len(said(caplog)) == 1
    assert "SystemExit" in said(caplog)[0]


async def test_one_whose_own_work_was_cancelled_has_failed(house: House, caplog: pytest.LogCaptureFixture) -> None:
    alice = await caller_of(house, cancels_its_own_work)
    assert await alice.call("*70").outcome() == 500
    record = await over(house)
    assert (record["outcome"], record["hung_up_by"], record["sip_status"]) == ("failed", "system", 500)
    assert len(said(caplog)) == 1


async def test_one_that_does_nothing_leaves_its_caller_with_480(house: House, caplog: pytest.LogCaptureFixture) -> None:
    alice = await caller_of(house, returns)
    assert await alice.call("*70").outcome() == 480
    await over(house)
    assert not said(caplog)


async def test_one_that_goes_on_after_a_talk_is_over_has_not_failed(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    alice, bob = await caller_of(house, goes_on_after_the_talk), await house.phone("102")
    call = alice.call("*70")
    await bob.picks_up()
    assert await call.outcome() == 200
    call.hang_up()
    record = await over(house)
    assert record["hung_up_by"] == "caller"
    assert not said(caplog)
