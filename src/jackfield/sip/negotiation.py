"""How a session is changed while it lives: re-INVITE and UPDATE, from either side, one offer at a time.

RFC 3261 section 14, RFC 3311, RFC 3264 section 4 (who may offer when), RFC 5407 section 3.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING

from jackfield.sip.dialog import Dialog
from jackfield.sip.exchange import Exchange
from jackfield.sip.message import Request, Response
from jackfield.sip.server_transaction import InviteServerTransaction, ServerTransaction
from jackfield.sip.session_timer import agree, agreed, min_se, too_small

if TYPE_CHECKING:
    from jackfield.sip.session import Session

__all__ = ["Negotiation", "local_refusal"]

ATTEMPTS = 3
"""How often an offer is sent when the peer answers 491, 500 with Retry-After, or 422."""
_MAX_RETRY_AFTER = 10.0  # RFC 3261 section 14.2 lets the peer ask for 0 to 10 seconds
_SDP = "application/sdp"

Headers = Iterable[tuple[str, str]]

log = logging.getLogger(__name__)


def local_refusal(dialog: Dialog, method: str) -> Response:
    """Make the 481 that a request in a dialog gets which is over, without asking the peer."""
    headers = [("From", dialog.local), ("To", dialog.remote), ("Call-ID", dialog.call_id)]
    response = Response.new(481, [*headers, ("CSeq", f"{dialog.local_seq} {method}")])
    response.local = True
    return response


class Negotiation:
    """The offers and answers of one session.

    local_offer: an offer of ours waits for its answer. remote_offer: one of the peer's waits for ours.
    unacknowledged: our INVITE that was answered with 2xx and waits for `Session.ack`.
    answered_early: a reliable provisional response has brought the peer's offer (RFC 3262 section 5).
    min_se: the least interval that the peer accepts, seconds (from his 422).
    """

    __slots__ = (
        "_exchange",
        "_modification",
        "_pending",
        "_session",
        "_turn",
        "_update_refused",
        "_waiters",
        "answered_early",
        "local_offer",
        "min_se",
        "remote_offer",
        "unacknowledged",
    )

    def __init__(self, session: Session) -> None:
        self._session = session
        self.local_offer = False
        self.remote_offer = False
        self.unacknowledged: Request | None = None
        self.answered_early = False
        self.min_se = 0
        self._exchange: Exchange | None = None
        self._modification: asyncio.Future[Response] | None = None
        self._pending: list[ServerTransaction] = []
        self._waiters: list[asyncio.Future[None]] = []
        self._turn: asyncio.Lock | None = None
        self._update_refused = False

    @property
    def busy(self) -> bool:
        """True while we may not send an offer: one is under way, or an INVITE is (RFC 3261 section 14.1)."""
        return (
            self.local_offer
            or self.remote_offer
            or self._exchange is not None
            or self.unacknowledged is not None
            or bool(self._pending)
            or self._session.awaits_ack
        )

    def settle(self) -> None:
        """Let those look again who wait until nothing is under way."""
        if self._waiters:
            waiters, self._waiters = self._waiters, []
            for waiter in waiters:
                if not waiter.done():
                    waiter.set_result(None)

    def close(self) -> None:
        """The session is over: answer what the peer still asks (RFC 3261 section 15.1.2), and wait for nothing."""
        agent = self._session.agent
        pending, self._pending = self._pending, []
        for transaction in pending:
            agent.respond(transaction, transaction.request.reply(487))
        if self._exchange is not None:
            self._exchange.cancel()
        if self._modification is not None and not self._modification.done():
            self._modification.set_result(local_refusal(self._session.dialog, "INVITE"))
        self.settle()

    # --- our offers ---------------------------------------------------------------------------------------------------

    async def modify(
        self,
        method: str,
        body: bytes | Callable[[], bytes] | None,
        headers: Headers,
        content_type: str,
        answer: Callable[[bytes], bytes] | None,
    ) -> Response:
        """Send a re-INVITE or UPDATE; see `Session.reinvite`."""
        headers = tuple(headers)
        if method == "UPDATE" and not body:  # no offer: it may go at any time (RFC 3311 section 5.1)
            while self._session.awaits_ack and not self._session.ended:
                await self._quiet()  # but it must not overtake our 2xx: to the peer there is no dialog before that
            return await self._try(
                method, partial(self._send, method, b"", headers, content_type, None, self._on_updated)
            )
        if self._turn is None:
            self._turn = asyncio.Lock()
        async with self._turn:
            return await self._try(method, partial(self._offer, method, body, headers, content_type, answer))

    async def _try(self, method: str, send: Callable[[], Awaitable[Response]]) -> Response:
        session = self._session
        for attempt in range(1, ATTEMPTS + 1):
            if session.ended:
                break
            response = await send()
            delay = self._retry_delay(response)
            if delay is None or attempt == ATTEMPTS:
                return response
            await session.agent.sleep(delay)
        return local_refusal(session.dialog, method)

    async def refresh(self) -> Response:
        """Show that we are still there, and see whether the peer is (RFC 4028 section 7.4)."""
        session = self._session
        if session.abilities.allows("UPDATE") and not self._update_refused:
            response = await self.modify("UPDATE", None, (), _SDP, None)
            if response.status not in (403, 405, 501):
                return response
            self._update_refused = True
        body = session.events.current_sdp()
        if body:
            return await self.modify("INVITE", body, (), _SDP, None)
        response = await session.request("OPTIONS")
        if response.status < 300 and session.terms is not None:
            session.start_timer(session.terms)
        return response

    async def _quiet(self) -> None:
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        await waiter

    async def _offer(
        self,
        method: str,
        body: bytes | Callable[[], bytes] | None,
        headers: Headers,
        content_type: str,
        answer: Callable[[bytes], bytes] | None,
    ) -> Response:
        session = self._session
        while self.busy and not session.ended:
            await self._quiet()
        if session.ended:
            return local_refusal(session.dialog, method)
        offer = body() if callable(body) else body
        self.local_offer = bool(offer)
        try:
            return await self._send(method, offer, headers, content_type, answer, self._on_final)
        finally:
            self._modification = None

    async def _send(
        self,
        method: str,
        body: bytes | None,
        headers: Headers,
        content_type: str,
        answer: Callable[[bytes], bytes] | None,
        done: Callable[..., None],
    ) -> Response:
        session = self._session
        future: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        fields = [("Contact", session.contact), *session.agent.abilities, *session.agent.identity]
        fields += self._timer_headers()
        fields.extend(headers)
        request = session.dialog.request(method, fields, body or b"", content_type)
        finish = partial(done, future, body is None, answer)
        if done == self._on_final:
            self._modification = future
            self._exchange = Exchange(session, request, finish, self._on_provisional)
        else:
            Exchange(session, request, finish)
        return await future

    def _timer_headers(self) -> list[tuple[str, str]]:
        agent = self._session.agent
        if not agent.session_expires:
            return []
        least = max(agent.min_se, self.min_se)
        terms = self._session.terms
        role = "uac" if terms is None or terms.ours else "uas"
        interval = max(agent.session_expires if terms is None else terms.interval, least)
        return [("Session-Expires", f"{interval};refresher={role}"), ("Min-SE", str(least))]

    def _on_provisional(self, response: Response) -> None:
        if response.has_option("Require", "100rel") and self._session.receive_reliable(response):
            self._session.prack(response)

    def _on_updated(
        self, future: asyncio.Future[Response], delayed: bool, answer: None, response: Response, request: Request
    ) -> None:
        self._take_final(response, request)
        if not future.done():
            future.set_result(response)

    def _on_final(
        self,
        future: asyncio.Future[Response],
        delayed: bool,
        answer: Callable[[bytes], bytes] | None,
        response: Response,
        request: Request,
    ) -> None:
        self._exchange = None
        self.local_offer = False
        self._take_final(response, request)
        if response.status < 300 and request.method == "INVITE":
            self.unacknowledged = request
            self._acknowledge(future, delayed, answer, response)
        self.settle()
        if not future.done():
            future.set_result(response)

    def _acknowledge(
        self,
        future: asyncio.Future[Response],
        delayed: bool,
        answer: Callable[[bytes], bytes] | None,
        response: Response,
    ) -> None:
        session = self._session
        if not delayed or session.ended or future.done():
            session.ack()
        elif answer is not None:
            body = b""
            try:
                body = answer(response.body)
            except Exception:
                log.exception("no answer to the offer in a 200 could be made")
            session.ack(body)

    def _take_final(self, response: Response, request: Request) -> None:
        session = self._session
        if response.status < 300:
            session.abilities.learn(response)
            session.move(response, session.flow)
            session.start_timer(agreed(response, session.agent.session_expires))
        else:
            session.judge(response, request)

    def _retry_delay(self, response: Response) -> float | None:
        """Seconds until the same offer may be sent again; None if it is to be left."""
        session = self._session
        if session.ended:
            return None
        if response.status == 491:
            # Whoever made the Call-ID waits longer, so that the two don't meet again (RFC 3261 section 14.1).
            low, high = (2.1, 4.0) if session.caller else (0.0, 2.0)
            return session.agent.tokens.uniform(low, high)
        if response.status == 422:
            self.min_se = max(self.min_se, min_se(response))
            return 0.0
        if response.status == 500:
            value = (response.get("Retry-After") or "").partition(";")[0].partition("(")[0].strip()
            if value.isascii() and value.isdigit() and int(value[:9]) <= _MAX_RETRY_AFTER:
                return float(value)
        return None

    # --- the peer's offers --------------------------------------------------------------------------------------------

    def receive(self, transaction: ServerTransaction, request: Request) -> None:
        """Take a re-INVITE or UPDATE."""
        session = self._session
        agent = session.agent
        invite = isinstance(transaction, InviteServerTransaction)
        if agent.session_expires and too_small(request, agent.min_se):
            response = request.reply(422)
            response.set("Min-SE", str(agent.min_se))
            agent.respond(transaction, response)
            return
        if not invite and not request.body:
            self._follow(transaction, request)
            self.accept(transaction, request, request.reply(200))
            session.events.on_update(request)
            return
        if self.local_offer or self._exchange is not None or self.unacknowledged is not None:
            session.refuse(transaction, 491)
            return
        if self.remote_offer or self._pending or (invite and not session.confirmed):
            response = request.reply(500)
            response.set("Retry-After", str(round(agent.tokens.uniform(0.0, _MAX_RETRY_AFTER))))
            agent.respond(transaction, response)
            return
        if invite:
            session.presume_ack()
            assert isinstance(transaction, InviteServerTransaction)
            transaction.on_cancel = partial(self._on_cancel, transaction)
        self._pending.append(transaction)
        self.remote_offer = bool(request.body)
        try:
            session.events.on_offer(request, partial(self._reply, transaction, request))
        except Exception:
            log.exception("an offer of the peer could not be handled")
            self._reply(transaction, request, request.reply(500))

    def _on_cancel(self, transaction: ServerTransaction, cancel: Request) -> None:
        if transaction in self._pending:
            self._reply(transaction, transaction.request, transaction.request.reply(487))

    def _reply(self, transaction: ServerTransaction, request: Request, response: Response) -> None:
        if transaction not in self._pending:
            return  # cancelled, or the session is over
        if response.status < 200:
            self._session.agent.respond(transaction, response)
            return
        self._pending.remove(transaction)
        self.remote_offer = False
        if response.status < 300:
            self._follow(transaction, request)
            self.accept(transaction, request, response)
        else:
            self._session.agent.respond(transaction, response)
        self.settle()

    def _follow(self, transaction: ServerTransaction, request: Request) -> None:
        self._session.abilities.learn(request)
        self._session.move(request, transaction.flow)

    def accept(self, transaction: ServerTransaction, request: Request, response: Response) -> None:
        """Send a 2xx to an INVITE or UPDATE with all that belongs to it."""
        session = self._session
        agent = session.agent
        if "Contact" not in response:
            response.set("Contact", session.contact)
        for name, value in agent.abilities:
            if name not in response:
                response.set(name, value)
        if agent.session_expires:
            terms, headers = agree(request, agent.session_expires, supported=session.abilities.supports("timer"))
            for name, value in headers:
                response.add(name, value)
            session.start_timer(terms)
        agent.respond(transaction, response)
        if isinstance(transaction, InviteServerTransaction):
            self.local_offer = bool(response.body) and not request.body
            session.await_ack(transaction, request)
