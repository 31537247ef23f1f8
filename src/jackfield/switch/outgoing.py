"""The leg of one who is called: a phone, or a number through a trunk."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from jackfield.sip.flow import bracketed
from jackfield.sip.headers import NameAddr
from jackfield.sip.message import Request
from jackfield.sip.tokens import Tokens
from jackfield.switch import identity
from jackfield.switch.audio import NotAcceptable
from jackfield.switch.causes import COMPLETED_ELSEWHERE, reason_header
from jackfield.switch.dial import PhoneDial, TrunkDial
from jackfield.switch.leg import SDP, Headers, Leg
from jackfield.switch.trunks import may_fail_over

if TYPE_CHECKING:
    from jackfield.sip.agent import OutgoingInvite, Session
    from jackfield.sip.flow import Flow, Hop
    from jackfield.sip.message import Response
    from jackfield.switch.audio import Profile
    from jackfield.switch.call_base import CallBase
    from jackfield.switch.party import Party
    from jackfield.switch.record import LegRecord
    from jackfield.switch.ringing import Fork

_tokens = Tokens()


class OutgoingLeg(Leg):
    """Rings one party and reports to a `Fork` how it goes (jackfield.sip.agent.InviteHandler)."""

    __slots__ = (
        "_timer", "attempt", "codecs", "dial", "fork", "hop", "hops", "more_codecs", "offer", "payload_types",
        "ringing",
    )  # fmt: skip

    def __init__(
        self, call: CallBase, party: Party, profile: Profile, record: LegRecord, dial: PhoneDial | TrunkDial, fork: Fork
    ) -> None:
        flow = dial.contact.flow if isinstance(dial, PhoneDial) else None
        super().__init__(call, party, profile, record, flow=flow)
        self.dial = dial
        self.fork: Fork | None = fork
        self.attempt: OutgoingInvite | None = None
        self.ringing = False
        self.offer = b""
        self.hops: list[Hop] = []
        self.hop: Hop | None = None
        self.codecs: Sequence[str] = ()
        self.more_codecs: Sequence[str] = ()
        self.payload_types: Mapping[str, int] = {}
        self._timer: asyncio.TimerHandle | None = None

    # --- starting

    @property
    def reachable(self) -> bool:
        """False when there is no address to send the INVITE to."""
        return self.flow is not None or bool(self.hops)

    async def find_way(self) -> None:
        """Find the addresses to try, where no flow leads to the party."""
        switch, dial = self.call.switch, self.dial
        if isinstance(dial, TrunkDial):
            self.hops = await switch.trunks.hops(dial.trunk)
        elif self.flow is None:
            first = dial.contact.route[0] if dial.contact.route else dial.contact.request_uri
            self.hops = await switch.agent.resolver.resolve(NameAddr.parse(first).uri)

    def invite(self, codecs: Sequence[str], more: Sequence[str], payload_types: Mapping[str, int]) -> None:
        """Send the INVITE, offering `codecs`, and if the party has none of them `more`.

        `payload_types` are the caller's numbers, kept so that packets can pass untouched.
        """
        self.record.invited = self.call.now()
        self.payload_types = payload_types
        self.codecs, self.more_codecs = codecs, more
        try:
            self.offer = self.audio.offer(codecs, payload_types)
        except NotAcceptable as problem:
            self._failed(488, str(problem))
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
        headers += [
            ("From", f"{shown.from_};tag={_tokens.tag()}"),
            ("To", to),
            ("Call-ID", call_id),
            ("Max-Forwards", str(call.max_forwards)),
            *shown.headers,
            *call.extra_headers,
        ]
        return Request.new("INVITE", target, headers, self.offer, SDP)

    def _send(self, request: Request) -> None:
        agent = self.call.switch.agent
        dial = self.dial
        if isinstance(dial, PhoneDial):
            hops = None if self.hop is None else [self.hop, *self.hops]
            self.attempt = agent.invite(request, self, flow=self.flow, hops=hops)
            return
        assert self.hop is not None
        self.record.address = str(self.hop)
        self.attempt = agent.invite(request, self, hops=[self.hop], credentials=self._answer_challenge)
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(dial.trunk.answer_timeout, self._no_response)

    def _no_response(self) -> None:
        """The trunk's address said nothing at all: try the next one."""
        self._timer = None
        if self.attempt is not None:
            self.attempt.cancel()
            self.attempt = None
        self._trunk_failed(408, "no response", local=True)

    # --- what the agent reports

    def on_provisional(self, session: Session | None, response: Response) -> None:
        """100-199."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self.fork is None or response.status == 100:
            return
        if not self.ringing:
            self.ringing = True
            self.record.ringing = self.call.now()
        self.fork.leg_progress(self, session, response)

    def on_answered(self, session: Session, response: Response) -> None:
        """2xx: the party picked up."""
        self._stop_timer()
        self.session = session
        self.flow = session.flow
        session.events = self
        body = response.body
        if self.fork is None:  # it lost the race, and its CANCEL crossed the answer
            session.ack()
            self._finish(200, "answered elsewhere")
            session.bye(headers=[("Reason", COMPLETED_ELSEWHERE)])
            return
        try:
            if body:
                self.audio.receive_answer(body)
            elif self.audio.remote is None:
                raise NotAcceptable("the answer has no session description")
        except NotAcceptable as problem:
            session.ack()
            self._finish(488, str(problem))
            session.bye(headers=[("Reason", reason_header(488, str(problem)))])
            self.fork.leg_failed(self, 488, str(problem))
            return
        session.ack()
        self._mark_answered()
        if isinstance(self.dial, TrunkDial):
            self._report_trunk(200, local=False)
        self.fork.leg_answered(self, response)

    def on_failed(self, response: Response) -> None:
        """3xx-6xx, or a local 408 or 503."""
        self._stop_timer()
        status = response.status
        if status in (488, 606, 415) and self.fork is not None and self._offer_otherwise():
            self._send(self._request())
            return
        if isinstance(self.dial, TrunkDial) and self.fork is not None:
            self._trunk_failed(status, response.reason, local=getattr(response, "local", False))
            return
        self._failed(status, response.reason)

    def _offer_otherwise(self) -> bool:
        """Make another offer after the party refused the last one, and say if there is one left to try."""
        if self.more_codecs:
            self.codecs = (*self.codecs, *self.more_codecs)
            self.offer = self.audio.offer(self.more_codecs, self.payload_types)
            self.more_codecs = ()
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
            self.call.note(f"{previous} answered {status} {reason}: trying {self.hop}")
            self._send(self._request())
            return
        self._failed(status, reason)

    def _report_trunk(self, status: int, *, local: bool) -> None:
        assert isinstance(self.dial, TrunkDial)
        self.call.switch.trunks.attempted(self.dial.trunk, self.hop, status, local=local)

    def _failed(self, status: int, reason: str) -> None:
        if self.ended:
            return
        self._finish(status, reason)
        if self.fork is not None:
            self.fork.leg_failed(self, status, reason)

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
        self._finish(487, "cancelled")
        if self.attempt is not None:
            self.attempt.cancel(reason)

    def hang_up(self, status: int = 200, text: str = "", *, headers: Headers = ()) -> None:
        """BYE when answered, else CANCEL."""
        if self.answered:
            super().hang_up(status, text, headers=headers)
        else:
            self.cancel(reason_header(status, text))

    @property
    def reached_flow(self) -> Flow | None:
        """The flow that the party was reached by, once known."""
        return self.session.flow if self.session else self.flow
