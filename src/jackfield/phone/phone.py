"""The phone: registers, places calls, and takes those that come."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
from collections.abc import Callable
from types import TracebackType
from typing import Literal, Self

from jackfield.phone.account import Account, PhoneError
from jackfield.phone.call import PhoneCall
from jackfield.phone.sources import Silence, Source
from jackfield.sip.agent import Agent
from jackfield.sip.authentication import authenticate
from jackfield.sip.digest import DigestClient
from jackfield.sip.flow import DEFAULT_PORTS, Flow, Hop, TransportFailed
from jackfield.sip.incoming import IncomingInvite
from jackfield.sip.message import Request, Response
from jackfield.sip.resolver import Resolver
from jackfield.sip.session_events import Reply
from jackfield.sip.tokens import Tokens
from jackfield.sip.transport.transports import Transports
from jackfield.sip.uri import Uri

__all__ = ["Phone"]

Srtp = Literal["off", "offered", "required"]
DEFAULT_CODECS = ("pcma", "pcmu", "g722", "gsm", "opus")
SHORTEST_REFRESH = 5.0  # seconds


class Phone:
    """One account on one device. Use it as an async context manager, or `start` and `close` it.

    calls: those that are not over. registered: until when, loop time; 0.0 when it is not. `answer` says what is done
    with a call that comes: None rings and leaves it to `next_call`; "auto" picks up at once; a number refuses with
    that SIP status.
    """

    def __init__(
        self,
        account: Account,
        *,
        codecs: tuple[str, ...] = DEFAULT_CODECS,
        address: str = "",
        answer: Literal["auto"] | int | None = None,
        source: Callable[[], Source] = Silence,
        srtp: Srtp = "off",
        dtmf_events: bool = True,
        expires: int = 300,
        session_expires: int = 1800,
        user_agent: str = "Jackfield phone",
        report: Callable[[str], None] = lambda text: None,
        trace: Callable[[bytes, Flow, str], None] | None = None,
    ) -> None:
        """Take who it is and how it behaves.

        codecs: in the order of preference. address: our own, "" for the one towards the server. source: makes what a
        call says that we answered by ourselves. srtp: SDES keys. dtmf_events: offer RFC 4733. expires: of the
        registration, seconds. report(text): gets a line of what happens, for people. trace: as `Agent` wants it.
        """
        self.account = account
        self.codecs = codecs
        self.address = address
        self.answer = answer
        self.source = source
        self.srtp: Srtp = srtp
        self.dtmf_events = dtmf_events
        self.expires = expires
        self.report = report
        self.calls: list[PhoneCall] = []
        self.registered = 0.0
        self.register_response: Response | None = None
        self.messages: list[Request] = []  # requests that came outside of calls: NOTIFY, MESSAGE, OPTIONS
        self.flow: Flow | None = None
        self._session_expires = session_expires
        self._user_agent = user_agent
        self._trace = trace
        self._incoming: asyncio.Queue[PhoneCall] = asyncio.Queue()
        self._digest = DigestClient()
        self._tokens = Tokens()
        self._agent: Agent | None = None
        self._transports: Transports | None = None
        self._hop: Hop | None = None
        self._register_call_id = self._tokens.call_id()
        self._register_sequence = random.randrange(1, 1000)
        self._from_tag = self._tokens.tag()
        self._refresh: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    # --- life

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def start(self) -> None:
        """Open the sockets and find the way to the server. Raises `PhoneError`."""
        hop = self._hop = await self._find()
        self.address = self.address or _own_address(hop.host)
        transports = Transports(self._receive, failed=self._flow_failed, trace=self._trace)
        self._transports = transports
        self._agent = Agent(
            user_agent=self._user_agent,
            on_invite=self._on_invite,
            on_request=self._on_request,
            transports=transports,
            session_expires=self._session_expires,
            tokens=self._tokens,
        )
        await self._agent.listen("UDP", self.address, 0)
        if hop.transport != "UDP":
            await self._agent.listen("TCP", self.address, 0)
        await self._connect()

    async def close(self) -> None:
        """Hang up, unregister, and free the sockets."""
        for call in self.calls[:]:
            call.hang_up()
        if self.registered:
            with contextlib.suppress(PhoneError):
                await self.unregister()
        for task in (*self._tasks, *filter(None, [self._refresh])):
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        if self._agent is not None:
            await self._settle(self._agent)
            await self._agent.close()
            self._agent = None
        for call in self.calls[:]:
            call.audio.close()

    async def _settle(self, agent: Agent) -> None:
        """Give BYEs and CANCELs a second to be answered, so that the other side is not left guessing."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1.0):
                while agent.sessions or self.calls:  # noqa: ASYNC110 - the agent has no event for being idle
                    await asyncio.sleep(0.01)

    @property
    def port(self) -> int:
        """The UDP port on which we hear SIP."""
        return self._running().transports.local_address("UDP", self.address)[1]

    # --- registration

    async def register(self) -> None:
        """Register, and again in time from then on. Raises `PhoneError` with the server's status when it refuses."""
        response = await self._send_register(self.expires)
        if response.status >= 300:
            raise PhoneError(
                f"{self.account.username} can't register: {_refusal(response, self._hop)}", response.status
            )
        if self._refresh is None:
            self._refresh = asyncio.create_task(self._keep_registered())

    async def unregister(self) -> None:
        """Take the registration back. Raises `PhoneError`."""
        if self._refresh is not None:
            self._refresh.cancel()
            self._refresh = None
        response = await self._send_register(0)
        if response.status >= 300:
            raise PhoneError(
                f"{self.account.username} can't unregister: {_refusal(response, self._hop)}", response.status
            )

    async def _keep_registered(self) -> None:
        pause = 0.0
        while True:
            left = self.registered - self._now()
            await asyncio.sleep(pause or max(SHORTEST_REFRESH, left * 0.6))
            response = await self._send_register(self.expires)
            pause = 0.0 if response.status < 300 else SHORTEST_REFRESH
            if response.status >= 300:
                self.report(f"registration lost: {_refusal(response, self._hop)}")

    async def _send_register(self, expires: int) -> Response:
        account = self.account
        try:
            flow = await self._connect()
        except PhoneError as error:
            return _no_way(str(error))
        agent = self._running()
        request = Request.new(
            "REGISTER",
            f"sip:{account.host}",
            [
                ("From", f"{self._own_name_address()};tag={self._from_tag}"),
                ("To", f"<{account.uri(account.username)}>"),
                ("Call-ID", self._register_call_id),
                ("CSeq", f"{self._next_sequence()} REGISTER"),
                ("Contact", agent.contact(flow, account.username, secure=False)),
                ("Expires", str(expires)),
                ("Supported", "path, outbound, gruu"),
            ],
        )
        user = account.auth_username or account.username
        if known := self._digest.again("REGISTER", request.uri, user, account.password):
            request.set("Authorization", known)
        response = await agent.request(request, flow=flow)
        for _ in range(3):
            following = self._following(request, response)
            if following is None:
                break
            request = following
            response = await agent.request(request, flow=flow)
        self.register_response = response
        if response.status < 300:
            self.registered = self._now() + _granted(response, expires) if expires else 0.0
        elif not response.local:
            self.registered = 0.0
        return response

    def _following(self, request: Request, response: Response) -> Request | None:
        """Return the REGISTER to send after this refusal, None when it is final."""
        if response.status in (401, 407):
            again = self.credentials(response, request)
        elif response.status == 423 and (least := response.get("Min-Expires")):
            again = request.copy()
            again.remove("Via")
            again.set("Expires", least)
        else:
            return None
        if again is not None:
            again.set("CSeq", f"{self._next_sequence()} REGISTER")
        return again

    def _next_sequence(self) -> int:
        self._register_sequence += 1
        return self._register_sequence

    def credentials(self, response: Response, request: Request) -> Request | None:
        """Return the request with our password in it, as `Agent` wants it."""
        user = self.account.auth_username or self.account.username
        return authenticate(request, response, self._digest, user, self.account.password)

    # --- calls

    async def call(
        self,
        number: str,
        *,
        source: Source | None = None,
        codecs: tuple[str, ...] | None = None,
        offer: bool = True,
        headers: tuple[tuple[str, str], ...] = (),
    ) -> PhoneCall:
        """Call a number, or a SIP address; returns as soon as the INVITE is sent. Raises `PhoneError`.

        source: what we say; offer: False leaves the offer to the other side; headers: further ones of the INVITE.
        """
        flow, agent = await self._connect(), self._running()
        call = PhoneCall(self, number=number, incoming=False)
        if codecs is not None:
            call.codecs = codecs
        if source is not None:
            call.audio.source = source
        await call.audio.open()
        uri = self.account.uri(number)
        request = Request.new(
            "INVITE",
            uri,
            [
                ("From", f"{self._own_name_address()};tag={self._tokens.tag()}"),
                ("To", f"<{uri}>"),
                ("Call-ID", self._tokens.call_id()),
                *headers,
            ],
            call.offer() if offer else b"",
            "application/sdp",
        )
        call.invite_request = request
        self.calls.append(call)
        call.begin(agent.invite(request, call, flow=flow, credentials=self.credentials))
        return call

    async def next_call(self, timeout: float = 10.0) -> PhoneCall:
        """Wait for the next call that comes, ringing or (with `answer`) already answered. Raises `PhoneError`."""
        try:
            return await asyncio.wait_for(self._incoming.get(), timeout)
        except TimeoutError:
            raise PhoneError(f"nobody called {self.account.username} within {timeout:g} s") from None

    def call_ended(self, call: PhoneCall) -> None:
        """Forget a call that is over (called by the call)."""
        if call in self.calls:
            self.calls.remove(call)
        self.report(f"call with {call.number} ended: {call.status} {call.reason}")

    def _on_invite(self, invite: IncomingInvite) -> None:
        if isinstance(self.answer, int):
            invite.reject(self.answer)
            return
        call = PhoneCall(self, number="", incoming=True)
        self.calls.append(call)
        call.ring(invite)
        self.report(f"call from {call.number} {call.name}".rstrip())
        if self.answer == "auto":
            task = asyncio.create_task(self._pick_up(call))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        else:
            self._incoming.put_nowait(call)

    async def _pick_up(self, call: PhoneCall) -> None:
        call.audio.source = self.source()
        try:
            await call.answer()
        except PhoneError as error:
            self.report(str(error))
        else:
            self._incoming.put_nowait(call)

    def _on_request(self, request: Request, flow: Flow, reply: Reply) -> None:
        self.messages.append(request)
        reply(request.reply(200))

    # --- the way to the server

    async def _find(self) -> Hop:
        account = self.account
        try:
            if account.port or ":" in account.server or account.server.replace(".", "").isdecimal():
                addresses = await asyncio.get_running_loop().getaddrinfo(account.server, None, type=socket.SOCK_DGRAM)
                host, port = str(addresses[0][4][0]), account.port or DEFAULT_PORTS[account.transport]
                return Hop(account.transport, host, port, account.server, account.verify_tls)
        except OSError as error:
            raise PhoneError(f"the server {account.server} is not known: {error.strerror or error}") from None
        uri = Uri.parse(f"sip:{account.server};transport={account.transport.lower()}")
        hops = await Resolver().resolve(uri)
        if not hops:
            raise PhoneError(f"the server {account.server} is not known to the name servers")
        return Hop(hops[0].transport, hops[0].host, hops[0].port, account.server, account.verify_tls)

    async def _connect(self) -> Flow:
        """Return the flow to the server, made anew when its connection has gone. Raises `PhoneError`."""
        if self.flow is not None and not self.flow.closed:
            return self.flow
        transports, hop = self._transports, self._hop
        if transports is None or hop is None:
            raise PhoneError("the phone is not started")
        try:
            self.flow = await transports.flow_to(hop)
        except TransportFailed as error:
            raise PhoneError(f"{hop} can't be reached: {error}") from None
        return self.flow

    def _running(self) -> Agent:
        if self._agent is None:
            raise PhoneError("the phone is not started")
        return self._agent

    def _receive(self, message: Request | Response, flow: Flow) -> None:
        if self._agent is not None:
            self._agent.receive(message, flow)

    def _flow_failed(self, flow: Flow, reason: str) -> None:
        if self._agent is not None:
            self._agent.on_flow_failed(flow, reason)

    def _own_name_address(self) -> str:
        name = self.account.display_name.replace("\\", "").replace('"', "")
        uri = f"<{self.account.uri(self.account.username)}>"
        return f'"{name}" {uri}' if name else uri

    def _now(self) -> float:
        return asyncio.get_running_loop().time()


