"""Telephone numbers: what was meant, how they are rewritten, and who has which."""

from __future__ import annotations

from dataclasses import replace

import pytest
from company import EmergencyNumber, Outbound, RingGroup, Service, company, extension, line

from jackfield.switch.numbers import (
    callable_back,
    clash,
    clashes,
    clean,
    format_for_trunk,
    in_range,
    next_free,
    rewrite,
    same,
    to_e164,
)
from jackfield.switch.snapshot import Rewrite


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("101", "101"),
        ("+420 255 501 010", "+420255501010"),
        ("(02) 55-50.10/10", "0255501010"),
        ("tel:+420-255-501-010", "+420255501010"),
        ("sip:101@example.com", "101"),
        ("<sip:101@example.com;transport=tcp>", "101"),
        ("+44 (0)20 7183 8750", "+442071838750"),
        ("255501010;phone-context=+420", "+420255501010"),
        ("0255501010;phone-context=+49", "+49255501010"),
        ("255501010;phone-context=example.com", "255501010"),
        ("255501010;phone-context=+9999", "255501010"),
        ("%2A21%23", "*21#"),
        ("*21#", "*21#"),
        ("\u200b1\u200d0\u200e1", "101"),
        ("١٠١", "101"),
        ("1 0\u00a01", "101"),
        ("john.doe", "john.doe"),
        ("Jiří", "Jiří"),
        ("", ""),
        ("%zz", "%zz"),
        ("1\r\n01", "101"),
    ],
)
def test_what_was_meant_by_a_dialled_number(typed: str, meant: str):
    assert clean(typed) == meant


@pytest.mark.parametrize(
    ("number", "rule", "result"),
    [
        ("5550101", Rewrite(strip=5, prefix="2"), "201"),
        ("0123456", Rewrite(prefix="9"), "90123456"),
        ("5550101", Rewrite(strip=7, prefix="2"), "2"),
        ("5550101", Rewrite(strip=99, prefix="2"), "2"),
        ("5550101", Rewrite(), "5550101"),
        ("5550101", Rewrite(pattern=r"555(\d\d)(\d+)", replace=r"\2"), "01"),
        ("5550101", Rewrite(pattern=r"555(\d\d)(\d+)", replace=r"\2", strip=1, prefix="20"), "201"),
        ("777", Rewrite(pattern=r"555.*", replace="1", strip=1, prefix="9"), "777"),
        ("5550101", Rewrite(pattern=r"555", replace="1"), "5550101"),
        ("5550101", Rewrite(pattern="(", replace="1"), "5550101"),
        ("5550101", Rewrite(pattern=".*", replace=r"\7"), "5550101"),
    ],
)
def test_rewriting_strips_and_prefixes_or_follows_a_pattern(number: str, rule: Rewrite, result: str):
    assert rewrite(number, rule) == result


@pytest.mark.parametrize(
    ("number", "country", "international"),
    [
        ("+420255501010", "CZ", "+420255501010"),
        ("00420255501010", "CZ", "+420255501010"),
        ("255501010", "CZ", "+420255501010"),
        ("011442071838750", "US", "+442071838750"),
        ("02071838750", "GB", "+442071838750"),
        ("5550101", "US", None),
        ("112", "CZ", None),
        ("*21#", "CZ", None),
        ("alice", "CZ", None),
        ("", "CZ", None),
        ("+", "CZ", None),
    ],
)
def test_a_public_number_has_an_international_form(number: str, country: str, international: str | None):
    assert to_e164(number, country) == international


def test_numbers_are_the_same_in_whatever_form():
    assert same("+420255501010", "00420255501010", "CZ")
    assert same("255501010", "+420255501010", "CZ")
    assert not same("255501010", "+420255501011", "CZ")
    assert same("101", "101", "CZ")
    assert not same("101", "102", "CZ")


def test_a_range_holds_numbers_of_its_own_length():
    assert in_range("5550150", "5550100", "5550199", "US")
    assert not in_range("555015", "5550100", "5550199", "US")
    assert in_range("+420255501050", "255501000", "255501099", "CZ")
    assert not in_range("+420255501150", "255501000", "255501099", "CZ")
    assert not in_range("alice", "255501000", "255501099", "CZ")


