"""In the middle of a call by the API: administrators in every call, users in their own."""

from __future__ import annotations

from typing import Any

import pytest

from jackfield.console.rest import in_call
from jackfield.control import ControlError
from jackfield.settings import Settings
from jackfield.switch import in_call as switched

from .conftest import Make, Program

ANNA = {"id": "c1-1", "role": "caller", "number": "101", "name": "Anna", "extension": "101", "trunk": ""}
BERT = {"id": "c1-2", "role": "callee", "number": "102", "name": "Bert", "extension": "102", "trunk": ""}
CARL = {"id": "c2-1", "role": "callee", "number": "103", "name": "Carl", "extension": "103", "trunk": ""}


def row(id: str, one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    legs = [leg | {"answered": True, "held": False, "address": "UDP 192.0.2.7:5060"} for leg in (one, other)]
    return {"id": id, "from": one, "to": other, "state": "talking", "legs": legs}


class Switch:
    """Plays the switch's control socket."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.calls = [row("c1", ANNA, BERT), row("c2", BERT, CARL)]
        self.refusal = ""

    def __call__(self, socket: object, verb: str, *, timeout: float = 5.0, **more: Any) -> Any:
        if verb == "calls":
            return self.calls
        self.asked.append((verb, more))
        if self.refusal:
            raise ControlError(self.refusal)
        return {
            "transfer": {"id": more["id"], "party": ANNA, "leaves": BERT, "to": more.get("to", "")},
            "play": {"id": more["id"], "sound": more.get("sound"), "parties": [ANNA, BERT]},
            "stop_play": {"id": more["id"], "parties": [ANNA]},
            "digits": {"id": more["id"], "party": BERT},
            "hangup": {"id": more["id"]},
        }[verb]


@pytest.fixture
def switch(monkeypatch: pytest.MonkeyPatch) -> Switch:
    made = Switch()
    monkeypatch.setattr("jackfield.console.rest.asking.ask_sync", made)
    return made


@pytest.fixture
def anna(program: Make, company: Settings) -> Program:
    """A program of the user to whom 101 belongs, with a token for his own pages only."""
    from jackfield.console.rest import tokens
    from jackfield.people.models import User

    return Program(tokens.make_token(User.objects.get(login="anna"), "a script", ["own:read", "own:write"], None)[1])


def test_an_administrator_transfers_any_call(api: Program, switch: Switch, program: Make):
    answer = api.post("live/calls/c1/transfer", {"to": "103", "party": "102"}, Idempotency_Key="t")
    assert answer.status_code == 200, answer.content
    assert answer.json()["leaves"]["number"] == "102"
    assert api.post("live/calls/c1/transfer", {"to": "103", "party": "102"}, Idempotency_Key="t").json()["to"] == "103"
    by = "the-administrator (a script)"
    assert switch.asked == [("transfer", {"id": "c1", "to": "103", "party": "102", "by": by, "dry_run": False})]
    api.post("live/calls/c1/transfer?dry_run=1", {"call": "c2", "with_party": "103"})
    assert switch.asked[-1][1] == {"id": "c1", "call": "c2", "with_party": "103", "by": by, "dry_run": True}
    for who in (program("reader"), program(scopes=["overview:read", "own:write"])):
        assert who.post("live/calls/c1/transfer", {"to": "103"}).status_code == 403


def test_sounds_and_digits(api: Program, switch: Switch):
    assert api.post("live/calls/c1/play", {"sound": "tone:beep", "times": 3}).json()["sound"] == "tone:beep"
    assert api.delete("live/calls/c1/play?party=101").json()["parties"] == [ANNA]
    assert api.post("live/calls/c1/digits", {"digits": "1,2#"}).json()["party"] == BERT
    assert [(verb, more.get("times"), more.get("party"), more.get("digits")) for verb, more in switch.asked] == [
        ("play", 3, None, None), ("stop_play", None, "101", None), ("digits", None, None, "1,2#"),
    ]  # fmt: skip


def test_what_is_wrong_is_named(api: Program, switch: Switch):
    assert api.post("live/calls/c9/transfer", {"to": "103"}).status_code == 404
    for body in ({}, {"to": "103", "call": "c2"}):
        answer = api.post("live/calls/c1/transfer", body)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "to")
    for what, body, field in (
        ("play", {"sound": "x", "times": 101}, "times"), ("play", {}, "sound"), ("digits", {"digits": 5}, "digits"),
        ("transfer", {"to": "103", "colour": "red"}, "colour"),
    ):  # fmt: skip
        answer = api.post(f"live/calls/c1/{what}", body)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)
    assert not switch.asked
    switch.refusal = "nothing has the number 777"
    answer = api.post("live/calls/c1/transfer", {"to": "777"})
    assert (answer.status_code, answer.json()["detail"]) == (422, "Nothing has the number 777.")


def test_a_user_sees_his_own_calls_and_no_addresses_in_them(anna: Program, switch: Switch):
    (found,) = anna.get("me/live/calls").json()["items"]
    assert found["id"] == "c1"
    assert "192.0.2.7" not in str(found)
    assert anna.get("live/calls").status_code == 403


def test_a_user_acts_in_his_own_calls_as_his_extension(anna: Program, switch: Switch):
    by = "Anna Bell (a script)"
    assert anna.post("me/live/calls/c1/transfer", {"to": "+49 171 5550101"}).status_code == 200
    assert switch.asked == [
        ("transfer", {"id": "c1", "to": "001715550101", "extension": "101", "by": by, "dry_run": False})
    ]
    assert anna.post("me/live/calls/c1/digits", {"digits": "5"}).status_code == 200
    assert anna.post("me/live/calls/c1/play", {"sound": "tone:beep"}).status_code == 200
    assert anna.delete("me/live/calls/c1/play").status_code == 200
    assert {more["extension"] for _, more in switch.asked} == {"101"}


def test_a_user_reaches_no_calls_of_others(anna: Program, switch: Switch):
    for what, body in (("transfer", {"to": "104"}), ("play", {"sound": "tone:beep"}), ("digits", {"digits": "5"})):
        assert anna.post(f"me/live/calls/c2/{what}", body).status_code == 404
        assert anna.post(f"live/calls/c1/{what}", body).status_code == 403
    assert anna.delete("me/live/calls/c2/play").status_code == 404
    switch.calls[0]["legs"][0]["answered"] = False
    assert anna.post("me/live/calls/c1/transfer", {"to": "104"}).status_code == 404, "it only rings there"
    assert not switch.asked


@pytest.mark.parametrize("answered", [True, False])
def test_a_user_hangs_up_calls_that_came_to_him_and_none_of_others(anna: Program, switch: Switch, answered: bool):
    came = row("c3", BERT, ANNA)
    came["legs"][1]["answered"] = answered
    switch.calls.append(came)
    assert [one["id"] for one in anna.get("me/live/calls").json()["items"]] == ["c1", "c3"]
    assert anna.delete("me/live/calls/c3").status_code == 204
    assert switch.asked == [("hangup", {"id": "c3", "by": "Anna Bell (a script)", "extension": "101"})]
    assert anna.delete("me/live/calls/c2").status_code == 404


def test_a_user_can_not_hang_up_what_he_has_handed_on(anna: Program, switch: Switch):
    switch.calls = [row("c1", BERT, CARL) | {"from": ANNA}]
    assert anna.get("me/live/calls").json()["items"] == []
    assert anna.delete("me/live/calls/c1").status_code == 404
    assert not switch.asked


def test_the_bounds_are_those_of_the_switch():
    assert (in_call.MOST_TIMES, in_call.MOST_DIGITS) == (switched.MOST_TIMES, switched.MOST_DIGITS)
