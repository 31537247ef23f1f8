"""What would happen if: schedules are followed to what would be rung at that time."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from company import MONDAY_TEN, company

from jackfield.switch.forecast import Forecast, forecast
from jackfield.switch.route import FromExtension, FromTrunk, OutboundPlan, RouteRequest
from jackfield.switch.snapshot import Inbound, Service, Snapshot, TimeRange

OFFICE = TimeRange(name="Office", days=("mon",), start="08:00", end="16:00")
EVENING = MONDAY_TEN + timedelta(hours=7)


def schedule(number: str, opened: str = "", closed: str = "", **fields: Any) -> Service:
    fields.setdefault("time_ranges", (OFFICE,))
    return Service(number=number, kind="schedule", open_target=opened, closed_target=closed, **fields)


def house(*services: Service, **fields: Any) -> Snapshot:
    fields.setdefault("general", {"time_zone": "Europe/Prague"})
    return company(services=services, **fields)


def ask(snapshot: Snapshot, number: str, at: Any = MONDAY_TEN) -> Forecast:
    return forecast(snapshot, RouteRequest(number, FromExtension("101")), at)


def told(found: Forecast) -> str:
    return "\n".join(step.text for step in found.plan.trace)


def test_a_schedule_leads_to_the_extension_of_its_hours():
    snapshot = house(schedule("*28", "102", "201", name="Reception"))
    found = ask(snapshot, "*28")
    assert found.plan.entry is snapshot.numbers["102"]
    assert found.number == "*28"
    assert found.plan.request.dialed == "*28"
    assert 'schedule *28 (Reception): Mon 11:00 (Europe/Prague) is inside "Office": goes to 102' in told(found)
    assert "102 is extension 102 (Bert)" in told(found)
    assert found.stages() == [
        {"kind": "schedule", "number": "*28", "name": "Reception", "range": "Office", "target": "102"}
    ]


def test_outside_of_its_hours_it_leads_elsewhere_and_the_trace_says_that_none_fits():
    found = ask(house(schedule("*28", "102", "9777123456")), "*28", EVENING)
    assert "Mon 18:00 (Europe/Prague) is outside of all its hours: goes to 9777123456" in told(found)
    assert isinstance(found.plan.entry, OutboundPlan)
    assert found.plan.entry.attempts[0].caller_number == "101", "the caller stays who it was"
    assert found.stages()[0]["range"] is None


def test_schedules_behind_schedules_are_followed():
    night = TimeRange(name="Night", days=("mon", "tue"), start="17:00", end="24:00")
    found = ask(house(schedule("*28", "102", "*29"), schedule("*29", "201", time_ranges=(night,))), "*28", EVENING)
    assert found.plan.number == "201"
    assert [stage["number"] for stage in found.stages()] == ["*28", "*29"]
    assert 'schedule *29: Mon 18:00 (Europe/Prague) is inside "Night": goes to 201' in told(found)


def test_a_circle_of_schedules_is_named():
    found = ask(house(schedule("*27", "*28"), schedule("*28", "*29"), schedule("*29", "*28")), "*27")
    assert found.plan.entry is None
    assert found.plan.refusal is not None
    assert found.plan.refusal.status == 482
    assert "in a circle (*28 > *29 > *28)" in found.plan.refusal.text
    assert "refused (482)" in told(found)


def test_a_chain_longer_than_a_call_may_be_is_refused_as_the_call_would_be():
    chain = [schedule(f"60{step}", f"60{step + 1}") for step in range(4)]
    general = {"max_hops": 3}
    refused = ask(house(*chain, schedule("604", "102"), general=general), "600")
    assert refused.plan.refusal is not None
    assert refused.plan.refusal.status == 482
    assert "Max hops" in refused.plan.refusal.text
    assert ask(house(*chain[:2], schedule("602", "102"), general=general), "600").plan.number == "102"


def test_a_schedule_without_a_number_for_the_moment_says_where_to_set_it():
    found = ask(house(schedule("*28", "102")), "*28", EVENING)
    assert found.plan.refusal is not None
    assert found.plan.refusal.status == 480
    assert "no number is set for closed hours - change it at Services > *28" in found.plan.refusal.text


def test_a_target_that_is_no_number_is_refused_behind_the_schedule():
    found = ask(house(schedule("*28", "555")), "*28")
    assert found.plan.refusal is not None
    assert found.plan.refusal.status == 404


def test_an_incoming_rule_can_lead_to_a_schedule():
    snapshot = house(schedule("*28", "102"), inbound=(Inbound(number="5550101", target="*28"),))
    found = forecast(snapshot, RouteRequest("5550101", FromTrunk("Odorik"), calling_number="777"), MONDAY_TEN)
    assert found.number == "*28"
    assert found.plan.number == "102"


def test_what_is_no_schedule_is_as_the_dial_plan_says():
    found = ask(house(), "102")
    assert found.passed == ()
    assert found.plan.number == found.number == "102"
