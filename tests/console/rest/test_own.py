"""What is one's own, by the API: rules, calls, devices, what one is told."""

from __future__ import annotations

from typing import Any

import pytest

from jackfield.history.models import Call, Owned
from jackfield.numbers.models import Extension, Line
from jackfield.people.models import User
from jackfield.softphones import links

from .conftest import Make, Program


@pytest.fixture
def anna(program: Make) -> Program:
    """The program of somebody whose extension is 101."""
    made = program("user")
    user = User.objects.get(login="the-user")
    Extension.objects.filter(number="101").update(user=user)
    Owned.objects.create(number="101", user_id=user.pk, since=0)
    return made


class Switch:
    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def __call__(self, socket: object, verb: str, *, timeout: float = 5.0, **more: Any) -> Any:
        self.asked.append((verb, more))
        own = {"id": "c1", "legs": [], "from": {"number": "101", "name": "Anna"}, "to": {"number": "102", "name": ""}}
        return {
            "calls": [own, own | {"id": "c2", "legs": [], "from": {"number": "102", "name": "Bert"}}],
            "registrations": [{"sip_username": "anna101", "address": "192.0.2.7:5060"}],
            "hangup": {"id": "c1"},
            "originate": {"id": "c9"},
        }[verb]


@pytest.fixture
def switch(monkeypatch: pytest.MonkeyPatch) -> Switch:
    made = Switch()
    monkeypatch.setattr("jackfield.console.rest.asking.ask_sync", made)
    return made


def test_somebody_says_where_his_calls_go(anna: Program, api: Program):
    (mine,) = anna.get("me/extensions").json()["items"]
    assert mine["number"] == "101"
    assert mine["sentence"].startswith("Your phones ring for")
    shown = anna.get("me/extensions/101")
    look = anna.patch("me/extensions/101?dry_run=1", {"do_not_disturb": True})
    assert look.json()["applied"] is False
    wanted = {"forward_no_answer": "+49 30 1234567", "ring_time": 15, "do_not_disturb": True}
    done = anna.patch("me/extensions/101", wanted, If_Match=shown.headers["ETag"])
    assert done.status_code == 200, done.content
    assert done.json()["forward_no_answer"] == "0" + "0301234567"
    assert done.json()["ring_time"] == 15
    assert "not disturbed" in done.json()["sentence"]
    assert anna.patch("me/extensions/101", wanted, If_Match=shown.headers["ETag"]).status_code == 412
    again = anna.patch("me/extensions/101", {"forward_no_answer": None, "do_not_disturb": False})
    assert again.json()["forward_no_answer"] == ""
    (change,) = api.get("changes?through=api&limit=1").json()["items"]
    assert change["author"] == "the-user (a script)"


def test_a_number_that_leads_nowhere_is_refused_by_its_field(anna: Program):
    refused = anna.patch("me/extensions/101", {"forward_busy": "7777", "forward_always": "101"})
    assert refused.status_code == 422
    assert {one["field"] for one in refused.json()["errors"]} == {"forward_busy", "forward_always"}
    assert anna.patch("me/extensions/101", {"outside_calls": True}).status_code == 422


def test_the_extensions_of_others_are_not_there(anna: Program):
    assert anna.get("me/extensions/102").status_code == 404
    assert anna.patch("me/extensions/102", {"do_not_disturb": True}).status_code == 404
    assert anna.get("extensions").status_code == 403


def test_ones_own_calls_are_listed_page_by_page(anna: Program):
    for number in range(55):
        Call.objects.create(id=f"c{number}", started=1e9 + number, ended=1e9 + number + 5, outcome="no_answer",
                            caller_number="0309999", called_extension="101", called_number="101")  # fmt: skip
    Call.objects.create(id="other", started=1e9, called_extension="102", called_number="102", caller_number="103")
    first = anna.get("me/calls?missed=1").json()
    assert len(first["items"]) == 50
    assert {one["kind"] for one in first["items"]} == {"missed"}
    second = anna.get(f"me/calls?cursor={first['next']}").json()
    assert [one["id"] for one in second["items"]] == ["c4", "c3", "c2", "c1", "c0"]
    assert second["next"] is None
    assert anna.get("me/calls?cursor=yesterday").json()["errors"][0]["field"] == "cursor"


