"""What the SIP stack itself costs: whole calls and requests between two agents in memory, in µs of CPU.

    python bench/sip_stack.py [--calls 5000] [--profile call]

Both agents run in this process and every message is written to bytes, parsed and stamped as the transports do, so
that a call's figure is that of a call *through* a switch: one leg as callee, one as caller, without the kernel's
share (some 8 µs for each datagram in and out), the switch's own thinking and the media.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import pstats
import statistics
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

from jackfield.sip.agent import Agent, Ended, IncomingInvite, Reply, Session
from jackfield.sip.flow import Address, Flow, Hop
from jackfield.sip.message import Request, Response, parse
from jackfield.sip.uri import Uri

SDP = b"""v=0\r
o=- 20518 0 IN IP4 203.0.113.1\r
s= \r
c=IN IP4 203.0.113.1\r
t=0 0\r
m=audio 54400 RTP/AVP 8 0 9 101\r
a=rtpmap:8 PCMA/8000\r
a=rtpmap:0 PCMU/8000\r
a=rtpmap:9 G722/8000\r
a=rtpmap:101 telephone-event/8000\r
a=fmtp:101 0-16\r
a=ptime:20\r
a=sendrecv\r
"""
CALLER, CALLEE = ("10.0.0.1", 5060), ("10.0.0.2", 5060)
AUTHORIZATION = (
    'Digest username="4f7a1c", realm="jackfield", nonce="65d1f2b1.d3adb33f0123456789", uri="sip:102@10.0.0.2", '
    'response="0123456789abcdef0123456789abcdef", algorithm=MD5, cnonce="0a4f113b", qop=auth, nc=00000001'
)


class Wire:
    """Carries messages from one agent to the other, in order, when `pump` is called."""

    def __init__(self) -> None:
        self.now = 0.0
        self.messages = 0
        self.queue: deque[tuple[bytes, WireFlow]] = deque()
        self.agents: dict[Address, Agent] = {}

    def pump(self) -> None:
        queue = self.queue
        while queue:
            data, back = queue.popleft()
            self.messages += 1
            message = parse(data)
            if isinstance(message, Request):
                message.stamp_received(*back.remote)
            self.agents[back.local].receive(message, back)

    def advance(self, seconds: float) -> None:
        self.now += seconds
        for agent in self.agents.values():
            agent.wake()
        self.pump()


class WireFlow(Flow):
    __slots__ = ("back", "queue")

    def send(self, data: bytes) -> None:
        self.queue.append((data, self.back))


class NoTransports:
    advertised = None

    async def listen(self, transport: str, host: str, port: int, *, tls: Any = None) -> int:
        return port

    async def flow_to(self, hop: Hop, *, local: Flow | None = None) -> Flow:
        raise NotImplementedError

    def local_address(self, transport: str, remote_host: str) -> Address:
        return CALLER

    async def close(self) -> None:
        """Nothing is open."""


class NoResolver:
    async def resolve(self, uri: Uri, *, prefer: str | None = None) -> list[Hop]:
        return []


class Events:
    def on_ack(self, request: Request) -> None:
        pass

    def on_offer(self, request: Request, reply: Reply) -> None:
        response = request.reply(200)
        response.set_body("application/sdp", SDP)
        reply(response)

    def on_update(self, request: Request) -> None:
        return None

    def on_request(self, request: Request, reply: Reply) -> None:
        reply(request.reply(200))

    def on_ended(self, why: Ended) -> None:
        pass

    def current_sdp(self) -> bytes:
        return SDP


EVENTS = Events()


class Caller:
    """Answers a challenge, acknowledges the answer, and hangs up."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench

    def on_provisional(self, session: Session | None, response: Response) -> None:
        pass

    def on_answered(self, session: Session, response: Response) -> None:
        session.events = EVENTS
        session.ack()
        self.bench.sessions.append(session)

    def on_failed(self, response: Response) -> None:
        if response.status == 401:
            self.bench.call(Caller(self.bench), authorization=AUTHORIZATION, cseq=2)


