"""An INVITE that we send: over one hop after the other, through forks, until it is answered, refused or taken back.

RFC 3261 sections 9.1, 13.2 and 8.1.3, RFC 3263 section 4.3 (the next hop), RFC 3262 section 4 (PRACK).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from jackfield.sip.dialog import Dialog
from jackfield.sip.errors import MalformedMessage
from jackfield.sip.exchange import Credentials, local_response
from jackfield.sip.flow import Flow, Hop
from jackfield.sip.headers import quote
from jackfield.sip.message import Request, Response
from jackfield.sip.reliable import read_rseq
from jackfield.sip.session import SDP, Session
from jackfield.sip.session_timer import agreed, min_se
from jackfield.sip.transaction import InviteClientTransaction

if TYPE_CHECKING:
    from jackfield.sip.agent import Agent

__all__ = ["COMPLETED_ELSEWHERE", "InviteHandler", "OutgoingInvite"]

COMPLETED_ELSEWHERE = 'SIP;cause=200;text="Call completed elsewhere"'
"""The Reason with which the phones that lost don't list a missed call (RFC 3326)."""
_MAX_RETRIES = 3
"""How often the INVITE is sent again to the same hop: with credentials (twice, for a stale nonce) or a longer timer."""


class InviteHandler(Protocol):
    """What an outgoing INVITE tells its user."""

    def on_provisional(self, session: Session | None, response: Response) -> None:
        """Take a 100-199. `session` is the early dialog, one for each fork; None for a 100 or without To tag.

        Reliable ones were acknowledged before, unless they carry an offer: then call `session.prack(response,
        answer)`.
        """

    def on_answered(self, session: Session, response: Response) -> None:
        """Take the 2xx: call `session.ack(body)`, with the answer if our INVITE had no offer. Called once."""

    def on_failed(self, response: Response) -> None:
        """Take the final response of 300 to 699, or a local 408, 487 or 503. Called once, never after `on_answered`."""


