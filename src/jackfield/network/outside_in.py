"""Proving from outside that packets arrive at our ports: what was really proved, and what to change at the router.

A STUN server of RFC 5780 helps: asked from one port of ours, it answers to another one (RESPONSE-PORT) that has never
sent anything. Only a forward at the router, or no router at all, lets that in. A server that knows no RESPONSE-PORT is
asked to answer from elsewhere (CHANGE-REQUEST), which proves less: the NAT had a reason to let it in. Without any
server there is the way to our own public address from inside (hairpin), which many routers don't have.
"""

from __future__ import annotations

import asyncio
import secrets
import socket
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

from jackfield.network.stun_client import Endpoint, Reply, StunClient, StunRefused, addresses_of, read_server

__all__ = ["Mapping", "Port", "Proof", "Report", "Task", "advice", "look"]

Proof = Literal["outside", "hairpin", "while_open", "closed", "unproved"]
"""outside: a packet from the Internet arrived at a port that had asked for nothing. hairpin: one that we sent to our
public address came back. while_open: one from a stranger arrived, but the port had just sent. closed: one from the
Internet was sent and did not arrive. unproved: nobody could tell."""
Mapping = Literal["none", "kept", "changes", "unknown"]
"""none: no NAT. kept: every server sees the same address and port of a socket. changes: each another (symmetric)."""

KNOCK = 0.4
"""Seconds that a packet has to come back by the router."""


@dataclass(frozen=True, slots=True)
class Port:
    """One port that was tried. `what`: "sip", "audio", "sip_tcp", "sip_tls", "console"."""

    what: str
    kind: Literal["udp", "tcp"]
    port: int
    proof: Proof


@dataclass(frozen=True, slots=True)
class Report:
    """What a test found. `helper`: the STUN server that helped; `problems`: the servers that did not answer."""

    at: float
    ours: str
    public: str
    behind_router: bool
    mapping: Mapping = "unknown"
    port_kept: bool | None = None
    helper: str = ""
    answers_elsewhere: bool = False
    ports: tuple[Port, ...] = ()
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Task:
    """What is to be tested. `tcp`: (what, port); `sip_port`: UDP, held by the switch; 0 for none."""

    ours: str
    public: str
    sip_port: int
    audio: tuple[int, int]
    tcp: tuple[tuple[str, int], ...] = ()
    servers: tuple[str, ...] = ()


Heard = Callable[[], Awaitable[Sequence[str]]]
"""Gives the ids (hex) of STUN answers that arrived at the SIP port."""


async def look(task: Task, heard: Heard, now: float, client: Callable[[], StunClient] | None = None) -> Report:
    """Test everything that can be tested, in some seconds."""
    public = task.public or task.ours
    behind = public != task.ours
    problems: list[str] = []
    async with (client or _patient)() as stun:
        asking = await stun.open(task.ours)
        seen = await _servers(stun, asking, task, problems)
        helper = next((one for one in seen if one[1].other is not None), seen[0] if seen else None)
        if seen and not task.public:
            public, behind = seen[0][1].mapped[0], seen[0][1].mapped[0] != task.ours
        mapping, kept = await _mapping(stun, asking, seen, behind)
        tester = _Tester(stun, asking, helper, public if behind else "", heard)
        ports = []
        if task.sip_port:
            ports.append(Port("sip", "udp", task.sip_port, await tester.sip(task.sip_port)))
        for port in _samples(*task.audio):
            if (proof := await tester.audio(task.ours, port)) is not None:
                ports.append(Port("audio", "udp", port, proof))
    tried = task.tcp if behind else ()  # our own address says nothing where no router is between
    tcp = await asyncio.gather(*(_connects(public, port) for _, port in tried)) or [False] * len(task.tcp)
    ports += [
        Port(what, "tcp", port, "hairpin" if good else "unproved")
        for (what, port), good in zip(task.tcp, tcp, strict=True)
    ]
    return Report(
        at=now, ours=task.ours, public=public, behind_router=behind, mapping=mapping, port_kept=kept,
        helper=helper[0] if helper else "", answers_elsewhere=tester.helps, ports=tuple(ports),
        problems=tuple(problems),
    )  # fmt: skip


def _patient() -> StunClient:
    """Return a client that gives up sooner than others do: silence is an answer here."""
    return StunClient(rto=0.4, tries=2)


_Seen = tuple[str, Reply, tuple[str, int]]
"""The server as it is set, its answer, and its address."""


async def _servers(stun: StunClient, asking: Endpoint, task: Task, problems: list[str]) -> list[_Seen]:
    family = socket.AF_INET6 if ":" in task.ours else socket.AF_INET
    found = []
    for text in task.servers:
        for address in (await addresses_of(read_server(text), family))[:1]:
            with suppress(StunRefused):
                if (reply := await stun.ask(asking, address)) is not None:
                    found.append((text, reply, address))
                    break
        else:
            problems.append(text)
    return found


