"""The telephones of the tests: agents of our own SIP stack, with what a user does at them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from jackfield import sdp
from jackfield.sip.agent import Agent, IncomingInvite, OutgoingInvite, Session
from jackfield.sip.digest import Challenger, DigestClient, ha1
from jackfield.sip.flow import Flow
from jackfield.sip.message import Request, Response

from .network import MemoryTransports, NoNames

if TYPE_CHECKING:
    from .house import House

SWITCH = "10.0.0.1"


class Conversation:
    """A phone's side of one call: jackfield.sip.agent's SessionEvents and InviteHandler."""

    def __init__(self, phone: Phone) -> None:
        self.phone = phone
        self.session: Session | None = None
        self.outgoing: OutgoingInvite | None = None
        self.incoming: IncomingInvite | None = None
        self.provisional: list[Response] = []
        self.final: Response | None = None
        self.ended: Any = None
        self.offers: list[Request] = []
        self.requests: list[Request] = []
        self.local: sdp.Session | None = None
        self.remote: sdp.Session | None = None
        self.cancelled: Request | None = None
        self._done = asyncio.Event()
        self.version = 0
        self.direction = "sendrecv"
        """What the user wants: "sendonly" while it holds the other one."""

    # caller
    def on_provisional(self, session: Session | None, response: Response) -> None:
        self.provisional.append(response)
        if response.body:
            self.remote = sdp.parse(response.body)

    def on_answered(self, session: Session, response: Response) -> None:
        self.session = session
        session.events = self
        self.final = response
        self.remote = sdp.parse(response.body)
        body = b"" if self.phone.offers else self.phone.describe(self)
        if self.phone.acknowledges:
            session.ack(body)
        self._done.set()

    def on_failed(self, response: Response) -> None:
        self.final = response
        self._done.set()

    # in the call
    def on_ack(self, request: Request) -> None:
        if request.body:
            self.remote = sdp.parse(request.body)

    def on_offer(self, request: Request, reply: Callable[[Response], None]) -> None:
        self.offers.append(request)
        response = request.reply(self.phone.answers_offers)
        if response.status == 200 and request.body:
            self.remote = sdp.parse(request.body)
            response.set_body("application/sdp", self.phone.answer_to(self.remote, self))
        reply(response)

    def on_update(self, request: Request) -> None:
        return None

    def on_request(self, request: Request, reply: Callable[[Response], None]) -> None:
        self.requests.append(request)
        reply(request.reply(200))

    def on_ended(self, why: Any) -> None:
        self.ended = why

    def current_sdp(self) -> bytes:
        return self.local.to_bytes() if self.local else b""

    # what the user does
    async def outcome(self) -> int:
        """Status of the final response."""
        await self._done.wait()
        assert self.final is not None
        return self.final.status

    def ring(self, status: int = 180, *, early_media: bool = False) -> None:
        assert self.incoming is not None
        body = self.phone.answer_to(self.remote, self) if early_media and self.remote else b""
        self.incoming.progress(status, body=body)

    def answer(self) -> None:
        assert self.incoming is not None
        body = self.phone.answer_to(self.remote, self) if self.remote else self.phone.describe(self)
        if self.local is None or self.local.audio is None:
            self.incoming.reject(488)
            return
        self.session = self.incoming.session
        self.session.events = self
        self.incoming.accept(body)

    def reject(self, status: int = 486) -> None:
        assert self.incoming is not None
        self.incoming.reject(status)

    def hang_up(self) -> None:
        if self.session is not None:
            self.session.bye()
        elif self.outgoing is not None:
            self.outgoing.cancel()

    async def hold(self, direction: str = "sendonly") -> Response:
        return await self.reoffer(direction=direction)

    async def resume(self) -> Response:
        return await self.reoffer(direction="sendrecv")

    async def reoffer(self, *, direction: str = "sendrecv", codecs: tuple[str, ...] = ()) -> Response:
        self.direction = direction
        return await self.offer(self.phone.describe(self, direction=direction, codecs=codecs))

    async def offer(self, body: bytes) -> Response:
        """Send a re-INVITE with this description."""
        assert self.session is not None
        response = await self.session.reinvite(body)
        if response.body:
            self.remote = sdp.parse(response.body)
        return response

    async def ask_for_offer(self) -> Response:
        """Send a re-INVITE without a description, and answer what comes."""
        assert self.session is not None

        def answer(offered: bytes) -> bytes:
            self.remote = sdp.parse(offered)
            return self.phone.answer_to(self.remote, self)

        return await self.session.reinvite(None, answer=answer)

    async def ask_for_fax(self) -> Response:
        """Offer T.38 instead of audio."""
        self.version += 1
        address = self.phone.address
        text = (
            f"v=0\r\no=- 7 {self.version} IN IP4 {address}\r\ns=-\r\nc=IN IP4 {address}\r\nt=0 0\r\n"
            "m=image 4000 udptl t38\r\na=T38FaxVersion:0\r\na=T38MaxBitRate:14400\r\n"
            "a=T38FaxUdpEC:t38UDPRedundancy\r\n"
        )
        return await self.offer(text.encode())

    async def refer(self, target: str, **headers: str) -> Response:
        assert self.session is not None
        fields = [("Refer-To", target), ("Referred-By", f"<sip:{self.phone.username}@{SWITCH}>"), *headers.items()]
        return await self.session.request("REFER", headers=fields)

    @property
    def replaces(self) -> str:
        """This dialog, as the value of Replaces in a Refer-To to the same switch."""
        session = self.session or next(
            one
            for one in self.phone.agent.sessions.values()
            if one.early is not None and one.early in (self.outgoing, self.incoming)
        )
        dialog = session.dialog
        return f"{dialog.call_id}%3Bto-tag%3D{dialog.remote_tag}%3Bfrom-tag%3D{dialog.local_tag}"

    @property
    def replaces_header(self) -> str:
        """This dialog, as another phone names it in an INVITE with Replaces to the switch."""
        return self.replaces.replace("%3B", ";").replace("%3D", "=")

    @property
    def shown(self) -> str:
        """Number that the switch named last as the one at the other end."""
        first = self.invite or self.final or self.provisional[0]
        for message in reversed(self.phone.received):
            identity = message.get("P-Asserted-Identity")
            if identity is not None and message.call_id == first.call_id:
                return identity.partition("sip:")[2].partition("@")[0]
        return ""

    @property
    def invite(self) -> Request | None:
        """The INVITE that rang here."""
        return self.incoming.request if self.incoming is not None else None

    def notified(self) -> list[str]:
        """Status lines of the NOTIFYs about a transfer."""
        return [request.body.decode().strip() for request in self.requests if request.method == "NOTIFY"]

    @property
    def codec(self) -> str:
        """First codec of the other side's description."""
        assert self.remote is not None
        assert self.remote.audio is not None
        return self.remote.audio.codecs[0].name

    @property
    def statuses(self) -> list[int]:
        return [response.status for response in self.provisional if response.status > 100]


