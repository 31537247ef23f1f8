"""The page of one call in progress: transfer, sounds, digits."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client

from jackfield.control import ControlError

from .conftest import As

OUTSIDE = {"id": "k1-1", "role": "caller", "number": "05551234", "name": "", "extension": "", "trunk": "Provider"}
ANNA = {"id": "k1-2", "role": "callee", "number": "101", "name": "Anna", "extension": "101", "trunk": ""}
BERT = {"id": "k2-1", "role": "caller", "number": "102", "name": "Bert", "extension": "102", "trunk": ""}


def row(id: str, one: dict[str, Any], other: dict[str, Any], **more: Any) -> dict[str, Any]:
    legs = [
        leg | {"party": leg["name"], "answered": True, "held": False, "codec": "pcma", "secure": False, "address": ""}
        for leg in (one, other)
    ]
    return {
        "id": id, "from": one, "to": other, "dialed": other["number"], "direction": "in", "state": "talking",
        "started": 1.0, "answered": 2.0, "seconds": 9.0, "legs": legs,
    } | more  # fmt: skip


class Switch:
    """Plays the switch: remembers what it was asked, answers as the real one."""

    def __init__(self) -> None:
        self.calls = [row("k1", OUTSIDE, ANNA), row("k2", BERT, ANNA)]
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.refusal = ""
        self.playing = [ANNA]
        self.leaves: dict[str, Any] | None = ANNA

    def __call__(self, socket: object, verb: str, *, timeout: float = 5.0, **more: Any) -> Any:
        if verb == "calls":
            return self.calls
        self.asked.append((verb, more))
        if self.refusal:
            raise ControlError(self.refusal)
        return {
            "transfer": {"id": "k1", "party": OUTSIDE, "leaves": self.leaves, "to": "103", "call": "k2"},
            "play": {"id": "k1", "parties": [OUTSIDE, ANNA]},
            "stop_play": {"id": "k1", "parties": self.playing},
            "digits": {"id": "k1", "party": ANNA},
            "hangup": {"id": "k1"},
        }[verb]


@pytest.fixture
def switch(monkeypatch: pytest.MonkeyPatch) -> Switch:
    made = Switch()
    monkeypatch.setattr("jackfield.console.web.live.ask_sync", made)
    return made


def text_of(answer: Any) -> str:
    page = answer.content.decode()
    return " ".join(re.sub(r"<[^>]+>", " ", page[page.index("<main") :]).split())


def test_the_list_of_calls_leads_to_the_page_of_each(admin: Client, switch: Switch):
    assert 'href="/admin/active/call/k1"' in admin.get("/admin/active/").content.decode()
    page = admin.get("/admin/active/call/k1").content.decode()
    assert '<option value="k1-1" selected>05551234</option>' in page, "who is outside is the one to be connected anew"
    assert "Bert with Anna" in page, "the other call"
    assert '<option value="tone:busy">Busy tone</option>' in page


def test_a_call_is_transferred(admin: Client, switch: Switch):
    answer = admin.post("/admin/active/call/k1/transfer", {"party": "k1-1", "to": " 103 "}, follow=True)
    ((verb, asked),) = switch.asked
    assert (verb, asked["id"], asked["to"], asked["party"]) == ("transfer", "k1", "103", "k1-1")
    assert asked["by"]
    assert "05551234 is being connected with 103; Anna leaves when somebody has answered" in text_of(answer)
    answer = admin.post("/admin/active/call/k1/transfer", {"party": "k1-1", "call": "k2", "with_party": "caller"})
    assert switch.asked[-1][1]["with_party"] == "caller"
    assert "is being connected with the other call" in text_of(admin.get("/admin/active/"))


def test_what_stands_in_the_way_is_told_on_the_page_of_the_call(admin: Client, switch: Switch):
    switch.refusal = "nothing has the number 777"
    for path, words in (("transfer", "Not transferred"), ("play", "Nothing is played"), ("digits", "Nothing is sent")):
        answer = admin.post(f"/admin/active/call/k1/{path}", {"to": "777"}, follow=True)
        assert f"{words}: nothing has the number 777" in text_of(answer)
        assert answer.redirect_chain == [("/admin/active/call/k1", 302)]
    assert "nothing has the number 777" in text_of(admin.post("/admin/active/call/k1/stop", follow=True))


def test_sounds_are_played_and_stopped(admin: Client, switch: Switch):
    sent = {"sound": "tone:busy", "party": "", "times": "0"}
    answer = admin.post("/admin/active/call/k1/play", sent, follow=True)
    verb, asked = switch.asked[-1]
    assert (verb, asked["sound"], asked["party"], asked["times"]) == ("play", "tone:busy", "", 0)
    assert "It is heard now by 05551234, Anna." in text_of(answer)
    admin.post("/admin/active/call/k1/play", sent | {"times": "1000000"})
    assert switch.asked[-1][1]["times"] == 1
    assert "It is stopped." in text_of(admin.post("/admin/active/call/k1/stop", follow=True))
    switch.playing = []
    assert "Nothing was played." in text_of(admin.post("/admin/active/call/k1/stop", follow=True))


def test_digits_are_sent(admin: Client, switch: Switch):
    answer = admin.post("/admin/active/call/k1/digits", {"digits": "12#", "party": "k1-2"}, follow=True)
    assert switch.asked[-1][1]["digits"] == "12#"
    assert "The digits are sent to Anna." in text_of(answer)


def test_a_call_that_rings_or_is_over_offers_nothing_of_it(admin: Client, switch: Switch):
    switch.calls = [row("k1", OUTSIDE, ANNA, state="ringing")]
    assert "The call has to be answered before" in text_of(admin.get("/admin/active/call/k1"))
    answer = admin.get("/admin/active/call/gone", follow=True)
    assert answer.redirect_chain == [("/admin/active/", 302)]
    assert "This call is over already." in text_of(answer)


def test_one_who_listens_to_music_is_connected_and_played_to(admin: Client, switch: Switch):
    music = {"number": "*62", "name": "Music", "extension": "", "trunk": ""}
    switch.calls = [row("k1", OUTSIDE, music)]
    del switch.calls[0]["legs"][1]
    shown = text_of(admin.get("/admin/active/call/k1"))
    assert "If nobody answers there, the call goes on as it is." in shown
    assert "Listens to" in shown
    assert "*62 Music" in shown
    assert "both" not in shown
    switch.leaves = None
    answer = admin.post("/admin/active/call/k1/transfer", {"to": "103", "party": "k1-1"}, follow=True)
    assert "05551234 is being connected with 103." in text_of(answer)


def test_who_may_only_look_sees_who_talks_and_no_forms(signed_in: As, switch: Switch):
    reader = signed_in("reader")
    page = text_of(reader.get("/admin/active/call/k1"))
    assert "Anna" in page
    assert "Your role lets you look" in page
    for what in ("transfer", "play", "stop", "digits"):
        assert reader.post(f"/admin/active/call/k1/{what}").status_code == 403
    assert not switch.asked


def test_forms_that_are_only_opened_do_nothing(admin: Client, switch: Switch):
    for what in ("transfer", "play", "stop", "digits"):
        assert admin.get(f"/admin/active/call/k1/{what}").status_code == 302
    assert not switch.asked


def test_the_list_shows_who_talks_now_and_not_only_who_began(admin: Client, switch: Switch):
    sales = {"number": "190", "name": "Sales", "extension": "", "trunk": ""}
    switch.calls = [row("k1", OUTSIDE, BERT, to=sales, dialed="190")]
    text = text_of(admin.get("/admin/active/"))
    assert "102 Bert" in text
    assert "dialled 190" in text
    assert "Sales" not in text
