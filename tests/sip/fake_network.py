"""A network in memory with a clock of its own: agents, transaction layers and scripted peers talk over it.

Nothing sleeps and no socket is opened. `fate` decides what becomes of each message: the list of delays after which
it arrives, so that an empty list loses it, two delays double it, and different delays reorder.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from heapq import heappop, heappush
from itertools import count
from random import Random
from typing import Any, Protocol

from jackfield.sip.agent import Agent, IncomingInvite, Reply
from jackfield.sip.flow import Address, Flow, Hop, TransportFailed
from jackfield.sip.message import Message, Request, Response, parse
from jackfield.sip.tokens import Tokens
from jackfield.sip.uri import Uri

LATENCY = 0.01
SDP_OFFER = b"v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\ns=-\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n"
SDP_ANSWER = b"v=0\r\no=- 2 1 IN IP4 10.0.0.2\r\ns=-\r\nt=0 0\r\nm=audio 5000 RTP/AVP 8\r\n"


class Node(Protocol):
    def receive(self, message: Request | Response, flow: Flow) -> None: ...
    def next_time(self) -> float | None: ...
    def wake(self, now: float) -> None: ...


class FakeFlow(Flow):
    __slots__ = ("network",)

    def __init__(self, network: Network, transport: str, local: Address, remote: Address) -> None:
        super().__init__(transport, local, remote)
        self.network = network

    def send(self, data: bytes) -> None:
        if not self.closed:
            self.network.carry(self, data)

    def for_response(self, message: Message) -> Flow:
        via = message.via
        if self.reliable or "rport" in via.params or (via.port or 5060) == self.remote[1]:
            return self
        return self.network.flow(self.transport, self.local, (self.remote[0], via.port or 5060))


class Network:
    """now: seconds. log: (time, from, to, message) of all that was sent."""

    def __init__(self) -> None:
        self.now = 0.0
        self.log: list[tuple[float, Address, Address, Request | Response]] = []
        self.keep_log = True
        self.fate: Callable[[bytes, Address, Address], Sequence[float]] = lambda data, source, target: (LATENCY,)
        self._nodes: dict[Address, Node] = {}
        self._flows: dict[tuple[str, Address, Address], FakeFlow] = {}
        self._queue: list[tuple[float, int, FakeFlow, bytes]] = []
        self._order = count()

    def clock(self) -> float:
        return self.now

    def attach(self, address: Address, node: Node) -> None:
        self._nodes[address] = node

    def flow(self, transport: str, local: Address, remote: Address) -> FakeFlow:
        key = (transport, local, remote)
        flow = self._flows.get(key)
        if flow is None or flow.closed:
            flow = self._flows[key] = FakeFlow(self, transport, local, remote)
        return flow

    def break_connection(self, transport: str, one: Address, other: Address) -> None:
        """Close a connection; both ends that are agents hear of it."""
        for local, remote in ((one, other), (other, one)):
            flow = self._flows.pop((transport, local, remote), None)
            if flow is not None:
                flow.closed = True
                node = self._nodes.get(local)
                if isinstance(node, AgentNode):
                    node.agent.on_flow_failed(flow, "connection reset")

    def carry(self, flow: FakeFlow, data: bytes) -> None:
        if self.keep_log:
            self.log.append((self.now, flow.local, flow.remote, parse(data)))
        for delay in self.fate(data, flow.local, flow.remote):
            heappush(self._queue, (self.now + delay, next(self._order), flow, data))

    def _step(self, until: float) -> bool:
        """Do the next thing that is due by then; False if there is none."""
        due = self._queue[0][0] if self._queue else None
        node_due: Node | None = None
        for node in self._nodes.values():
            when = node.next_time()
            if when is not None and (due is None or when < due):
                due, node_due = when, node
        if due is None or due > until:
            return False
        self.now = max(self.now, due)
        if node_due is not None:
            node_due.wake(self.now)
            return True
        _, _, flow, data = heappop(self._queue)
        target = self._nodes.get(flow.remote)
        if target is not None:
            back = self.flow(flow.transport, flow.remote, flow.local)
            message = parse(data)
            if isinstance(message, Request):
                message.stamp_received(*back.remote)
            target.receive(message, back)
        return True

    def play(self, seconds: float) -> None:
        """Let time pass, for nodes that have no coroutines."""
        until = self.now + seconds
        while self._step(until):
            pass
        self.now = until

    async def run(self, seconds: float = 0.5) -> None:
        """Let time pass; coroutines get their turn after each step."""
        until = self.now + seconds
        while True:
            for _ in range(8):
                await asyncio.sleep(0)
            if not self._step(until):
                break
        self.now = until

    # --- reading the log ----------------------------------------------------------------------------------------------

    def sent(self, source: str | None = None, start: str = "") -> list[Request | Response]:
        """What a host sent whose start line begins so: "INVITE", "SIP/2.0 200"."""
        return [
            message
            for _, origin, _, message in self.log
            if (source is None or origin[0] == source) and message.start_line.startswith(start)
        ]

    def story(self) -> list[str]:
        """The start lines in order, shortened: "INVITE", "200 BYE"."""
        return [
            message.method if isinstance(message, Request) else f"{message.status} {message.cseq.method}"
            for _, _, _, message in self.log
        ]


class FakeTransports:
    def __init__(self, network: Network, address: Address) -> None:
        self.network = network
        self.address = address
        self.advertised: Callable[[str, str], str | None] | None = None
        self.unreachable: set[str] = set()
        self.closed = False

    async def listen(self, transport: str, host: str, port: int, *, tls: Any = None) -> int:
        return port or 5060

    async def flow_to(self, hop: Hop, *, local: Flow | None = None) -> Flow:
        if hop.host in self.unreachable:
            raise TransportFailed(f"no way to {hop.host}")
        return self.network.flow(hop.transport, self.address, (hop.host, hop.port))

    def local_address(self, transport: str, remote_host: str) -> tuple[str, int]:
        return self.address

    async def close(self) -> None:
        self.closed = True


class FakeResolver:
    def __init__(self) -> None:
        self.names: dict[str, list[Hop]] = {}

    async def resolve(self, uri: Uri, *, prefer: str | None = None) -> list[Hop]:
        if uri.host in self.names:
            return self.names[uri.host]
        if uri.host.replace(".", "").isdigit():
            return [Hop((uri.transport or prefer or "UDP").upper(), uri.host, uri.port or 5060)]
        return []


class AgentNode:
    def __init__(self, agent: Agent) -> None:
        self.agent = agent

    def receive(self, message: Request | Response, flow: Flow) -> None:
        self.agent.receive(message, flow)

    def next_time(self) -> float | None:
        return self.agent.timers.next_time()

    def wake(self, now: float) -> None:
        self.agent.wake()


def repeatable_tokens(seed: int) -> Tokens:
    return Tokens(Random(seed).randbytes)


def make_agent(
    network: Network,
    host: str,
    *,
    on_invite: Callable[[IncomingInvite], None] | None = None,
    on_request: Callable[[Request, Flow, Reply], None] | None = None,
    **options: Any,
) -> Agent:
    """An agent on the network; without handlers it rejects calls with 480 and answers requests with 200."""
    address = (host, 5060)
    agent = Agent(
        user_agent="Test/1.0",
        on_invite=on_invite or (lambda invite: invite.reject(480)),
        on_request=on_request or (lambda request, flow, reply: reply(request.reply(200))),
        clock=network.clock,
        transports=FakeTransports(network, address),
        resolver=FakeResolver(),
        tokens=repeatable_tokens(hash(host) & 0xFFFF),
        **options,
    )
    network.attach(address, AgentNode(agent))
    return agent


class Peer:
    """A scripted peer: what it gets is in `inbox`, what it sends is written out by the test."""

    def __init__(self, network: Network, host: str, transport: str = "UDP") -> None:
        self.network = network
        self.address = (host, 5060)
        self.transport = transport
        self.inbox: list[Request | Response] = []
        self._branch = count(1)
        network.attach(self.address, self)

    def receive(self, message: Request | Response, flow: Flow) -> None:
        self.inbox.append(message)

    def next_time(self) -> float | None:
        return None

    def wake(self, now: float) -> None:
        """Nothing is due."""

    def flow(self, to: str) -> FakeFlow:
        return self.network.flow(self.transport, self.address, (to, 5060))

    def send(self, to: str, message: Message) -> None:
        self.flow(to).send(message.to_bytes())

    def requests(self, method: str) -> list[Request]:
        return [m for m in self.inbox if isinstance(m, Request) and m.method == method]

    def responses(self, method: str) -> list[Response]:
        return [m for m in self.inbox if isinstance(m, Response) and m.cseq.method == method]

    def statuses(self, method: str) -> list[int]:
        return [response.status for response in self.responses(method)]

    def via(self, branch: str | None = None) -> str:
        host, port = self.address
        return f"SIP/2.0/{self.transport} {host}:{port};branch={branch or f'z9hG4bKpeer{next(self._branch)}'};rport"

    @property
    def contact(self) -> str:
        return f"<sip:peer@{self.address[0]}:{self.address[1]}>"

    def request(
        self,
        method: str,
        to: str,
        *,
        cseq: int = 1,
        call_id: str = "call-1",
        from_tag: str = "peer-tag",
        to_tag: str = "",
        body: bytes = b"",
        branch: str | None = None,
        headers: Sequence[tuple[str, str]] = (),
        uri: str | None = None,
    ) -> Request:
        """A request to an agent, whole."""
        fields = [
            ("Via", self.via(branch)),
            ("Max-Forwards", "70"),
            ("From", f"<sip:peer@{self.address[0]}>;tag={from_tag}"),
            ("To", f"<sip:100@{to}>" + (f";tag={to_tag}" if to_tag else "")),
            ("Call-ID", call_id),
            ("CSeq", f"{cseq} {method}"),
        ]
        if method in ("INVITE", "UPDATE", "SUBSCRIBE", "REFER"):
            fields.append(("Contact", self.contact))
        return Request.new(method, uri or f"sip:100@{to}:5060", [*fields, *headers], body, "application/sdp")

    def answer(
        self,
        request: Request,
        status: int,
        *,
        tag: str = "peer-tag",
        body: bytes = b"",
        headers: Sequence[tuple[str, str]] = (),
    ) -> Response:
        """A response to what an agent sent, whole."""
        response = request.reply(status, to_tag=tag)
        if status > 100 and "Contact" not in dict(headers):
            response.set("Contact", self.contact)
        for name, value in headers:
            response.add(name, value)
        if body:
            response.set_body("application/sdp", body)
        return response


def outgoing_request(
    method: str, to: str, *, call_id: str = "out-1", tag: str = "our-tag", body: bytes = b"", **headers: str
) -> Request:
    """A request for `Agent.request` and `Agent.invite`."""
    fields = [("From", f"<sip:101@10.0.0.1>;tag={tag}"), ("To", f"<sip:100@{to}>"), ("Call-ID", call_id)]
    fields += [(name.replace("_", "-"), value) for name, value in headers.items()]
    return Request.new(method, f"sip:100@{to}:5060", fields, body, "application/sdp")