def test_ones_own_phone_rings_first(anna: Program, switch: Switch):
    made = anna.post("me/live/calls", {"to": "+49 30 1234567"}, Idempotency_Key="c")
    assert made.status_code == 201, made.content
    assert made.headers["Location"] == "/api/v1/me/live/calls/c9"
    assert anna.post("me/live/calls", {"to": "+49 30 1234567"}, Idempotency_Key="c").json() == made.json()
    ((_, asked),) = [one for one in switch.asked if one[0] == "originate"]
    assert (asked["from"], asked["to"], asked["user"]) == ("101", "00301234567", "the-user")
    assert anna.post("me/live/calls", {"to": "102", "from": "102"}).json()["errors"][0]["field"] == "from"
    assert anna.delete("me/live/calls/c1").status_code == 204
    assert anna.delete("me/live/calls/c2").status_code == 404


def test_how_far_a_call_is_that_one_has_begun(anna: Program):
    Call.objects.create(id="c1", started=1e9, ended=1e9 + 5, caller_extension="101", dialed="102", outcome="busy")
    Call.objects.create(id="c2", started=1e9, ended=1e9 + 5, caller_extension="102", dialed="101", outcome="busy")
    assert anna.get("me/live/calls/c1").json()["over"] is True
    assert anna.get("me/live/calls/c2").json()["to"] == ""


def test_a_device_is_added_renewed_and_removed(anna: Program, switch: Switch):
    (first,) = anna.get("me/devices").json()["items"]
    assert first["registered"] == [{"sip_username": "anna101", "address": "192.0.2.7:5060"}]
    assert "sip_password" not in first
    made = anna.post("me/devices", {"name": "Kitchen"})
    assert made.status_code == 201, made.content
    device = made.json()
    assert device["device"] == "Kitchen"
    assert Line.objects.get(pk=device["id"]).sip_password == device["sip_password"]
    renewed = anna.post(f"me/devices/{device['id']}/password").json()
    assert renewed["sip_password"] != device["sip_password"]
    assert anna.get(f"me/devices/{device['id']}/code").content.startswith(b"<svg")
    assert anna.delete(f"me/devices/{device['id']}").status_code == 204
    assert anna.delete(f"me/devices/{device['id']}").status_code == 404
    bert = Line.objects.get(sip_username="bert102")
    assert anna.delete(f"me/devices/{bert.pk}").status_code == 404
    for _ in range(4):
        assert anna.post("me/devices", {}).status_code == 201
    assert anna.post("me/devices", {}).status_code == 422


def test_the_links_of_a_device_are_told_and_taken_back(anna: Program, switch: Switch):
    line = Line.objects.get(sip_username="anna101")
    link = links.make(line)
    base = f"me/devices/{line.pk}/links"
    assert [one["state"] for one in anna.get(base).json()["items"]] == ["open"]
    assert links.token(link) not in anna.get(base).content.decode()
    assert anna.post(f"{base}/{link.pk}/revoke").json()["state"] == "revoked"
    assert anna.post(f"{base}/999/revoke").status_code == 404
    bert = Line.objects.get(sip_username="bert102")
    assert anna.get(f"me/devices/{bert.pk}/links").status_code == 404


def test_a_desk_phone_is_not_changed_by_its_user(anna: Program, switch: Switch):
    bert = Line.objects.get(sip_username="bert102")
    Extension.objects.filter(pk=bert.extension_id).update(user=User.objects.get(login="the-user"))
    assert anna.post(f"me/devices/{bert.pk}/password").status_code == 409
    assert anna.delete(f"me/devices/{bert.pk}").status_code == 409
    bert.refresh_from_db()
    assert bert.sip_password == "not-to-be-shown-2"


def test_language_and_notices_are_ones_own_affair(anna: Program, program: Make):
    assert anna.get("me/preferences").json()["language"] == ""
    told = anna.patch("me/preferences", {"language": "de", "told": {"missed_call": True}}).json()
    assert told["language"] == "de"
    assert told["told"]["missed_call"] is True
    assert anna.patch("me/preferences", {"told": {"missed_call": False}}).json()["told"]["missed_call"] is False
    wrong = anna.patch("me/preferences", {"told": {"weather": True}})
    assert wrong.json()["errors"][0]["field"] == "told.weather"
    assert anna.patch("me/preferences", {"language": "klingon!"}).status_code == 422
    assert program("user", ["own:read"]).patch("me/preferences", {"language": "de"}).status_code == 403
