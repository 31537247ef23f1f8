"""Calls to the outside: which trunk carries them, and when the next one is tried."""

from __future__ import annotations

import logging

import pytest
from company import EmergencyNumber, Outbound, company, dial, extension, trunk
from fake_call import ANSWERED, BUSY, FAILED, REJECTED, FakeCall, FakeSwitch, run

from jackfield.switch.destinations import destination_of

TRUNKS = (trunk("A"), trunk("B"), trunk("C"))


async def call(*outcomes, number="9777", switch=None, max_calls=0):
    snapshot = company(
        trunks=TRUNKS,
        outbound=(Outbound(name="World", prefix="9", trunks=("A", "B", "C"), max_calls=max_calls),),
        emergency_numbers=(EmergencyNumber(number="112"),),
        extensions=(extension("101", "Anna"),),
    )
    made = FakeCall(snapshot, *outcomes, switch=switch)
    plan = dial(snapshot, number)
    return await run(destination_of(plan.entry), made, plan.entry), made


async def test_the_first_trunk_carries_the_call():
    ended, made = await call(ANSWERED)
    assert ended == "talks to the outside"
    assert made.rung == [["A:777"]]
    assert made.timeouts == [300.0]  # the carrier gives up before; this is for a caller who has vanished


@pytest.mark.parametrize("status", [408, 500, 503, 504])
async def test_a_trunk_that_fails_makes_way_for_the_next(status: int):
    ended, made = await call(("failed", status), ANSWERED)
    assert ended == "talks to the outside"
    assert made.rung == [["A:777"], ["B:777"]]
    assert any(f'trunk "A" failed: {status}' in note for note in made.notes)


@pytest.mark.parametrize("outcome", [BUSY, REJECTED, ("unreachable", 404), ("rejected", 403), ("failed", 488)])
async def test_a_busy_or_unwilling_callee_is_not_called_twice(outcome):
    ended, made = await call(outcome)
    assert made.rung == [["A:777"]]
    assert ended == str(outcome[1])


async def test_when_all_trunks_fail_the_caller_gets_the_last_answer():
    ended, made = await call(FAILED)
    assert ended == "503"
    assert len(made.rung) == 3


async def test_trunks_that_are_down_or_full_are_passed_over():
    switch = FakeSwitch()
    switch.trunks.down.add("A")
    switch.trunks.full.add("B")
    ended, made = await call(ANSWERED, switch=switch)
    assert made.rung == [["C:777"]]
    assert any('"A" is down' in note for note in made.notes)
    assert any('"B" has no room' in note for note in made.notes)


async def test_when_all_seem_down_they_are_tried_nevertheless():
    switch = FakeSwitch()
    switch.trunks.down |= {"A", "B", "C"}
    ended, made = await call(FAILED, ANSWERED, switch=switch)
    assert made.rung == [["A:777"], ["B:777"]]
    assert ended == "talks to the outside"


async def test_when_all_are_full_the_caller_gets_503():
    switch = FakeSwitch()
    switch.trunks.full |= {"A", "B", "C"}
    ended, made = await call(ANSWERED, switch=switch)
    assert (ended, made.rung) == ("503", [])


async def test_a_route_takes_no_more_calls_than_it_may():
    switch = FakeSwitch()
    switch.trunks.route_full = True
    ended, made = await call(ANSWERED, switch=switch, max_calls=3)
    assert (ended, made.rung) == ("503", [])
    assert "3 calls" in made.did[-1]


async def test_the_route_s_place_is_given_back():
    switch = FakeSwitch()
    await call(ANSWERED, switch=switch)
    assert switch.trunks.held == 0


# --- emergency ---


async def test_an_emergency_call_tries_full_trunks_too_and_those_that_are_up_first():
    switch = FakeSwitch()
    switch.trunks.down.add("A")
    switch.trunks.full |= {"A", "B", "C"}
    ended, made = await call(FAILED, ("failed", 403), ANSWERED, number="112", switch=switch)
    assert ended == "talks to the outside"
    assert made.rung == [["B:112"], ["C:112"], ["A:112"]]


async def test_an_emergency_call_that_reached_the_desk_is_not_sent_elsewhere():
    ended, made = await call(BUSY, number="112")
    assert (ended, len(made.rung)) == ("486", 1)


async def test_an_emergency_call_that_failed_is_told_loudly(caplog):
    with caplog.at_level(logging.WARNING):
        ended, _ = await call(FAILED, number="112")
    assert ended == "503"
    assert "emergency call to 112 from Karel (777)" in caplog.text
    assert "FAILED" in caplog.text
    assert "Emergency numbers > 112" in caplog.text
