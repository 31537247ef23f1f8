"""Short numbers for long ones."""

from __future__ import annotations

from company import MONDAY_TEN, STRANGER, EmergencyNumber, Inbound, company, dial, extension

from jackfield.switch.route import EmergencyPlan, FromTrunk, OutboundPlan, Plan, RouteRequest, route
from jackfield.switch.snapshot import SpeedDial


def told(plan: Plan) -> str:
    return "\n".join(step.text for step in plan.trace)


def test_a_speed_dial_dials_what_it_stands_for():
    house = company(speed_dials=(SpeedDial(number="70", name="Taxi", target="90301234567"),))
    plan = dial(house, "70")
    assert plan.number == "90301234567"
    assert plan.entry == dial(house, "90301234567").entry
    assert "70 is the speed dial (Taxi)" in told(plan)
    assert plan.trace[1].setting == "speed_dials/70"


def test_a_speed_dial_may_lead_inside_or_to_an_emergency_number():
    house = company(
        speed_dials=(SpeedDial(number="70", target="102"), SpeedDial(number="71", target="112")),
        emergency_numbers=(EmergencyNumber(number="112"),),
    )
    assert dial(house, "70").entry.number == "102"
    assert isinstance(dial(house, "71").entry, EmergencyPlan)


def test_who_may_not_call_outside_reaches_only_the_speed_dials_that_are_for_everybody():
    short = (SpeedDial(number="70", target="90301234567"), SpeedDial(number="71", target="90301234567", everybody=True))
    house = company(extensions=(extension("101", outside_calls=False),), speed_dials=short)
    assert dial(house, "70").refusal.status == 403
    assert isinstance(dial(house, "71").entry, OutboundPlan)


def test_nobody_from_outside_has_speed_dials_but_a_rule_may_lead_to_one():
    short = (SpeedDial(number="70", target="90301234567", everybody=True),)
    house = company(speed_dials=short, inbound=(Inbound(number="5550170", target="70"),))
    assert route(house, RouteRequest("70", STRANGER), MONDAY_TEN).refusal.status == 404
    assert route(house, RouteRequest("70", FromTrunk(house.trunks[0].name)), MONDAY_TEN).refusal is not None
    ruled = route(house, RouteRequest("5550170", FromTrunk(house.trunks[0].name)), MONDAY_TEN)
    assert isinstance(ruled.entry, OutboundPlan)


def test_speed_dials_that_lead_to_each_other_end():
    short = (SpeedDial(number="70", target="71"), SpeedDial(number="71", target="70"))
    assert dial(company(speed_dials=short), "70").refusal.status == 404
