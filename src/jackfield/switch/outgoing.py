"""The leg of one who is called: a phone, or a number through a trunk."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from jackfield.sip.errors import MalformedHeader
from jackfield.sip.flow import bracketed
from jackfield.sip.headers import NameAddr
from jackfield.sip.message import Request
from jackfield.sip.tokens import Tokens
from jackfield.switch import identity
from jackfield.switch.audio import NotAcceptable
from jackfield.switch.causes import COMPLETED_ELSEWHERE, cause_of, reason_header
from jackfield.switch.dial import Dial, PhoneDial, TrunkDial
from jackfield.switch.leg import SDP, Headers, Leg
from jackfield.switch.party import Party
from jackfield.switch.trunks import may_fail_over

if TYPE_CHECKING:
    from jackfield.sip.agent import OutgoingInvite, Session
    from jackfield.sip.dialog import Dialog
    from jackfield.sip.flow import Hop
    from jackfield.sip.message import Message, Response
    from jackfield.switch.audio import Profile
    from jackfield.switch.call_base import CallBase
    from jackfield.switch.record import LegRecord
    from jackfield.switch.ringing import Fork

_tokens = Tokens()


class Attempt:
    """One INVITE of a leg (jackfield.sip.agent.InviteHandler).

    A leg may send several: to another address of the trunk, with other codecs. What an earlier one still has to say,
    half a minute later perhaps, must not be taken for the present one's.
    """

    __slots__ = ("invite", "leg")

    def __init__(self, leg: OutgoingLeg) -> None:
        self.leg = leg
        self.invite: OutgoingInvite | None = None

    def on_provisional(self, session: Session | None, response: Response) -> None:
        """100-199."""
        if self.leg.attempt is self:
            self.leg.on_provisional(session, response)

    def on_answered(self, session: Session, response: Response) -> None:
        """2xx: the party picked up."""
        if self.leg.attempt is self and self.leg.fork is not None:
            self.leg.on_answered(session, response, self.leg.fork)
        else:
            session.bye(headers=[("Reason", COMPLETED_ELSEWHERE)])

    def on_failed(self, response: Response) -> None:
        """3xx-6xx, or a local 408 or 503."""
        if self.leg.attempt is self:
            self.leg.on_failed(response)


class OutgoingLeg(Leg):
    """Rings one party and reports to a `Fork` how it goes."""

    __slots__ = (
        "_early", "_timer", "attempt", "codecs", "dial", "fork", "hop", "hops", "more_codecs", "obstacle", "offer",
        "payload_types", "ringing",
    )  # fmt: skip

    def __init__(self, call: CallBase, party: Party, profile: Profile, record: LegRecord, dial: Dial) -> None:
        flow = dial.contact.flow if isinstance(dial, PhoneDial) else None
        super().__init__(call, party, profile, record, flow=flow)
        self.dial = dial
        self.fork: Fork | None = None
        """While it rings."""
        self.attempt: Attempt | None = None
        self.obstacle = ""
        """Why no INVITE can be sent at all."""
        self.ringing = False
        self.offer = b""
        self.hops: list[Hop] = []
        self.hop: Hop | None = None
        self.codecs: Sequence[str] = ()
        self.more_codecs: Sequence[str] = ()
        self.payload_types: Mapping[str, int] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._early: Session | None = None  # while it rings

    @property
    def dialog(self) -> Dialog | None:
        """Its dialog, if only an early one; None before the first."""
        session = self.session or self._early
        return None if session is None else session.dialog

    @property
    def told(self) -> bool:
        """True when the party knows where we listen."""
        return self.attempt is not None or self.answered

    # --- starting

    async def find_way(self) -> None:
        """Find the addresses to try, where no flow leads to the party, and see if there is room on a trunk."""
        switch, dial = self.call.switch, self.dial
        if isinstance(dial, TrunkDial):
            record = self.call.record
            if record.called is not None:  # the way to who is called
                record.called = replace(record.called, trunk=dial.trunk.name)
            if not self.count_on(dial.trunk, force=dial.emergency) and not dial.emergency:
                self.obstacle = f'trunk "{dial.trunk.name}" has no room'
                return
            self.obstacle = switch.limits.begin(self, dial)
            if self.obstacle:
                return
            self.hops = await switch.trunks.hops(dial.trunk)
        elif self.flow is not None:
            return
        else:
            first = dial.contact.route[0] if dial.contact.route else dial.contact.request_uri
            self.hops = await switch.agent.resolver.resolve(NameAddr.parse(first).uri)
        if not self.hops:
            self.obstacle = "no address is known"
            return
        self.audio.secure_signalling = self.hops[0].transport in ("TLS", "WSS")

    def invite(self, codecs: Sequence[str], more: Sequence[str], payload_types: Mapping[str, int]) -> None:
        """Send the INVITE, offering `codecs`, and if the party has none of them `more`.

        `payload_types` are the caller's numbers, kept so that packets can pass untouched.
        """
        self.record.invited = self.call.now()
        self.payload_types = payload_types
        codecs, more, full = self.call.switch.site_admission.cut_offer(self, codecs, more)
        if full:
            self.give_up(503, full, local=True)
            return
        self.codecs, self.more_codecs = codecs, more
        try:
            self.offer = self.audio.offer(codecs, payload_types)
        except NotAcceptable as problem:
            self.give_up(488, str(problem))
            return
        if self.hops:
            self.hop = self.hops.pop(0)
        self._send(self._request())

    def _request(self) -> Request:
        call, dial = self.call, self.dial
        host = self.audio.address or call.switch.domain
        if isinstance(dial, PhoneDial):
            shown = identity.to_phone(call.caller, host, prefix=dial.caller_prefix)
            target = dial.contact.request_uri
            to = f"<sip:{dial.extension.number}@{bracketed(host)}>"
            headers = [("Route", value) for value in dial.contact.route]
        else:
            shown = identity.to_trunk(dial, host)
            target = call.switch.trunks.request_uri(dial.trunk, dial.number)
            to = f"<{target}>"
            headers = []
        call_id = _tokens.call_id()
        self.record.call_id = call_id
        self.record.cause = 0  # what the attempt before this one came to, at another address, is over
        call.dialogs[call_id] = self.party.place
        self.shown = call.caller
        headers += [
            ("From", f"{shown.from_};tag={_tokens.tag()}"),
            ("To", to),
            ("Call-ID", call_id),
            ("Max-Forwards", str(call.max_forwards)),
            *shown.headers,
        ]
        if isinstance(dial, PhoneDial) or dial.trunk.kind == "peer":
            headers += call.extra_headers  # who transfers is no business of a provider
        diversions = call.diversions if dial.diverted is None else [dial.diverted, *call.diversions]
        headers += [("Diversion", identity.diversion(one, dial, host)) for one in diversions]
        return Request.new("INVITE", target, headers, self.offer, SDP)

    def _send(self, request: Request) -> None:
        agent = self.call.switch.agent
        dial = self.dial
        attempt = self.attempt = Attempt(self)
        if isinstance(dial, PhoneDial):
            hops = None if self.hop is None else [self.hop, *self.hops]
            attempt.invite = agent.invite(request, attempt, flow=self.flow, hops=hops)
            return
        assert self.hop is not None
        self.record.address = str(self.hop)
        attempt.invite = agent.invite(request, attempt, hops=[self.hop], credentials=self._answer_challenge)
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(dial.trunk.answer_timeout, self._no_response)

    def _no_response(self) -> None:
        """The trunk's address said nothing at all: try the next one."""
        self._timer = None
        self._take_back(None)
        self._trunk_failed(408, self._unreached(408), local=True)

    def _take_back(self, reason: str | None) -> None:
        if self.attempt is not None and self.attempt.invite is not None:
            self.attempt.invite.cancel(reason)
        self.attempt = None

    # --- what the agent reports

    def on_provisional(self, session: Session | None, response: Response) -> None:
        """100-199."""
        self._stop_timer()
        if self.fork is None or response.status == 100:
            return
        if session is not None:
            session.events = self  # the party may send UPDATE before it answers
            self._early = session
        self.learn_identity(response)
        if not self.ringing:
            self.ringing = True
            self.record.ringing = self.call.now()
            self.call.switch.engaged.changed(self)
            self.call.note(
                f"{self} rings" if response.status == 180 else f"{self} says {response.status}, not ringing yet"
            )
        self.fork.leg_progress(self, session, response)

    def on_answered(self, session: Session, response: Response, fork: Fork) -> None:
        """2xx: the party picked up."""
        self._stop_timer()
        self.attempt = self._early = None
        self.session = session
        self.flow = session.flow
        session.events = self
        body = response.body
        try:
            if body:
                self.audio.receive_answer(body)
            elif self.audio.remote is None:
                raise NotAcceptable("the answer has no session description")
        except NotAcceptable as problem:
            self.session = None
            self._finish(488, str(problem))
            session.bye(headers=[("Reason", reason_header(488, str(problem)))])
            fork.leg_failed(self, 488, str(problem))
            return
        session.ack()
        self._mark_answered()
        self.learn_identity(response)
        if isinstance(self.dial, TrunkDial):
            self._report_trunk(200, local=False)
        fork.leg_answered(self)

    def on_failed(self, response: Response) -> None:
        """3xx-6xx, or a local 408 or 503."""
        self._stop_timer()
        status = response.status
        self.record.cause = cause_of(response)
        if status in (488, 606, 415) and self.fork is not None and self._offer_otherwise():
            self._send(self._request())
            return
        local = response.local and status in (408, 503)  # nobody said so: it's the agent's way to tell of no answer
        reason = self._unreached(status) if local else response.reason
        if isinstance(self.dial, TrunkDial) and self.fork is not None:
            if status in (401, 407):
                reason = f"password refused ({status}) - check Trunks > {self.dial.trunk.name} > Password"
            self._trunk_failed(status, reason, local=response.local)
            return
        self.give_up(status, reason, redirect=_redirect(response), local=local)

    def _unreached(self, status: int) -> str:
        """Say in words that an INVITE got no answer, or did not get there: a local 408 or 503."""
        if self.hop is not None:
            transport, host, port = self.hop.transport, self.hop.host, self.hop.port
        else:
            assert self.flow is not None  # an INVITE goes by a flow or to a hop
            transport, (host, port) = self.flow.transport, self.flow.remote
        place = f"{host} port {port} ({transport})"
        if status == 408:
            text = f"no response from {place}"
        elif self.ringing:
            text = f"the connection to {place} was lost"
        elif transport == "UDP":  # the kernel or ICMP says so (RFC 3261 section 18.4)
            text = f"nobody listens at {place}, or no packet gets there"
        else:
            text = f"no connection to {place}: nobody listens there, or it is refused (the log says why)"
        if isinstance(self.dial, TrunkDial):
            name = self.dial.trunk.name
            text += f" - check Trunks > {name} > Provider's address, the network, and that the server of {name} runs"
        return text

    def _offer_otherwise(self) -> bool:
        """Make another offer after the party refused the last one, and say if there is one left to try."""
        if self.more_codecs:
            self.codecs = (*self.codecs, *self.more_codecs)
            self.offer = self.audio.offer(self.more_codecs, self.payload_types)
            self.more_codecs = ()
            return True
        if self.audio.profile.webrtc and self.audio.remote is None:  # no browser, though it came by WebSocket
            self.audio.profile = replace(self.audio.profile, webrtc=False)
            self.offer = self.audio.offer(self.codecs, self.payload_types)
            return True
        if self.audio.encryption_is_optional:
            # A phone on which encryption is mandatory takes RTP/SAVP only, not RTP/AVP with keys (baresip, Yealink).
            self.offer = self.audio.offer(self.codecs, self.payload_types, insist=True)
            return True
        return False

    def _answer_challenge(self, response: Response, request: Request) -> Request | None:
        assert isinstance(self.dial, TrunkDial)
        credentials = self.call.switch.trunks.credentials(self.dial.trunk)
        return self.call.switch.agent.authenticate(
            request, response, credentials.digest, credentials.username, credentials.password
        )

    def _trunk_failed(self, status: int, reason: str, *, local: bool) -> None:
        self._report_trunk(status, local=local)
        if self.fork is not None and self.hops and may_fail_over(status):
            previous, self.hop = self.hop, self.hops.pop(0)
            what = reason.partition(" - ")[0] if local else f"{previous} answered {status} {reason}"
            self.call.note(f"{what}: trying {self.hop}")
            self._send(self._request())
            return
        self.give_up(status, reason, local=local)

    def _report_trunk(self, status: int, *, local: bool) -> None:
        assert isinstance(self.dial, TrunkDial)
        self.call.switch.trunks.attempted(self.dial.trunk, self.hop, status, local=local)

    def give_up(self, status: int, reason: str, *, redirect: str = "", local: bool = False) -> None:
        """The party can't be had; `redirect`: its phone wants the call sent to that number.

        `local`: nobody answered so, the status is ours.
        """
        self.attempt = self._early = None
        if self.ended:
            return
        self._finish(status, reason)
        if local:
            self.record.status = 0
        if self.fork is not None:
            self.fork.leg_failed(self, status, reason, redirect=redirect, local=local)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # --- what the call wants

    def cancel(self, reason: str = COMPLETED_ELSEWHERE) -> None:
        """Stop ringing; `reason` is the value of the Reason header (RFC 3326)."""
        self.fork = None
        self._stop_timer()
        if self.ended:
            return
        if self.answered:
            self.hang_up(headers=())
            return
        self._early = None
        self._finish(487, "cancelled")
        self._take_back(reason)

    def decline(self, reason: str) -> None:
        """Stop ringing as if the party had refused the call at this phone."""
        self._stop_timer()
        self._take_back(reason_header(603, "Decline"))
        self.give_up(603, reason, local=True)

    def hang_up(self, status: int = 200, text: str = "", *, headers: Headers = ()) -> None:
        """BYE when answered, else CANCEL."""
        if self.answered:
            super().hang_up(status, text, headers=headers)
        else:
            self.cancel(reason_header(status, text))

    def learn_identity(self, message: Message) -> bool:
        """As for all legs; what a trunk calls by the number that we called keeps the one that our people dial."""
        dialed = self.party.number
        news = super().learn_identity(message)
        if news and isinstance(self.dial, TrunkDial) and self.party.number.endswith(self.dial.number):
            self.party = replace(self.party, number=dialed)
        return news


def outgoing_leg(call: CallBase, dial: Dial, fork: Fork) -> OutgoingLeg:
    """A new leg of a call, that is to ring as part of a fork."""
    switch = call.switch
    if isinstance(dial, PhoneDial):
        extension, line, contact = dial.extension, dial.line, dial.contact
        party = Party(number=extension.number, name=extension.name, extension=extension.number)
        profile = switch.phone_profile(extension, line, contact)
        record = call.new_leg_record("callee", party)
        record.line, record.user_agent = line.sip_username, contact.user_agent
        record.address = f"{contact.transport} {contact.source[0]}:{contact.source[1]}"
    else:
        party = Party(number=dial.dialed or dial.number, trunk=dial.trunk.name)
        profile = switch.trunk_profile(dial.trunk)
        record = call.new_leg_record("callee", party)
    leg = OutgoingLeg(call, party, profile, record, dial)
    fork.add(leg)
    call.add_leg(leg)
    return leg


def _redirect(response: Response) -> str:
    """The number to which a 301 or 302 sends us: what the user of a phone calls call forwarding."""
    if response.status not in (300, 301, 302):
        return ""
    try:
        contact = response.contact
    except MalformedHeader:
        return ""
    return identity.dialled(contact.uri) if contact is not None else ""