class Bench:
    def __init__(self) -> None:
        self.wire = Wire()
        self.caller = self._agent(CALLER)
        self.callee = self._agent(CALLEE)
        self.flow = WireFlow("UDP", CALLER, CALLEE)
        back = WireFlow("UDP", CALLEE, CALLER)
        self.flow.back, back.back = back, self.flow
        self.flow.queue = back.queue = self.wire.queue
        self.number = 0
        self.challenge = False
        self.sessions: list[Session] = []
        self.invites: list[IncomingInvite] = []
        self.answered = 0

    def _agent(self, address: Address) -> Agent:
        agent = Agent(
            user_agent="Jackfield 1.0",
            on_invite=self._on_invite,
            on_request=lambda request, flow, reply: reply(request.reply(200)),
            clock=lambda: self.wire.now,
            transports=NoTransports(),
            resolver=NoResolver(),
        )
        self.wire.agents[address] = agent
        return agent

    def _on_invite(self, invite: IncomingInvite) -> None:
        if self.challenge and "Authorization" not in invite.request:
            invite.reject(401, headers=[("WWW-Authenticate", 'Digest realm="jackfield", nonce="x", qop="auth"')])
            return
        self.invites.append(invite)

    def request(self, method: str, *, cseq: int = 1) -> Request:
        headers = [
            ("From", '"Alice Example" <sip:101@10.0.0.1>;tag=a6c85cf'),
            ("To", "<sip:102@10.0.0.2>"),
            ("Call-ID", f"{self.number}-3848276298220188511@10.0.0.1"),
            ("CSeq", f"{cseq} {method}"),
        ]
        return Request.new(
            method, "sip:102@10.0.0.2:5060", headers, SDP if method == "INVITE" else b"", "application/sdp"
        )

    def call(self, handler: Caller, *, authorization: str = "", cseq: int = 1) -> None:
        request = self.request("INVITE", cseq=cseq)
        if authorization:
            request.set("Authorization", authorization)
        self.caller.invite(request, handler, flow=self.flow)

    def calls(self, count: int) -> None:
        """Whole calls: INVITE, 100, 180, 200, ACK, BYE, 200; a tenth of a second apart on the wheel's clock."""
        wire = self.wire
        for _ in range(count):
            self.number += 1
            self.call(Caller(self))
            wire.pump()
            for invite in self.invites:
                invite.session.events = EVENTS
                invite.progress(180)
            wire.pump()
            for invite in self.invites:
                invite.accept(SDP)
            self.invites.clear()
            wire.pump()
            for session in self.sessions:
                session.bye()
            self.sessions.clear()
            wire.advance(0.02)

    async def requests(self, method: str, count: int) -> None:
        def done(response: Response) -> None:
            self.answered += 1

        for _ in range(count):
            self.number += 1
            self.caller.send(self.request(method), self.flow, done)
            self.wire.advance(0.02)


def measure(count: int, work: Callable[[Bench, int], Awaitable[None] | None], **settings: Any) -> tuple[float, float]:
    """µs CPU for each, and messages for each."""

    async def run() -> tuple[float, float]:
        bench = Bench()
        for name, value in settings.items():
            setattr(bench, name, value)
        await _do(work(bench, count // 5))
        before = bench.wire.messages
        start = time.process_time()
        await _do(work(bench, count))
        spent = time.process_time() - start
        sent = bench.wire.messages - before
        for _ in range(2000):  # what is left of the transactions is part of the price
            bench.wire.advance(0.05)
        assert bench.caller.idle
        assert bench.callee.idle
        return spent / count * 1e6, sent / count

    return asyncio.run(run())


async def _do(result: Awaitable[None] | None) -> None:
    if result is not None:
        await result


CASES: dict[str, tuple[Callable[[Bench, int], Any], dict[str, Any]]] = {
    "call": (lambda bench, count: bench.calls(count), {}),
    "call with challenge": (lambda bench, count: bench.calls(count), {"challenge": True}),
    "OPTIONS": (lambda bench, count: bench.requests("OPTIONS", count), {}),
    "REGISTER": (lambda bench, count: bench.requests("REGISTER", count), {}),
}


def main() -> None:
    """Run every case and print a table."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--calls", type=int, default=3000)
    arguments.add_argument("--runs", type=int, default=5)
    arguments.add_argument("--profile", choices=sorted(CASES))
    options = arguments.parse_args()
    if options.profile:
        work, settings = CASES[options.profile]
        with cProfile.Profile() as profile:
            measure(options.calls, work, **settings)
        pstats.Stats(profile).sort_stats("tottime").print_stats(45)
        return
    print(f"{'case':24} {'messages':>8} {'µs CPU, median':>16} {'range':>16} {'µs a message':>14}")
    for name, (work, settings) in CASES.items():
        runs = [measure(options.calls, work, **settings) for _ in range(options.runs)]
        times = [spent for spent, _ in runs]
        median, messages = statistics.median(times), runs[0][1]
        print(
            f"{name:24} {messages:8.1f} {median:16.1f} {min(times):7.1f}-{max(times):<8.1f} {median / messages:14.1f}"
        )


if __name__ == "__main__":
    main()
