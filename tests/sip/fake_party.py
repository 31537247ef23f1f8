"""A user of the agent, as the switch is one: answers calls and offers, and remembers all that it is told."""

from __future__ import annotations

from typing import Any

from fake_network import SDP_ANSWER, SDP_OFFER, Network, Peer, make_agent, outgoing_request

from jackfield.sip.agent import Ended, IncomingInvite, OutgoingInvite, Reply, Session
from jackfield.sip.message import Request, Response

__all__ = ["Events", "Handler", "Party", "call_from_peer", "call_to_peer", "establish"]


class Events:
    """Session events: offers are answered with `answer` at once, or kept in `offers` when `answer` is None."""

    def __init__(self, answer: int | None = 200) -> None:
        self.answer = answer
        self.acks: list[Request] = []
        self.offers: list[tuple[Request, Reply]] = []
        self.requests: list[Request] = []
        self.ended: list[Ended] = []
        self.sdp = SDP_OFFER

    def on_ack(self, request: Request) -> None:
        self.acks.append(request)

    def on_offer(self, request: Request, reply: Reply) -> None:
        self.offers.append((request, reply))
        if self.answer is not None:
            reply(self.make_answer(request))

    def make_answer(self, request: Request) -> Response:
        response = request.reply(self.answer or 200)
        if response.status < 300:
            response.set_body("application/sdp", SDP_ANSWER)
        return response

    def on_update(self, request: Request) -> None:
        return None

    def on_request(self, request: Request, reply: Reply) -> None:
        self.requests.append(request)
        reply(request.reply(200))

    def on_ended(self, why: Ended) -> None:
        self.ended.append(why)

    def current_sdp(self) -> bytes:
        return self.sdp


class Handler:
    """What becomes of an outgoing INVITE; acknowledges the answer by itself."""

    def __init__(self, ack: bool = True) -> None:
        self.ack = ack
        self.events = Events()
        self.provisional: list[tuple[Session | None, Response]] = []
        self.answers: list[tuple[Session, Response]] = []
        self.failures: list[Response] = []

    def on_provisional(self, session: Session | None, response: Response) -> None:
        self.provisional.append((session, response))
        if session is not None:
            session.events = self.events

    def on_answered(self, session: Session, response: Response) -> None:
        session.events = self.events
        self.answers.append((session, response))
        if self.ack:
            session.ack()

    def on_failed(self, response: Response) -> None:
        self.failures.append(response)

    @property
    def statuses(self) -> list[int]:
        return [response.status for _, response in self.provisional]

    @property
    def failed(self) -> list[int]:
        return [response.status for response in self.failures]

    @property
    def session(self) -> Session:
        (answer,) = self.answers
        return answer[0]


class Party:
    """An agent and the calls that come to it: kept in `invites`, or answered at once with `answer`."""

    def __init__(self, network: Network, host: str, *, answer: int | None = None, **options: Any) -> None:
        self.network = network
        self.host = host
        self.answer = answer
        self.invites: list[IncomingInvite] = []
        self.events: list[Events] = []
        self.cancels: list[Request] = []
        self.agent = make_agent(network, host, on_invite=self.on_invite, **options)

    def on_invite(self, invite: IncomingInvite) -> None:
        self.invites.append(invite)
        invite.on_cancel = self.cancels.append
        if self.answer is None or self.answer < 300:
            events = Events()
            self.events.append(events)
            invite.session.events = events
        if self.answer is not None and self.answer < 300:
            invite.accept(SDP_ANSWER)
        elif self.answer is not None:
            invite.reject(self.answer)

    def call(
        self, to: str, handler: Handler, *, body: bytes = SDP_OFFER, transport: str = "UDP", **options: Any
    ) -> OutgoingInvite:
        request = outgoing_request("INVITE", to, body=body, **options)
        flow = self.network.flow(transport, (self.host, 5060), (to, 5060))
        return self.agent.invite(request, handler, flow=flow)

    @property
    def invite(self) -> IncomingInvite:
        (invite,) = self.invites
        return invite


async def establish(
    network: Network, *, transport: str = "UDP", **options: Any
) -> tuple[Party, Party, Handler, Session, Session]:
    """Two agents in a call: caller, callee, the caller's handler, both sessions. The log begins after that."""
    caller, callee = Party(network, "10.0.0.1", **options), Party(network, "10.0.0.2", answer=200, **options)
    handler = Handler()
    caller.call("10.0.0.2", handler, transport=transport)
    await network.run(1)
    network.log.clear()
    return caller, callee, handler, handler.session, callee.invite.session


async def call_to_peer(network: Network, party: Party, peer: Peer, **headers: str) -> tuple[Handler, Session, Request]:
    """The party calls the peer, who answers; `headers` go into his 200."""
    handler = Handler()
    party.call(peer.address[0], handler)
    await network.run(0.1)
    invite = peer.requests("INVITE")[-1]
    fields = [(name.replace("_", "-"), value) for name, value in headers.items()]
    peer.send(party.host, peer.answer(invite, 200, body=SDP_ANSWER, headers=fields))
    await network.run(0.1)
    return handler, handler.session, invite


async def call_from_peer(
    network: Network, party: Party, peer: Peer, *, body: bytes = SDP_OFFER, ack: bool = True, **headers: str
) -> tuple[Session, Response]:
    """The peer calls the party, who answers at once; returns the party's session and its 200."""
    fields = [(name.replace("_", "-"), value) for name, value in headers.items()]
    peer.send(party.host, peer.request("INVITE", party.host, body=body, headers=fields))
    await network.run(0.1)
    ok = [response for response in peer.responses("INVITE") if response.status == 200][-1]
    if ack:
        peer.send(party.host, peer.request("ACK", party.host, to_tag=ok.to.tag or ""))
        await network.run(0.1)
    return party.invites[-1].session, ok
