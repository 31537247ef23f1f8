"""Cutting a stream into messages: whatever the pieces in which it comes, the messages are the same."""

from __future__ import annotations

import random
from collections.abc import Iterable

import pytest

from jackfield.sip.transport.framing import Framer, Unframeable

from .peers import options

FIRST = options("TCP 127.0.0.1:5060", body=b"v=0\r\n\r\nINVITE")
SECOND = b"BYE sip:a@b SIP/2.0\r\nl:  3\r\nCall-ID: 1\r\n\r\nxyz"
THIRD = b"OPTIONS sip:a@b SIP/2.0\nContent-Length: 5\nCall-ID: 2\n\n\r\n\r\nz"
FOURTH = b"ACK sip:a@b SIP/2.0\r\nCall-ID: 3\r\n\r\n"
STREAM = b"\r\n\r\n" + FIRST + b"\r\n" + SECOND + THIRD + b"\n\r\n" + FOURTH


def framer(max_message: int = 2_000, max_head: int = 1_000) -> Framer:
    return Framer(max_message, max_head)


def messages(into: Framer, pieces: Iterable[bytes]) -> list[bytes]:
    found = []
    for piece in pieces:
        into.feed(piece)
        while (message := into.next_message()) is not None:
            found.append(message)
    return found


def test_a_stream_cut_at_any_two_places_gives_the_same_messages() -> None:
    for cut in range(len(STREAM)):
        pieces = [STREAM[:cut], STREAM[cut : cut + 3], STREAM[cut + 3 :]]
        into = framer()
        assert messages(into, pieces) == [FIRST, SECOND, THIRD, FOURTH]
        assert not into.incomplete
        assert into.pings == 1


def test_a_stream_that_comes_byte_by_byte_gives_the_same_messages() -> None:
    assert messages(framer(), (bytes([byte]) for byte in STREAM)) == [FIRST, SECOND, THIRD, FOURTH]


def test_a_stream_cut_at_random_gives_the_same_messages() -> None:
    rng = random.Random(5626)
    for _ in range(300):
        cuts = sorted(rng.sample(range(len(STREAM)), rng.randrange(12)))
        pieces = [STREAM[a:b] for a, b in zip([0, *cuts], [*cuts, None], strict=True)]
        assert messages(framer(), pieces) == [FIRST, SECOND, THIRD, FOURTH]


def test_a_body_that_looks_like_line_ends_stays_a_body() -> None:
    data = options(body=b"\r\n\r\n\r\n\r\n")
    into = framer()
    assert messages(into, [data]) == [data]
    assert into.pings == 0


def test_a_double_line_end_is_a_ping_and_a_single_one_the_pong_that_we_wait_for() -> None:
    into = framer()
    into.expect_pong()
    assert messages(into, [b"\r", b"\n", b"\r\n", b"\r\n"]) == []
    assert (into.pings, into.pongs) == (1, 1)
    assert not into.incomplete


def test_half_a_ping_before_a_message_is_forgotten() -> None:
    into = framer()
    assert messages(into, [b"\r\n", SECOND, b"\r\n", SECOND]) == [SECOND, SECOND]
    assert into.pings == 0


def test_a_message_that_has_begun_is_incomplete_until_its_last_byte() -> None:
    into = framer()
    assert not into.incomplete
    messages(into, [b"\r"])
    assert not into.incomplete
    messages(into, [b"\n", SECOND[:5]])
    assert into.incomplete
    assert messages(into, [SECOND[5:]]) == [SECOND]
    assert not into.incomplete


@pytest.mark.parametrize(
    ("data", "status", "reason"),
    [
        (b"\x16\x03\x01\x02\x00", 400, "it speaks TLS"),
        (b"\r\n\x80\0\0", 400, "not SIP"),
        (b"X" * 1_001, 513, "headers longer than 1000 bytes"),
        (b"A a SIP/2.0\r\nX: " + b"x" * 1_000 + b"\r\n\r\n", 513, "headers longer than 1000 bytes"),
        (b"A a SIP/2.0\r\nContent-Length: 2000\r\n\r\n", 513, "the limit is 2000"),
        (b"A a SIP/2.0\r\nContent-Length: 99999999999999\r\n\r\n", 400, "Content-Length is '99999999999999'"),
        (b"A a SIP/2.0\r\nContent-Length: -1\r\n\r\n", 400, "Content-Length is '-1'"),
        (b"A a SIP/2.0\r\nContent-Length:\r\n\r\n", 400, "Content-Length is ''"),
        (b"A a SIP/2.0\r\nContent-Length: 3\r\nl: 4\r\n\r\n", 400, "two Content-Length headers that differ"),
    ],
)
def test_a_stream_whose_next_message_cannot_be_found_is_refused(data: bytes, status: int, reason: str) -> None:
    for pieces in ([data], [bytes([byte]) for byte in data]):
        with pytest.raises(Unframeable) as refused:
            messages(framer(), pieces)
        assert refused.value.status == status
        assert reason in refused.value.reason


def test_the_messages_before_a_bad_one_are_not_lost() -> None:
    into = framer()
    into.feed(SECOND + b"A a SIP/2.0\r\nContent-Length: x\r\n\r\n")
    assert into.next_message() == SECOND
    with pytest.raises(Unframeable):
        into.next_message()


def test_the_same_length_given_twice_is_no_harm() -> None:
    data = b"A a SIP/2.0\r\nContent-Length: 2\r\nl: 2\r\n\r\nab"
    assert messages(framer(), [data]) == [data]
