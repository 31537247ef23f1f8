"""A ring group: who rings when, and what happens when nobody answers."""

from __future__ import annotations

from dataclasses import replace

import pytest
from company import RingGroup, company, extension
from fake_call import ANSWERED, BUSY, NO_ANSWER, FakeCall, FakeSwitch, run

from jackfield.switch.destinations.ring_group import ring_group
from jackfield.switch.party import Party

MEMBERS = ("101", "102", "201")


async def call(*outcomes, switch=None, people=(), caller=None, **fields):
    fields.setdefault("members", MEMBERS)
    group = RingGroup(number="300", **fields)
    changed = {person.number: person for person in people}
    snapshot = company()
    everybody = tuple(changed.pop(e.number, e) for e in snapshot.extensions) + tuple(changed.values())
    made = FakeCall(replace(snapshot, extensions=everybody), *outcomes, switch=switch, caller=caller)
    return await run(ring_group, made, group), made


async def test_all_ring_at_once():
    ended, made = await call(ANSWERED, step_time=15.0)
    assert ended == "talks to 101"
    assert made.rung == [["u101", "u102", "u201"]]
    assert made.timeouts == [15.0]


async def test_in_order_each_rings_for_its_step():
    ended, made = await call(NO_ANSWER, BUSY, ANSWERED, strategy="order", step_time=10.0)
    assert ended == "talks to 201"
    assert made.rung == [["u101"], ["u102"], ["u201"]]
    assert made.timeouts == [10.0] * 3


async def test_at_random_everybody_has_a_turn_and_the_order_changes():
    switch = FakeSwitch()
    orders = set()
    for _ in range(20):
        _, made = await call(NO_ANSWER, strategy="random", switch=switch)
        assert sorted(made.rung) == [["u101"], ["u102"], ["u201"]]
        orders.add(tuple(step[0] for step in made.rung))
    assert len(orders) > 3


async def test_least_recent_rings_who_has_not_answered_for_longest():
    switch = FakeSwitch()
    answered = []
    for _ in range(4):
        ended, made = await call(ANSWERED, strategy="least_recent", switch=switch)
        answered.append(ended)
        for number in switch.memory["ring_group:300"]:
            switch.memory["ring_group:300"][number] -= 100
    assert answered == ["talks to 101", "talks to 102", "talks to 201", "talks to 101"]


async def test_nobody_answers_and_the_fallback_takes_the_call():
    assert (await call(NO_ANSWER, fallback="9777"))[0] == "goes to 9777"
    ended, made = await call(NO_ANSWER)
    assert ended == "480"
    assert "nobody of ring group 300 answered" in made.did[-1]


async def test_who_does_not_want_or_is_busy_or_away_is_left_out_and_the_journal_says_why():
    switch = FakeSwitch()
    switch.registrar.away.add("u201")
    switch.busy["102"] = 1
    people = (
        extension("101", do_not_disturb=True),
        extension("102", call_waiting=False),
        extension("103", enabled=False),
    )
    ended, made = await call(
        ANSWERED, people=(*people, extension("104")), switch=switch, members=(*MEMBERS, "103", "104", "999")
    )
    assert ended == "talks to 104"
    assert made.rung == [["u104"]]
    journal = "\n".join(made.notes)
    for text in (
        "101 is left out: does not want to be disturbed",
        "102 is left out: busy",
        "201 is left out: no phone is registered",
        "103 is left out: disabled",
        "999 is left out: no such extension",
    ):
        assert text in journal


async def test_the_caller_s_own_phones_do_not_ring():
    _, made = await call(ANSWERED, caller=Party("101", extension="101"))
    assert made.rung == [["u102", "u201"]]


async def test_a_member_named_twice_rings_once():
    _, made = await call(ANSWERED, members=("101", "101"))
    assert made.rung == [["u101"]]


async def test_when_everybody_is_busy_the_caller_hears_busy():
    people = tuple(extension(n, do_not_disturb=True) for n in MEMBERS)
    assert (await call(ANSWERED, people=people))[0] == "486"
    assert (await call(ANSWERED, people=people, fallback="102"))[0] == "goes to 102"
    assert (await call(ANSWERED, members=()))[0] == "480"


async def test_the_group_s_prefix_goes_to_the_phones():
    _, made = await call(ANSWERED, caller_id_prefix="Sales: ")
    assert made.prefixes == {"Sales: "}


async def test_forwards_of_members_do_not_count_unless_the_group_says_so():
    people = (extension("101", forward_always="102"),)
    _, made = await call(NO_ANSWER, people=people, members=("101",))
    assert made.rung == [["u101"]]
    _, made = await call(NO_ANSWER, people=people, members=("101",), obey_forwards=True)
    assert made.rung == [["u102"]]


async def test_a_member_may_forward_outside():
    people = (extension("101", forward_always="9777123456"),)
    ended, made = await call(ANSWERED, people=people, members=("101",), obey_forwards=True)
    assert made.rung == [["Odorik:777123456"]]
    assert ended == "talks to the outside"
    switch = FakeSwitch()
    switch.trunks.down.add("Odorik")
    ended, made = await call(ANSWERED, people=people, members=("101",), obey_forwards=True, switch=switch)
    assert ended == "480"
    assert "no trunk can take the call" in made.notes[0]


@pytest.mark.parametrize(
    ("person", "outcome"),
    [
        (extension("101", do_not_disturb=True, forward_busy="102"), [["u102"]]),
        (extension("101", lines=0, forward_unreachable="102"), [["u102"]]),
        (extension("101", forward_always="101"), []),
        (extension("101", forward_always="300"), []),
        (extension("101", forward_always="nowhere"), []),
    ],
)
async def test_obeyed_forwards_lead_to_phones_or_nowhere(person, outcome):
    _, made = await call(NO_ANSWER, people=(person,), members=("101",), obey_forwards=True)
    assert made.rung == outcome


async def test_a_forward_outside_needs_the_member_s_own_right():
    people = (extension("101", forward_always="9777123456", outside_calls=False),)
    _, made = await call(ANSWERED, people=people, members=("101",), obey_forwards=True)
    assert made.rung == []
