"""Permissions: which calls an extension may make, told by kind, route, beginning and hours."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from company import HOUSE, MONDAY_TEN, EmergencyNumber, Outbound, Service, company, dial, extension

from jackfield.console.numbering import numbering
from jackfield.switch.permissions import Numbers
from jackfield.switch.plan import EmergencyPlan, FromExtension, OutboundPlan, Plan, RouteRequest
from jackfield.switch.route import onward, route
from jackfield.switch.snapshot import NamedHours, Permission, PermissionRule, Snapshot, SpeedDial, WeeklyHours


def house(*rules: PermissionRule, default: Any = "allow", outside: bool = True, **fields: Any) -> Snapshot:
    """Extension 101 with the permission "Hall" in a Czech company behind 9, and 102 with none."""
    who = extension("101", "Anna", permission="Hall", outside_calls=outside, **fields.pop("of_101", {}))
    fields.setdefault("extensions", (who, extension("102", "Bert")))
    return company(
        permissions=(Permission(name="Hall", default=default, rules=rules),), numbering=numbering("CZ"), **fields
    )


def rule(calls: Any, only: str = "", *, allow: bool = False, hours: str = "") -> PermissionRule:
    return PermissionRule(calls=calls, only=only, allow=allow, hours=hours)


def allowed(snapshot: Snapshot, number: str, at: datetime = MONDAY_TEN) -> bool:
    plan = route(snapshot, RouteRequest(number, FromExtension("101")), at)
    assert plan.refusal is None or plan.refusal.status == 403
    return plan.refusal is None


def told(plan: Plan) -> str:
    return "\n".join(step.text for step in plan.trace)


PRAGUE, MOBILE, PREMIUM, FREE, ABROAD = "9234567890", "9603123456", "9906123456", "9800123456", "900493012345"


def test_each_kind_of_call_can_be_forbidden_by_itself():
    numbers = {"national": PRAGUE, "mobile": MOBILE, "premium": PREMIUM, "free": FREE, "international": ABROAD}
    for kind in numbers:
        found = house(rule(kind))
        assert {other for other, number in numbers.items() if not allowed(found, number)} == {kind}


def test_the_first_rule_that_fits_decides_and_the_refusal_names_it():
    found = house(rule("prefix", "603", allow=True), rule("mobile"), rule("international"))
    assert allowed(found, MOBILE)
    assert not allowed(found, "9777123456")
    plan = dial(found, "9777123456")
    assert plan.refusal.text == (
        'extension 101 may not make calls to mobile phones: rule 2 of the permission "Hall" - '
        "change it at Permissions > Hall"
    )
    assert plan.refusal.prompt == "not-allowed"
    assert plan.trace[-1].setting == "permissions/Hall"
    assert 'may make calls to 603…: rule 1 of the permission "Hall"' in told(dial(found, MOBILE))


def test_what_no_rule_knows_goes_by_the_default_and_calls_inside_are_allowed():
    found = house(rule("national", allow=True), default="deny")
    assert allowed(found, PRAGUE)
    assert not allowed(found, MOBILE)
    assert 'no rule of the permission "Hall" fits' in dial(found, MOBILE).refusal.text
    assert allowed(found, "102")


def test_calls_inside_are_forbidden_by_a_rule_only():
    found = house(rule("internal"), services=(Service(number="*43", kind="echo"),))
    assert not allowed(found, "102")
    assert not allowed(found, "*43")
    assert allowed(found, PRAGUE)


def test_single_numbers_inside_are_forbidden_by_how_they_begin():
    found = house(rule("internal", "*2"), services=(Service(number="*28", kind="night", hours="x"),))
    assert not allowed(found, "*28")
    assert "may not make calls to *2…" in dial(found, "*28").refusal.text
    assert allowed(found, "102")


def test_emergency_numbers_are_never_refused():
    found = house(rule("internal"), rule("outside"), default="deny", emergency_numbers=(EmergencyNumber(number="112"),))
    assert isinstance(dial(found, "112").entry, EmergencyPlan)
    assert isinstance(dial(found, "9112").entry, EmergencyPlan)


def test_the_simple_switch_comes_first():
    found = house(rule("outside", allow=True), outside=False)
    assert not allowed(found, PRAGUE)
    assert "may not call outside" in dial(found, PRAGUE).refusal.text


def test_routes_and_beginnings_in_any_form():
    ways = (Outbound(name="World", prefix="9", trunks=("Odorik",)),
            Outbound(name="Branch", prefix="8", strip=1, trunks=("Odorik",)))  # fmt: skip
    assert not allowed(house(rule("route", "Branch"), outbound=ways), "8123")
    assert allowed(house(rule("route", "Branch"), outbound=ways), PRAGUE)
    for beginning in ("906", "+420906", "00420906"):
        found = house(rule("prefix", beginning))
        assert not allowed(found, "9906123456")
        assert not allowed(found, "900420906123456")
        assert not allowed(found, "+420906123456")
        assert allowed(found, PRAGUE)
    abroad = house(rule("prefix", "00"))
    assert not allowed(abroad, ABROAD)
    assert not allowed(abroad, "+493012345")
    assert allowed(abroad, PRAGUE)


def test_a_rule_may_count_at_some_hours_only():
    office = NamedHours(name="Office", weekly=(WeeklyHours(days=("mon",), start="08:00", end="17:00"),))
    found = house(rule("mobile", allow=True, hours="Office"), default="deny", time_ranges=(office,))
    assert allowed(found, MOBILE)
    assert not allowed(found, MOBILE, datetime(2026, 11, 23, 20, 0, tzinfo=UTC))


def test_a_forwarded_call_has_the_permission_of_who_forwards():
    found = house(rule("mobile"), of_101={"forward_always": MOBILE})
    first = dial(found, "101", "102")
    assert route(found, onward(first, MOBILE), MONDAY_TEN).refusal.status == 403
    assert route(found, RouteRequest(MOBILE, FromExtension("102")), MONDAY_TEN).refusal is None
    assert route(found, RouteRequest(MOBILE, FromExtension("101"), permission=HOUSE), MONDAY_TEN).refusal is None


def test_a_speed_dial_for_everybody_asks_no_permission():
    short = (SpeedDial(number="70", target=MOBILE), SpeedDial(number="71", target=MOBILE, everybody=True))
    found = house(rule("mobile"), speed_dials=short)
    assert not allowed(found, "70")
    assert allowed(found, "71")


def test_a_permission_that_is_gone_allows_nothing_outside():
    found = house(extensions=(extension("101", permission="lost"), extension("102")))
    assert not allowed(found, PRAGUE)
    assert allowed(found, "102")
    assert isinstance(dial(found, PRAGUE, "102").entry, OutboundPlan)


@pytest.mark.parametrize(
    ("country", "number", "kind"),
    [
        ("DE", "030123456", "national"),
        ("DE", "123456", "national"),
        ("DE", "9001234", "national"),  # a local number, and too short for more
        ("DE", "015112345678", "mobile"),
        ("DE", "+49 0 15112345678".replace(" ", ""), "mobile"),
        ("DE", "09001234567", "premium"),
        ("DE", "0900123456789", "premium"),  # more digits than there are: the network does not mind
        ("DE", "00499001234567", "premium"),
        ("DE", "004420123456", "international"),
        ("DE", "08001234567", "free"),
        ("DE", "112233", "national"),
        ("US", "2125550123", "national"),
        ("US", "12125550123", "national"),
        ("US", "18765230123", "international"),  # Jamaica
        ("US", "14165550123", "international"),  # Canada
        ("US", "19005550123", "premium"),
        ("US", "9005550123", "premium"),
        ("US", "011442012345678", "international"),
        ("US", "18005550123", "free"),
        ("GB", "07400123456", "mobile"),
        ("GB", "09011234567", "premium"),
        ("GB", "07797712345", "international"),  # Jersey
        ("IT", "0612345678", "national"),
        ("IT", "3331234567", "mobile"),
        ("RU", "88091234567", "premium"),
        ("RU", "+78091234567", "premium"),
    ],
)
def test_kinds_of_numbers_by_country(country: str, number: str, kind: str):
    assert Numbers(numbering(country)).kind(number) == kind


def test_without_tables_everything_outside_is_national():
    assert Numbers(numbering("ZZ")).kind("0900123456") == "national"