def _own_address(remote: str) -> str:
    """Return our address as that host sees it."""
    with socket.socket(socket.AF_INET6 if ":" in remote else socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((remote, 9))
        except OSError as error:
            raise PhoneError(f"there is no way to {remote}: {error.strerror}") from None
        return str(probe.getsockname()[0])


def _granted(response: Response, asked: int) -> float:
    """Return for how many seconds the server keeps us: what stands at the Contact, or in Expires."""
    for contact in response.contacts:
        value = contact.params.get("expires")
        if value and value.isdecimal():
            return float(value)
    return float(response.expires if response.expires is not None else asked)


def _refusal(response: Response, hop: Hop | None) -> str:
    if response.local:
        way = f" at {hop}" if hop is not None else ""
        if response.status == 408:
            return f"the server{way} does not answer"
        closed = response.reason == "Connection Failed"
        return f"no SIP server listens{way}, or a firewall refuses" if closed else response.reason
    hints = {401: "SIP name or password is wrong", 403: "not allowed", 404: "the SIP name is not known there"}
    hint = hints.get(response.status, "")
    return f"{response.status} {response.reason}" + (f" ({hint})" if hint else "")


def _no_way(reason: str) -> Response:
    response = Response.new(503, [], reason=reason)
    response.local = True
    return response