def test_a_number_is_shown_as_it_is_dialled_at_home():
    assert callable_back("+420255501010", "CZ") == "255501010"
    assert callable_back("+442071838750", "CZ") == "00442071838750"
    assert callable_back("+442071838750", "US") == "011442071838750"
    assert callable_back("255501010", "CZ") == "255501010"
    assert callable_back("+1", "CZ") == "+1"


def test_a_trunk_gets_its_format_and_short_codes_stay():
    assert format_for_trunk("255501010", "e164", "CZ") == "420255501010"
    assert format_for_trunk("1188", "e164_plus", "CZ") == "1188"
    assert format_for_trunk("00442071838750", "national", "CZ") == "00442071838750"


# --- the namespace ---


def test_a_company_without_clashes_has_none():
    assert clashes(company()) == []


def test_no_two_things_have_one_number():
    snapshot = company(
        ring_groups=(RingGroup(number="102", name="Sales"),), services=(Service(number="112", kind="echo"),)
    )
    errors = [c for c in clashes(snapshot) if c.error]
    assert {c.number for c in errors} == {"102", "112"}
    assert "ring group 102 (Sales) has the number of extension 102 (Bert)" in {c.text for c in errors}


def test_a_number_behind_a_route_s_prefix_or_behind_another_number_is_warned_of():
    snapshot = company(extensions=(extension("101"), extension("9101"), extension("1012")))
    warnings = {c.number: c.text for c in clashes(snapshot) if not c.error}
    assert "begins with the prefix" in warnings["9101"]
    assert "dial digit by digit" in warnings["1012"]


def test_routes_may_have_prefixes_of_each_other_but_not_the_same():
    routes = (Outbound(name="A", prefix="9"), Outbound(name="B", prefix="90"), Outbound(name="C", prefix="9"))
    found = clashes(company(outbound=routes))
    assert [(c.setting, c.error) for c in found] == [("outbound/C", False)]


def test_an_internal_number_may_not_be_a_whole_prefix():
    found = clashes(company(extensions=(extension("9"),)))
    assert [(c.number, c.error) for c in found] == [("9", True)]


def test_an_emergency_number_may_begin_with_a_route_s_prefix():
    snapshot = company(emergency_numbers=(EmergencyNumber(number="911"),))
    assert clashes(snapshot) == []


def test_two_lines_with_one_sip_name_clash():
    borrowed = replace(extension("102"), lines=(line("u101"),))
    found = clashes(company(extensions=(extension("101"), borrowed)))
    assert len(found) == 1
    assert found[0].error
    assert "SIP name u101" in found[0].text


def test_asking_for_one_number_says_what_is_in_the_way():
    assert clash(company(), "103") is None
    assert clash(company(), "102").error
    assert clash(company(), "102", setting="extensions/102") is None
    assert not clash(company(), "9555").error
    assert clash(company(), "9", prefix=True).setting == ""
    assert clash(company(), "10", prefix=True) is not None


def test_the_next_free_number_is_proposed():
    assert next_free(company()) == "103"
    assert next_free(company(), "201") == "202"
    assert next_free(company(extensions=())) == "101"
    assert next_free(company(extensions=(), general={"first_number": "0100"})) == "0100"


def test_the_proposal_keeps_clear_of_routes_emergency_numbers_and_longer_numbers():
    snapshot = company(extensions=tuple(extension(str(n)) for n in range(101, 112)))
    assert next_free(snapshot) == "113"
    behind = company(extensions=tuple(extension(str(n)) for n in range(890, 900)), general={"first_number": "890"})
    assert next_free(behind) == "1000"
    short = company(extensions=(extension("10"),))
    assert next_free(short) == "110"


def test_where_every_number_is_in_the_way_of_another_one_that_is_only_not_taken_is_proposed():
    crowded = company(
        extensions=tuple(extension(str(n)) for n in range(1, 9)), outbound=(Outbound(name="W", prefix="9"),)
    )
    proposed = next_free(crowded)
    assert proposed.isdigit()
    assert proposed not in {e.number for e in crowded.extensions}


def test_an_odd_first_number_is_no_obstacle():
    assert next_free(company(extensions=(), general={"first_number": "abc"})) == "101"
