"""Figures, logs, the plan of numbers, phones to be connected, sounds and trials, by the API."""

from __future__ import annotations

import io
import math
import time
import wave
from typing import Any

import pytest

from jackfield.console import postman
from jackfield.directory.models import Directory
from jackfield.history.models import Call, Event
from jackfield.notices.models import Mail, Notice
from jackfield.numbers.models import Line
from jackfield.settings import Settings

from .conftest import Make, Program


def test_calls_of_a_period_are_added_up_and_had_as_a_table(api: Program):
    now = time.time()
    Call.objects.create(id="a", started=now - 60, answered=now - 50, ended=now - 20, caller_extension="101",
                        outcome="answered", direction="internal")  # fmt: skip
    found = api.get("statistics").json()
    assert found["all"] == {"calls": 1, "answered": 1, "waited": 10.0, "talked": 30.0}
    assert found["extensions"][0]["name"] == "101"
    assert api.get("statistics?since=2026-02-30").json()["errors"][0]["field"] == "since"
    assert api.get("statistics?since=2026-02-02&until=2026-01-01").status_code == 400
    table = b"".join(api.get("calls.csv?extension=101").streaming_content).decode("utf-8-sig")
    assert table.splitlines()[1].startswith("a,")
    assert api.get("calls.csv?since=2026-02-30").json()["errors"][0]["field"] == "since"
    volume = api.get("volume").json()
    assert volume["today"]["calls"] >= 0
    assert len(volume["sounded"]) == len(volume["hours"]) == 24


def test_how_the_machine_is_and_what_needs_a_look(api: Program):
    found = api.get("machine?period=day").json()
    assert found["disk"]["free"] > 0
    assert found["processes"]
    alerts = api.get("alerts").json()["items"]
    assert any("switch" in one["text"].lower() for one in alerts)


def test_the_end_of_a_log_is_read(api: Program, company: Settings, program: Make):
    company.files.logs.mkdir(exist_ok=True)
    line = "2026-11-23 12:00:00.000 warning switch     [c1] something odd\n"
    (company.files.logs / "switch.log").write_text(line)
    found = api.get("logs?level=warning&q=odd&call=c").json()
    assert [(one["call"], one["text"]) for one in found["items"]] == [("c1", "something odd")]
    assert found["processes"] == ["switch"]
    assert api.get("logs?process=../secrets").json()["items"] == []
    assert program("user").get("logs").status_code == 403


# --- numbers ---------------------------------------------------------------------------------------------------------


def test_the_houses_numbers_are_told_in_order_with_what_is_free(api: Program):
    found = api.get("dial-plan?limit=1000&count=1").json()
    assert {"free": False, "number": "101", "section": "extensions", "name": "Anna", "prefix": False, "note": ""} in (
        found["items"]
    )
    assert any(one["free"] and one["number"] == "103" for one in found["items"])
    first = api.get("dial-plan?limit=2&free=0").json()
    second = api.get(f"dial-plan?limit=2&free=0&cursor={first['next']}").json()
    assert first["items"] + second["items"] == api.get("dial-plan?limit=4&free=0").json()["items"]
    assert [one["number"] for one in api.get("dial-plan?q=anna").json()["items"]] == ["101"]
    assert api.get("dial-plan?cursor=bm9uc2Vuc2U").status_code == 400


def test_who_has_a_number_and_which_is_free(api: Program):
    taken = api.get("numbers/101").json()
    assert (taken["free"], taken["next"]) == (False, "103")
    assert "Anna" in taken["owner"]
    assert api.get("numbers/155").json()["free"] is True
    assert api.get("next-number").json()["number"] == api.get("next-number?section=extensions").json()["number"]
    assert api.get("next-number?start=190").json() == {"number": "191"}


def test_anything_is_found_as_far_as_the_token_sees(api: Program, program: Make):
    assert any(one["title"].startswith("101") for one in api.get("find?q=anna").json()["items"])
    narrow = program(scopes=["overview:read"])
    assert not [one for one in narrow.get("find?q=anna").json()["items"] if one["kind"] == "thing"]


