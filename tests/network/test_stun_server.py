"""The STUN server: what it tells, from where it answers, and whom it does not."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from jackfield.network.stun_client import Server, StunClient, StunRefused, read_server
from jackfield.network.stun_server import BURST, Pace, Responder, StunServer
from jackfield.sip import stun

ONE, TWO = "127.0.0.1", "127.0.0.2"


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def free_pair() -> int:
    """Return a port that is free with the next one, on both addresses."""
    while True:
        with (
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe,
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as next_,
        ):
            probe.bind((ONE, 0))
            port: int = probe.getsockname()[1]
            try:
                next_.bind((ONE, port + 1))
            except OSError:
                continue
            return port


@pytest_asyncio.fixture
async def server() -> AsyncIterator[StunServer]:
    found = StunServer([ONE, TWO], free_pair(), pace=Pace(Clock()), seen=lambda address: address)
    found.start()
    yield found
    found.close()


async def test_it_tells_where_a_packet_comes_from(server: StunServer) -> None:
    async with StunClient() as client:
        ours = await client.open(ONE)
        reply = await client.ask(ours, server.bound[0])
    assert reply is not None
    assert reply.mapped == ours.local
    assert reply.source == server.bound[0]
    assert server.answered == 1


async def test_it_answers_from_another_address_and_port_and_to_another_port(server: StunServer) -> None:
    (_, port) = server.bound[0]
    async with StunClient() as client:
        ours, other = await client.open(ONE), await client.open(ONE)
        both = await client.ask(ours, (ONE, port), change_address=True, change_port=True)
        assert both is not None
        assert both.source == both.other == (TWO, port + 1)
        alone = await client.ask(ours, (ONE, port), change_port=True)
        assert alone is not None
        assert alone.source == (ONE, port + 1)
        elsewhere = await client.ask(ours, (ONE, port), response_port=other.local[1])
        assert elsewhere is not None
        assert elsewhere.arrived is other
        assert elsewhere.mapped == ours.local


async def test_one_address_alone_says_that_it_can_not_change_it() -> None:
    alone = StunServer([ONE], free_pair(), pace=Pace(Clock()))
    alone.start()
    try:
        async with StunClient() as client:
            ours = await client.open(ONE)
            with pytest.raises(StunRefused, match="420"):
                await client.ask(ours, alone.bound[0], change_address=True)
            reply = await client.ask(ours, alone.bound[0])
            assert reply is not None
            assert reply.other == (ONE, alone.bound[0][1] + 1)
    finally:
        alone.close()


def test_a_source_that_asks_too_often_gets_nothing_until_it_waits() -> None:
    clock = Clock()
    pace = Pace(clock)
    assert all(pace.allows("198.51.100.7") for _ in range(int(BURST)))
    assert not pace.allows("198.51.100.7")
    assert pace.allows("198.51.100.8"), "others are not made to wait"
    clock.now += 1
    assert pace.allows("198.51.100.7")
    assert pace.refused == 1


def test_who_has_an_ipv6_network_is_one_source() -> None:
    pace = Pace(Clock())
    assert all(pace.allows(f"2001:db8::{at:x}") for at in range(int(BURST)))
    assert not pace.allows("2001:db8::ffff")
    assert pace.allows("2001:db8:0:1::1")


@pytest.mark.parametrize("data", [b"", b"\0" * 20, b"\0\1\0\0" + bytes(16), b"\1\1\0\0\x21\x12\xa4\x42" + bytes(12)])
def test_what_is_no_question_gets_no_answer(data: bytes) -> None:
    responder = Responder([(ONE, 3478), (ONE, 3479)])
    answer = responder.respond(data, (ONE, 3478), ("198.51.100.7", 4000))
    if data[:2] == b"\0\1" and answer is not None:
        assert stun.parse(answer.data).classic
    else:
        assert answer is None


def test_an_attribute_that_must_be_understood_is_refused_by_its_number() -> None:
    responder = Responder([(ONE, 3478)])
    request = stun.binding_request(b"twelve bytes", attributes=[(0x7FFF, b"abcd")])
    answer = responder.respond(request, (ONE, 3478), ("198.51.100.7", 4000))
    assert answer is not None
    assert stun.parse(answer.data).error == (420, "Unknown Attribute")


def test_answers_are_hardly_larger_than_questions() -> None:
    responder = Responder([(ONE, 3478), (ONE, 3479), (TWO, 3478), (TWO, 3479)])
    request = stun.binding_request(b"twelve bytes")
    answer = responder.respond(request, (ONE, 3478), ("198.51.100.7", 4000))
    assert answer is not None
    assert len(answer.data) <= 3 * len(request)


@pytest.mark.parametrize(
    ("text", "server"),
    [
        ("stun.example.com", Server("stun.example.com")),
        ("stun:stun.example.com:3479", Server("stun.example.com", 3479)),
        ("[2001:db8::1]:3480", Server("2001:db8::1", 3480)),
        ("2001:db8::1", Server("2001:db8::1")),
    ],
)
def test_servers_are_read_as_people_write_them(text: str, server: Server) -> None:
    assert read_server(text) == server


@pytest.mark.parametrize("text", ["", "a b", "stun.example.com:x", "stun.example.com:70000", "http://stun.example.com"])
def test_what_is_no_server_is_said(text: str) -> None:
    with pytest.raises(ValueError, match="is no STUN server"):
        read_server(text)
