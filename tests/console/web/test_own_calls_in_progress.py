"""Calls that come to one's own phone: seen, followed and hung up on the own pages like those that one began."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from .own_people import page
from .test_own_calls import FakeSwitch, anna, live, switch  # noqa: F401 - fixtures

OUTSIDE = {"number": "0171", "name": "Carla", "trunk": "Provider"}


def leg(number: str, name: str, *, answered: bool = True, extension: str = "") -> dict[str, Any]:
    return {"codec": "pcmu", "answered": answered, "extension": extension, "number": number, "name": name}


def coming(**more: Any) -> dict[str, Any]:
    """A call from outside that rings at 101."""
    legs = [leg("0171", "Carla", answered=False), leg("101", "Anna", answered=False, extension="101")]
    return live("0171", **{"from": OUTSIDE}, legs=legs) | more


def test_a_call_that_comes_is_shown_with_who_calls(anna: Client, switch: FakeSwitch):  # noqa: F811
    switch.calls = [coming()]
    text = page(anna.get("/me/call/abc"))
    assert "Carla calls you …" in text
    assert "Hang up" in text
    told = anna.get("/me/call/abc/state").json()
    assert (told["over"], told["talking"], told["to"]) == (False, False, "Carla")


@pytest.mark.parametrize("state", ["ringing", "talking"])
def test_a_call_that_came_is_hung_up_too(anna: Client, switch: FakeSwitch, state: str):  # noqa: F811
    talking = [leg("0171", "Carla"), leg("101", "Anna", extension="101")]
    switch.calls = [coming() if state == "ringing" else coming(state=state, legs=talking)]
    anna.post("/me/call/abc/hangup")
    assert switch.hung_up == ["abc"]


def test_a_call_that_was_handed_on_is_nobodys_to_hang_up_who_is_not_in_it(anna: Client, switch: FakeSwitch):  # noqa: F811
    switch.calls = [live(state="talking", legs=[leg("0171", "Carla"), leg("103", "Carl", extension="103")])]
    anna.post("/me/call/abc/hangup")
    assert not switch.hung_up
    assert "abc" not in page(anna.get("/me/now"))


def test_one_who_listens_to_a_service_sees_it_and_may_go_on_elsewhere(anna: Client, switch: FakeSwitch):  # noqa: F811
    music = {"number": "*62", "name": "Music", "trunk": ""}
    switch.calls = [live(state="talking", to=music, legs=[leg("101", "Anna", extension="101")])]
    assert "You talk with Music." in page(anna.get("/me/call/abc"))
    anna.post("/me/call/abc/transfer", {"number": "102"})
    assert [asked["extension"] for asked in switch.asked] == ["101"]
