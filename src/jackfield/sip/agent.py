"""The SIP user agent of one switch process: transports, transactions and sessions put together (RFC 3261).

    agent = Agent(user_agent="Jackfield 1.0", on_invite=..., on_request=...)
    await agent.listen("UDP", "0.0.0.0", 5060)
    response = await agent.request(options, flow=flow)
    outgoing = agent.invite(invite, handler, flow=flow)
    ...
    await agent.close()

The state machines below do no I/O and read no clock; this is the thin shell that gives them both.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import TYPE_CHECKING

from jackfield.sip.addressing import contact_of
from jackfield.sip.authentication import authenticate
from jackfield.sip.dialog import DialogKey, key_of_request
from jackfield.sip.errors import MalformedMessage
from jackfield.sip.exchange import Credentials, local_response
from jackfield.sip.flow import Flow, Hop, TransportFailed
from jackfield.sip.incoming import IncomingInvite
from jackfield.sip.message import Request, Response
from jackfield.sip.outgoing import COMPLETED_ELSEWHERE, InviteHandler, OutgoingInvite
from jackfield.sip.screening import METHODS, screen
from jackfield.sip.server_transaction import InviteServerTransaction, ServerTransaction
from jackfield.sip.session import Session
from jackfield.sip.session_events import Ended, Reply, SessionEvents, UnattendedEvents
from jackfield.sip.session_timer import too_small
from jackfield.sip.surroundings import ResolverLike, TransportsLike
from jackfield.sip.timers import Timers
from jackfield.sip.tokens import Tokens
from jackfield.sip.transaction import TransactionLayer
from jackfield.sip.uri import Uri

if TYPE_CHECKING:
    from jackfield.sip.digest import DigestClient
    from jackfield.sip.resolver import Resolver

__all__ = [
    "COMPLETED_ELSEWHERE",
    "DROP",
    "Agent",
    "Ended",
    "IncomingInvite",
    "InviteHandler",
    "OutgoingInvite",
    "Reply",
    "ResolverLike",
    "Session",
    "SessionEvents",
    "TransportsLike",
    "UnattendedEvents",
    "authenticate",
]

DROP = Response(0, "")
"""What `admit` returns to have a request dropped without an answer."""

_IN_DIALOG_ELSEWHERE = frozenset(("SUBSCRIBE", "NOTIFY", "REGISTER", "PUBLISH"))
"""Requests with a To tag that may belong to a subscription, of which the switch knows."""

log = logging.getLogger(__name__)


class Agent:
    """See the module. Made inside a running event loop.

    sessions: every session, early ones too. counters: for metrics; each key is a sentence in small.
    """

    def __init__(
        self,
        *,
        user_agent: str,
        on_invite: Callable[[IncomingInvite], None],
        on_request: Callable[[Request, Flow, Reply], None],
        clock: Callable[[], float] | None = None,
        trace: Callable[[bytes, Flow, str], None] | None = None,
        transports: TransportsLike | None = None,
        resolver: ResolverLike | None = None,
        admit: Callable[[Request, Flow], Response | None] | None = None,
        session_expires: int = 1800,
        min_se: int = 90,
        allow: Sequence[str] = METHODS,
        supported: Sequence[str] = ("100rel", "timer", "replaces", "gruu", "outbound", "path"),
        tokens: Tokens | None = None,
    ) -> None:
        """Take what the agent calls, and the world around it.

        user_agent: the text of User-Agent and Server.
        on_invite(invite): a new INVITE; answer it now or later.
        on_request(request, flow, reply): every other request outside our sessions (REGISTER, OPTIONS, SUBSCRIBE,
            MESSAGE, NOTIFY, PUBLISH, REFER), and SUBSCRIBE and NOTIFY inside dialogs that are not sessions.
        clock: seconds, monotonic; None is the loop's, and then the agent wakes itself. Who brings a clock calls
            `wake()` when it has moved.
        trace(data, flow, "in" or "out"): every message on the wire.
        transports, resolver: None makes the real ones.
        admit(request, flow): may refuse a new request, before any state is made, by returning a response, or `DROP`.
        session_expires, min_se: RFC 4028, seconds; session_expires=0 does without session timers.
        allow: methods taken. supported: option tags understood in Require.
        """
        self._loop = asyncio.get_running_loop()
        self._drives_itself = clock is None
        self.clock: Callable[[], float] = clock or self._loop.time
        self.tokens = tokens or Tokens()
        self.timers = Timers(self._on_earlier if clock is None else None)
        self.counters: Counter[str] = Counter()
        self.sessions: dict[DialogKey, Session] = {}
        self.session_expires = session_expires
        self.min_se = min_se
        self.admit = admit
        self.stray: Callable[[Response, Flow], bool] | None = None
        """Asked of responses that belong to no transaction: True when it was waited for."""
        self._on_invite = on_invite
        self._on_request = on_request
        self._user_agent = user_agent
        self._allow = dict.fromkeys(allow)
        self._options = frozenset(option.lower() for option in supported)
        inside = [option for option in ("100rel", "timer", "replaces") if option in self._options]
        if not session_expires and "timer" in inside:
            inside.remove("timer")
        self.abilities = [("Allow", ", ".join(allow)), ("Supported", ", ".join(inside))]
        self.identity = [("User-Agent", user_agent)]
        self._draining: int | None = None
        self._of_flow: dict[Flow, dict[Session, None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._wake_handle: asyncio.TimerHandle | None = None
        self._wake_at = 0.0
        usable: Callable[[str, str], bool] | None = None
        if transports is None:
            from jackfield.sip.transport.transports import Transports

            made = Transports(self.receive, failed=self.on_flow_failed, trace=trace)
            transports, usable = made, made.supports
        self._own_resolver: Resolver | None = None
        if resolver is None:
            from jackfield.sip.resolver import Resolver

            resolver = self._own_resolver = Resolver(usable=usable)  # DNS may offer transports that we have not
        self.transports: TransportsLike = transports
        self.resolver: ResolverLike = resolver
        self.layer = TransactionLayer(self, local_address=self.local_address, timers=self.timers, tokens=self.tokens)

    # --- life ---------------------------------------------------------------------------------------------------------

    async def listen(self, transport: str, host: str, port: int, *, tls: ssl.SSLContext | None = None) -> int:
        """Listen on an address and return the real port; see `Transports.listen`."""
        return await self.transports.listen(transport, host, port, tls=tls)

    def drain(self, retry_after: int = 60) -> None:
        """Refuse new INVITEs from now on with 503 and Retry-After (seconds); calls in progress go on."""
        self._draining = retry_after

    @property
    def idle(self) -> bool:
        """True when there is no session and no transaction left."""
        return not self.sessions and not len(self.layer)

    async def close(self) -> None:
        """Stop at once, without a word to any peer. End the sessions before, and give their BYEs a moment."""
        if self._wake_handle is not None:
            self._wake_handle.cancel()
            self._wake_handle = None
        self._drives_itself = False
        self.timers.on_earlier = None
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.transports.close()
        if self._own_resolver is not None:
            await self._own_resolver.close()

    def spawn(self, work: Coroutine[None, None, None]) -> None:
        """Run a coroutine of the stack; its errors are logged."""
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._on_task_done)

    def _on_task_done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self.counters["errors"] += 1
            log.error("work on a SIP session failed", exc_info=task.exception())

    # --- time ---------------------------------------------------------------------------------------------------------

    def wake(self) -> None:
        """Fire the timers that are due by the clock."""
        self.timers.wake(self.clock())

    async def sleep(self, seconds: float) -> None:
        """Wait by the agent's own clock."""
        over: asyncio.Future[None] = self._loop.create_future()
        timer = self.timers.after(self.clock(), seconds, lambda _: None if over.done() else over.set_result(None))
        try:
            await over
        finally:
            timer.cancel()

    def _on_earlier(self, when: float) -> None:
        if self._drives_itself and (self._wake_handle is None or when < self._wake_at):
            if self._wake_handle is not None:
                self._wake_handle.cancel()
            self._wake_at = when
            self._wake_handle = self._loop.call_at(when, self._on_wake)

    def _on_wake(self) -> None:
        self._wake_handle = None
        self.timers.wake(self.clock())
        following = self.timers.next_time()
        if following is not None:
            self._on_earlier(following)

    # --- requests of ours ---------------------------------------------------------------------------------------------

    async def request(
        self,
        request: Request,
        *,
        flow: Flow | None = None,
        hops: Sequence[Hop] | None = None,
        timeout: float | None = None,
    ) -> Response:
        """Send a non-INVITE request outside of sessions and return its final response. Never raises.

        request: with From (tagged), To and Call-ID; CSeq, Max-Forwards and User-Agent are added where absent.
        flow: send it there. Else `hops` in their order, or those of the top Route or Request-URI (RFC 3263): the
        next one is tried after 503, a time-out, or when the transport fails.
        timeout: seconds for each try, 32 by default. Nobody answering gives a local 408 (`response.local`), no way
        to the peer a local 503.
        """
        self._complete(request)
        if flow is not None:
            return await self._ask(request, flow, timeout)
        response: Response | None = None
        for hop in await self.hops_of(request) if hops is None else hops:
            way = await self.flow_to(hop)
            if way is None:
                continue
            response = await self._ask(request, way, timeout)
            if response.status != 503 and not (response.local and response.status == 408):
                return response
        return response or local_response(request, 503, "No Way to the Peer")

    def send(
        self, request: Request, flow: Flow, done: Callable[[Response], None], *, timeout: float | None = None
    ) -> None:
        """As `request` with a flow, without a coroutine: `done(response)` gets the final response, later."""
        self._complete(request)
        self._send(request, flow, done, timeout)

    async def _ask(self, request: Request, flow: Flow, timeout: float | None) -> Response:
        future: asyncio.Future[Response] = self._loop.create_future()

        def done(response: Response) -> None:
            if not future.done():
                future.set_result(response)

        self._send(request, flow, done, timeout)
        return await future

    def _send(self, request: Request, flow: Flow, done: Callable[[Response], None], timeout: float | None) -> None:
        def on_response(response: Response) -> None:
            if response.status >= 200:
                if limit is not None:
                    limit.cancel()
                done(response)

        def on_failure(reason: str) -> None:
            if limit is not None:
                limit.cancel()
            if reason == "timeout":
                done(local_response(request, 408))
            else:
                done(local_response(request, 503, "Connection Failed"))

        now = self.clock()
        transaction = self.layer.request(request, flow, now, on_response=on_response, on_failure=on_failure)
        limit = None
        if timeout is not None:
            limit = self.timers.after(now, timeout, lambda _: transaction.fail("timeout"))

    def invite(
        self,
        request: Request,
        handler: InviteHandler,
        *,
        flow: Flow | None = None,
        hops: Sequence[Hop] | None = None,
        credentials: Credentials | None = None,
    ) -> OutgoingInvite:
        """Send an INVITE; what becomes of it goes to `handler`, never before this method has returned.

        request: with From (tagged), To, Call-ID and the offer, if there is one. Via, CSeq, Contact, Max-Forwards,
        Allow, Supported, User-Agent and the session timer's headers are added where absent.
        flow, hops: as for `request`; the next hop is tried on silence, on 503, and when the transport fails, as long
        as nothing but 100 was heard. A call sent by `flow` keeps to it, whatever the peer's Contact says.
        """
        self._complete(request)
        for name, value in self.abilities:
            if name not in request:
                request.set(name, value)
        if self.session_expires and "Session-Expires" not in request:
            request.set("Session-Expires", str(self.session_expires))
            request.set("Min-SE", str(self.min_se))
        invite = OutgoingInvite(self, request, handler, credentials)
        invite.start(flow, hops)
        return invite

    def session(self, call_id: str, local_tag: str, remote_tag: str) -> Session | None:
        """Return the session with these names (Replaces, RFC 3891; Join, RFC 3911), None if there is none alive."""
        session = self.sessions.get((call_id, local_tag, remote_tag))
        return None if session is None or session.ended else session

    def authenticate(
        self, request: Request, response: Response, client: DigestClient, username: str, password: str
    ) -> Request | None:
        """See `authenticate`, the function."""
        return authenticate(request, response, client, username, password)

    def _complete(self, request: Request) -> None:
        if "Max-Forwards" not in request:
            request.set("Max-Forwards", "70")
        if "CSeq" not in request:
            request.set("CSeq", f"1 {request.method}")
        if "User-Agent" not in request:
            request.set("User-Agent", self._user_agent)

    # --- what comes ---------------------------------------------------------------------------------------------------

    def receive(self, message: Request | Response, flow: Flow) -> None:
        """Take a message from the transports, which have noted its source in the Via. Never raises."""
        try:
            self.layer.receive(message, flow, self.clock())
        except Exception:
            self.counters["errors"] += 1
            log.exception("a message from %s could not be worked with", flow)

    def on_flow_failed(self, flow: Flow, reason: str) -> None:
        """Take the news that a connection has gone, or that a datagram could not be sent."""
        self.counters["flows failed"] += 1
        self.layer.flow_failed(flow, reason, self.clock())
        for session in list(self._of_flow.get(flow, ())):
            session.on_connection_lost()

    def screen(self, request: Request, flow: Flow) -> Response | None:
        """Refuse a new request before any state is made for it (called by the transaction layer)."""
        method = request.method
        refusal = screen(request, self._allow, self._options)
        outside = refusal is None and request.to.tag is None
        if outside and method == "INVITE":
            if self._draining is not None:
                refusal = request.reply(503)
                refusal.set("Retry-After", str(self._draining))
            elif self.session_expires and too_small(request, self.min_se):
                refusal = request.reply(422)
                refusal.set("Min-SE", str(self.min_se))
        if outside and refusal is None and self.admit is not None:
            refusal = self.admit(request, flow)
        if refusal is None:
            self.counters[method] += 1
        else:
            self.counters["challenged at the door" if refusal.status == 401 else "refused at the door"] += 1
            if refusal.status:
                self._sign(refusal)
        return refusal

    def on_request(self, transaction: ServerTransaction, request: Request) -> None:
        """Take a new request (called by the transaction layer)."""
        try:
            self._dispatch(transaction, request)
        except Exception:
            self.counters["errors"] += 1
            log.exception("a %s from %s could not be worked with", request.method, transaction.flow)
            if not transaction.answered:
                self.respond(transaction, request.reply(500))

    def _dispatch(self, transaction: ServerTransaction, request: Request) -> None:
        if request.to.tag is not None:
            session = self.sessions.get(key_of_request(request))
            if session is not None:
                session.receive(transaction, request)
                return
            if request.method not in _IN_DIALOG_ELSEWHERE:
                self.counters["stray requests"] += 1
                self.respond(transaction, request.reply(481))
                return
        if isinstance(transaction, InviteServerTransaction):
            invite = IncomingInvite(self, transaction, request)
            try:
                self._on_invite(invite)
            except Exception:
                invite.reject(500)
                raise
        else:
            self._on_request(request, transaction.flow, partial(self.respond, transaction))

    def on_ack(self, request: Request, flow: Flow) -> None:
        """Take an ACK for a 2xx (called by the transaction layer)."""
        session = self.sessions.get(key_of_request(request))
        if session is None:
            self.counters["stray ACKs"] += 1
        else:
            session.receive_ack(request)

    def on_stray_response(self, response: Response, flow: Flow) -> None:
        """Count a response to nothing that we asked (called by the transaction layer)."""
        if self.stray is not None and self.stray(response, flow):
            return
        self.counters["stray responses"] += 1

    def respond(self, transaction: ServerTransaction, response: Response) -> None:
        """Send a response, with our name in it."""
        self._sign(response)
        transaction.respond(response, self.clock())

    def _sign(self, response: Response) -> None:
        if "Server" not in response:
            response.set("Server", self._user_agent)

    # --- used by the sessions -----------------------------------------------------------------------------------------

    def enrol(self, session: Session) -> None:
        """Let requests in its dialog find the session."""
        self.sessions[session.dialog.key] = session
        if session.flow.reliable:
            self._of_flow.setdefault(session.flow, {})[session] = None

    def forget(self, session: Session) -> None:
        """No request in its dialog finds the session any more."""
        key = session.dialog.key
        if self.sessions.get(key) is session:
            del self.sessions[key]
        self._unfollow(session, session.flow)

    def follow(self, session: Session, old: Flow, new: Flow) -> None:
        """Note that a session has gone over to another flow."""
        self._unfollow(session, old)
        if new.reliable and not session.ended:
            self._of_flow.setdefault(new, {})[session] = None

    def _unfollow(self, session: Session, flow: Flow) -> None:
        sessions = self._of_flow.get(flow)
        if sessions is not None:
            sessions.pop(session, None)
            if not sessions:
                del self._of_flow[flow]

    def local_address(self, flow: Flow) -> tuple[str, int]:
        """Return the address and port at which the peer of a flow reaches us: what Via and Contact name."""
        remote_host = flow.remote[0]
        if flow.transport != "UDP":
            host, port = self.transports.local_address(flow.transport, remote_host)
            if flow.transport in ("TCP", "TLS"):  # of several ports, the one that gets through to us
                port = flow.accepted_at or port
            return host, port
        host, port = flow.local
        advertised = self.transports.advertised
        return (advertised(remote_host, host) or host) if advertised is not None else host, port

    def contact(self, flow: Flow, user: str, *, secure: bool) -> str:
        """Return our Contact towards the peer of a flow; `user` as it stands in a URI."""
        return contact_of(self.local_address(flow), flow.transport, user, secure=secure)

    async def hops_of(self, request: Request) -> list[Hop]:
        """Return where a request goes by RFC 3263: to its top Route, else its Request-URI; nowhere if unreadable."""
        try:
            routes = request.routes
            uri = routes[0].uri if routes else request.request_uri
        except MalformedMessage as error:
            log.warning("a %s has no way to go: %s", request.method, error.reason)
            return []
        return await self.resolver.resolve(uri)

    async def flow_to(self, hop: Hop, *, why: Callable[[str], None] | None = None) -> Flow | None:
        """Return a flow to a hop; None if it can't be reached: `why` gets the reason, or else the log."""
        try:
            return await self.transports.flow_to(hop)
        except TransportFailed as error:
            self.counters["hops not reached"] += 1
            if why is not None:
                why(str(error))
            else:
                log.warning("%s can't be reached: %s", hop, error)
            return None

    async def flow_towards(self, uri: Uri, near: Flow) -> Flow | None:
        """Return a flow by which a peer's Contact or Route is reached, from the socket of `near` if possible."""
        for hop in await self.resolver.resolve(uri, prefer=near.transport):
            try:
                return await self.transports.flow_to(hop, local=near)
            except TransportFailed as error:
                log.warning("%s can't be reached: %s", hop, error)
        return None
