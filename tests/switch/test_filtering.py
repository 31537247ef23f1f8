"""What a NAT lets in is told by who gets an answer; on real sockets a question finds the phone, and only the phone."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from jackfield.sip.flow import Address
from jackfield.switch import filtering
from jackfield.switch.filtering import door, probe
from jackfield.switch.verdict import Verdict

OURS, OTHER, SIX = "203.0.113.1", "203.0.113.2", "2001:db8::1"
PHONE = ("198.51.100.7", 40001)


@pytest.mark.parametrize(
    ("others", "answers", "found"),
    [
        ([OURS], set(), "answers"),
        ([OURS], {OURS}, "ports"),
        ([OURS, SIX], {OURS}, "ports"),
        ([OURS, OTHER], {OURS}, "address"),
        ([OURS, OTHER], {OURS, OTHER}, "all"),
    ],
)
async def test_each_answer_opens_one_more_door(others: list[str], answers: set[str], found: str) -> None:
    async def ask(ours: str, phone: Address) -> bool:
        assert phone == PHONE
        return ours in answers

    assert await door(OURS, others, PHONE, ask) == found


@pytest.mark.parametrize(
    ("nat", "seen", "how", "kind"),
    [
        ("keeps ports", "all", "call", "full cone"),
        ("changes ports", "address", "call", "address-restricted cone"),
        ("keeps ports", "ports", "call", "full or address-restricted cone"),
        ("keeps ports", "answers", "call", "port-restricted cone"),
        ("changes ports", "answers", "call", "port-restricted cone or symmetric"),
        ("changes ports", "answers", "test", "port-restricted cone"),
        ("symmetric", "answers", "test", "symmetric"),
        ("changes ports", "", "call", "changes ports"),
        ("none", "ports", "call", "none"),
    ],
)
def test_the_kind_of_nat_is_said_as_administrators_call_it(nat: Any, seen: Any, how: Any, kind: str) -> None:
    assert Verdict(at=0.0, how=how, network="198.51.100.7", nat=nat, door=seen).kind == kind


class Phone(asyncio.DatagramProtocol):
    """Answers OPTIONS, the n-th time it is asked; `stranger` answers in its place."""

    def __init__(self, answers_at: int, stranger: asyncio.DatagramTransport | None = None) -> None:
        self.asked: list[bytes] = []
        self._answers_at, self._stranger = answers_at, stranger

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.asked.append(data)
        if len(self.asked) >= self._answers_at:
            via = next(line for line in data.split(b"\r\n") if line.startswith(b"Via"))
            (self._stranger or self._transport).sendto(b"SIP/2.0 200 OK\r\n" + via + b"\r\n\r\n", addr)  # type: ignore[attr-defined]


@pytest.mark.parametrize(("answers_at", "by_stranger", "found"), [(1, False, True), (2, False, True), (1, True, False)])
async def test_a_question_is_repeated_and_only_the_phone_can_answer(
    monkeypatch: pytest.MonkeyPatch, answers_at: int, by_stranger: bool, found: bool
) -> None:
    monkeypatch.setattr(filtering, "REPEATS", (0.05, 0.5) if found else (0.05, 0.05))
    loop = asyncio.get_running_loop()
    stranger, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, local_addr=("127.0.0.1", 0))
    transport, phone = await loop.create_datagram_endpoint(
        lambda: Phone(answers_at, stranger if by_stranger else None), local_addr=("127.0.0.1", 0)
    )
    try:
        assert await probe("127.0.0.1", transport.get_extra_info("sockname"), token="ab12") is found
        assert phone.asked[0].startswith(b"OPTIONS sip:127.0.0.1:")
        assert b"branch=z9hG4bKab12;rport" in phone.asked[0]
    finally:
        transport.close()
        stranger.close()


async def test_an_address_that_is_not_ours_finds_nothing() -> None:
    assert not await probe("203.0.113.1", ("127.0.0.1", 9), token="ab12")
