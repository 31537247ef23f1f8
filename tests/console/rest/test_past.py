"""Calls and changes that were, by the API."""

from __future__ import annotations

import base64

import pytest

from jackfield.changes.models import Revision
from jackfield.control import ControlError, NotRunning
from jackfield.history.models import Call, Journal, Leg
from jackfield.numbers.models import Extension

from .conftest import Make, Program


@pytest.fixture
def calls(company: object) -> None:
    for number in range(1, 6):
        Call.objects.create(
            id=f"call{number}",
            started=1_780_000_000.0 + number // 2,  # some begin at the same moment
            answered=1_780_000_003.0,
            ended=1_780_000_009.0,
            caller_number="101" if number % 2 else "102",
            called_number=f"55501{number}",
            called_trunk="Provider",
            dialed=f"055501{number}",
            direction="out",
            outcome="answered",
        )
    Leg.objects.create(call_id="call3", position=0, role="caller", number="101", sip_call_id="abc@phone")
    Journal.objects.create(call_id="call3", lines=[{"at": 1_780_000_000.5, "text": "101 dials 0555013", "link": ""}])


@pytest.mark.usefixtures("calls")
def test_calls_are_listed_filtered_and_paged_the_newest_first(api: Program):
    def ids(query: str) -> list[str]:
        answer = api.get(f"calls?{query}")
        assert answer.status_code == 200, answer.content
        return [one["id"] for one in answer.json()["items"]]

    assert ids("") == ["call5", "call4", "call3", "call2", "call1"]
    assert ids("number=101") == ["call5", "call3", "call1"]
    assert ids("caller=102&outcome=answered&trunk=Provider&direction=out") == ["call4", "call2"]
    assert ids("since=2026-05-28T20:26:42Z") == ["call5", "call4"]
    assert ids("until=2026-05-28T20:26:41%2B00:00") == ["call1"]
    first = api.get("calls?limit=2&count=1").json()
    assert first["count"] == 5
    second = api.get(f"calls?limit=2&cursor={first['next']}").json()
    third = api.get(f"calls?limit=2&cursor={second['next']}").json()
    assert [one["id"] for page in (first, second, third) for one in page["items"]] == ids("")
    assert api.get("calls?since=yesterday").json()["errors"][0]["field"] == "since"
    assert api.get("calls?outcome=splendid").status_code == 400


@pytest.mark.usefixtures("calls")
def test_one_call_has_its_legs_and_its_journal(api: Program):
    found = api.get("calls/call3").json()
    assert found["legs"][0]["call_id"] == "abc@phone"
    assert found["journal"][0]["text"] == "101 dials 0555013"
    assert found["duration"] == 8.0
    assert api.get("calls/call").status_code == 404
    assert api.get("calls/call9/ladder").status_code == 404


@pytest.mark.usefixtures("calls")
def test_the_sip_messages_of_a_call_are_drawn_and_saved(api: Program, monkeypatch: pytest.MonkeyPatch):
    def answer(socket: object, verb: str, *, timeout: float, call: str, format: str) -> str:
        assert (verb, call) == ("trace", "call3")
        return "101   Jackfield\n" if format == "ladder" else base64.b64encode(b"\xd4\xc3\xb2\xa1").decode()

    monkeypatch.setattr("jackfield.console.rest.asking.ask_sync", answer)
    drawn = api.get("calls/call3/ladder")
    assert drawn.content == b"101   Jackfield\n"
    assert drawn.headers["Content-Type"].startswith("text/plain")
    saved = api.get("calls/call3/pcap")
    assert saved.content == b"\xd4\xc3\xb2\xa1"
    assert 'filename="call-call3.pcap"' in saved.headers["Content-Disposition"]


@pytest.mark.usefixtures("calls")
@pytest.mark.parametrize(("trouble", "status"), [(ControlError("not kept any more"), 404), (NotRunning("no"), 503)])
def test_messages_that_can_not_be_had_are_told_with_the_reason(
    api: Program, monkeypatch: pytest.MonkeyPatch, trouble: Exception, status: int
):
    def refuse(*arguments: object, **named: object) -> None:
        raise trouble

    monkeypatch.setattr("jackfield.console.rest.asking.ask_sync", refuse)
    answer = api.get("calls/call3/pcap")
    assert answer.status_code == status
    assert str(trouble).casefold() in answer.json()["detail"].casefold()


def test_changes_are_listed_and_one_is_undone(api: Program):
    api.patch("extensions/101", {"name": "Anna B"})
    api.patch("extensions/102", {"name": "Bert B"})
    found = api.get("changes?section=extensions&key=101&through=api").json()["items"]
    assert [one["changes"][0]["key"] for one in found] == ["101"]
    assert api.get(f"changes/{found[0]['id']}").json() == found[0]
    address = f"changes/{found[0]['id']}/undo"
    assert api.post(f"{address}?dry_run=1").json()["applied"] is False
    assert Extension.objects.get(number="101").name == "Anna B"
    done = api.post(address, Idempotency_Key="u1")
    assert done.status_code == 200, done.content
    assert Extension.objects.get(number="101").name == "Anna"
    assert api.post(address, Idempotency_Key="u1").json() == done.json()
    assert Revision.objects.first().undoes_id == found[0]["id"]
    again = api.post(address)
    assert again.status_code == 422
    assert "changed again since" in again.json()["errors"][0]["message"]
    assert api.post("changes/999/undo").status_code == 404
    assert api.get(f"changes/{2**70}").status_code == 404


def test_nobody_sees_or_undoes_by_the_history_what_he_may_not(api: Program, program: Make):
    api.patch("trunks/Provider", {"max_calls": 3})
    change = Revision.objects.first().pk
    only = program(scopes=["history:write", "people:write"])
    seen = only.get(f"changes/{change}").json()
    assert (seen["changes"], seen["hidden"]) == ([], 1)
    refused = only.post(f"changes/{change}/undo")
    assert refused.status_code == 422
    assert "which you may not change" in refused.json()["detail"]
