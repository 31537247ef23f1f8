"""What the switch tells the guard, and whom it does not hear."""

from __future__ import annotations

import pytest
from test_authentication import Door
from wire import FakeFlow, authorize, request

from jackfield.network.guard.story import Block
from jackfield.sip.agent import DROP
from jackfield.switch.guard import UNANSWERED, Guard

HERE, ELSEWHERE = FakeFlow(remote=("192.0.2.7", 5060)), FakeFlow(remote=("198.51.100.7", 5060))


def block(source: str, *spared: str) -> Block:
    return Block("sip", source, 0.0, 1e12, "guessing", spared=spared)


@pytest.fixture
def door() -> Door:
    return Door()


def at_the_door(door: Door, made: object, flow: FakeFlow = HERE) -> object:
    return door.authenticator.at_the_door(made, flow)  # type: ignore[arg-type]


def test_nobody_is_asked_while_nobody_is_blocked(door: Door):
    assert not door.guard.blocking
    assert door.guard.spared("192.0.2.7") is None
    assert at_the_door(door, request("REGISTER", "sip:test")).status == 401  # type: ignore[attr-defined]


def test_who_is_blocked_gets_no_answer_and_others_do(door: Door):
    door.guard.use([block("192.0.2.7")])
    assert door.guard.shut("192.0.2.7")
    assert at_the_door(door, request("REGISTER", "sip:test")) is DROP
    assert not door.guard.shut("192.0.2.8")
    assert at_the_door(door, request("REGISTER", "sip:test"), ELSEWHERE) is not DROP
    door.guard.use([])
    assert at_the_door(door, request("REGISTER", "sip:test")) is not DROP


def test_an_account_that_is_spared_is_heard_from_a_blocked_address_by_from_and_by_credentials(door: Door):
    made = request("REGISTER", "sip:test", from_="<sip:u101@test>;tag=a", to="<sip:u101@test>")
    again = authorize(made, door.challenge(made), "u101")
    other = request("REGISTER", "sip:test", from_="<sip:u102@test>;tag=a", to="<sip:u102@test>")
    door.guard.use([block("192.0.2.7", "u101")])
    assert not door.guard.shut("192.0.2.7")
    assert at_the_door(door, made).status == 401  # type: ignore[attr-defined]
    assert at_the_door(door, again) is None
    assert at_the_door(door, other) is DROP
    assert door.guard.dropped == 1


def test_networks_are_blocked_and_ipv6_customers_by_their_64(door: Door):
    door.guard.use([block("192.0.2.0/24", "u101"), block("2001:db8:1:2::/64"), block("2001:db8:9::/48")])
    assert door.guard.spared("192.0.2.200") == {"u101"}
    assert door.guard.shut("2001:db8:1:2::99")
    assert door.guard.shut("2001:db8:9:1::1")
    assert not door.guard.shut("2001:db8:1:3::99")
    assert door.guard.spared("no address") is None


def test_who_is_asked_again_and_again_and_never_answers_is_reported_once(door: Door):
    for number in range(UNANSWERED):
        assert door.guard.failures == []
        made = request(
            "REGISTER", "sip:test", via=f"SIP/2.0/UDP 192.0.2.7;branch=z9hG4bK{number}", extra="User-Agent: x\r\n"
        )
        at_the_door(door, made)
    (failure,) = door.guard.failures
    assert (failure.address, failure.account, failure.proven, failure.user_agent) == ("192.0.2.7", "", False, "x")
    assert f"{UNANSWERED} times" in failure.what
    assert failure.weight >= 1000


def test_an_office_full_of_phones_that_answer_is_not(door: Door):
    for _ in range(3 * UNANSWERED):
        made = request("REGISTER", "sip:test")
        door.check(authorize(made, door.challenge(made), "u101"))
        door.now += 1
    assert door.guard.failures == []


async def test_a_trunk_is_never_reported_and_a_flood_of_reports_is_bounded():
    guard = Guard(None, lambda: 0.0)
    guard.begin(lambda address: address == "192.0.2.7", lambda: None, ())
    seen = {"address": "192.0.2.7", "username": "x", "extension": "", "method": "REGISTER", "reason": "unknown user"}
    guard.refused(seen)
    assert guard.failures == []
    for _ in range(5000):
        guard.refused(seen | {"address": "192.0.2.8"})
    assert len(guard.failures) == 2000
