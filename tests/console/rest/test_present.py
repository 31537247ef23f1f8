"""What is: asked of the switch, which a test plays; and the stream of what happens."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from jackfield.console import live
from jackfield.console.rest import present
from jackfield.control import ControlError

from .conftest import Make, Program

CALL = {
    "id": "c1",
    "from": {"number": "101", "name": "Anna"},
    "to": {"number": "102", "name": "Bert"},
    "state": "talking",
}
PHONE = {"extension": "101", "sip_username": "anna101", "transport": "UDP", "address": "192.0.2.7:5060", "since": 1.0}


class Switch:
    """Plays the switch's control socket."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.calls = [CALL]

    def __call__(self, socket: object, verb: str, *, timeout: float = 5.0, **more: Any) -> Any:
        self.asked.append((verb, more))
        if verb == "route" and more["from"] == "nobody":
            raise ControlError('there is no extension "nobody"')
        trunk = {"name": "Provider", "state": "up"}
        return {
            "calls": self.calls,
            "trunks": [trunk],
            "registrations": [PHONE | {"expires_in": 60.0}],
            "hangup": {"id": "c1"},
            "originate": {"id": "c2"},
            "prove": {"id": "c3", "phone": "192.0.2.7:5060", "sip_username": "anna101"},
            "route": {"dialed": more.get("to"), "trace": []},
            "live": {"boot": "b", "now": 0.0, "draining": False, "calls": self.calls, "trunks": [trunk],
                     "registered": 1, "phones": 1},
        }[verb]  # fmt: skip


@pytest.fixture
def switch(monkeypatch: pytest.MonkeyPatch) -> Switch:
    made = Switch()
    monkeypatch.setattr("jackfield.console.rest.asking.ask_sync", made)
    return made


def test_calls_in_progress_are_listed_and_hung_up(api: Program, switch: Switch, program: Make):
    assert api.get("live/calls").json()["items"] == [CALL]
    assert api.get("live/calls/c1").json()["state"] == "talking"
    assert program("reader").delete("live/calls/c1").status_code == 403
    answer = api.delete("live/calls/c1")
    assert (answer.status_code, answer.content) == (204, b"")
    assert ("hangup", {"id": "c1", "by": "the-administrator (a script)"}) in switch.asked
    assert api.delete("live/calls/c").status_code == 404


def test_a_call_is_begun_for_somebody(api: Program, switch: Switch, program: Make):
    wanted = {"from": "101", "to": "0301234567", "name": "Customer"}
    answer = api.post("live/calls", wanted, Idempotency_Key="c")
    assert answer.status_code == 201, answer.content
    assert answer.headers["Location"] == "/api/v1/live/calls/c2"
    assert api.post("live/calls", wanted, Idempotency_Key="c").json() == {"id": "c2"}
    asked = [more for verb, more in switch.asked if verb == "originate"]
    assert asked == [wanted | {"user": "the-administrator", "by": "the-administrator (a script)"}]
    wrong = api.post("live/calls", {"to": 7, "colour": "red"}).json()["errors"]
    assert {one["field"] for one in wrong} == {"from", "to", "colour"}
    assert program("reader").post("live/calls", wanted).status_code == 403


def test_phones_and_trunks_are_told(api: Program, switch: Switch):
    assert api.get("live/registrations").json()["items"][0]["sip_username"] == "anna101"
    assert api.get("live/registrations?extension=102").json()["items"] == []


def test_a_phone_is_rung_to_find_out_whether_it_hears(api: Program, switch: Switch, program: Make):
    answer = api.post("live/registrations/prove", {"extension": "101", "address": "192.0.2.7:5060"})
    assert (answer.status_code, answer.json()["id"]) == (201, "c3")
    assert switch.asked[-1] == (
        "prove",
        {"extension": "101", "address": "192.0.2.7:5060", "by": "the-administrator (a script)"},
    )
    assert api.post("live/registrations/prove", {}).status_code == 422
    assert program("reader").post("live/registrations/prove", {"extension": "101"}).status_code == 403
    assert api.get("live/trunks").json()["items"][0]["state"] == "up"


def test_what_would_happen_is_asked_of_the_switch(api: Program, switch: Switch):
    assert api.get("route?from=101&to=112&at=2026-11-22T14:30").json()["dialed"] == "112"
    assert ("route", {"from": "101", "to": "112", "at": "2026-11-22T14:30"}) in switch.asked
    assert api.get("route?from=nobody&to=1").status_code == 422


def test_a_switch_that_does_not_run_is_told_with_the_mend(api: Program):
    for path in ("live/calls", "live/trunks", "live/registrations", "route?from=101&to=102"):
        answer = api.get(path)
        assert answer.status_code == 503
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert "does not run" in answer.json()["detail"]


def test_health_is_told_in_words(api: Program):
    found = api.get("health").json()
    assert found["status"] == "failing"
    assert any("switch does not run" in reason for reason in found["reasons"])


def test_who_asks_learns_what_it_may(program: Make):
    found = program(scopes=["people:read"]).get("me").json()
    assert found["login"] == "the-administrator"
    assert found["areas"]["people"] == "read"
    assert found["areas"]["lines"] == "nothing"
    assert found["token"]["scopes"] == ["people:read"]


async def test_the_stream_tells_how_it_is_and_then_each_change(monkeypatch: pytest.MonkeyPatch, data_dir: Any):
    switch = Switch()
    hub = live.Hub(data_dir.switch_socket, ask=switch, pause=0.01)
    monkeypatch.setattr(live, "hub", lambda: hub)
    stream = present._told({"call", "trunk"}, "")
    try:
        assert await anext(stream) == b"retry: 2000\n\n"
        first = (await anext(stream)).decode()
        assert "event: call.started\ndata: " in first
        assert '"id":"c1"' in first
        assert "event: trunk.changed" in first
        assert "phone.registered" not in first  # not asked for, or not allowed
        assert first.startswith('event: stream\ndata: {"resumed":false}\n\n')
        assert first.count("id: ") == 1, "a state that was cut off is no place to go on from"
        last = first.rpartition("id: ")[2].partition("\n")[0]
        switch.calls = []
        async with asyncio.timeout(10):
            while b"event: call.ended" not in (part := await anext(stream)):
                pass
        assert b'data: {"id":"c1"}' in part
        again = present._told({"call"}, last)
        await anext(again)
        missed = (await anext(again)).decode()
        assert missed.startswith('event: stream\ndata: {"resumed":true}\n\nid: ')
        assert "event: call.ended" in missed
        assert "event: call.started" not in missed
        await again.aclose()
    finally:
        await stream.aclose()
        hub.close()


def test_the_stream_is_only_for_those_who_may_look(api: Program, program: Make):
    answer = api.get("events?kinds=call")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/event-stream"
    assert answer.headers["Cache-Control"] == "no-store"
    answer.close()
    assert program("user").get("events").status_code == 403
