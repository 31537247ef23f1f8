"""Links that set softphones up, by the API."""

from __future__ import annotations

from django.test import Client

from jackfield.history.models import Event

from .conftest import Make, Program

LINKS = "lines/anna101/links"


def test_a_link_is_made_once_listed_without_itself_and_taken_back(api: Program):
    made = api.post(f"{LINKS}?days=3", {})
    assert made.status_code == 201
    told = made.json()
    assert (told["state"], round(told["expires"] - told["made"])) == ("open", 3 * 86400)
    assert Event.objects.filter(kind="secrets_shown").count() == 1
    (item,) = api.get(LINKS).json()["items"]
    assert item == {name: value for name, value in told.items() if name != "link"}
    revoked = api.post(f"{LINKS}/{told['id']}/revoke", {}).json()
    assert revoked["state"] == "revoked"
    assert Client().get(told["link"].partition("testserver")[2]).status_code == 404


def test_what_used_a_link_is_told(api: Program):
    told = api.post(LINKS, {}).json()
    address = told["link"].partition("testserver")[2]
    assert Client().get(f"{address}/groundwire.xml", REMOTE_ADDR="192.0.2.7").status_code == 200
    (item,) = api.get(LINKS).json()["items"]
    assert (item["state"], item["used_by"], item["used_from"]) == ("used", "groundwire", "192.0.2.7")
    assert api.post(f"{LINKS}/{told['id']}/revoke", {}).json()["state"] == "used"


def test_what_cannot_be_is_told(api: Program, program: Make):
    assert api.post(f"{LINKS}?days=31", {}).status_code == 400
    assert api.post(f"{LINKS}/999/revoke", {}).status_code == 404
    assert api.get("lines/nobody/links").status_code == 404
    reader = program("reader")
    assert reader.get(LINKS).status_code == 200
    assert reader.post(LINKS, {}).status_code == 403
