"""One call of the phone, from either side: its signalling, its state, and what can be done with it."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote

from jackfield import sdp
from jackfield.phone.account import PhoneError
from jackfield.phone.audio import Audio
from jackfield.sip.message import Request, Response
from jackfield.sip.reliable import read_rseq
from jackfield.sip.session_events import Ended, Reply

if TYPE_CHECKING:
    from jackfield.phone.phone import Phone
    from jackfield.sip.headers import NameAddr
    from jackfield.sip.incoming import IncomingInvite
    from jackfield.sip.outgoing import OutgoingInvite
    from jackfield.sip.session import Session

__all__ = ["PhoneCall"]

log = logging.getLogger(__name__)

State = Literal["calling", "ringing", "talking", "ended"]
SDP = "application/sdp"
SUITES = ("AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32")


class PhoneCall:
    """A call. Made by `Phone.call`, or given by `Phone.next_call`.

    state: "calling" (sent), "ringing" (either side rings), "talking", "ended". number, name: the other side, as it
    was shown last (P-Asserted-Identity, else From; or the number that we dialled). status, reason: the final SIP
    status once it has ended, and in words why. provisionals: the 1xx that came, in order. digits: what the other side
    dialled, with how ("rfc4733", "info", "inband"). codecs: what is offered and taken, in our order. times: loop
    times of "invited", "ringing", "answered", "ended".
    """

    def __init__(self, phone: Phone, *, number: str, incoming: bool) -> None:
        self.phone = phone
        self.number, self.name = number, ""
        self.codecs = phone.codecs
        self.incoming = incoming
        self.state: State = "ringing" if incoming else "calling"
        self.status = 0
        self.reason = ""
        self.ended_by_peer = False
        self.provisionals: list[int] = []
        self.digits: list[tuple[str, str]] = []
        self.times: dict[str, float] = {}
        self.invite_request: Request | None = None
        self.transfer_statuses: list[int] = []
        self.held_by_peer = False
        self.audio = Audio(phone.address, on_digit=self._on_digit)
        self.ear = self.audio.ear
        self.ringing = asyncio.Event()
        self.answered = asyncio.Event()
        self.ended = asyncio.Event()
        self.session: Session | None = None
        self._invite: IncomingInvite | OutgoingInvite | None = None
        self._local: sdp.Session | None = None
        self._version = 0
        self._crypto: list[sdp.Crypto] = []
        self._direction: sdp.Direction = "sendrecv"
        self._transferred: asyncio.Event = asyncio.Event()
        self._mark("invited")

    # --- beginning

    def begin(self, invite: OutgoingInvite) -> None:
        """Note the INVITE that `Phone.call` has sent."""
        self._invite = invite

    def ring(self, invite: IncomingInvite) -> None:
        """Take an INVITE that has come, and ring."""
        self._invite = invite
        self.invite_request = invite.request
        self._show(_identity(invite.request))
        invite.on_cancel = self._on_cancel
        invite.session.events = self
        invite.progress(180)
        self._mark("ringing")
        self.ringing.set()

    async def answer(self) -> None:
        """Pick up. Raises `PhoneError` when the caller has gone or there is no codec in common."""
        from jackfield.sip.incoming import IncomingInvite

        invite = self._invite
        if not isinstance(invite, IncomingInvite) or invite.state != "early":
            raise PhoneError(f"the call from {self.number} can't be answered: {self.reason or 'it is not ringing'}")
        if not self.audio.port:
            await self.audio.open()
        offered = invite.request.body
        body = self._answer_to(offered) if offered else self.offer()
        if body is None:
            invite.reject(488)
            self._end(488, "no codec in common", by_peer=False)
            raise PhoneError(f"no codec in common with {self.number}", 488)
        self.session = invite.session
        self.session.credentials = self.phone.credentials
        invite.accept(body)
        self._talk()

    def reject(self, status: int = 486, reason: str | None = None) -> None:
        """Refuse a ringing call: 486 busy, 603 declined, 480 not now."""
        from jackfield.sip.incoming import IncomingInvite

        if isinstance(self._invite, IncomingInvite) and self._invite.state == "early":
            self._invite.reject(status, reason)
            self._end(status, "rejected here", by_peer=False)

    # --- waiting

    async def wait_ringing(self, timeout: float = 10.0) -> None:
        """Wait until the far side rings (180 or 183). Raises `PhoneError` when the call ends before."""
        await self._wait(self.ringing, timeout, "rang")

    async def wait_answered(self, timeout: float = 10.0) -> None:
        """Wait until somebody answers. Raises `PhoneError` when the call ends before."""
        await self._wait(self.answered, timeout, "was answered")

    async def wait_ended(self, timeout: float = 10.0) -> int:
        """Wait until the call has ended and return its status: 200 for a hang-up. Raises `PhoneError`."""
        try:
            await asyncio.wait_for(self.ended.wait(), timeout)
        except TimeoutError:
            raise PhoneError(f"the call with {self.number} did not end within {timeout:g} s") from None
        return self.status

    async def _wait(self, event: asyncio.Event, timeout: float, what: str) -> None:
        waits = [asyncio.create_task(event.wait()), asyncio.create_task(self.ended.wait())]
        try:
            await asyncio.wait(waits, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        if not event.is_set():
            if self.ended.is_set():
                raise PhoneError(f"{self.number}: {self.status} {self.reason}", self.status)
            raise PhoneError(f"nobody at {self.number} {what} within {timeout:g} s")

    # --- while it lasts

    def hang_up(self, reason: str | None = None) -> None:
        """End the call, whatever its state: BYE, CANCEL, or 480 to one that rings here. Again does no harm."""
        if self.state == "ended":
            return
        if self.session is not None and self.session.confirmed:
            self.session.bye()
            self._end(200, "hung up here", by_peer=False)
        elif self.incoming:
            self.reject(480)
        elif self._invite is not None:
            self._invite.cancel(reason)  # type: ignore[union-attr]  # on_failed follows

    async def hold(self, direction: sdp.Direction = "sendonly") -> None:
        """Put the other side on hold. Raises `PhoneError`."""
        await self._renegotiate(direction)

    async def resume(self) -> None:
        """Take the other side off hold. Raises `PhoneError`."""
        await self._renegotiate("sendrecv")

    async def change_codecs(self, *names: str) -> None:
        """Offer these codecs by re-INVITE. Raises `PhoneError`."""
        self.codecs = names
        await self._renegotiate(self._direction)

    async def _renegotiate(self, direction: sdp.Direction) -> None:
        session = self._talking()
        before, self._direction = self._direction, direction
        offered = self.offer()
        response = await session.reinvite(offered)
        if response.status >= 300:
            self._direction = before
            raise PhoneError(f"re-INVITE: {response.status} {response.reason}", response.status)
        self._take_answer(response.body)

    async def send_digits(self, digits: str, how: Literal["rfc4733", "info", "inband"] = "rfc4733") -> None:
        """Dial digits and wait until they are sent. Raises `PhoneError`."""
        if how == "info":
            for digit in digits:
                body = f"Signal={digit}\r\nDuration=160\r\n".encode()
                response = await self._talking().request("INFO", body=body, content_type="application/dtmf-relay")
                if response.status >= 300:
                    raise PhoneError(f"INFO: {response.status} {response.reason}", response.status)
            return
        self.audio.send_digits(digits, inband=how == "inband")
        await self.audio.digits_sent.wait()

    async def transfer(self, target: str, *, timeout: float = 30.0) -> int:
        """Send the other side to a number (blind), and return how that ended: 200, 486 … Raises `PhoneError`."""
        return await self._refer(f"<{self.phone.account.uri(target)}>", timeout)

    async def transfer_to(self, other: PhoneCall, *, timeout: float = 30.0) -> int:
        """Connect the other side with that of another call (attended), and return how that ended (RFC 3891)."""
        dialog = other._talking().dialog
        replaces = f"{dialog.call_id};to-tag={dialog.remote_tag};from-tag={dialog.local_tag}"
        target = f"<{self.phone.account.uri(other.number)}?Replaces={quote(replaces, safe='')}>"
        return await self._refer(target, timeout)

    async def _refer(self, target: str, timeout: float) -> int:
        self._transferred.clear()
        self.transfer_statuses.clear()
        headers = [("Refer-To", target), ("Referred-By", f"<{self.phone.account.uri(self.phone.account.username)}>")]
        response = await self._talking().request("REFER", headers=headers)
        if response.status >= 300:
            raise PhoneError(f"REFER: {response.status} {response.reason}", response.status)
        try:
            await asyncio.wait_for(self._transferred.wait(), timeout)
        except TimeoutError:
            raise PhoneError(f"no word of how the transfer ended within {timeout:g} s") from None
        return self.transfer_statuses[-1]

    def _talking(self) -> Session:
        if self.session is None or self.state != "talking":
            raise PhoneError(f"there is no conversation with {self.number}: {self.reason or self.state}")
        return self.session

    # --- descriptions

    def offer(self) -> bytes:
        """Make our offer."""
        self._version += 1
        self._local = sdp.offer(
            address=self.phone.address,
            port=self.audio.port,
            codecs=self.codecs,
            session_id=id(self) & 0x7FFFFFFF,
            version=self._version,
            direction=self._direction,
            dtmf=self.phone.dtmf_events,
            crypto=self._keys(),
            optional_encryption=self.phone.srtp == "offered",
            previous=self._local,
        )
        return self._local.to_bytes()

    def _keys(self) -> list[sdp.Crypto]:
        if self.phone.srtp != "off" and not self._crypto:
            self._crypto = [sdp.Crypto.generate(suite, tag=tag) for tag, suite in enumerate(SUITES, 1)]
        return self._crypto

    def _answer_to(self, offered: bytes) -> bytes | None:
        """Answer an offer and use the outcome; None when there is nothing in common."""
        try:
            found = sdp.parse(offered)
        except sdp.MalformedSdp as error:
            log.warning("unreadable offer from %s: %s", self.number, error)
            return None
        self._version += 1
        made = sdp.answer(
            found,
            address=self.phone.address,
            port=self.audio.port,
            codecs=self.codecs,
            session_id=id(self) & 0x7FFFFFFF,
            version=self._version,
            direction=self._direction,
            dtmf=self.phone.dtmf_events,
            crypto=self._keys(),
            require_encryption=self.phone.srtp == "required",
        )
        if made.remote is None:
            return None
        self._local = made.session
        self._use(made.remote)
        return made.session.to_bytes()

    def _take_answer(self, body: bytes) -> None:
        """Use the answer to our offer. An unusable one is logged: the call goes on without audio."""
        if not body or self._local is None:
            return
        try:
            found = sdp.read_answer(self._local, sdp.parse(body))
        except sdp.MalformedSdp as error:
            log.warning("unreadable answer from %s: %s", self.number, error)
            return
        if found.remote is None:
            log.warning("no audio with %s: %s", self.number, found.problem)
        self._use(found.remote)

    def _use(self, remote: sdp.RemoteAudio | None) -> None:
        self.held_by_peer = remote is not None and remote.held and self._direction == "sendrecv"
        try:
            self.audio.configure(remote)
        except PhoneError as error:
            log.warning("no audio with %s: %s", self.number, error)

    # --- what the agent tells of an INVITE that we sent

    def on_provisional(self, session: Session | None, response: Response) -> None:
        """Ringing, early media."""
        self.provisionals.append(response.status)
        if session is None or response.status == 100:
            return
        session.events = self
        self.session = session
        self._show(_identity(response))
        if response.body and response.content_type == SDP:
            if self._local is not None:
                self._take_answer(response.body)
            elif read_rseq(response) is not None and (answer := self._answer_to(response.body)):
                session.prack(response, answer)
        if not self.ringing.is_set():
            self.state = "ringing"
            self._mark("ringing")
            self.ringing.set()

    def on_answered(self, session: Session, response: Response) -> None:
        """Somebody picked up."""
        self.session = session
        session.events = self
        self._show(_identity(response))
        if self._local is not None:
            self._take_answer(response.body)
            session.ack()
        else:
            answer = self._answer_to(response.body)
            session.ack(answer or b"")
        self._talk()

    def on_failed(self, response: Response) -> None:
        """Nobody did."""
        self._end(response.status, response.reason, by_peer=not response.local)

    # --- what the session tells

    def on_ack(self, request: Request) -> None:
        """Take the answer to an offer that we made in a 200."""
        self._take_answer(request.body)

    def on_offer(self, request: Request, reply: Reply) -> None:
        """Hold, resume, another codec, another party behind the switch."""
        self._show(_identity(request))
        body = self._answer_to(request.body) if request.body else self.offer() if request.method == "INVITE" else b""
        response = request.reply(488 if body is None else 200)
        if body:
            response.set_body(SDP, body)
        reply(response)

    def on_update(self, request: Request) -> None:
        """Nothing changes for us."""

    def on_request(self, request: Request, reply: Reply) -> None:
        """Take digits by INFO, news of a transfer, and whatever else."""
        if request.method == "INFO":
            self._take_info(request)
        elif request.method == "NOTIFY" and "refer" in (request.get("Event") or ""):
            self._take_notify(request)
        elif request.method == "REFER":
            reply(request.reply(603))
            return
        reply(request.reply(200))

    def on_ended(self, why: Ended) -> None:
        """The other side hung up, or has gone."""
        self._end(why.status, why.reason, by_peer=why.by_peer)

    def current_sdp(self) -> bytes:
        """Return our last description."""
        return self._local.to_bytes() if self._local is not None else b""

    def _on_cancel(self, request: Request) -> None:
        self._end(487, request.get("Reason") or "cancelled", by_peer=True)

    def _take_info(self, request: Request) -> None:
        for line in request.body.decode("ascii", "replace").splitlines() or [""]:
            name, _, value = line.partition("=")
            if name.strip().lower() == "signal":
                self._on_digit(value.strip(), "info")
        if request.content_type == "application/dtmf":
            self._on_digit(request.body.decode("ascii", "replace").strip(), "info")

    def _take_notify(self, request: Request) -> None:
        words = request.body.split(None, 2)
        if len(words) >= 2 and words[1].isdigit():
            self.transfer_statuses.append(int(words[1]))
        over = "terminated" in (request.get("Subscription-State") or "")
        if self.transfer_statuses and (over or self.transfer_statuses[-1] >= 200):
            self._transferred.set()

    # --- state

    def _on_digit(self, digit: str, how: str) -> None:
        self.digits.append((digit, how))
        self.phone.report(f"{self.number} dialled {digit} ({how})")

    def _show(self, party: NameAddr | None) -> None:
        if party is not None:
            self.number, self.name = party.uri.username, party.display

    def _talk(self) -> None:
        self.state = "talking"
        self._mark("answered")
        self.answered.set()

    def _end(self, status: int, reason: str, *, by_peer: bool) -> None:
        if self.state == "ended":
            return
        self.state, self.status, self.reason, self.ended_by_peer = "ended", status, reason, by_peer
        self._mark("ended")
        self.audio.close()
        self.ended.set()
        self.phone.call_ended(self)

    def _mark(self, what: str) -> None:
        self.times.setdefault(what, asyncio.get_running_loop().time())


def _identity(message: Request | Response) -> NameAddr | None:
    """Return who the other side is, as it was asserted (RFC 3325) or said; None when the message doesn't tell."""
    from jackfield.sip.errors import MalformedMessage
    from jackfield.sip.headers import NameAddr

    try:
        for name in ("P-Asserted-Identity", "Remote-Party-ID"):
            if values := message.values(name):
                return NameAddr.parse(values[0])
        return message.from_ if isinstance(message, Request) and message.method == "INVITE" else None
    except MalformedMessage:
        return None
