"""A leg: one SIP dialog with one party, and its audio.

A leg turns what SIP and the media process report into calls on its `Call`, and the call's wishes into SIP. Decisions
(what a hang-up, an offer or a transfer means) are the call's.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import msgspec

from jackfield.media.client import Digit, Failed, Hears, Played, Resumed, Silence, Started, Statistics
from jackfield.switch import identity
from jackfield.switch.audio import Audio, NotAcceptable
from jackfield.switch.caller_id import from_trunk
from jackfield.switch.causes import cause_of, for_caller, reason_header
from jackfield.switch.codec_choice import to_ask
from jackfield.switch.events import HangUp
from jackfield.switch.listening import Listener
from jackfield.switch.record import LegRecord

if TYPE_CHECKING:
    from collections.abc import Callable

    from jackfield.media.client import Stream, StreamEvent
    from jackfield.sip.agent import Ended, IncomingInvite, Session
    from jackfield.sip.dialog import Dialog
    from jackfield.sip.flow import Flow
    from jackfield.sip.message import Message, Request, Response
    from jackfield.switch.audio import Profile
    from jackfield.switch.call_base import CallBase
    from jackfield.switch.limits.counts import Meter
    from jackfield.switch.party import Party
    from jackfield.switch.proof import Watch
    from jackfield.switch.snapshot import Trunk

    Reply = Callable[[Response], None]

SDP = "application/sdp"
Headers = Iterable[tuple[str, str]]

QUIET = 20.0
"""Seconds without a packet after which we ask a party whether it's still there."""


