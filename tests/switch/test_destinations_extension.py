"""An extension: its phones and its person's wishes."""

from __future__ import annotations

import pytest
from company import company, extension
from fake_call import ANSWERED, BUSY, FAILED, NO_ANSWER, REJECTED, UNREACHABLE, FakeCall, FakeSwitch, run

from jackfield.switch.destinations import destination_of
from jackfield.switch.destinations.extension import extension as destination


async def call(*outcomes, switch=None, general=None, **fields):
    entry = extension("102", "Bert", **fields)
    made = FakeCall(company(extensions=(entry,), general=general or {}), *outcomes, switch=switch)
    return await run(destination, made, entry), made


async def test_every_phone_of_every_line_rings_at_once_and_the_first_that_answers_talks():
    switch = FakeSwitch()
    switch.registrar.more["u102"] = 2
    ended, made = await call(ANSWERED, lines=3, switch=switch)
    assert ended == "talks to 102"
    assert made.rung == [["u102", "u102/1", "u102b", "u102c"]]


async def test_phones_ring_for_the_extension_s_time_or_the_company_s():
    _, made = await call(NO_ANSWER, ring_time=12.0)
    assert made.timeouts == [12.0]
    _, made = await call(NO_ANSWER, general={"ring_time": 33.0})
    assert made.timeouts == [33.0]


@pytest.mark.parametrize(
    ("outcome", "forward", "without"),
    [
        (NO_ANSWER, "forward_no_answer", "480"),
        (BUSY, "forward_busy", "486"),
        (REJECTED, "forward_busy", "603"),
        (UNREACHABLE, "forward_unreachable", "480"),
    ],
)
async def test_each_way_of_not_answering_has_its_own_forward_and_status(outcome, forward: str, without: str):
    assert (await call(outcome, **{forward: "9777"}))[0] == "goes to 9777"
    assert (await call(outcome))[0] == without
    others = {f: "1" for f in ("forward_no_answer", "forward_busy", "forward_unreachable") if f != forward}
    assert (await call(outcome, **others))[0] == without


async def test_a_failure_reaches_the_caller_as_it_is():
    assert (await call(FAILED))[0] == "503"
    assert (await call(("failed", 488)))[0] == "488"


async def test_forward_always_rings_nothing_and_goes_before_all_else():
    ended, made = await call(ANSWERED, forward_always="201", do_not_disturb=True, forward_busy="1")
    assert ended == "goes to 201"
    assert made.rung == []


async def test_do_not_disturb_is_busy():
    ended, made = await call(ANSWERED, do_not_disturb=True)
    assert ended == "486"
    assert "does not want to be disturbed" in made.did[-1]
    assert (await call(ANSWERED, do_not_disturb=True, forward_busy="201"))[0] == "goes to 201"


async def test_a_second_call_rings_unless_call_waiting_is_off_or_all_calls_are_taken():
    busy = FakeSwitch()
    busy.busy["102"] = 1
    assert (await call(ANSWERED, switch=busy))[0] == "talks to 102"
    assert (await call(ANSWERED, switch=busy, call_waiting=False))[0] == "486"
    assert (await call(ANSWERED, switch=busy, max_calls=1))[0] == "486"
    assert (await call(ANSWERED, switch=busy, max_calls=1, forward_busy="201"))[0] == "goes to 201"


async def test_without_a_registered_phone_it_is_unreachable_at_once():
    away = FakeSwitch()
    away.registrar.away.add("u102")
    ended, made = await call(ANSWERED, switch=away)
    assert (ended, made.rung) == ("480", [])
    assert (await call(ANSWERED, switch=away, forward_unreachable="201"))[0] == "goes to 201"
    assert (await call(ANSWERED, lines=0, forward_unreachable="201"))[0] == "goes to 201"


def test_the_entry_of_a_plan_finds_its_coroutine():
    assert destination_of(extension("102")) is destination
