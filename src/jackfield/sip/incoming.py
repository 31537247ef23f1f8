"""An INVITE that somebody sends us: from its first moment to its final response.

RFC 3261 sections 9.2 and 13.3, RFC 3262 section 3 (reliable provisional responses).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Literal

from jackfield.sip.addressing import behind_nat
from jackfield.sip.dialog import Dialog
from jackfield.sip.flow import Flow
from jackfield.sip.message import Request, Response
from jackfield.sip.reliable import ReliableSender
from jackfield.sip.server_transaction import InviteServerTransaction, ServerTransaction
from jackfield.sip.session import SDP, Session
from jackfield.sip.timers import Timer

if TYPE_CHECKING:
    from jackfield.sip.agent import Agent

__all__ = ["IncomingInvite"]

REPEAT = 60.0
"""Seconds after which a provisional response is sent again, so that no proxy gives up (RFC 3261 section 13.3.1.1)."""
_MAX_FIRST_RSEQ = 1 << 16

Headers = Iterable[tuple[str, str]]


class IncomingInvite:
    """An initial INVITE. The agent has answered 100, or does so as soon as `on_invite` returns without an answer.

    request, flow: the INVITE and the way it came.
    state: "early", "accepted", "rejected" or "cancelled".
    on_cancel: called when the caller gives up, with his CANCEL (or BYE); all that he must get was sent before.
    on_prack: called with body and content type of a PRACK that has a body; returns what goes into its 200, or None.
    """

    __slots__ = (
        "_agent",
        "_deferred",
        "_last_provisional",
        "_repetition",
        "_sender",
        "_session",
        "_transaction",
        "flow",
        "on_cancel",
        "on_prack",
        "request",
        "state",
    )

    def __init__(self, agent: Agent, transaction: InviteServerTransaction, request: Request) -> None:
        self._agent = agent
        self._transaction = transaction
        self.request = request
        self.flow: Flow = transaction.flow
        self.state: Literal["early", "accepted", "rejected", "cancelled"] = "early"
        self.on_cancel: Callable[[Request], None] | None = None
        self.on_prack: Callable[[bytes, str], bytes | None] | None = None
        self._session: Session | None = None
        self._sender: ReliableSender | None = None
        self._deferred: tuple[bytes, str, Headers] | None = None
        self._last_provisional: tuple[int, Headers] = (180, ())
        self._repetition: Timer | None = None
        transaction.on_cancel = self._on_cancel

    @property
    def session(self) -> Session:
        """The session that the INVITE asks for: early, with our tag. Made at first use: many INVITEs are refused."""
        session = self._session
        if session is None:
            request, flow = self.request, self.flow
            dialog = Dialog.from_uas(request, self._transaction.to_tag, secure=flow.secure)
            session = Session(
                self._agent,
                dialog,
                flow,
                request,
                caller=False,
                pinned=flow.reliable or behind_nat(request, flow),
                local_user=request.to.uri.user,
            )
            session.early = self
            session.negotiation.remote_offer = bool(request.body)
            self._session = session
        return session

    # --- answers ------------------------------------------------------------------------------------------------------

    def progress(
        self,
        status: int,
        *,
        reason: str | None = None,
        body: bytes = b"",
        content_type: str = SDP,
        headers: Headers = (),
        reliable: bool | None = None,
    ) -> None:
        """Send a provisional response: 180, 183, 181, 182.

        reliable: None sends it reliably (RFC 3262) where the caller requires it, or supports it and there is a body.
        It is repeated every minute by itself. Ignored once the INVITE has its final response.
        """
        if self.state != "early" or self._deferred is not None:
            return
        headers = tuple(headers)
        self._last_provisional = (status, headers)
        request = self.request
        required = "Require" in request and request.has_option("Require", "100rel")
        wanted = bool(body) if reliable is None else reliable
        reliable = required or (wanted and request.has_option("Supported", "100rel"))
        response = self._response(status, reason, headers, body, content_type, abilities=reliable)
        if reliable:
            self._send_reliably(response)
        else:
            self._agent.respond(self._transaction, response)
        self._repeat_later()

    def accept(self, body: bytes, *, headers: Headers = (), content_type: str = SDP) -> None:
        """Send 200. It is repeated until the ACK comes; none in 32 s ends the session ("no ACK").

        While a reliable provisional response with a body waits for its PRACK, the 200 waits too (RFC 3262 section 3).
        """
        if self.state != "early":
            return
        if self._sender is not None and self._sender.description_outstanding:
            self._deferred = (body, content_type, tuple(headers))
            return
        self.state = "accepted"
        session = self.session
        if self._sender is not None:
            session.late_prack = self._sender.stop()
        response = self._transaction.reply(200)
        for name, value in headers:
            response.add(name, value)
        if body:
            response.set_body(content_type, body)
        session.negotiation.remote_offer = False
        session.confirm()
        session.negotiation.accept(self._transaction, self.request, response)
        self._close()

    def reject(self, status: int, reason: str | None = None, *, headers: Headers = ()) -> None:
        """Send a final response of 300 to 699."""
        if self.state == "early":
            self._finish("rejected", status, reason, headers)

    def abandon(self) -> None:
        """End the early session because its user has lost interest."""
        self.reject(480)

    def _response(
        self,
        status: int,
        reason: str | None,
        headers: Headers,
        body: bytes,
        content_type: str,
        *,
        abilities: bool,
    ) -> Response:
        response = self._transaction.reply(status, reason)
        for name, value in headers:
            response.add(name, value)
        if "Contact" not in response:
            response.set("Contact", self.session.contact)
        if abilities:  # what the caller may send before the answer; without PRACK that is nothing
            for name, value in self._agent.abilities:
                if name not in response:
                    response.set(name, value)
        if body:
            response.set_body(content_type, body)
        return response

    def _finish(
        self, state: Literal["rejected", "cancelled"], status: int, reason: str | None, headers: Headers
    ) -> None:
        self.state = state
        if self._sender is not None:
            self._sender.stop()
        response = self._transaction.reply(status, reason)
        for name, value in headers:
            response.add(name, value)
        self._agent.respond(self._transaction, response)
        if self._session is not None:
            self._session.drop()
        self._close()

    def _close(self) -> None:
        self._deferred = None
        if self._repetition is not None:
            self._repetition.cancel()
            self._repetition = None
        self._transaction.on_cancel = self.on_cancel = self.on_prack = None

    # --- reliable provisional responses -------------------------------------------------------------------------------

    def _send_reliably(self, response: Response) -> None:
        if self._sender is None:
            self._sender = ReliableSender(
                self._agent.timers,
                self.request.cseq.number,
                1 + int(self._agent.tokens.tag()[:8], 16) % _MAX_FIRST_RSEQ,
                self._transmit,
                self._on_no_prack,
            )
        if response.body:
            negotiation = self.session.negotiation
            if self.request.body:
                negotiation.remote_offer = False  # this is the answer
            elif not negotiation.local_offer:
                negotiation.local_offer = True  # an offer, of which the answer comes in the PRACK
        self._sender.send(response, self._agent.clock())

    def _transmit(self, response: Response) -> None:
        self._agent.respond(self._transaction, response)

    def _on_no_prack(self) -> None:
        if self.state == "early":
            on_cancel = self.on_cancel
            self._finish("cancelled", 504, "No PRACK", ())
            if on_cancel is not None:
                on_cancel(self.request)

    def receive_prack(self, transaction: ServerTransaction, request: Request) -> bool:
        """Take a PRACK; False if it acknowledges nothing that we sent (481)."""
        sender = self._sender
        if sender is None or sender.acknowledge(request) is None:
            return False
        negotiation = self.session.negotiation
        response = request.reply(200)
        if request.body:
            negotiation.local_offer = False
            answer = None if self.on_prack is None else self.on_prack(request.body, request.content_type)
            if answer:
                response.set_body(SDP, answer)
        self._agent.respond(transaction, response)
        negotiation.settle()
        if self.state == "early":
            sender.proceed(self._agent.clock())
            if self._deferred is not None:
                body, content_type, headers = self._deferred
                self.accept(body, headers=headers, content_type=content_type)
        return True

    # --- the caller gives up ------------------------------------------------------------------------------------------

    def _on_cancel(self, cancel: Request) -> None:
        on_cancel = self.on_cancel
        self._finish("cancelled", 487, None, ())
        if on_cancel is not None:
            on_cancel(cancel)

    def receive_bye(self, bye: Request) -> bool:
        """Take a BYE in the early dialog, which the caller may send instead of a CANCEL (RFC 3261 section 15)."""
        self._on_cancel(bye)
        return True

    # --- repetition ---------------------------------------------------------------------------------------------------

    def _repeat_later(self) -> None:
        if self._repetition is not None:
            self._repetition.cancel()
        self._repetition = self._agent.timers.after(self._agent.clock(), REPEAT, self._on_repetition)

    def _on_repetition(self, now: float) -> None:
        self._repetition = None
        if self._sender is not None and self._sender.outstanding is not None:
            self._repeat_later()
            return
        status, headers = self._last_provisional
        self.progress(status, headers=headers, reliable=False)

    def __repr__(self) -> str:
        return f"<IncomingInvite {self.state} {self.request.uri} from {self.flow}>"