class Leg:
    """What both kinds of legs share. `call` is the call that it is in now: a transfer can move it to another one."""

    __slots__ = (
        "__weakref__",
        "_counted",
        "answered",
        "audio",
        "call",
        "ended",
        "flow",
        "held",
        "leaving",
        "listener",
        "measured",
        "meter",
        "moved",
        "party",
        "proof",
        "record",
        "session",
        "shown",
        "trunk",
    )

    def __init__(self, call: CallBase, party: Party, profile: Profile, record: LegRecord, *, flow: Flow | None) -> None:
        self.call = call
        self.party = party
        self.flow = flow
        self.audio = Audio(profile, secure_signalling=bool(flow and flow.secure))
        self.listener = Listener()
        self.record = record
        self.session: Session | None = None
        self.trunk: Trunk | None = None
        """The trunk that it goes through, if any."""
        self._counted = False
        self.shown: Party | None = None
        """Whom the party was last told that it is connected with."""
        self.answered = False
        self.ended = False
        self.held = False
        """The party has put us on hold."""
        self.leaving = False
        """It has transferred its call: no part of it any more, but its dialog ends a moment later."""
        self.measured = False
        """The last figures of its stream have come."""
        self.proof: Watch | None = None
        """Who looks whether its phone hears and is heard."""
        self.meter: Meter | None = None
        """What counts it for limits on outgoing calls."""
        self.moved = False
        """The party was told a port that is not ours any more, and can be told the new one only when it is answered."""

    def __str__(self) -> str:
        return str(self.party)

    @property
    def told(self) -> bool:
        """True when the party knows where we listen."""
        return self.answered

    @property
    def dialog(self) -> Dialog | None:
        """Its dialog, if only an early one; None before the first."""
        return None if self.session is None else self.session.dialog

    def attach(self, stream: Stream, address: str) -> None:
        """Use this stream from now on; `address` is what the party is told."""
        self.measured = False
        self.audio.attach(stream, address)
        self.listener.use(stream)

    def count_on(self, trunk: Trunk, *, force: bool = False) -> bool:
        """Count as a call on a trunk until the end of the leg; False when the trunk has no room."""
        self.trunk = trunk
        self._counted = self.call.switch.trunks.acquire(trunk, force=force)
        return self._counted

    def learn_identity(self, message: Message) -> bool:
        """Note whom a trusted trunk names as the one at its end (RFC 3325, RFC 4916). True if that is news."""
        if self.trunk is None:
            return False
        named = identity.read_connected(message, trusted=self.trunk.trust_identity)
        if named is None:
            return False
        before = self.party
        self.party = from_trunk(self.call.snapshot, self.trunk, named.number, named.name, anonymous=named.anonymous)
        return self.party != before

    # --- what SIP reports (jackfield.sip.agent.SessionEvents)

    def on_ack(self, request: Request) -> None:
        """Our 2xx arrived. The body is the answer when the offer was in it."""
        if not self.audio.expects_answer:
            return
        if not request.body and self.audio.remote is not None:
            self.audio.withdraw()  # against RFC 3264, but what was agreed before still works
            return
        try:
            if not request.body:
                raise NotAcceptable("the ACK has no answer to our offer")
            self.audio.receive_answer(request.body)
        except NotAcceptable as problem:
            self.call.note(f"{self} is hung up: {problem}")
            self.hang_up(488, str(problem))
            self.call.leg_over(self, 488, str(problem), by_peer=False)
            return
        self.call.leg_media_changed(self)

    def on_offer(self, request: Request, reply: Reply) -> None:
        """A re-INVITE or UPDATE."""
        self.call.leg_offers(self, request, reply)

    def on_update(self, request: Request) -> None:
        """An UPDATE without a description: a refresh, or news of who is connected."""
        self.call.leg_identity(self, request)

    def on_request(self, request: Request, reply: Reply) -> None:
        """INFO, REFER, NOTIFY, MESSAGE, OPTIONS inside the dialog."""
        self.call.leg_requests(self, request, reply)

    def on_ended(self, why: Ended) -> None:
        """The dialog is over, and not by our own BYE."""
        if self.ended:
            return
        self.record.cause = cause_of(why.message)
        self._finish(why.status, why.reason)
        self.call.leg_over(self, why.status, why.reason, by_peer=why.by_peer)

    def current_sdp(self) -> bytes:
        """Description for a session refresh that changes nothing (RFC 4028 section 7.4)."""
        return self.audio.describe()

    # --- what the media process reports

    def on_media(self, event: StreamEvent) -> None:
        """An event of this leg's stream."""
        if isinstance(event, Digit):
            self.call.leg_digit(self, event.digit)
        elif isinstance(event, Played):
            self.call.leg_played(self, event.player)
        elif isinstance(event, Started):
            self.call.note(f"hears {self}")
        elif isinstance(event, Silence):
            if event.seconds >= QUIET:
                self.call.leg_silent(self, event.seconds)
        elif isinstance(event, Resumed):
            self.call.note(f"hears {self} again")
        elif isinstance(event, Hears):
            if self.call.direct is not None:
                self.call.direct.hears(self, event.lost)
        elif isinstance(event, Statistics):
            self.record.media = msgspec.to_builtins(event.stats)
            if self.proof is not None:
                self.proof.take(event)
            if event.final:
                self.measured = True
                self.call.leg_measured(self)
        elif isinstance(event, Failed):
            self.call.note(f"audio of {self}: {event.reason}")

    # --- what the call wants

    def hang_up(self, status: int = 200, text: str = "", *, headers: Headers = ()) -> None:
        """End this leg, whatever its state. Can be called twice. `status` says why, as a SIP status."""
        if self.ended:
            return
        self._finish(status, text)
        if self.session is not None:
            self.session.bye(headers=[("Reason", reason_header(status, text)), *headers])

    def release_audio(self) -> None:
        """Close the stream."""
        self.audio.close()

    def leave(self) -> None:
        """Make way: the party has transferred its call, and is hung up when it has heard so."""
        self.leaving = True
        self.release_audio()
        self.record.ended = self.call.now()
        self.record.codec = self.audio.codec
        self.record.secure = self.audio.secure
        self.record.reason = "transferred"

    async def reinvite(self, make_offer: Callable[[], bytes], headers: Headers = ()) -> bool:
        """Offer new media inside the dialog. True when the other side agreed; else all is as it was.

        `make_offer` is called when it's our turn to offer, since others may be under way before.
        """
        session = self.session
        if session is None or self.ended:
            return False
        try:
            response = await session.reinvite(make_offer, headers=headers)
        except NotAcceptable as problem:
            self.call.note(f"nothing can be offered to {self}: {problem}")
            return False
        if 200 <= response.status < 300 and response.body:
            try:
                self.audio.receive_answer(response.body)
            except NotAcceptable as problem:
                self.call.note(f"{self} answered a re-INVITE unusably: {problem}")
                return False
            self.call.leg_media_changed(self)
            return True
        self.audio.withdraw()
        if not self.ended:
            self.call.note(f"{self} refused a re-INVITE ({response.status} {response.reason})")
        return False

    def _mark_answered(self) -> None:
        self.answered = True
        self.record.answered = self.call.now()
        self.record.status = 200
        self.call.switch.engaged.changed(self)
        self.call.switch.proofs.answered(self)
        if self.meter is not None:
            self.call.switch.limits.answered(self, self.meter)

    def _finish(self, status: int, text: str) -> None:
        self.ended = True
        self.call.switch.engaged.ends(self)
        self.call.switch.site_admission.ends(self)
        if self._counted and self.trunk is not None:
            self._counted = False
            self.call.switch.trunks.release(self.trunk)
        if self.meter is not None:
            self.call.switch.limits.ended(self, self.meter)
        if self.leaving:
            return
        record = self.record
        record.ended = self.call.now()
        if not self.answered and status >= 300:
            record.status = status
        record.reason = text
        record.codec = self.audio.codec or record.codec
        record.secure = self.audio.secure


