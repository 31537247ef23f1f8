"""What a NAT lets in: told by a question that comes from where its phone has never sent anything (RFC 4787 section 5).

An OPTIONS goes to the phone's place at its router from another port of ours, and from another address where this
machine has one. An answer proves that the router let it in. So a full cone is told from one that is restricted to
addresses, and that from one that is restricted to ports; whether it is symmetric, the audio of a test shows (`proof`).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Literal

from jackfield.sip.flow import Address, bracketed
from jackfield.sip.tokens import MAGIC_COOKIE

__all__ = ["Door", "Probe", "door", "probe"]

Door = Literal["", "all", "address", "ports", "answers"]
"""Who may send to a phone by its NAT: "all" (anybody), "address" (each port of an address that it has sent to), "ports"
(each port of ours: whether other addresses too, could not be tried), "answers" (where it has sent to, and nobody else);
"": not known."""
Probe = Callable[[str, Address], Awaitable[bool]]
"""Asks a phone from a fresh port of this address of ours; True when it answers."""

REPEATS = (0.5, 0.5, 1.0)
"""Seconds to wait after each time that the question is asked."""


async def door(ours: str, others: Sequence[str], phone: Address, ask: Probe) -> Door:
    """Return who may send to a phone. `ours`: the address that it sends to; `others`: all of this machine.

    `phone`: where it is seen. An address of ours that it can't have sent to must be of the same family.
    """
    if not await ask(ours, phone):
        return "answers"
    elsewhere = [one for one in others if one != ours and (":" in one) == (":" in ours)]
    if not elsewhere:
        return "ports"
    return "all" if await ask(elsewhere[0], phone) else "address"


class _Ear(asyncio.DatagramProtocol):
    """Hears whether an answer with this branch comes."""

    def __init__(self, branch: bytes, phone: Address) -> None:
        self._branch, self._phone = branch, phone
        self.heard: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    def datagram_received(self, data: bytes, addr: Any) -> None:
        """Take a datagram; only the phone's own answer counts."""
        if addr[:2] == self._phone and data.startswith(b"SIP/2.0 ") and self._branch in data and not self.heard.done():
            self.heard.set_result(True)


async def probe(ours: str, phone: Address, *, token: str) -> bool:
    """Ask a phone by OPTIONS from a fresh port of ours. `token`: random, which only an answer can know."""
    loop = asyncio.get_running_loop()
    branch = f"{MAGIC_COOKIE}{token}"
    try:
        transport, ear = await loop.create_datagram_endpoint(lambda: _Ear(branch.encode(), phone), local_addr=(ours, 0))
    except OSError:
        return False
    try:
        here = f"{bracketed(ours)}:{transport.get_extra_info('sockname')[1]}"
        there = f"{bracketed(phone[0])}:{phone[1]}"
        question = (
            f"OPTIONS sip:{there} SIP/2.0\r\nVia: SIP/2.0/UDP {here};branch={branch};rport\r\nMax-Forwards: 70\r\n"
            f"From: <sip:jackfield@{here}>;tag={token}\r\nTo: <sip:{there}>\r\nCall-ID: {token}\r\n"
            "CSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
        ).encode()
        for pause in REPEATS:
            transport.sendto(question, phone)
            with contextlib.suppress(TimeoutError):
                return await asyncio.wait_for(asyncio.shield(ear.heard), pause)
        return False
    finally:
        transport.close()
