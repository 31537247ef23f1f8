"""Finding anything, and whether a number is free."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from jackfield.history.models import Party
from jackfield.numbers.models import Extension

from .conftest import As
from .test_live import Switch, switch  # noqa: F401 - a fixture


def found(browser: Client, text: str) -> list[dict[str, Any]]:
    answer = browser.get("/admin/find", {"q": text}, headers={"Accept": "application/json"})
    assert answer.status_code == 200
    return answer.json()["found"]


def test_a_number_leads_to_the_one_who_has_it(admin: Client):
    first = found(admin, "101")[0]
    assert (first["title"], first["detail"]) == ("101 Anna", "extension")
    assert first["address"] == f"/admin/extensions/{Extension.objects.get(number='101').pk}"


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("bert102", "102 Bert"),  # the phone's SIP name
        ("00:15:65:12:ab:cd", "Workshop"),
        ("anna bell", "anna Anna Bell"),
        ("sip.example.net", "Provider"),
        ("trunks", "Trunks"),
        ("new extension", "New extension"),
        ("time zone", "Time zone"),
        ("ring_time", "Rings for"),  # as the YAML document calls it
        ("music on hold", "Music on hold"),
        ("ring time", "Rings for"),
        ("timeout", "Rings for"),
        ("dnd", "Do not disturb"),
        ("caller id", "Number shown outside"),
        ("2fa", "Must have a second factor"),
        ("cdr", "Calls"),
        ("single sign-on", "OpenID Connect"),
        ("who is signed in", "Who is signed in"),
        ("end a session", "Who is signed in"),
        ("undo", "Undo a change"),
        ("csv", "Import extensions from a table"),
        ("wizard", "Go through the first steps again"),
    ],
)
def test_a_thing_is_found_by_any_of_its_names(admin: Client, text: str, title: str):
    assert title in [one["title"] for one in found(admin, text)]


def test_a_setting_of_the_company_leads_to_its_field(admin: Client):
    assert "/admin/settings/#f-time_zone" in [one["address"] for one in found(admin, "time zone")]


def test_a_phone_is_found_by_its_mac_its_model_and_its_address(admin: Client, switch: Switch):  # noqa: F811
    switch.phones = [switch.phones[0] | {"user_agent": "Yealink SIP-T46S 66.86.0.15 80:5e:c0:12:ab:cd"}]
    for text in ("80:5E:C0:12:AB:CD", "805ec012abcd", "80-5e-c0-12", "T46S", "192.0.2.7"):
        phone = next(one for one in found(admin, text) if one["title"] == "Yealink T46S of 101 Anna")
        assert admin.get(phone["address"]).content.decode().count("<code>anna101") == 1
    assert found(admin, "805ec0ffffff") == []


def test_with_a_number_there_is_what_can_be_done_with_it(admin: Client):
    Party.objects.create(
        number="+4930123456", name="City hospital", folded="city hospital +4930123456", calls=3, last=9
    )
    titles = [one["title"] for one in found(admin, "030 123456")]
    assert "Calls with +4930123456 City hospital" in titles
    assert "See what happens if somebody dials 030123456" in titles
    titles = [one["title"] for one in found(admin, "145")]
    assert "New extension 145" in titles
    assert "New extension 101" not in [one["title"] for one in found(admin, "101")]


def test_what_leads_somewhere_answers(admin: Client):
    for text in ("101", "sales", "112", "new", "ring", "company", "030123456", "145", "table", "passkey", "session"):
        for one in found(admin, text):
            assert admin.get(one["address"]).status_code == 200, one


def test_without_a_question_there_are_proposals(admin: Client):
    assert "New extension" in [one["title"] for one in found(admin, "")]


def test_nobody_finds_what_his_role_can_not_see_or_do(signed_in: As):
    titles = [one["title"] for one in found(signed_in("reader"), "extension")]
    assert "Extensions" in titles
    assert "New extension" not in titles
    assert signed_in("user").get("/admin/find?q=101").status_code == 403


def test_a_browser_without_scripts_gets_a_page(admin: Client):
    page = admin.get("/admin/find?q=anna").content.decode()
    assert "101 Anna</a>" in page
    assert "Nothing fits “nonsense”" in admin.get("/admin/find?q=nonsense").content.decode()


def test_it_is_said_at_once_whether_a_number_is_free(admin: Client):
    def asked(number: str, besides: str = "") -> dict[str, Any]:
        return admin.get("/admin/find/number", {"number": number, "besides": besides}).json()

    assert asked("103") == {"free": True, "text": "", "next": "103"}
    taken = asked("190")
    assert taken["free"] is False
    assert "Sales" in taken["text"]
    assert taken["next"] == "191"
    row = Extension.objects.get(number="101")
    assert asked("101")["free"] is False
    assert asked("101", f"extensions/{row.pk}")["free"] is True
    assert asked("", "nonsense/x")["free"] is True