# --- phones ----------------------------------------------------------------------------------------------------------


def test_a_phones_password_is_told_only_when_asked_for_and_that_is_recorded(api: Program, program: Make):
    found = api.get("lines/anna101/connect").json()
    assert (found["extension"], found["sip_username"]) == ("101", "anna101")
    assert not {"sip_password", "link", "linphone"} & found.keys()
    shown = api.get("lines/anna101/connect?secrets=1").json()
    assert shown["sip_password"] == "not-to-be-shown-1"
    assert api.client.get(shown["link"].partition("testserver")[2]).status_code == 200
    code = api.get("lines/anna101/code?code=linphone")
    assert code.headers["Content-Type"] == "image/svg+xml"
    assert b'xmlns="http://www.w3.org/2000/svg"' in code.content
    assert Event.objects.filter(kind="secrets_shown").count() == 2
    reader = program("reader")
    assert reader.get("lines/anna101/connect").status_code == 200
    assert reader.get("lines/anna101/connect?secrets=1").status_code == 403
    assert reader.get("lines/anna101/code").status_code == 403
    assert api.get("lines/nobody/connect").status_code == 404


def test_a_phone_gets_a_new_password(api: Program):
    assert api.post("lines/anna101/password?dry_run=1").json()["applied"] is False
    shown = api.post("lines/anna101/password").json()
    assert shown["sip_password"] == Line.objects.get(sip_username="anna101").sip_password != "not-to-be-shown-1"


# --- sounds ----------------------------------------------------------------------------------------------------------


def tone() -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(b"".join(int(9000 * math.sin(n / 3)).to_bytes(2, "little", signed=True) for n in range(4000)))
    return out.getvalue()


def test_a_sound_is_uploaded_heard_and_removed(api: Program, company: Settings):
    octets = {"Content-Type": "application/octet-stream"}
    look = api.put("audio/welcome?language=en&dry_run=1", tone(), **octets)
    assert look.json()["applied"] is False
    folder = company.files.sounds / "uploads"
    assert not list(folder.iterdir())
    for _ in range(2):
        done = api.put("audio/welcome?language=en", tone(), **octets)
        assert done.status_code == 200, done.content
    found = {(one["name"], one["language"]): one for one in api.get("audio?q=welcome").json()["items"]}
    assert found["welcome", "en"]["configured"] is True
    heard = api.get("audio/welcome?language=en")
    assert b"".join(heard.streaming_content).startswith(b"RIFF")
    assert api.get("audio/welcome?language=xx").status_code == 404
    assert api.delete("sounds/welcome/en").status_code == 200
    before = len(list(folder.iterdir()))
    assert api.put("audio/x", b"no audio at all", **octets).status_code == 422
    assert len(list(folder.iterdir())) == before


# --- trials ----------------------------------------------------------------------------------------------------------


def test_a_test_message_is_sent_and_listed(api: Program, monkeypatch: pytest.MonkeyPatch):
    sent: list[str] = []
    monkeypatch.setattr(postman, "send", lambda mail, recipient, letter: sent.append(recipient))
    assert api.post("trials/mail", {"recipient": "nonsense"}).json()["errors"][0]["field"] == "recipient"
    assert api.post("trials/mail", {"recipient": "office@example.com"}).json()["ok"] is True
    assert sent == ["office@example.com"]
    (listed,) = api.get("messages?kind=test&progress=sent").json()["items"]
    assert listed["recipient"] == "office@example.com"

    def refuse(*arguments: Any) -> None:
        raise postman.Undeliverable("the server says no")

    monkeypatch.setattr(postman, "send", refuse)
    told = api.post("trials/mail", {"recipient": "office@example.com"}).json()
    assert told["ok"] is False
    assert "says no" in told["text"]
    assert Notice.objects.count() == 1


