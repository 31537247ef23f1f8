"""Desk phones by the API, beyond their settings."""

from __future__ import annotations

from jackfield.console.provisioning.asking import Request
from jackfield.console.provisioning.door import answer
from jackfield.desk_phones.models import CheckSync, DeskPhone
from jackfield.settings import Settings

from .conftest import Program

MAC = "00156512abcd"


def test_a_phone_is_entered_linked_fetches_and_is_told_again(api: Program, company: Settings):
    made = api.post("desk_phones", {"mac": "001565000001", "model": "yealink-t46u", "extensions": ["101"]})
    assert made.status_code == 201, made.content
    assert api.get("desk_phones/001565000001/state").json()["state"] == "made"
    link = api.post("desk_phones/001565000001/link", {})
    assert link.status_code == 201
    assert api.get("desk_phones/001565000001/state").json()["state"] == "link"
    path = link.json()["address"].partition("//")[2].partition("/")[2]
    asked = Request(path=f"/{path}001565000001.cfg", way="https", address="203.0.113.9", host="pbx.example.com")
    assert answer(asked).status == 200
    shown = api.get("desk_phones/001565000001/state").json()
    assert (shown["state"], shown["fetches"], shown["address"]) == ("fetched", 1, "203.0.113.9")
    assert answer(asked).status == 410
    incident = api.get("phone_incidents").json()["items"][0]
    assert (incident["kind"], incident["mac"]) == ("used", "001565000001")
    told = api.post("phone_check_syncs", {"macs": ["001565000001"], "when": "night"})
    assert (told.status_code, told.json()["all"], told.json()["begun"]) == (202, 1, None)
    assert api.get("phone_check_syncs").json()["items"][0]["silent"] == []
    assert CheckSync.objects.get().due > CheckSync.objects.get().made
    one = f"phone_check_syncs/{told.json()['id']}"
    assert api.delete(one).status_code == 204
    assert api.delete(one).status_code == 404


def test_a_preview_has_no_secret_and_a_link_can_be_ended(api: Program, company: Settings):
    if not DeskPhone.objects.filter(mac=MAC).exists():
        api.post("desk_phones", {"mac": MAC, "model": "yealink-t46u", "extensions": ["102"]})
    found = api.get(f"desk_phones/{MAC}/file").json()
    assert "********" in found["text"]
    assert "not-to-be-shown" not in found["text"]
    api.post(f"desk_phones/{MAC}/link", {})
    assert api.delete(f"desk_phones/{MAC}/link").status_code == 204
    assert api.get(f"desk_phones/{MAC}/state").json()["state"] == "made"


def test_who_asks_is_taken_in(api: Program, company: Settings):
    api.patch("provisioning", {"new_extensions": "never", "enabled": "on"})
    asked = Request(path="/provision/001565000009.cfg", way="http", address="127.0.0.1")
    assert answer(asked).status == 404
    assert [row["mac"] for row in api.get("phones_that_ask").json()["items"]] == ["001565000009"]
    taken = api.post("phones_that_ask/001565000009", {"number": "101", "model": "yealink-t46u"})
    assert taken.status_code == 201, taken.content
    assert answer(asked).status == 200
    assert api.post("phones_that_ask/001565000009", {}).status_code == 404


def test_models_and_built_in_templates_are_told(api: Program, company: Settings):
    model = next(row for row in api.get("phone_models").json()["items"] if row["slug"] == "yealink-t46u")
    assert "yealink:phone.cfg" in model["templates"]
    assert "account." in api.get("builtin_phone_templates/yealink:phone.cfg").json()["text"]
    assert api.get("builtin_phone_templates/..:..").status_code == 404


def test_who_is_told_must_be_there(api: Program, company: Settings):
    assert api.post("phone_check_syncs", {"macs": ["ffffff000000"]}).status_code == 422