class Phone:
    """A telephone on the network."""

    def __init__(
        self,
        house: House,
        username: str,
        password: str,
        address: str,
        *,
        codecs: tuple[str, ...] = ("pcmu", "pcma"),
        offers: bool = True,
        transport: str = "UDP",
    ) -> None:
        self.house = house
        self.username = username
        self.password = password
        self.address = address
        self.codecs = codecs
        self.offers = offers
        """False: an INVITE without description."""
        self.answers_offers = 200
        self.answers_requests = 200
        self.asks: Challenger | None = None
        """Asks whoever sends a request outside of calls for the password of the line."""
        self.held_answers: list[Callable[[], None]] | None = None
        """To requests outside of calls; a list: they wait in it for `give_answers`."""
        self.acknowledges = True
        self.transports = MemoryTransports(house.network, address)
        self.agent = Agent(
            user_agent="Test phone",
            on_invite=self._on_invite,
            on_request=self._on_request,
            transports=self.transports,
            resolver=NoNames(),
            tokens=house.tokens,
        )
        self.transports.receive = self._receive
        self.received: list[Request | Response] = []
        self.flow: Flow = self.transports.flow(transport, (SWITCH, 5060))
        self.instance = ""
        """+sip.instance, for a phone that wants a GRUU."""
        self.calls: list[Conversation] = []
        self.requests: list[Request] = []
        self._digest = DigestClient()
        self._rang = asyncio.Event()
        self.auto: Callable[[Conversation], None] | None = None
        """What to do at once with an incoming call."""

    @property
    def uri(self) -> str:
        return f"sip:{self.username}@{self.address}:5060"

    async def register(self, expires: int = 300) -> Response:
        request = Request.new(
            "REGISTER",
            f"sip:{SWITCH}",
            [
                ("From", f"<sip:{self.username}@{SWITCH}>;tag={self.agent.tokens.tag()}"),
                ("To", f"<sip:{self.username}@{SWITCH}>"),
                ("Call-ID", f"reg-{self.address}"),
                ("Contact", f'<{self.uri}>;+sip.instance="{self.instance}"' if self.instance else f"<{self.uri}>"),
                ("Supported", "gruu" if self.instance else "path"),
                ("Expires", str(expires)),
            ],
        )
        response = await self.agent.request(request, flow=self.flow)
        if response.status == 401:
            again = self.agent.authenticate(request, response, self._digest, self.username, self.password)
            assert again is not None
            response = await self.agent.request(again, flow=self.flow)
        return response

    def call(self, number: str, *, headers: tuple[tuple[str, str], ...] = (), uri: str = "") -> Conversation:
        """Dial; the call goes on by itself."""
        conversation = Conversation(self)
        self.calls.append(conversation)
        request = Request.new(
            "INVITE",
            uri or f"sip:{number}@{SWITCH}",
            [
                ("From", f"<sip:{self.username}@{SWITCH}>;tag={self.agent.tokens.tag()}"),
                ("To", f"<sip:{number}@{SWITCH}>"),
                ("Call-ID", self.agent.tokens.call_id()),
                *headers,
            ],
            self.describe(conversation) if self.offers else b"",
            "application/sdp" if self.offers else None,
        )

        def answer_challenge(response: Response, asked: Request) -> Request | None:
            return self.agent.authenticate(asked, response, self._digest, self.username, self.password)

        conversation.outgoing = self.agent.invite(request, conversation, flow=self.flow, credentials=answer_challenge)
        return conversation

    async def rings(self) -> Conversation:
        """Wait until somebody calls, let it ring, and return the call."""
        await self._rang.wait()
        self._rang.clear()
        conversation = self.calls[-1]
        conversation.ring()
        return conversation

    async def picks_up(self) -> Conversation:
        """Wait until somebody calls, and answer."""
        conversation = await self.rings()
        conversation.answer()
        await self.house.pass_time()
        return conversation

    @property
    def ringing(self) -> bool:
        """True while a call waits here to be answered."""
        return any(call.incoming is not None and call.incoming.state == "early" for call in self.calls)

    def _receive(self, message: Request | Response, flow: Flow) -> None:
        self.received.append(message)
        self.agent.receive(message, flow)

    def _on_invite(self, incoming: IncomingInvite) -> None:
        conversation = Conversation(self)
        conversation.incoming = incoming
        conversation.session = None
        if incoming.request.body:
            conversation.remote = sdp.parse(incoming.request.body)
        incoming.on_cancel = lambda request: setattr(conversation, "cancelled", request)
        self.calls.append(conversation)
        if self.auto is not None:
            self.auto(conversation)
        self._rang.set()

    def _on_request(self, request: Request, flow: Flow, reply: Callable[[Response], None]) -> None:
        self.requests.append(request)
        if self.asks is not None and (challenge := self._challenged(request, self.asks)) is not None:
            reply(challenge)
        elif self.held_answers is None:
            reply(request.reply(self.answers_requests))
        else:
            self.held_answers.append(lambda: reply(request.reply(self.answers_requests)))

    def _challenged(self, request: Request, asks: Challenger) -> Response | None:
        def own(username: str, algorithm: str) -> str | None:
            return ha1(username, asks.realm, self.password, algorithm) if username == self.username else None

        given, now = request.get("Authorization"), 0.0
        verdict = asks.verify(given, request.method, request.uri, SWITCH, now, own)
        if verdict.ok:
            return None
        challenge = request.reply(401)
        for value in asks.challenges(SWITCH, now):
            challenge.add("WWW-Authenticate", value)
        return challenge

    def give_answers(self) -> None:
        """Answer the requests outside of calls that waited, and wait with no more."""
        held, self.held_answers = self.held_answers or [], None
        for give in held:
            give()

    def describe(
        self, conversation: Conversation, *, direction: str = "sendrecv", codecs: tuple[str, ...] = ()
    ) -> bytes:
        """An offer of this phone."""
        conversation.version += 1
        conversation.local = sdp.offer(
            address=self.address,
            port=4000,
            codecs=codecs or self.codecs,
            session_id=7,
            version=conversation.version,
            direction=direction,  # type: ignore[arg-type]
        )
        return conversation.local.to_bytes()

    def answer_to(self, offered: sdp.Session, conversation: Conversation) -> bytes:
        """An answer of this phone."""
        conversation.version += 1
        image = (self.address, 4000) if offered.image else None
        result = sdp.answer(
            offered,
            address=self.address,
            port=4000,
            codecs=self.codecs,
            session_id=7,
            version=conversation.version,
            accept_image=image,
            direction=conversation.direction,  # type: ignore[arg-type]
        )
        conversation.local = result.session
        return result.session.to_bytes()