async def _mapping(
    stun: StunClient, asking: Endpoint, seen: Sequence[_Seen], behind: bool
) -> tuple[Mapping, bool | None]:
    """Tell by two servers, or by both addresses of one, whether the NAT gives a socket always the same port."""
    if not seen:
        return ("unknown" if behind else "none"), None
    mapped = [reply.mapped for _, reply, _ in seen]
    if mapped[0] == tuple(asking.local):
        return "none", True
    other = seen[0][1].other
    if len(mapped) == 1 and other is not None:
        with suppress(StunRefused):
            if (again := await stun.ask(asking, other)) is not None:
                mapped.append(again.mapped)
    kept = mapped[0][1] == asking.local[1]
    if len(mapped) == 1:
        return "unknown", kept
    return ("kept" if len(set(mapped)) == 1 else "changes"), kept


def _samples(low: int, high: int) -> list[int]:
    """Return ports at the beginning, in the middle and at the end of the range."""
    return sorted({low + low % 2, (low + high) // 4 * 2, high // 2 * 2 - 2})


class _Tester:
    def __init__(self, stun: StunClient, asking: Endpoint, helper: _Seen | None, public: str, heard: Heard) -> None:
        self._stun, self._asking, self._helper, self._public, self._heard = stun, asking, helper, public, heard
        self.helps = False
        self._can_aim = helper is not None

    async def sip(self, port: int) -> Proof:
        """Test the UDP port that the switch has: it tells what arrived, and answers STUN itself."""
        token = secrets.token_bytes(12)
        if await self._aim(port, token) is not None or self._can_aim:
            self.helps = True
            if token.hex() in await self._heard():
                return "outside"
            if await self._still_there():
                return "closed"
        with suppress(StunRefused):
            if self._public and await self._stun.ask(self._asking, (self._public, port)) is not None:
                return "hairpin"
        return "unproved"

    async def audio(self, ours: str, port: int) -> Proof | None:
        """Test a port of the audio range; None when none near it is free."""
        for free in range(port, port + 40, 2):
            with suppress(OSError):
                waiting = await self._stun.open(ours, free)
                break
        else:
            return None
        try:
            return await self._audio(waiting, waiting.local[1])
        finally:
            waiting.close()

    async def _audio(self, waiting: Endpoint, port: int) -> Proof:
        reply = await self._aim(port, secrets.token_bytes(12))
        if reply is not None and reply.arrived is waiting:
            self.helps = True
            return "outside"
        if self._can_aim and await self._still_there():
            self.helps = True
            return "closed"
        if self._public and await self._comes_back(waiting, port):
            return "hairpin"
        if self._helper is not None and self._helper[1].other is not None:
            with suppress(StunRefused):
                reply = await self._stun.ask(waiting, self._helper[2], change_address=True, change_port=True)
                if reply is None:
                    reply = await self._stun.ask(waiting, self._helper[2], change_port=True)
                if reply is not None and reply.source != self._helper[2]:
                    self.helps = True
                    return "while_open" if reply.mapped[1] == port else "unproved"
        return "unproved"

    async def _comes_back(self, waiting: Endpoint, port: int) -> bool:
        """Send a packet to our own public address: a router with a forward may send it back to us."""
        marker = b"\xff" + secrets.token_bytes(24)
        self._asking.send(marker, (self._public, port))
        for _ in range(8):
            await asyncio.sleep(KNOCK / 8)
            if marker in waiting.stray:
                return True
        return False

    async def _aim(self, port: int, token: bytes) -> Reply | None:
        """Have the helper send an answer to another port of ours."""
        if self._helper is None or not self._can_aim:
            return None
        try:
            reply = await self._stun.ask(self._asking, self._helper[2], response_port=port, token=token)
        except StunRefused:
            self._can_aim = False
            return None
        if reply is not None and reply.arrived is self._asking:
            self._can_aim = False  # it knows nothing of RESPONSE-PORT, and answered to where it was asked from
            return None
        return reply

    async def _still_there(self) -> bool:
        """Tell whether the helper answers at all, so that silence means something."""
        assert self._helper is not None
        with suppress(StunRefused):
            return await self._stun.ask(self._asking, self._helper[2]) is not None
        return False


async def _connects(address: str, port: int) -> bool:
    try:
        async with asyncio.timeout(2.0):
            _, writer = await asyncio.open_connection(address, port)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True


def advice(report: Report, audio: tuple[int, int], udp: Sequence[int], tcp: Sequence[int]) -> list[tuple[str, str]]:
    """Return what to forward at the router, as ("UDP", "10000-20000"); [] when all is proved."""
    good = ("outside", "hairpin")
    bad = {(one.kind, one.port) for one in report.ports if one.proof not in good}
    found = []
    if any(one.what == "audio" and one.proof not in good for one in report.ports):
        found.append(("UDP", f"{audio[0]}-{audio[1]}"))
    for port in sorted({*udp, *tcp}):
        kinds = [name.upper() for name, ports in (("tcp", tcp), ("udp", udp)) if port in ports and (name, port) in bad]
        if kinds:
            found.append(("/".join(kinds), str(port)))
    return found
