"""Phones are told to fetch their configuration or to start again, and what each answered comes back."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from jackfield.control import ControlError
from jackfield.switch.check_sync import CheckSync

from .house import House


def notify(house: House, *lines: tuple[str, str]) -> Any:
    """Give the order that the console gives."""
    asked = [{"sip_username": name, "event": event} for name, event in lines]
    return CheckSync(house.switch).notify({"lines": asked})


async def test_a_phone_gets_the_event_of_its_vendor_and_its_answer_is_told(house: House) -> None:
    alice = await house.phone("101")
    found = await notify(house, ("u101", "check-sync;reboot=true"))
    assert [(row["sip_username"], row["status"], row["address"]) for row in found] == [("u101", 200, alice.address)]
    (told,) = [request for request in alice.requests if request.method == "NOTIFY"]
    assert told.get("Event") == "check-sync;reboot=true"
    assert told.get("Subscription-State") == "terminated"


async def test_a_line_without_a_phone_and_one_that_there_is_not_are_told(house: House) -> None:
    found = await notify(house, ("u102", "check-sync"), ("nobody", "check-sync"))
    assert [(row["sip_username"], row["status"]) for row in found] == [("u102", 480), ("nobody", 480)]


async def test_a_phone_that_refuses_and_one_that_is_silent_are_told_apart(house: House) -> None:
    alice, bob = await house.phone("101"), await house.phone("102")
    alice.answers_requests = 489
    bob.held_answers = []
    found = await asyncio.wait_for(notify(house, ("u101", "check-sync"), ("u102", "check-sync")), 60)
    assert {row["sip_username"]: row["status"] for row in found} == {"u101": 489, "u102": 0}


@pytest.mark.parametrize(
    "lines",
    [None, "u101", [{"sip_username": "u101"}], [{"sip_username": "u101", "event": "x\r\nVia: y"}],
     [{"sip_username": "u101", "event": "check-sync"}] * 501],
)  # fmt: skip
async def test_an_order_that_can_not_be_meant_is_refused(house: House, lines: Any) -> None:
    with pytest.raises(ControlError):
        await CheckSync(house.switch).notify({"lines": lines})
