"""A session: one INVITE dialog, early or confirmed, whichever side began it, with all its races.

RFC 3261 sections 12 to 15, RFC 3311 (UPDATE), RFC 4028 (session timers), RFC 5057 (what an error inside a dialog
ends), RFC 5407 (races). What comes from the peer is judged here; how offers are exchanged is in `negotiation`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING

from jackfield.sip.abilities import Abilities
from jackfield.sip.addressing import leads_to
from jackfield.sip.dialog import Dialog
from jackfield.sip.errors import MalformedMessage
from jackfield.sip.exchange import Credentials, Exchange, UnacknowledgedAnswer
from jackfield.sip.flow import Flow
from jackfield.sip.message import Message, Request, Response
from jackfield.sip.negotiation import Negotiation, local_refusal
from jackfield.sip.reliable import RAck, ReliableReceiver, read_rack, read_rseq
from jackfield.sip.server_transaction import InviteServerTransaction, ServerTransaction
from jackfield.sip.session_events import Ended, SessionEvents, UnattendedEvents
from jackfield.sip.session_timer import SessionTimer, Terms
from jackfield.sip.timers import Timer

if TYPE_CHECKING:
    from jackfield.sip.agent import Agent
    from jackfield.sip.incoming import IncomingInvite
    from jackfield.sip.outgoing import OutgoingInvite

__all__ = ["CONNECTION_GRACE", "SDP", "Session"]

SDP = "application/sdp"
CONNECTION_GRACE = 32.0
"""Seconds that a session waits for its peer to come back over a new connection (RFC 5626 section 4.5)."""

Headers = Iterable[tuple[str, str]]

_UNATTENDED = UnattendedEvents()


class Session:
    """One INVITE dialog.

    events: set by the user. credentials: answers 401 and 407 to our requests, if set (see `exchange.Credentials`).
    abilities: what the peer told of his. caller: we sent the INVITE that made it.
    confirmed: a 2xx was sent or came. ended: it is over, from whichever side.
    on_over: called when it ends. last_ack: of ours: CSeq number, bytes, and the way it took.
    pinned: requests go by `flow` whatever the peer's Contact says (it is behind a NAT, or on a connection).
    """

    __slots__ = (
        "_answered",
        "_bye_waiting",
        "_connection_timer",
        "_contact",
        "_flow",
        "_flow_fits",
        "_local_user",
        "_negotiation",
        "_receiver",
        "_timer",
        "_waiting",
        "abilities",
        "agent",
        "caller",
        "confirmed",
        "credentials",
        "dialog",
        "early",
        "ended",
        "events",
        "last_ack",
        "late_prack",
        "on_over",
        "pinned",
    )

    def __init__(
        self,
        agent: Agent,
        dialog: Dialog,
        flow: Flow,
        message: Message,
        *,
        caller: bool,
        pinned: bool,
        local_user: str = "",
        contact: str | None = None,
    ) -> None:
        """Begin a session, early.

        message: the peer's: his INVITE, or his response to ours. local_user: the user part of our Contact.
        contact: our Contact as a whole, if it is not to be made from that and the flow.
        """
        self.agent = agent
        self.dialog = dialog
        self.caller = caller
        self.pinned = pinned
        self.events: SessionEvents = _UNATTENDED
        self.credentials: Credentials | None = None
        self.confirmed = False
        self.ended = False
        self.early: IncomingInvite | OutgoingInvite | None = None
        self.on_over: Callable[[], None] | None = None
        self._negotiation: Negotiation | None = Negotiation(self)
        self.abilities = Abilities()
        self.last_ack: tuple[int, bytes, Flow] | None = None
        self._answered: UnacknowledgedAnswer | None = None
        self._bye_waiting: Headers | None = None
        self._receiver: ReliableReceiver | None = None
        self._timer: SessionTimer | None = None
        self._connection_timer: Timer | None = None
        self._local_user = local_user
        self._contact = contact
        self.late_prack: RAck | None = None
        self._waiting: list[Callable[[Flow | None], None]] = []
        self._flow = flow
        self._flow_fits = False
        self.aim()
        self.abilities.learn(message)
        agent.enrol(self)

    @property
    def negotiation(self) -> Negotiation:
        """The offers and answers. Let go at the end, so that no circle is left; stragglers get another."""
        negotiation = self._negotiation
        if negotiation is None:
            negotiation = self._negotiation = Negotiation(self)
        return negotiation

    # --- the peer -----------------------------------------------------------------------------------------------------

    @property
    def flow(self) -> Flow:
        """The way to the peer. Set it when he is known to be elsewhere: a phone that registered anew."""
        return self._flow

    @flow.setter
    def flow(self, flow: Flow) -> None:
        if flow is not self._flow:
            self.agent.follow(self, self._flow, flow)
            self._flow = flow
        self._flow_fits = True

    # --- our requests -------------------------------------------------------------------------------------------------

    def ack(self, body: bytes = b"", *, content_type: str = SDP, headers: Headers = ()) -> None:
        """Acknowledge the 2xx to our INVITE or re-INVITE (RFC 3261 section 13.2.2.4).

        body: our answer, if the 2xx made an offer. Once; further copies of the 2xx are acknowledged by themselves.
        """
        invite = self.negotiation.unacknowledged
        if invite is None:
            return
        self.negotiation.unacknowledged = None
        number = invite.cseq.number
        fields = [(name, value) for name in ("Authorization", "Proxy-Authorization") for value in invite.all(name)]
        fields.extend(headers)
        ack = self.dialog.ack(number, fields, body, content_type)
        self.with_flow(partial(self._send_ack, ack, number))
        self.negotiation.settle()

    def prack(self, response: Response, body: bytes = b"", *, content_type: str = SDP, headers: Headers = ()) -> None:
        """Acknowledge a reliable provisional response (RFC 3262 section 4), with our answer if it made an offer."""
        rseq = read_rseq(response)
        if rseq is None or self.ended:
            return
        cseq = response.cseq
        fields = [("RAck", f"{rseq} {cseq.number} {cseq.method}"), *headers]
        if body:
            self.negotiation.remote_offer = False
        Exchange(self, self.dialog.request("PRACK", fields, body, content_type), _ignore)

    async def reinvite(
        self,
        body: bytes | Callable[[], bytes] | None,
        *,
        headers: Headers = (),
        content_type: str = SDP,
        answer: Callable[[bytes], bytes] | None = None,
    ) -> Response:
        """Send a re-INVITE and return its final response, acknowledged.

        body: our offer, or a function that makes it when it is sent, which is after all that was under way (what it
        raises is raised here); None asks the peer for his: then `answer(offer)` gives what goes into the ACK, or,
        without it, the caller calls `ack(answer)` himself, soon. Waits until no other offer is under way, and
        tries again after 491 (RFC 3261 section 14.1) and after 500 with Retry-After, three times in all. Never raises:
        a session that is over gives a local 481, silence a local 408, no way to the peer a local 503.
        """
        return await self.negotiation.modify("INVITE", body, headers, content_type, answer)

    async def update(self, body: bytes | None = None, *, headers: Headers = (), content_type: str = SDP) -> Response:
        """Send an UPDATE (RFC 3311) and return its final response; with a body it is an offer, as in `reinvite`."""
        return await self.negotiation.modify("UPDATE", body, headers, content_type, None)

    async def request(
        self, method: str, *, body: bytes = b"", content_type: str | None = None, headers: Headers = ()
    ) -> Response:
        """Send any other request in the dialog (INFO, REFER, NOTIFY ...) and return its final response.

        Never raises: see `reinvite` for the responses made here. A 408 or 481 ends the session (RFC 5057).
        """
        if self.ended:
            return local_refusal(self.dialog, method)
        future: asyncio.Future[Response] = asyncio.get_running_loop().create_future()

        def done(response: Response, request: Request) -> None:
            self.judge(response, request)
            if not future.done():
                future.set_result(response)

        fields = [*headers, *self.agent.identity]
        if method in ("REFER", "SUBSCRIBE", "NOTIFY"):  # target refresh requests of their usages
            fields = [("Contact", self.contact), *fields]
        Exchange(self, self.dialog.request(method, fields, body, content_type), done)
        return await future

    def bye(self, *, headers: Headers = ()) -> None:
        """End the session; harmless when it is over. An early one is cancelled, or declined with 480.

        Before the ACK for our 2xx has come the BYE waits for it (RFC 3261 section 15).
        """
        if self.ended:
            return
        if not self.confirmed:
            if self.early is not None:
                self.early.abandon()
            return
        if self.negotiation.unacknowledged is not None:
            self.ack()
        self._close(None)
        if self._answered is not None and not self.caller:
            self._bye_waiting = tuple(headers)
        else:
            self._send_bye(headers)

    def _send_bye(self, headers: Headers) -> None:
        if self._answered is not None:
            self._answered.stop()
            self._answered = None
        Exchange(self, self.dialog.request("BYE", (*headers, *self.agent.identity)), self._on_bye_answered)

    def _on_bye_answered(self, response: Response, request: Request) -> None:
        self.agent.forget(self)

    # --- the peer's requests ------------------------------------------------------------------------------------------

    def receive(self, transaction: ServerTransaction, request: Request) -> None:
        """Take a request of the peer in this dialog."""
        method = request.method
        if self.dialog.check(request):
            self.refuse(transaction, 500, "CSeq Out of Order")
        elif method == "BYE":
            self._receive_bye(transaction, request)
        elif self.ended:
            self.refuse(transaction, 481)
        elif method == "INVITE" or method == "UPDATE":
            self.negotiation.receive(transaction, request)
        elif method == "PRACK":
            self._receive_prack(transaction, request)
        else:
            if self._flow.closed:
                self.flow = transaction.flow
            self.events.on_request(request, partial(self.agent.respond, transaction))

    def receive_ack(self, request: Request) -> None:
        """Take an ACK in this dialog; a late or repeated one means nothing."""
        answered = self._answered
        if answered is None or answered.number != request.cseq.number:
            return
        answered.stop()
        self._answered = None
        self.negotiation.local_offer = False
        if self._bye_waiting is not None:
            self._send_bye(self._bye_waiting)
        elif not self.ended:
            self.events.on_ack(request)
            self.negotiation.settle()

    def _receive_prack(self, transaction: ServerTransaction, request: Request) -> None:
        if self.early is not None and self.early.receive_prack(transaction, request):
            return
        if self.late_prack is not None and self.late_prack == read_rack(request):
            self.late_prack = None  # it crossed our 200 (RFC 3262 section 3)
            self.agent.respond(transaction, request.reply(200))
        else:
            self.refuse(transaction, 481)

    def _receive_bye(self, transaction: ServerTransaction, request: Request) -> None:
        if not self.confirmed and (self.early is None or not self.early.receive_bye(request)):
            self.refuse(transaction, 481)
            return
        self.agent.respond(transaction, request.reply(200))
        crossing = self.ended  # our own BYE is on its way: it decides when the session is forgotten
        if self._answered is not None:
            self._answered.stop()
            self._answered = None
        if self._bye_waiting is not None or not crossing:
            self._bye_waiting = None
            self.agent.forget(self)
        self._close(Ended.by_bye(request))

    def refuse(self, transaction: ServerTransaction, status: int, reason: str | None = None) -> None:
        """Answer a request of the peer with an error."""
        self.agent.respond(transaction, transaction.request.reply(status, reason))

    # --- life ---------------------------------------------------------------------------------------------------------

    def confirm(self) -> None:
        """Note that a 2xx was sent or came."""
        self.confirmed = True
        self.dialog.state = "confirmed"
        self.early = None

    def await_ack(self, transaction: InviteServerTransaction, request: Request) -> None:
        """Repeat the 2xx that was just sent until its ACK comes."""
        agent = self.agent
        transaction.on_ack = self.receive_ack  # some send the ACK with the branch of the INVITE
        self._answered = UnacknowledgedAnswer(
            agent.timers, transaction, request.cseq.number, agent.clock(), self._on_no_ack
        )

    @property
    def awaits_ack(self) -> bool:
        """True while a 2xx of ours is not acknowledged."""
        return self._answered is not None

    def presume_ack(self) -> None:
        """A re-INVITE tells that the peer has our 2xx, though his ACK got lost (RFC 5407 section 3.1.4)."""
        if self._answered is not None:
            self._answered.stop()
            self._answered = None

    def _on_no_ack(self) -> None:
        self._answered = None
        if self._bye_waiting is None:
            self._close(Ended(408, "no ACK", by_peer=False))
        self._send_bye(self._bye_waiting or ())

    def judge(self, response: Response, request: Request) -> None:
        """End the session if this final response says that it is over (RFC 3261 section 12.2.1.2, RFC 5057)."""
        if self.ended or not self.confirmed or request.method in ("NOTIFY", "SUBSCRIBE", "PRACK"):
            return  # those speak of a subscription, or of one response
        if response.status == 481:
            if self._answered is not None:
                return  # the peer has not seen our 2xx yet: his ACK will come, or the want of it ends the session
            self._close(Ended(481, f"{request.method} refused: {response.reason}", by_peer=False, message=response))
            self.agent.forget(self)
        elif response.status == 408:
            self.end(Ended(408, f"no answer to {request.method}", by_peer=False, message=response))

    def end(self, why: Ended) -> None:
        """End the session for a reason that its user has not given: BYE, and `on_ended`."""
        if not self.ended:
            self._close(why)
            self._send_bye(())

    def drop(self) -> None:
        """Forget an early session whose INVITE was answered otherwise; nobody is told."""
        self._close(None)
        self.agent.forget(self)

    def _close(self, why: Ended | None) -> None:
        if self.ended:
            return
        self.ended = True
        self.dialog.state = "terminated"
        self.early = None
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
        if self._connection_timer is not None:
            self._connection_timer.cancel()
        negotiation = self.negotiation
        negotiation.close()
        if not negotiation.busy:
            self._negotiation = None
        events, self.events = self.events, _UNATTENDED  # stragglers hold a session, not what it was for
        if self.on_over is not None:
            self.on_over()
        if why is not None:
            events.on_ended(why)

    def on_connection_lost(self) -> None:
        """Give the peer time to come back: he may register over a new connection and go on (RFC 5626)."""
        if not self.ended and self._connection_timer is None:
            self._connection_timer = self.agent.timers.after(self.agent.clock(), CONNECTION_GRACE, self._on_still_lost)

    def _on_still_lost(self, now: float) -> None:
        self._connection_timer = None
        if self._flow.closed and not self.ended:
            if self.confirmed:
                self.end(Ended(503, "connection lost", by_peer=False))
            elif self.early is not None:
                self.early.abandon()

    # --- session timer ------------------------------------------------------------------------------------------------

    def start_timer(self, terms: Terms) -> None:
        """Begin a new interval (RFC 4028 section 10)."""
        if self.ended or not self.agent.session_expires:
            return
        if self._timer is None:
            self._timer = SessionTimer(self.agent.timers, self._on_refresh_due, self._on_expiry)
        self._timer.start(terms, self.agent.clock())

    @property
    def terms(self) -> Terms | None:
        """What was agreed about refreshes; None before the 2xx."""
        return None if self._timer is None else self._timer.terms

    def _on_refresh_due(self) -> None:
        self.agent.spawn(self._refresh())

    async def _refresh(self) -> None:
        response = await self.negotiation.refresh()
        timer = self._timer
        if response.status >= 300 and timer is not None and timer.terms is not None:
            timer.retry(max(timer.terms.interval / 8, 10.0), self.agent.clock())

    def _on_expiry(self) -> None:
        self.end(Ended(408, "session timer", by_peer=False))

    # --- the way ------------------------------------------------------------------------------------------------------

    @property
    def contact(self) -> str:
        """Our Contact towards this peer."""
        return self._contact or self.agent.contact(self._flow, self._local_user, secure=self.dialog.secure)

    def with_flow(self, use: Callable[[Flow | None], None]) -> None:
        """Call `use` with the way to the peer: at once where it is known, in order of the calls where it must be found.

        `use(None)`: there is no way.
        """
        if self._flow_fits and not self._flow.closed:
            use(self._flow)
            return
        self._waiting.append(use)
        if len(self._waiting) == 1:
            self.agent.spawn(self._find_flow())

    async def _find_flow(self) -> None:
        found: Flow | None = None
        try:
            found = await self.agent.flow_towards(self.dialog.hop, self._flow)
        finally:
            if found is None and not self._flow.closed:
                # Some send a Contact that nobody can reach: the way by which they speak with us is better than none.
                found = self._flow
            if found is not None:
                self.flow = found
            waiting, self._waiting = self._waiting, []
            for use in waiting:
                use(found)

    def aim(self) -> None:
        """See whether the flow still leads to the peer: his 2xx has the last word on route set and Contact."""
        self._flow_fits = self.pinned or leads_to(self.dialog.hop, self._flow)

    def move(self, message: Message, flow: Flow) -> None:
        """Follow the peer to the Contact, and the flow, of an INVITE or UPDATE of his (RFC 3261 section 12.2)."""
        try:
            moved = self.dialog.refresh_target(message)
        except MalformedMessage:
            moved = False
        if flow is not self._flow and (self.pinned or self._flow.closed or leads_to(self.dialog.hop, flow)):
            # Yealink T4x sends the old Contact after a NAT rebinding: the flow is right, the Contact is not.
            self.flow = flow
        elif moved:
            self.aim()

    def _send_ack(self, ack: Request, number: int, flow: Flow | None) -> None:
        if flow is not None:
            self.agent.layer.stamp(ack, flow)
            data = ack.to_bytes()
            self.last_ack = (number, data, flow)
            flow.send(data)

    def repeat_ack(self, number: int) -> None:
        """Answer another copy of the 2xx to our INVITE with this CSeq number (RFC 3261 section 13.2.2.4)."""
        if (ack := self.last_ack) is not None and ack[0] == number:
            ack[2].send(ack[1])

    def receive_reliable(self, response: Response) -> bool:
        """Note a reliable provisional response; False if it is a copy or came too early, and is to be dropped."""
        if self._receiver is None:
            self._receiver = ReliableReceiver()
        return self._receiver.accept(response)

    def __repr__(self) -> str:
        state = "ended" if self.ended else "confirmed" if self.confirmed else "early"
        return f"<Session {state} {'to' if self.caller else 'from'} {self._flow} {self.dialog.call_id}>"


def _ignore(response: Response, request: Request) -> None:
    """Take an answer that changes nothing."""
