"""Finding anything, and whether a number is free."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from jackfield.numbers.models import Extension

from .conftest import As


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
        ("anna bell", "anna Anna Bell"),
        ("sip.example.net", "Provider"),
        ("trunks", "Trunks"),
        ("new extension", "New extension"),
        ("time zone", "Time zone"),
        ("ring_time", "Rings for"),  # as the YAML document calls it
        ("music on hold", "Music on hold"),
    ],
)
def test_a_thing_is_found_by_any_of_its_names(admin: Client, text: str, title: str):
    assert title in [one["title"] for one in found(admin, text)]


def test_a_setting_of_the_company_leads_to_its_field(admin: Client):
    assert "/admin/settings/#f-time_zone" in [one["address"] for one in found(admin, "time zone")]


def test_what_leads_somewhere_answers(admin: Client):
    for text in ("101", "sales", "112", "new", "ring", "company"):
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
