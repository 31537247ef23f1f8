"""What a dialled number leads to."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from company import (
    HOUSE,
    MONDAY_TEN,
    STRANGER,
    EmergencyNumber,
    Inbound,
    Outbound,
    RingGroup,
    Service,
    company,
    dial,
    extension,
    from_trunk,
    trunk,
)

from jackfield.switch.route import (
    EmergencyPlan,
    FromExtension,
    FromHouse,
    FromTrunk,
    OutboundPlan,
    Plan,
    RouteRequest,
    onward,
    route,
)
from jackfield.switch.snapshot import Rewrite, TimeRange


def told(plan: Plan) -> str:
    return "\n".join(step.text for step in plan.trace)


def attempts(plan: Plan) -> list[tuple[str, str, str]]:
    assert isinstance(plan.entry, OutboundPlan | EmergencyPlan), plan.refusal
    return [(a.trunk.name, a.number, a.caller_number) for a in plan.entry.attempts]


# --- inside ---


def test_a_colleague_is_reached_by_its_number_and_sees_number_and_name_of_the_caller():
    plan = dial(company(), "102")
    assert plan.entry.number == "102"
    assert (plan.caller.number, plan.caller.name, plan.caller.extension) == ("101", "Anna", "101")
    assert plan.refusal is None


@pytest.mark.parametrize("dialed", ["1-0-2", "%31%30%32", "102;phone-context=example.com", "１０２", "\u202a102\u202c"])
def test_a_number_is_understood_however_the_phone_writes_it(dialed: str):
    assert dial(company(), dialed).entry.number == "102"


def test_groups_and_services_are_numbers_as_extensions_are():
    snapshot = company(
        ring_groups=(RingGroup(number="300", members=("101", "102")),), services=(Service(number="*43", kind="echo"),)
    )
    assert dial(snapshot, "300").entry is snapshot.ring_groups[0]
    assert dial(snapshot, "*43").entry is snapshot.services[0]
    assert dial(snapshot, "%2A43").entry is snapshot.services[0]


def test_an_unknown_number_is_not_found_and_the_trace_says_what_was_looked_at():
    plan = dial(company(), "555")
    assert plan.entry is None
    assert plan.refusal.status == 404
    assert "555 is no internal number" in told(plan)


def test_nothing_dialled_is_an_incomplete_address():
    assert dial(company(), "").refusal.status == 484


def test_a_disabled_extension_is_not_rung_and_may_not_call():
    snapshot = company(extensions=(extension("101"), extension("102", enabled=False)))
    assert dial(snapshot, "102").refusal.status == 480
    assert dial(snapshot, "101", "102").refusal.status == 403
    assert "enable it at Extensions > 102" in dial(snapshot, "102").refusal.text


def test_an_extension_that_does_not_exist_may_not_call():
    assert dial(company(), "102", "999").refusal.status == 403


def test_the_trace_names_the_forward_that_the_call_will_meet():
    snapshot = company(extensions=(extension("101"), extension("102", forward_always="9777")))
    assert "forwards always to 9777" in told(dial(snapshot, "102"))
    quiet = company(extensions=(extension("101"), extension("102", do_not_disturb=True, forward_busy="201")))
    assert "does not want to be disturbed, goes to 201" in told(dial(quiet, "102"))
    bare = company(extensions=(extension("101"), extension("102", lines=0)))
    assert "has no line" in told(dial(bare, "102"))


def test_each_step_of_the_trace_links_to_its_setting():
    links = {step.setting for step in dial(company(), "9777123456").trace}
    assert {"outbound/World", "trunks/Odorik"} <= links


def test_the_trace_of_a_schedule_says_where_it_leads_at_that_moment():
    hours = TimeRange(name="Office", days=("mon",), start="08:00", end="16:00")
    night = Service(number="*28", kind="schedule", time_ranges=(hours,), open_target="101", closed_target="102")
    snapshot = company(services=(night,), general={"time_zone": "Europe/Prague"})
    request = RouteRequest("*28", FromExtension("101"))
    assert 'inside "Office": goes to 101' in told(route(snapshot, request, MONDAY_TEN))
    assert "outside of all its hours: goes to 102" in told(route(snapshot, request, MONDAY_TEN + timedelta(hours=6)))


# --- outside ---


def test_the_outside_line_prefix_is_taken_off():
    assert attempts(dial(company(), "9777123456")) == [("Odorik", "777123456", "101")]


def test_the_longest_prefix_wins_and_its_backup_trunks_follow_in_order():
    snapshot = company(
        trunks=(trunk("A"), trunk("B"), trunk("C")),
        outbound=(
            Outbound(name="World", prefix="9", trunks=("A",)),
            Outbound(name="Abroad", prefix="900", trunks=("B", "C", "A")),
        ),
    )
    plan = dial(snapshot, "90049301234")
    assert plan.entry.route.name == "Abroad"
    assert [a[0] for a in attempts(plan)] == ["B", "C", "A"]
    assert attempts(plan)[0][1] == "0049301234"
    assert dial(snapshot, "9777").entry.route.name == "World"


def test_a_route_may_strip_and_prepend_as_it_likes():
    snapshot = company(outbound=(Outbound(name="Branch", prefix="8", strip=1, prepend="44", trunks=("Odorik",)),))
    assert attempts(dial(snapshot, "8301"))[0][1] == "44301"
    keeps = company(outbound=(Outbound(name="Branch", prefix="8", trunks=("Odorik",)),))
    assert attempts(dial(keeps, "8301"))[0][1] == "8301"


def test_a_number_shorter_than_the_route_wants_goes_on_to_the_next():
    snapshot = company(
        outbound=(
            Outbound(name="Long", prefix="91", min_digits=9, trunks=("Odorik",)),
            Outbound(name="Any", prefix="9", trunks=("Odorik",)),
        )
    )
    assert dial(snapshot, "9112345").entry.route.name == "Any"
    assert "wants 9 digits" in told(dial(snapshot, "9112345"))
    assert dial(snapshot, "9").refusal.status == 404


def test_a_route_that_is_off_is_not_used():
    snapshot = company(outbound=(Outbound(name="World", prefix="9", trunks=("Odorik",), enabled=False),))
    assert dial(snapshot, "9777").refusal.status == 404


def test_a_route_without_a_trunk_that_is_on_is_refused_with_the_mend():
    snapshot = company(trunks=(trunk(enabled=False),))
    refusal = dial(snapshot, "9777123456").refusal
    assert refusal.status == 503
    assert "Outbound > World" in refusal.text


def test_without_an_outside_line_prefix_numbers_go_out_as_dialled():
    snapshot = company(general={"outside_prefix": ""}, outbound=(Outbound(name="World", trunks=("Odorik",)),))
    assert attempts(dial(snapshot, "777123456"))[0][1] == "777123456"
    assert dial(snapshot, "102").entry.number == "102"


def test_an_international_number_needs_no_prefix():
    assert attempts(dial(company(), "+420777123456"))[0][1] == "+420777123456"


def test_an_extension_without_the_right_may_not_call_outside():
    snapshot = company(extensions=(extension("101", outside_calls=False), extension("102")))
    refusal = dial(snapshot, "9777123456").refusal
    assert refusal.status == 403
    assert "allow it at Extensions > 101" in refusal.text
    assert dial(snapshot, "102").entry.number == "102"


@pytest.mark.parametrize(
    ("style", "dialed", "sent"),
    [
        ("as_dialled", "9777123456", "777123456"),
        ("e164", "9777123456", "420777123456"),
        ("e164_plus", "9777123456", "+420777123456"),
        ("e164_plus", "900493012345678", "+493012345678"),
        ("national", "9+420777123456", "777123456"),
        ("national", "9+493012345678", "00493012345678"),
        ("e164_plus", "91188", "1188"),
    ],
)
def test_called_numbers_are_written_as_the_trunk_wants_them(style: str, dialed: str, sent: str):
    snapshot = company(trunks=(trunk(international_format=style),))
    assert attempts(dial(snapshot, dialed))[0][1] == sent


def test_each_trunk_rewrites_called_and_calling_numbers_in_its_own_way():
    first = trunk("A", out_called=Rewrite(strip=1, prefix="0"), out_calling=Rewrite(prefix="55501"))
    second = trunk("B", out_called=Rewrite(pattern=r"(\d{3})(\d+)", replace=r"\2-\1"))
    snapshot = company(trunks=(first, second), outbound=(Outbound(name="World", prefix="9", trunks=("A", "B")),))
    assert attempts(dial(snapshot, "9777123456")) == [("A", "077123456", "55501101"), ("B", "123456-777", "101")]


# --- caller id outside ---


def caller_of(snapshot, origin="101", **fields) -> tuple[str, str, bool]:
    attempt = dial(snapshot, "9777123456", origin, **fields).entry.attempts[0]
    return attempt.caller_number, attempt.caller_name, attempt.anonymous


def test_the_route_s_caller_id_goes_before_the_extension_s_and_that_before_the_trunk_s():
    own = extension("101", "Anna", caller_id="5550101", caller_id_name="Anna at Example")
    plain = extension("102", "Bert")
    snapshot = company(extensions=(own, plain), trunks=(trunk(caller_id="5550100"),))
    assert caller_of(snapshot) == ("5550101", "Anna at Example", False)
    assert caller_of(snapshot, "102") == ("5550100", "Bert", False)
    routed = replace(
        snapshot, outbound=(Outbound(name="World", prefix="9", trunks=("Odorik",), caller_id="800123123"),)
    )
    assert caller_of(routed)[0] == "800123123"


def test_without_any_caller_id_a_provider_s_account_is_shown_and_another_pbx_gets_the_extension():
    account = company(trunks=(trunk(kind="register", username="20099"),))
    assert caller_of(account)[0] == "20099"
    own = extension("101", caller_id="5550101")
    assert caller_of(company(extensions=(own,), trunks=(trunk(kind="peer"),)))[0] == "101"


def test_a_caller_may_hide_for_always_or_for_one_call():
    hidden = company(extensions=(extension("101", caller_id="5550101", anonymous=True),))
    assert caller_of(hidden) == ("5550101", "", True)
    assert caller_of(company(), anonymous=True)[2] is True
    assert dial(hidden, "102").caller.anonymous is False


# --- emergency ---


@pytest.mark.parametrize("dialed", ["112", "9112", "+112", "urn:service:sos", "urn:service:sos.fire"])
def test_an_emergency_number_works_with_and_without_prefix(dialed: str):
    plan = dial(company(), dialed)
    assert isinstance(plan.entry, EmergencyPlan)
    assert attempts(plan)[0][:2] == ("Odorik", "112")


def test_nothing_blocks_an_emergency_call():
    locked = extension("101", caller_id="5550101", enabled=False, outside_calls=False, anonymous=True)
    snapshot = company(
        extensions=(locked, extension("112")),
        trunks=(trunk("A", max_calls=1), trunk("B")),
        outbound=(),
    )
    plan = dial(snapshot, "112")
    assert attempts(plan) == [("A", "112", "5550101"), ("B", "112", "5550101")]
    assert all(a.emergency and not a.anonymous for a in plan.entry.attempts)
    assert isinstance(dial(snapshot, "112", "nobody").entry, EmergencyPlan)


def test_an_emergency_number_is_sent_as_the_trunk_wants_it_or_as_is_set():
    trunks = (trunk("A", out_called=Rewrite(prefix="00")), trunk("B"), trunk("C", enabled=False))
    plain = company(trunks=trunks)
    assert [a[:2] for a in attempts(dial(plain, "112"))] == [("A", "00112"), ("B", "112")]
    chosen = company(
        trunks=trunks, emergency_numbers=(EmergencyNumber(number="112", trunks=("B", "C"), sent_as="+420112"),)
    )
    assert [a[:2] for a in attempts(dial(chosen, "112"))] == [("B", "+420112")]


def test_when_the_emergency_number_s_own_trunks_are_off_any_other_will_do():
    trunks = (trunk("A"), trunk("B", enabled=False))
    snapshot = company(trunks=trunks, emergency_numbers=(EmergencyNumber(number="112", trunks=("B",)),))
    assert attempts(dial(snapshot, "112"))[0][0] == "A"


def test_without_any_trunk_an_emergency_call_says_what_is_missing():
    refusal = dial(company(trunks=()), "112").refusal
    assert refusal.status == 503
    assert "add one at Trunks" in refusal.text


def test_a_stranger_can_t_reach_emergency_numbers():
    assert dial(company(), "112", STRANGER).refusal.status == 404


# --- from a trunk ---


def test_acceptance_strip_five_and_prefix_two_rings_201_and_the_caller_can_be_called_back():
    snapshot = company(inbound=(Inbound(trunk="Odorik", number="5550101", rewrite=Rewrite(strip=5, prefix="2")),))
    plan = from_trunk(snapshot, "5550101", "0123456")
    assert plan.entry.number == "201"
    assert plan.caller.number == "90123456"
    assert plan.caller.trunk == "Odorik"
    assert dial(snapshot, plan.caller.number, "201").entry.attempts[0].number == "0123456"


@pytest.mark.parametrize(
    ("rule", "number", "fits"),
    [
        ("5550101", "5550101", True),
        ("+420 555 010 101", "555010101", True),
        ("+420555010101", "00420555010101", True),
        ("5550100-5550199", "5550150", True),
        ("5550100-5550199", "5550200", False),
        ("+420555010100-+420555010199", "555010150", True),
        ("55501*", "5550199", True),
        ("55501*", "5560199", False),
        ("+4205550*", "555010199", True),
        ("", "anything", True),
        ("*", "777", True),
        ("555-0101", "5550101", True),
        ("5550102", "5550101", False),
    ],
)
def test_an_incoming_rule_takes_a_number_a_range_a_prefix_or_any(rule: str, number: str, fits: bool):
    snapshot = company(inbound=(Inbound(trunk="Odorik", number=rule, target="201"),))
    plan = from_trunk(snapshot, number)
    assert (plan.entry is not None) is fits


def test_the_first_incoming_rule_that_fits_wins():
    rules = (
        Inbound(trunk="Other", number="5550101", target="101"),
        Inbound(number="55501*", target="102", name="block"),
        Inbound(trunk="Odorik", number="5550101", target="201"),
    )
    snapshot = company(inbound=rules)
    assert from_trunk(snapshot, "5550101").entry.number == "102"
    exact_first = company(inbound=(rules[2], rules[1]))
    assert from_trunk(exact_first, "5550101").entry.number == "201"
    assert from_trunk(exact_first, "5550102").entry.number == "102"


def test_a_rule_s_target_may_be_anything_even_an_outside_number():
    snapshot = company(
        inbound=(Inbound(number="5550101", target="9777123456"), Inbound(number="5550102", target="300")),
        ring_groups=(RingGroup(number="300"),),
    )
    assert attempts(from_trunk(snapshot, "5550101"))[0][1] == "777123456"
    assert from_trunk(snapshot, "5550102").entry.number == "300"


def test_digits_of_a_caller_never_lead_outside():
    """A rule that only rewrites must not turn what an outsider dials into a call that the company pays."""
    snapshot = company(inbound=(Inbound(number="*", rewrite=Rewrite(prefix="9")),))
    plan = from_trunk(snapshot, "777123456")
    assert plan.entry is None
    assert plan.refusal.status == 404


def test_without_a_rule_a_trunk_reaches_internal_numbers_only():
    assert from_trunk(company(), "102").entry.number == "102"
    for number in ("9777123456", "112"):
        refusal = from_trunk(company(), number).refusal
        assert refusal.status == 404
        assert "Incoming > Add" in refusal.text


def test_another_pbx_of_the_company_may_call_through_us():
    peer = trunk("Branch", kind="peer", outside_calls=True, in_calling=Rewrite(prefix="8"))
    snapshot = company(trunks=(peer, trunk()))
    plan = from_trunk(snapshot, "9777123456", "301", "Branch")
    assert attempts(plan) == [("Odorik", "777123456", "301")]
    assert plan.caller.number == "8301"
    assert isinstance(from_trunk(snapshot, "112", "301", "Branch").entry, EmergencyPlan)
    assert from_trunk(snapshot, "777", "301", "Branch").refusal.status == 404


def test_a_trunk_that_is_off_or_unknown_is_refused():
    assert from_trunk(company(), "102", name="Nobody").refusal.status == 403
    assert from_trunk(company(trunks=(trunk(enabled=False),)), "102").refusal.status == 403


def test_many_rules_that_do_not_fit_are_told_in_one_line():
    rules = tuple(Inbound(number=f"555010{n}", target="101") for n in range(8))
    plan = from_trunk(company(inbound=rules), "5559999")
    lines = [step.text for step in plan.trace if "do not fit" in step.text]
    assert len(lines) == 1
    assert "and 3 more" in lines[0]


@pytest.mark.parametrize(
    ("calling", "shown"),
    [
        ("0123456", "90123456"),
        ("+420777123456", "9777123456"),
        ("+493012345678", "900493012345678"),
        ("777 123-456", "9777123456"),
        ("", ""),
        ("alice", "alice"),
    ],
)
def test_an_outside_caller_is_shown_as_it_is_called_back(calling: str, shown: str):
    assert from_trunk(company(), "102", calling).caller.number == shown


def test_the_calling_number_is_rewritten_by_the_rule_else_by_the_trunk():
    snapshot = company(
        trunks=(trunk(in_calling=Rewrite(strip=1, prefix="00")),),
        inbound=(
            Inbound(number="1", target="101", calling=Rewrite(prefix="7")),
            Inbound(number="2", target="101"),
        ),
    )
    assert from_trunk(snapshot, "1", "0123").caller.number == "70123"
    assert from_trunk(snapshot, "2", "0123").caller.number == "00123"


def test_a_name_that_is_only_the_number_again_is_left_out():
    assert from_trunk(company(), "102", "+420777123456", calling_name="+420 777 123 456").caller.name == ""
    assert from_trunk(company(), "102", "777123456", calling_name="Karel").caller.name == "Karel"


def test_an_anonymous_outside_caller_stays_anonymous():
    assert from_trunk(company(), "102", "777123456", anonymous=True).caller.anonymous is True


# --- strangers ---


def test_a_stranger_reaches_internal_numbers_only():
    plan = dial(company(), "102", STRANGER, calling_number="bob@example.com", calling_name="Bob")
    assert plan.entry.number == "102"
    assert plan.caller.number == "bob@example.com"
    assert dial(company(), "9777123456", STRANGER).refusal.status == 404


def test_strangers_can_be_shut_out():
    assert dial(company(general={"anonymous_calls": False}), "102", STRANGER).refusal.status == 403


# --- onward ---


def test_a_forward_has_the_rights_and_the_caller_id_of_who_forwards():
    plain = extension("102", "Bert", caller_id="5550102")
    locked = extension("201", "Cleo", outside_calls=False)
    snapshot = company(extensions=(extension("101", "Anna"), plain, locked))
    first = from_trunk(snapshot, "102", "777000111")
    forwarded = route(snapshot, onward(first, "9777123456"), MONDAY_TEN)
    assert attempts(forwarded) == [("Odorik", "777123456", "5550102")]
    assert forwarded.caller.number == "9777000111"
    second = route(snapshot, onward(from_trunk(snapshot, "201", "777000111"), "9777123456"), MONDAY_TEN)
    assert second.refusal.status == 403


def test_a_colleague_whose_call_is_forwarded_outside_shows_its_own_number():
    own = extension("101", "Anna", caller_id="5550101")
    snapshot = company(extensions=(own, extension("102", caller_id="5550102")))
    forwarded = route(snapshot, onward(dial(snapshot, "102"), "9777123456"), MONDAY_TEN)
    assert attempts(forwarded)[0][2] == "5550101"


def test_a_fallback_of_a_group_or_a_service_has_the_rights_of_the_house():
    snapshot = company(ring_groups=(RingGroup(number="300", fallback="9777123456"),))
    plan = dial(snapshot, "300", STRANGER, calling_number="bob@example.com")
    request = onward(plan, "9777123456")
    assert isinstance(request.permission, FromHouse)
    assert request.origin == STRANGER
    assert attempts(route(snapshot, request, MONDAY_TEN))[0][1] == "777123456"


def test_a_target_of_the_house_is_not_an_incoming_number_again():
    snapshot = company(inbound=(Inbound(number="102", target="201"),))
    request = RouteRequest("102", FromTrunk("Odorik"), permission=HOUSE)
    assert route(snapshot, request, MONDAY_TEN).entry.number == "102"


def test_routing_ten_thousand_numbers_remembers_what_it_worked_out_of_the_snapshot():
    rules = tuple(Inbound(trunk="Odorik", number=f"555{n:05}", target="201") for n in range(2000))
    snapshot = company(inbound=rules)
    assert from_trunk(snapshot, "55501999").entry.number == "201"
    assert set(snapshot.derived) == {"inbound"}