def test_a_trunk_is_tried_as_it_is_saved_or_as_it_is_given(api: Program, monkeypatch: pytest.MonkeyPatch):
    from jackfield.console.rest import trials
    from jackfield.console.trunk_test import Outcome

    tried: list[Any] = []

    def trial(trunk: Any) -> Outcome:
        tried.append(trunk)
        return Outcome(True, "It works.", "192.0.2.1")

    monkeypatch.setattr(trials, "try_trunk", trial)
    assert api.post("trials/trunk", {"name": "Provider", "username": "b"}).json()["seen_as"] == "192.0.2.1"
    assert (tried[0]["password"], tried[0]["username"]) == ("not-to-be-shown-3", "b")
    api.post("trials/trunk", {"hosts": ["192.0.2.5"], "username": "x"})
    assert tried[1] == {"hosts": ["192.0.2.5"], "username": "x"}
    assert api.post("trials/trunk", {"name": "Nobody"}).json()["errors"][0]["field"] == "name"


def test_a_saved_password_is_not_sent_to_a_server_that_somebody_names(api: Program, monkeypatch: pytest.MonkeyPatch):
    from jackfield.console.rest import trials
    from jackfield.console.trunk_test import Outcome

    tried: list[Any] = []
    monkeypatch.setattr(trials, "try_trunk", lambda trunk: tried.append(trunk) or Outcome(True, ""))
    refused = api.post("trials/trunk", {"name": "Provider", "hosts": ["192.0.2.66"]})
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["field"] == "password"
    assert not tried


def test_a_test_call_says_what_happened(api: Program, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("jackfield.console.web.first_run.connecting.test_call", lambda: (True, ["It rang.", "Heard."]))
    assert api.post("trials/call").json() == {"ok": True, "text": "It rang.\nHeard."}


def test_the_directory_is_looked_at_and_imported(api: Program, monkeypatch: pytest.MonkeyPatch):
    from jackfield.console import importing
    from jackfield.directory.person import DirectoryError

    assert "No directory is set" in api.get("directory/people").json()["detail"]
    config = Directory.current()
    config.hosts, config.base = ("ldap.example.com",), "dc=example"
    config.save()
    asked: list[bool] = []

    def bring(settings: Any, *, dry_run: bool) -> Any:
        asked.append(dry_run)
        return importing.Outcome(2, ["anna"], [], [], [])

    monkeypatch.setattr(importing, "bring_in_step", bring)
    assert api.get("directory/people").json()["created"] == ["anna"]
    assert "switched off" in api.post("directory/people").json()["detail"]
    config.enabled = True
    config.save()
    assert api.post("directory/people").json()["applied"] is True
    assert asked == [True, False]

    def fail(settings: Any, *, dry_run: bool) -> Any:
        raise DirectoryError("nobody listens there")

    monkeypatch.setattr(importing, "bring_in_step", fail)
    assert api.get("directory/people").json()["detail"] == "nobody listens there."


def test_users_are_welcomed_by_mail(api: Program):
    from jackfield.people.models import User

    User.objects.filter(login="anna").update(email="anna@example.com")
    assert "E-mail" in api.post("welcome", {"logins": ["anna"]}).json()["detail"]
    mail = Mail.current()
    mail.host, mail.sender, mail.links = "mail.example.com", "pbx@example.com", "https://pbx.example.com"
    mail.save()
    wanted = {"logins": ["anna", "the-administrator"]}
    assert api.post("welcome?dry_run=1", wanted).json()["applied"] is False
    assert not Notice.objects.exists()
    assert api.post("welcome", wanted).json() == {
        "applied": True, "sent": ["anna"], "left_out": ["the-administrator"]
    }  # fmt: skip
    assert Notice.objects.get().recipient == "anna@example.com"
    assert api.post("welcome", {"logins": ["nobody"]}).status_code == 404


def test_what_is_ready_made_and_what_a_new_system_needs(api: Program):
    providers = api.get("providers?country=CZ").json()["items"]
    assert providers[0]["countries"][0] == "CZ"
    found = api.get("first-run").json()
    assert found["administrator"] is True
    assert any(not one["done"] for one in found["steps"])
