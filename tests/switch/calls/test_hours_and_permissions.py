"""Hours and permissions in calls: the night switch with its lamp, forwarding by hours, and the prompt of a refusal."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from jackfield.control import ControlError
from jackfield.switch.overrides import Overrides
from jackfield.switch.snapshot import (
    Inbound,
    NamedHours,
    Override,
    Permission,
    PermissionRule,
    RingGroup,
    Service,
    WeeklyHours,
)

from .house import House, sounds
from .test_subscriptions import Lamp
from .test_trunk_calls import with_trunk

# The clock of these tests begins on 14 November 2023, a Tuesday, at 22:30 UTC.
EVENING = NamedHours(name="Evening", weekly=(WeeklyHours(days=("tue",), start="20:00", end="23:00"),))
MORNING = NamedHours(name="Office", weekly=(WeeklyHours(days=("tue", "wed"), start="08:00", end="12:00"),))
NIGHT = Service(number="*28", kind="night", name="Night", hours="Evening")


async def over(house: House) -> None:
    while house.switch.calls:
        await asyncio.sleep(0.1)


async def dial_night(house: House, number: str = "*28") -> None:
    phone = next((one for one in house.phones if one.username == "u101"), None) or await house.phone("101")
    assert await phone.call(number).outcome() == 200
    await over(house)


async def test_outside_of_its_hours_an_extension_sends_calls_straight_on(house: House) -> None:
    await house.configure(time_ranges=(MORNING,))
    await house.change_extension("102", hours="Office", forward_closed="103")
    alice, bob, carol = [await house.phone(number) for number in ("101", "102", "103")]
    call = alice.call("102")
    await carol.picks_up()
    assert await call.outcome() == 200
    assert not bob.calls
    call.hang_up()
    await over(house)
    assert 'Tue 22:30 (UTC) is outside of "Office"' in house.journal()
    house.switch.overrides.put("Office", True)
    call = alice.call("102")
    await bob.picks_up()
    assert await call.outcome() == 200
    call.hang_up()
    await over(house)


async def test_a_member_s_hours_count_in_a_group_that_obeys_forwards(house: House) -> None:
    await house.configure(
        time_ranges=(MORNING,), ring_groups=(RingGroup(number="200", members=("102",), obey_forwards=True),)
    )
    await house.change_extension("102", hours="Office", forward_closed="103")
    alice, bob, carol = [await house.phone(number) for number in ("101", "102", "103")]
    call = alice.call("200")
    await carol.picks_up()
    assert await call.outcome() == 200
    assert not bob.calls
    call.hang_up()
    await over(house)


async def test_the_night_switch_turns_calls_from_outside_and_back(house: House) -> None:
    carrier = await with_trunk(house)
    rule = Inbound(number="5550101", target="102", hours="Evening", closed_target="103")
    await house.configure(time_ranges=(EVENING,), services=(NIGHT,), inbound=(rule,))
    bob, carol = await house.phone("102"), await house.phone("103")
    for dials, answers in ((False, bob), (True, carol), (True, bob)):
        if dials:
            await dial_night(house)
        call = carrier.call("5550101")
        await answers.picks_up()
        assert await call.outcome() == 200
        call.hang_up()
        await over(house)


async def test_the_lamp_of_a_night_switch_is_lit_while_it_is_in_force(house: House) -> None:
    await house.configure(time_ranges=(EVENING,), services=(Service(**{**_fields(NIGHT), "until_change": True}),))
    lamp = Lamp(await house.phone("104"), "*28")
    assert await lamp.ask(3600) == 200
    await dial_night(house)
    await house.pass_time()
    assert lamp.seen[-1] == "confirmed"
    await house.pass_time(1900)  # past eleven, where the hours would have closed by themselves
    assert lamp.seen[-1] in ("terminated", "")
    assert not house.switch.snapshot.overrides


def _fields(service: Service) -> dict[str, object]:
    return {name: getattr(service, name) for name in ("number", "kind", "name", "hours")}


async def test_nobody_from_outside_works_the_night_switch(house: House) -> None:
    carrier = await with_trunk(house)
    await house.configure(time_ranges=(EVENING,), services=(NIGHT,), inbound=(Inbound(number="5550101", target="*28"),))
    assert await carrier.call("5550101").outcome() == 403
    assert not house.switch.snapshot.overrides


async def test_two_beeps_tell_that_it_is_in_force_and_one_that_it_is_not(house: House) -> None:
    await house.configure(time_ranges=(EVENING,), services=(NIGHT,))
    for beeps in (2, 1):
        phone = (await house.phone("101")) if not house.phones else house.phones[0]
        call = phone.call("*28")
        assert await call.outcome() == 200
        stream = house.stream_of(phone)
        await over(house)
        assert [getattr(one, "name", one) for one in stream.played] == ["beep"] * beeps
    await house.pass_time(3)
    assert 'time range "Evening" goes by its hours again, by hand' in house.journal(house.records[-1])


async def test_a_forbidden_call_is_refused_with_a_prompt_that_costs_nothing(house: House) -> None:
    carrier = await with_trunk(house)
    await house.configure(
        permissions=(Permission(name="Hall", rules=(PermissionRule(calls="outside"),)),),
        sounds=sounds("not-allowed", "default"),
    )
    await house.change_extension("101", permission="Hall")
    alice = await house.phone("101")
    call = alice.call("9123456")
    await house.pass_time(0.5)
    assert house.hears(alice).endswith("not-allowed")
    assert await call.outcome() == 403
    assert not carrier.calls
    assert 183 in [response.status for response in call.provisional]
    assert house.record["answered"] is None
    assert 'rule 1 of the permission "Hall"' in house.journal()


async def test_what_is_switched_by_hand_outlives_a_restart(house: House, tmp_path: Path) -> None:
    await house.configure(time_ranges=(EVENING, MORNING))
    store = tmp_path / "overrides.json"
    first = Overrides(house.switch, store)
    first.put("Evening", False, by="extension 101")
    first.put("Office", True, until=house.switch.now() + 60)
    first.close()
    again = Overrides(house.switch, store)
    assert house.switch.snapshot.overrides == (
        Override(range="Evening", open=False, by="extension 101"),
        Override(range="Office", open=True, until=house.switch.now() + 60),
    )
    await house.pass_time(61)
    assert [one.range for one in house.switch.snapshot.overrides] == ["Evening"]
    again.close()
    store.write_bytes(b"{")
    damaged = Overrides(house.switch, store)
    assert damaged.of("Evening") is None
    damaged.close()


async def test_what_cannot_be_kept_is_in_force_all_the_same(house: House, tmp_path: Path) -> None:
    await house.configure(time_ranges=(EVENING,))
    found = Overrides(house.switch, tmp_path / "no" / "such" / "folder")
    assert found.put("Evening", False) is not None
    assert house.switch.snapshot.overrides
    found.close()


async def test_a_new_configuration_keeps_what_is_switched_and_forgets_what_is_gone(house: House) -> None:
    await house.configure(time_ranges=(EVENING, MORNING))
    house.switch.overrides.put("Evening", False)
    house.switch.overrides.put("Office", True)
    await house.configure(time_ranges=(EVENING,))
    assert [one.range for one in house.switch.snapshot.overrides] == ["Evening"]


async def test_the_history_hears_who_has_switched_what(house: House) -> None:
    await house.configure(time_ranges=(EVENING,), services=(NIGHT,))
    await dial_night(house)
    (told,) = [data for kind, _, data in house.spooled if kind == "event" and data.get("kind") == "hours"]
    assert (told["range"], told["state"], told["by"]) == ("Evening", "closed", "extension 101 (Phone 101)")


async def test_pages_ask_and_switch_by_the_control_socket(house: House) -> None:
    await house.configure(time_ranges=(EVENING, MORNING))
    verbs = house.switch.overrides.handlers()
    evening, office = await verbs["time_ranges"]({})
    assert (evening["name"], evening["open"], evening["state"]) == ("Evening", True, "automatic")
    assert office["open"] is False
    assert evening["next_change"] == 1_700_002_800.0  # eleven o'clock
    closed = await verbs["switch_hours"]({"name": "Evening", "state": "closed", "until": "change", "by": "Anna"})
    assert (closed["open"], closed["open_by_hours"], closed["by"]) == (False, True, "Anna")
    assert closed["until"] == evening["next_change"]
    later = await verbs["switch_hours"]({"name": "Office", "state": "open", "until": "2023-11-15T07:00"})
    assert later["until"] == 1_700_031_600.0
    assert (await verbs["switch_hours"]({"name": "Office", "state": "automatic"}))["open"] is False
    for wrong in ({"name": "x", "state": "open"}, {"name": "Office", "state": "ajar"},
                  {"name": "Office", "state": "open", "until": "soon"},
                  {"name": "Office", "state": "open", "until": 1.0}):  # fmt: skip
        with pytest.raises(ControlError):
            await verbs["switch_hours"](wrong)