class OutgoingInvite:
    """One INVITE of ours. Made by `Agent.invite`.

    request: as last sent. flow: the way it took, None until it was sent.
    credentials: answers 401 and 407 on the way, and later inside the session; see `exchange.Credentials`.
    """

    __slots__ = (
        "_acknowledged",
        "_agent",
        "_cancelled",
        "_given_contact",
        "_handler",
        "_heard",
        "_hops",
        "_local_user",
        "_pinned",
        "_reason",
        "_retries",
        "_sessions",
        "_settled",
        "_transaction",
        "_winner",
        "credentials",
        "flow",
        "request",
    )

    def __init__(self, agent: Agent, request: Request, handler: InviteHandler, credentials: Credentials | None) -> None:
        self._agent = agent
        self._handler: InviteHandler | None = handler  # until it has the outcome: what it belongs to is not to be held
        self.request = request
        self.flow: Flow | None = None
        self.credentials = credentials
        self._transaction: InviteClientTransaction | None = None
        self._sessions: dict[str, Session] = {}
        self._winner: Session | None = None
        self._acknowledged: dict[str, tuple[bytes, Flow]] = {}  # by To tag, of sessions that are over
        self._hops: list[Hop] = []
        self._given_contact = "Contact" in request
        self._local_user = request.from_.uri.user
        self._pinned = False
        self._cancelled = False
        self._settled = False
        self._heard = False
        self._reason: str | None = None
        self._retries = 0

    # --- sending ------------------------------------------------------------------------------------------------------

    def start(self, flow: Flow | None, hops: Sequence[Hop] | None) -> None:
        """Send it over `flow`, or to the first of `hops` that can be reached, or where RFC 3263 says."""
        if flow is not None:
            self._pinned = True
            self._send(flow)
        else:
            self._agent.spawn(self._find_hops(hops))

    async def _find_hops(self, hops: Sequence[Hop] | None) -> None:
        self._hops = list(await self._agent.hops_of(self.request) if hops is None else hops)
        await self._try_next(local_response(self.request, 503, "No Way to the Peer"))

    async def _try_next(self, failure: Response) -> None:
        """Send to the next hop that can be reached; with none left, `failure` is the outcome."""
        while self._hops and not self._cancelled:
            flow = await self._agent.flow_to(self._hops.pop(0))
            if flow is not None and not self._cancelled:
                self._send(flow)
                return
        self._fail(local_response(self.request, 487) if self._cancelled else failure)

    def _send(self, flow: Flow) -> None:
        agent = self._agent
        self.flow = flow
        self._heard = False
        request = self.request
        if not self._given_contact:
            request.set("Contact", agent.contact(flow, self._local_user, secure=request.uri[:5].lower() == "sips:"))
        transaction = agent.layer.request(
            request, flow, agent.clock(), on_response=self._on_response, on_failure=self._on_failure
        )
        assert isinstance(transaction, InviteClientTransaction)
        self._transaction = transaction

    def _send_again(self, request: Request) -> None:
        """The same call with another request, to the same hop."""
        self._retries += 1
        request.set("CSeq", f"{self.request.cseq.number + 1} INVITE")
        self.request = request
        assert self.flow is not None
        self._send(self.flow)

    # --- responses ----------------------------------------------------------------------------------------------------

    def _on_response(self, response: Response) -> None:
        status = response.status
        try:
            if status < 200:
                self._on_provisional(response)
            elif status < 300:
                self._on_success(response)
            else:
                self._on_refusal(response)
        except MalformedMessage as error:
            # A Contact or Record-Route that nobody can read: there is no dialog to be had.
            self._agent.counters["malformed responses"] += 1
            if status >= 200:
                self._fail(local_response(self.request, 502, error.reason))

    def _on_provisional(self, response: Response) -> None:
        if self._cancelled:
            self._send_cancel()
            return
        handler = self._handler
        if handler is None:
            return
        if response.status == 100:
            handler.on_provisional(None, response)
            return
        self._heard = True
        session = self._session_of(response) if response.to.tag else None
        if session is not None:
            if session.ended or not session.receive_reliable(response):
                return
            self._take_reliable(session, response)
        handler.on_provisional(session, response)
        if response.status == 199 and session is not None:  # RFC 6228
            self._sessions.pop(session.dialog.remote_tag, None)
            session.drop()

    def _take_reliable(self, session: Session, response: Response) -> None:
        if read_rseq(response) is None:
            return
        if response.body and response.content_type == SDP:
            negotiation = session.negotiation
            if negotiation.local_offer:
                negotiation.local_offer = False  # it brought the answer
            elif not self.request.body and not session.confirmed and not negotiation.answered_early:
                negotiation.answered_early = True
                negotiation.remote_offer = True  # the user owes the answer, in his PRACK
                return
        session.prack(response)

    def _on_success(self, response: Response) -> None:
        if self._acknowledged and (ack := self._acknowledged.get(response.to.tag or "")) is not None:
            ack[1].send(ack[0])
            return
        session = self._session_of(response)
        if session.confirmed:
            session.repeat_ack(self.request.cseq.number)
            return
        transaction = self._transaction
        if session.flow.closed and transaction is not None:
            session.flow = transaction.flow  # he came back over a new connection
        session.dialog.confirm(response)
        session.abilities.learn(response)
        session.confirm()
        session.aim()
        session.negotiation.local_offer = False
        session.negotiation.unacknowledged = self.request
        if self._cancelled or self._winner is not None or self._settled:
            session.bye()  # with the ACK before it: a 2xx that crossed our CANCEL, or of another fork
            if self._winner is None:
                self._fail(local_response(self.request, 487))
            return
        self._winner = session
        self._settled = True
        session.on_over = self._let_go
        session.start_timer(agreed(response, self._agent.session_expires))
        self._drop_others(session)
        handler, self._handler = self._handler, None
        if handler is not None:
            handler.on_answered(session, response)

    def _let_go(self) -> None:
        """The session is over: hold no more of it than the ACK for copies of its 2xx."""
        session = self._winner
        if session is None:
            return
        session.on_over = None  # no circle, which the collector would have to find
        if session.last_ack is not None:
            number, data, flow = session.last_ack
            if number == self.request.cseq.number:
                tag = session.dialog.remote_tag
                self._acknowledged[tag] = (data, flow)
                self._sessions.pop(tag, None)
                self._winner = None
                self.request = self.request.gist()  # what another fork's late 2xx is acknowledged and ended with

    def _on_refusal(self, response: Response) -> None:
        status = response.status
        if not self._cancelled and self._retries < _MAX_RETRIES:
            if status in (401, 407) and self.credentials is not None:
                again = self.credentials(response, self.request)
                if again is not None:
                    self._send_again(again)
                    return
            if status == 422 and "Session-Expires" in self.request:
                least = max(min_se(response), self._agent.min_se)
                again = self.request.copy()
                again.set("Session-Expires", str(max(least, self._agent.session_expires)))
                again.set("Min-SE", str(least))
                self._send_again(again)
                return
        if status == 503 and not self._heard and self._hops and not self._cancelled:
            self._agent.spawn(self._try_next(response))
            return
        self._fail(response)

    def _on_failure(self, reason: str) -> None:
        status, phrase = (408, None) if reason == "timeout" else (503, "Connection Failed")
        failure = local_response(self.request, status, phrase)
        if self._hops and not self._heard and not self._cancelled:
            self._agent.spawn(self._try_next(failure))
        elif self._cancelled:
            self._fail(local_response(self.request, 487))
        else:
            self._fail(failure)

    def _fail(self, response: Response) -> None:
        self._drop_others(None)
        if not self._settled:
            self._settled = True
            handler, self._handler = self._handler, None
            if handler is not None:
                handler.on_failed(response)

    def _session_of(self, response: Response) -> Session:
        tag = response.to.tag or ""
        session = self._sessions.get(tag)
        if session is None:
            assert self.flow is not None
            dialog = Dialog.from_uac(self.request, response, secure=self.flow.secure)
            session = Session(
                self._agent,
                dialog,
                self.flow,
                response,
                caller=True,
                pinned=self._pinned or self.flow.reliable,
                local_user=self._local_user,
                contact=self.request.get("Contact") if self._given_contact else None,
            )
            session.early = self
            session.credentials = self.credentials
            session.negotiation.local_offer = bool(self.request.body)
            self._sessions[tag] = session
        return session

    def _drop_others(self, winner: Session | None) -> None:
        for tag, session in list(self._sessions.items()):
            if session is not winner and not session.confirmed:
                del self._sessions[tag]
                session.drop()

    # --- taking it back -----------------------------------------------------------------------------------------------

    def cancel(self, reason: str | None = None) -> None:
        """Take the INVITE back (RFC 3261 section 9.1); harmless when it is answered, refused or cancelled already.

        reason: the value of a Reason header (RFC 3326), such as `COMPLETED_ELSEWHERE`, or only its text. From now on
        the handler is called once more, with `on_failed`: the peer's refusal, or a local 487 when his 2xx crossed the
        CANCEL (it gets ACK and BYE) or nothing more is heard.
        """
        if self._settled or self._cancelled:
            return
        self._cancelled = True
        self._reason = reason
        if self._transaction is None or self._transaction.state == "terminated":
            # Not sent yet, or between two hops: whoever is looking for the way finds that he need not.
            self._agent.timers.after(self._agent.clock(), 0.0, lambda _: self._fail(local_response(self.request, 487)))
        else:
            self._send_cancel()

    def abandon(self) -> None:
        """End the early session because its user has lost interest."""
        self.cancel()

    def _send_cancel(self) -> None:
        transaction = self._transaction
        if transaction is not None:
            headers = [] if self._reason is None else [("Reason", _reason_value(self._reason))]
            headers += self._agent.identity
            transaction.cancel(self._agent.clock(), headers)

    # --- what an incoming INVITE has, and we have not -----------------------------------------------------------------

    def receive_prack(self, transaction: object, request: Request) -> bool:
        """Refuse a PRACK: we are the one who sends them."""
        return False

    def receive_bye(self, bye: Request) -> bool:
        """Refuse a BYE in the early dialog: the callee may not send it (RFC 3261 section 15)."""
        return False

    def __repr__(self) -> str:
        return f"<OutgoingInvite {self.request.uri} by {self.flow}>"


def _reason_value(reason: str) -> str:
    return reason if ";" in reason else f"SIP;cause=487;text={quote(reason)}"
