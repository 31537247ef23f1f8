"""A router that changes SIP messages is found by a question whose answer must repeat it, and no other one is."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from carrier import pass_time, simulated
from test_qualify import Watched

from jackfield.sip.message import Response, parse
from jackfield.switch.experience import CAUGHT, Experience
from jackfield.switch.gateway import CONTROL, bait, changed, told_address

INSIDE, OUTSIDE = "192.168.1.5:5060", "203.0.113.7:5060"


def answer(to: str, control: str = CONTROL) -> Response:
    text = (
        "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKx\r\n"
        f"From: <sip:jackfield@{control}>;tag=a\r\nTo: <sip:u101@{to}>;tag=b\r\nCall-ID: c\r\nCSeq: 1 OPTIONS\r\n"
        "Content-Length: 0\r\n\r\n"
    )
    message = parse(text.encode())
    assert isinstance(message, Response)
    return message


def test_the_bait_is_the_public_address_in_a_spelling_that_nobody_else_uses() -> None:
    assert bait(("203.0.113.7", 40001)) == "203.000.113.007:40001"
    assert bait(("2001:db8::7", 40001)) == ""


def test_what_is_repeated_as_it_was_said_proves_that_nobody_is_between() -> None:
    sent = bait(("203.0.113.7", 40001))
    assert changed(sent, CONTROL, answer(sent)) is False
    assert changed(sent, CONTROL, answer("203.0.113.7:40001")) is True
    assert changed(sent, CONTROL, answer("192.168.1.5:5060")) is True


def test_a_phone_that_tidies_up_addresses_is_no_router() -> None:
    sent = bait(("203.0.113.7", 40001))
    assert changed(sent, CONTROL, answer("203.0.113.7:40001", "192.0.2.1")) is None


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("7f2a@192.168.1.5", "192.168.1.5"),
        ("7f2a@203.0.113.7", ""),
        ("7f2a@phone.example.com", ""),
        ("7f2a", ""),
        ("v=0\r\no=- 1 1 IN IP4 10.0.0.5\r\nc=IN IP4 10.0.0.5/127\r\n", "10.0.0.5"),
        ("v=0\r\nc=IN IP6 fe80::1\r\n", ""),
    ],
)
def test_phones_tell_their_own_address_in_many_places(text: str, found: str) -> None:
    assert told_address(text) == found


def alg(data: bytes, *, outward: bool) -> bytes:
    """What an application layer gateway makes of a message: by value, in its own spelling."""
    host, port = OUTSIDE.split(":")
    loose = r"\.".join(rf"0*{part}" for part in host.split(".")) + rf":{port}"
    text = data.decode()
    text = re.sub(INSIDE.replace(".", r"\."), OUTSIDE, text) if outward else re.sub(loose, INSIDE, text)
    return text.encode()


def put_between(office: Watched, rewrite: Callable[..., bytes]) -> None:
    carry = office.network.carry

    def through(data: bytes, source: tuple[str, int], target: tuple[str, int], transport: str) -> None:
        outward = source[0] == "203.0.113.7"
        carry(rewrite(data, outward=outward), source, target, transport)

    office.network.carry = through  # type: ignore[method-assign]


@simulated
async def test_a_phone_behind_a_gateway_looks_public_and_is_found_out() -> None:
    async with Watched() as office:
        put_between(office, alg)
        office.plug_in("203.0.113.7", contact="sip:a@203.0.113.7")
        contact = office.registrar.contacts(office.line())[0]
        assert not contact.behind_nat
        await pass_time(40)
        assert contact.gateway
        assert contact.behind_nat
        assert "changes its SIP messages (SIP ALG)" in contact.nat_reason
        assert office.registrar.experience.gateways == ["203.0.113.7"]
        assert office.registrar.experience.transports() == {"u101": "tls"}, "before any call has failed"
        office.plug_in("203.0.113.7", contact="sip:b@203.0.113.7", user="u102")
        assert "SIP ALG" in office.registrar.contacts(office.line("u102"))[0].nat_reason  # it is known by now


@simulated
async def test_an_honest_router_is_not_blamed_and_the_phone_is_asked_as_usual_then() -> None:
    async with Watched() as office:
        phone = office.plug_in("203.0.113.7", contact="sip:a@192.168.1.5")
        await pass_time(200)
        assert office.registrar.experience.gateways == []
        asked = [str(request.to.uri) for request in phone.of("OPTIONS")]
        assert asked[0] == "sip:u101@203.000.113.007:5060"
        assert asked[1] == "sip:u101@192.168.1.5:5060"
        assert set(asked[2:]) == {"sip:u101@192.0.2.1"}


@simulated
async def test_a_phone_of_the_local_networks_or_by_tls_is_not_baited() -> None:
    async with Watched() as office:
        near = office.plug_in("10.1.1.1", contact="sip:a@192.168.1.5")
        far = office.plug_in("203.0.113.7", contact="sip:b@192.168.1.5", user="u102", transport="TLS")
        await pass_time(300)
        for phone in (near, far):
            assert phone.of("OPTIONS")
            assert {request.from_.uri.host for request in phone.of("OPTIONS")} == {"192.0.2.1"}


def test_a_router_that_lets_one_phone_alone_is_not_taken_for_mended_before_a_day() -> None:
    now, kept = [1_700_000_000.0], []
    experience = Experience(lambda: now[0], kept.append)
    assert experience.gateway("203.0.113.7", True)
    assert not experience.gateway("203.0.113.7", False)
    assert experience.changes_sip("203.0.113.7")
    now[0] += CAUGHT
    assert experience.gateway("203.0.113.7", False)
    assert not experience.changes_sip("203.0.113.7")
    assert not experience.gateway("203.0.113.7", False)
    assert len(kept) == 2


@simulated
async def test_a_phone_that_does_not_answer_baits_is_neither_lost_nor_is_its_nat_blamed() -> None:
    async with Watched() as office:
        phone = office.plug_in("203.0.113.7", contact="sip:a@192.168.1.5")
        phone.says["OPTIONS"] = lambda request: None if request.from_.uri.host == CONTROL else request.reply(200)
        await pass_time(100)
        contact = office.registrar.contacts(office.line())[0]
        assert contact.latency is not None
        assert not contact.doubt
        assert "unreachable" not in office.happened