class IncomingLeg(Leg):
    """The leg of the one who calls."""

    __slots__ = ("_media_said", "_ringing", "incoming")

    def __init__(
        self, call: CallBase, party: Party, profile: Profile, record: LegRecord, incoming: IncomingInvite
    ) -> None:
        super().__init__(call, party, profile, record, flow=incoming.flow)
        self.incoming = incoming
        self.session = incoming.session
        self._ringing = False
        self._media_said = False
        incoming.session.events = self
        incoming.on_cancel = self._on_cancel
        incoming.on_prack = self._on_prack
        incoming.session.on_over = self._on_session_over

    @property
    def has_media(self) -> bool:
        """True when the caller can hear us: the call is answered or early media is open."""
        return self.answered or self._media_said

    @property
    def told(self) -> bool:
        """True when the caller knows where we listen."""
        return self.has_media

    @property
    def makes_offer(self) -> bool:
        """False when the INVITE had no description, so that we must offer (RFC 3264 section 4)."""
        return bool(self.incoming.request.body)

    def ring(self, headers: Headers = ()) -> None:
        """180, once."""
        if not (self.answered or self.ended or self._ringing):
            self._ringing = True
            self.record.ringing = self.call.now()
            self.incoming.progress(180, headers=headers)
            self.call.switch.engaged.changed(self)

    def early(self, other_codec: str = "", headers: Headers = ()) -> bool:
        """183 with a description, so that the caller hears us before the answer. False when that can't be."""
        if self.has_media:
            return True
        if self.ended or not self.makes_offer:
            return False  # an offer of ours would need the caller's PRACK; the answer brings it soon enough
        self._needs_its_line(other_codec)
        self.incoming.progress(183, body=self.audio.answer(other_codec), headers=headers)
        self._media_said = True
        return True

    def answer(self, other_codec: str = "", headers: Headers = ()) -> None:
        """200. Raises `NotAcceptable` when no codec fits."""
        if self.answered or self.ended:
            return
        audio = self.audio
        self._needs_its_line(other_codec)
        if self._media_said:
            body = audio.describe()
        elif self.makes_offer:
            body = audio.answer(other_codec)
        else:
            body = audio.offer(to_ask(audio.profile.codecs, other_codec))
        self._mark_answered()
        self.incoming.accept(body, headers=headers)

    def _needs_its_line(self, other_codec: str) -> None:
        """See to it that one who was let in to talk with a phone of its site does not hear us instead."""
        if not other_codec and not self._media_said and (full := self.call.switch.site_admission.answers_itself(self)):
            raise HangUp(503, full)

    def hang_up(self, status: int = 200, text: str = "", *, headers: Headers = ()) -> None:
        """BYE when answered, else the final response: 480 where no failure is named."""
        if self.answered or self.ended:
            super().hang_up(status, text, headers=headers)
            return
        if status < 300:
            status = 480
        self._finish(status, text)
        # The mend names settings and addresses of the house, which are no business of a caller from outside.
        told = reason_header(status, text if self.party.extension else "")
        self.incoming.reject(for_caller(status), headers=[("Reason", told), *headers])

    def vanish(self, reason: str) -> None:
        """The caller's phone is there no more, and would not hear an answer: it is as if it had cancelled."""
        if self.ended or self.answered:
            return
        self._finish(487, reason)
        self.incoming.reject(480)
        self.call.leg_over(self, 487, reason, by_peer=False)

    def _on_session_over(self) -> None:
        """The session has ended, maybe since its connection went and did not come back (see `Session`)."""
        self.incoming.session.on_over = None  # no circle, which the collector would have to find
        if self.incoming.state == "rejected":  # and not by us, or this leg had ended before
            self.vanish("the connection to its phone was lost and did not come back")

    def _on_cancel(self, request: Request) -> None:
        if self.ended:
            return
        self._finish(487, "cancelled by the caller")
        self.call.leg_over(self, 487, "cancelled by the caller", by_peer=True)

    def _on_prack(self, body: bytes, content_type: str) -> bytes | None:
        """An offer in a PRACK (RFC 3262 section 5); early media was answered in the 183 itself."""
        if content_type != SDP:
            return None
        try:
            self.audio.receive_offer(body)
            other = self.call.other(self)
            return self.audio.answer(other.audio.codec if other else "")
        except NotAcceptable as problem:
            self.audio.withdraw()
            self.call.note(f"{self} asked for other media: {problem}")
            return self.audio.describe()
