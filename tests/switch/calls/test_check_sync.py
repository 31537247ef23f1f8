"""Phones are told to fetch their configuration or to start again, and what each answered comes back."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from jackfield.control import ControlError
from jackfield.sip.digest import Challenger, ha1
from jackfield.switch.check_sync import CheckSync
from jackfield.switch.line_secrets import LineSecret

from .house import REALM, House

SECRET = b"a secret of the phone"


def notify(house: House, *lines: tuple[str, str], **more: Any) -> Any:
    """Give the order that the console gives."""
    asked = [{"sip_username": name, "event": event, **more} for name, event in lines]
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


@pytest.mark.parametrize("algorithms", [("MD5",), ("SHA-256", "MD5")])
async def test_a_phone_that_asks_for_the_password_of_its_line_gets_the_proof(
    house: House, algorithms: tuple[str, ...]
) -> None:
    alice = await house.phone("101")
    alice.asks = Challenger(REALM, SECRET, algorithms=algorithms)
    found = await notify(house, ("u101", "check-sync;reboot=true"))
    assert [(row["status"], row["asked"]) for row in found] == [(200, [])]
    first, second = (request for request in alice.requests if request.method == "NOTIFY")
    assert second.cseq.number == first.cseq.number + 1
    assert second.get("Event") == "check-sync;reboot=true"


async def test_a_phone_that_never_took_its_new_password_is_told_by_the_one_before(house: House) -> None:
    alice = await house.phone("101")
    alice.asks = Challenger(REALM, SECRET)
    new, old = ha1("u101", REALM, "new"), ha1("u101", REALM, "p101")
    strong = [ha1("u101", REALM, password, "SHA-256") for password in ("new", "p101")]
    secret = LineSecret(
        sip_username="u101", md5=new, sha256=strong[0], previous_md5=old, previous_sha256=strong[1]
    )  # fmt: skip
    house.switch.authenticator.secrets.put([secret])
    assert [row["status"] for row in await notify(house, ("u101", "check-sync"))] == [200]


async def test_a_realm_of_the_phones_own_is_told_and_answered_once_the_digest_is_given(house: House) -> None:
    alice = await house.phone("101")
    alice.asks = Challenger("PolycomSPIP", SECRET, algorithms=("MD5",))
    (row,) = await notify(house, ("u101", "check-sync"))
    assert (row["status"], row["asked"]) == (401, ["MD5 PolycomSPIP"])
    digests = [{"MD5 PolycomSPIP": ha1("u101", "PolycomSPIP", password)} for password in ("new", "p101")]
    assert [one["status"] for one in await notify(house, ("u101", "check-sync"), ha1=digests)] == [200]


async def test_a_phone_that_takes_no_password_of_its_line_is_asked_no_further(house: House) -> None:
    alice = await house.phone("101")
    alice.password = "set by hand on the phone"
    alice.asks = Challenger(REALM, SECRET)
    (row,) = await notify(house, ("u101", "check-sync"))
    assert (row["status"], row["asked"]) == (401, [])
    assert sum(request.method == "NOTIFY" for request in alice.requests) == 2


@pytest.mark.parametrize(
    "lines",
    [None, "u101", [{"sip_username": "u101"}], [{"sip_username": "u101", "event": "x\r\nVia: y"}],
     [{"sip_username": "u101", "event": "check-sync", "ha1": ["x"]}],
     [{"sip_username": "u101", "event": "check-sync"}] * 501],
)  # fmt: skip
async def test_an_order_that_can_not_be_meant_is_refused(house: House, lines: Any) -> None:
    with pytest.raises(ControlError):
        await CheckSync(house.switch).notify({"lines": lines})
