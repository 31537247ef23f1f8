"""Names for numbers as the call history has them."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from jackfield.console import api
from jackfield.contacts.models import Contact, ContactNumber
from jackfield.contacts.names import names_of
from jackfield.contacts.numbers import House, house
from jackfield.people.models import User
from jackfield.settings import Settings

COMPANY = """
settings: {country: DE, outside_prefix: "0"}
users: [{login: anna}, {login: bert}]
extensions: [{number: 101, name: Anna Bell}, {number: 102}]
"""
BERLIN = House("DE", "0")


@pytest.fixture
def company(settings: Settings) -> Settings:
    api.apply(settings, COMPANY)
    return settings


def contact(name: str, number: str, owner: str = "") -> Contact:
    made = Contact.objects.create(name=name, owner=User.objects.get(login=owner) if owner else None)
    ContactNumber.objects.create(contact=made, number=number, known_as=house().known_as(number))
    return made


@pytest.mark.parametrize("written", ["0171 5550101", "+49 (0)171/5550101", "0049171-5550101", "+49 171 5550101"])
@pytest.mark.parametrize("seen", ["001715550101", "01715550101", "+491715550101", "00049171 5550101"])
def test_a_caller_is_known_however_the_number_was_written(company: Settings, written: str, seen: str):
    contact("Carla", written)
    assert names_of([seen]) == {seen: "Carla"}


def test_ones_own_contacts_come_before_the_companys_and_are_nobody_elses(company: Settings):
    anna, bert = User.objects.get(login="anna"), User.objects.get(login="bert")
    contact("Mum", "030 5550100", "anna")
    contact("Frau Bell", "030 5550100")
    contact("Secret", "030 5550177", "anna")
    seen = ["00305550100", "00305550177"]
    assert names_of(seen, user=anna) == {seen[0]: "Mum", seen[1]: "Secret"}
    assert names_of(seen, user=bert) == {seen[0]: "Frau Bell"}
    assert names_of(seen) == {seen[0]: "Frau Bell"}


def test_extensions_have_their_names_and_unknown_numbers_none(company: Settings):
    contact("Not Anna", "101")
    assert names_of(["101", "102", "0999", "", "anonymous", "bob@example.com"]) == {"101": "Anna Bell"}


def test_a_hundred_numbers_cost_no_more_queries_than_one(company: Settings):
    contact("Carla", "0171 5550101")
    with CaptureQueriesContext(
        connection,
    ) as one:
        names_of(["001715550101"])
    with CaptureQueriesContext(connection) as many:
        names_of([f"0171555{n:04}" for n in range(100)] + ["001715550101"])
    assert len(many) == len(one) <= 3


def test_a_contact_is_dialled_through_the_outside_line():
    assert BERLIN.dialable("+49 171 5550101", ["101"]) == "001715550101"
    assert BERLIN.dialable("0171 5550101") == "001715550101"
    assert BERLIN.dialable("+420 601 555 010") == "000420601555010"
    assert BERLIN.dialable("101", ["101"]) == "101"


def test_what_is_typed_is_dialled_as_on_a_telephone():
    assert BERLIN.dialled("00171 555-0101") == "001715550101"
    assert BERLIN.dialled("+49 171 5550101") == "001715550101"
    assert BERLIN.dialled("*43") == "*43"


@pytest.mark.parametrize(
    ("number", "shown"),
    [("001715550101", "0171 5550101"), ("000420601555010", "+420 601 555 010"), ("101", "101"), ("*43", "*43")],
)
def test_numbers_are_shown_as_the_country_writes_them(number: str, shown: str):
    assert BERLIN.shown(number) == shown


def test_a_number_that_is_in_no_plan_yet_is_written_with_its_country():
    assert BERLIN.shown("+447700900123") == "+44 7700 900123"
    assert BERLIN.shown("+49171555010") == "+49 171555010"
