"""The machinery under a call: its task, its legs, its audio, its record. The verbs on top are in `call`.

A call serves its *anchor*: the caller at first, after a transfer whoever stayed. It runs one task, in which the
destination's coroutine does its work; a hang-up of the anchor reaches that coroutine as cancellation, and whatever way
the task ends, `_finish` ends every leg, stream and timer, so that nothing outlives its call.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Coroutine, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from jackfield.logs import call_id
from jackfield.media.client import MediaLost, NoPort, Stream
from jackfield.switch import alone, conversation, identity, offers, refusing, transfer
from jackfield.switch.audio import NotAcceptable
from jackfield.switch.dial import Diversion
from jackfield.switch.events import CallOver, Event, Gone, HangUp, Redirect, Ringing
from jackfield.switch.leg import IncomingLeg, Leg
from jackfield.switch.party import Party
from jackfield.switch.record import CallRecord, LegRecord, Role, called_party, direction_of
from jackfield.switch.ringing import Fork
from jackfield.switch.route import EmergencyPlan, OutboundPlan, Plan, onward, route
from jackfield.switch.snapshot import Extension, Service, Site, Snapshot
from jackfield.switch.sounds import country_of

if TYPE_CHECKING:
    from jackfield.sip.message import Request, Response
    from jackfield.switch.contact import Contact
    from jackfield.switch.direct import DirectAudio
    from jackfield.switch.leg import Reply
    from jackfield.switch.listening import Listener
    from jackfield.switch.outgoing import OutgoingLeg
    from jackfield.switch.switch import Switch
    from jackfield.switch.transfer import Transfer

log = logging.getLogger("jackfield.calls")

STUBBORN = 10.0
"""Seconds that a destination may take to end after its call has; only a plug-in can need them."""

__all__ = ["CallBase"]


class CallBase:
    """See the module. Made by the switch for each INVITE that it lets in."""

    def __init__(self, switch: Switch, name: str, plan: Plan, *, max_forwards: int = 70) -> None:
        self.switch = switch
        self.id = name
        self.snapshot: Snapshot = switch.snapshot
        self.plan = plan
        self.caller: Party = plan.caller
        self.dialed = plan.request.dialed
        self.max_forwards = max_forwards
        self.hops = 0
        self.anchor: Leg = None  # type: ignore[assignment]  # given by the switch before `run`
        self.peer: Leg | None = None
        """Who the anchor talks with."""
        self.only_phone: Contact | None = None
        """The one phone to ring, when the caller named it by its GRUU."""
        self.legs: list[Leg] = []
        self.dialogs: dict[str, str] = {}
        """SIP Call-IDs of all attempts, each with whom it was for, for whoever asks for a trace."""
        self.extra_headers: tuple[tuple[str, str], ...] = ()
        """For the INVITEs that this call sends: Referred-By while a transfer is under way."""
        self.record = CallRecord(
            id=name, started=switch.now(), caller=plan.caller, dialed=plan.request.dialed, boot=switch.boot,
            snapshot_version=self.snapshot.version,
        )  # fmt: skip
        self.task: asyncio.Task[None] | None = None
        self.events: deque[Event] = deque()
        """What happened in the conversation and is not yet dealt with."""
        self.wake: asyncio.Future[None] | None = None
        self.conversing = False
        self.direct: DirectAudio | None = None  # the attempt of the two who talk to do so without us
        self.transfer: Transfer | None = None
        self.fork: Fork | None = None
        """The round of ringing that is under way."""
        self.diversions: list[Diversion] = []
        """Who sent the call on, the last one first (RFC 5806)."""
        self._tasks: set[asyncio.Task[Any]] = set()
        self._leg_count = 0
        self._unmeasured = 0
        self._emit_timer: asyncio.TimerHandle | None = None
        self._limit: asyncio.TimerHandle | None = None
        self._insistence: asyncio.TimerHandle | None = None
        self.ordered: tuple[int, str] | None = None
        """Status and reason of an end that came neither from a party nor from the destination."""
        self.over = False

    # --- journal and clock --------------------------------------------------------------------------------------------

    def note(self, text: str, link: str = "") -> None:
        """Write a line into the journal; `link` names the setting behind it."""
        self.record.note(self.now(), text, link)

    def now(self) -> float:
        """UTC seconds since 1970."""
        return self.switch.now()

    @property
    def site(self) -> Site | None:
        """The site of the anchor's phone."""
        return self.switch.site_admission.site(self.anchor)

    # --- running ------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin. The anchor is set."""
        self.task = asyncio.create_task(self.run(), name=f"call {self.id}")
        # A task that is cancelled before its first step never runs, not even what stands in `finally`.
        self.task.add_done_callback(self._cut_short)
        minutes = self.snapshot.general.max_call_minutes
        if minutes:
            loop = asyncio.get_running_loop()
            self._limit = loop.call_later(minutes * 60, self.end, 200, f"the limit of {minutes} minutes is reached")

    async def run(self) -> None:
        """Lead the call to its destination and clean up behind it."""
        call_id.set(self.id)  # every line that is logged from here on carries it
        status, reason = 480, ""
        try:
            await self.follow(self.plan)
        except HangUp as end:
            status, reason = end.status, end.reason
        except asyncio.CancelledError:
            status, reason = self.ordered or (487, self.record.reason)
        except NotAcceptable as problem:
            status, reason = 488, str(problem)
            self.note(f"refused: {problem}")
        except (MediaLost, NoPort) as lost:
            status, reason = 503, str(lost)
            log.error("call refused: %s", lost)
            self.note(f"no audio: {lost}")
        except Exception:
            status, reason = 500, "internal error"
            log.exception("call failed by a fault in the program")
            self.note("ended by a fault in the program, see the log")
        finally:
            self._finish(status, reason)

    async def follow(self, plan: Plan) -> None:
        """Run the destination of a plan, and of those that it sends the call on to."""
        while True:
            self.plan = plan
            self.caller = plan.caller
            for step in plan.trace:
                self.record.note(self.now(), step.text, step.setting)
            if plan.refusal is not None:
                if plan.refusal.prompt:
                    await refusing.say_why(self, plan.refusal.prompt)
                raise HangUp(plan.refusal.status, plan.refusal.text)
            entry = plan.entry
            assert entry is not None
            if self.record.answered is None:
                self.record.called = called_party(plan)
                self.record.direction = direction_of(plan)
            try:
                await alone.lead(self, entry)
            except Redirect as onward_to:
                plan = self._next_plan(onward_to)
                self.only_phone = None
                continue
            return

    def _next_plan(self, redirect: Redirect) -> Plan:
        self.hops += 1
        if self.hops > self.snapshot.general.max_hops:
            self.note(f"refused: sent on {self.hops} times, which is a loop", "settings/max_hops")
            raise HangUp(482, "forwarded in a circle")
        self.note(f"sent on to {redirect.number}: {redirect.why}")
        if isinstance(self.plan.entry, Extension):
            self.record.sent_on(self.plan.entry, redirect.number, self._next_leg_id(), self.now())
        if redirect.cause and not isinstance(self.plan.entry, OutboundPlan | EmergencyPlan | None):
            self.diversions.insert(0, Diversion(self.plan.entry, redirect.cause))
        return route(self.snapshot, onward(self.plan, redirect.number), self.switch.local_time(self.snapshot))

    def end(self, status: int = 200, reason: str = "") -> None:
        """End the call from outside: hang-up by the administrator, time limit, drain.

        `status` is what a caller gets who is not answered yet.
        """
        if self.over or self.ordered is not None:
            return
        self.ordered = (status, reason)
        self.record.hung_up_by = self.record.hung_up_by or "system"
        self.record.reason = self.record.reason or reason
        if reason:
            self.note(f"ended: {reason}")
        self._interrupt()

    def _interrupt(self) -> None:
        """Stop the destination by cancellation, and do without it when it does not obey."""
        if self.task is None:
            return
        self.task.cancel()
        if self._insistence is None:
            self._insistence = asyncio.get_running_loop().call_later(STUBBORN, self._insist)

    def _insist(self) -> None:
        """A plug-in has swallowed its cancellation: end the call without it."""
        entry = self.plan.entry
        name = f"what {self.plan.number} leads to"
        if isinstance(entry, Service):
            name = f'plug-in "{entry.plugin}" (service {entry.number})'
        log.error("%s goes on though its call is over: it must let asyncio.CancelledError pass", name)
        self.note("the destination went on after the end and was left behind")
        self._cut_short(None)
        if self.task is not None:
            self.task.cancel()

    def _cut_short(self, task: asyncio.Task[None] | None) -> None:
        """The task has ended, perhaps without having begun, or is left behind: see to it that the call ends."""
        status, reason = self.ordered or (487, self.record.reason)
        self._finish(status, reason)

    def refuse(self, status: int, reason: str) -> None:
        """End a call that has not begun to run."""
        self._finish(status, reason)

    def _finish(self, status: int, reason: str) -> None:
        """End whatever is left, and write the record."""
        if self.over:
            return
        self.over = True
        record = self.record
        record.ended = self.now()
        answered = record.answered is not None
        by_order = self.ordered is not None and record.hung_up_by == "system"  # else a party, by other means than SIP
        record.conclude(status, reason, caller=self.anchor.record, by_order=by_order)
        for leg in self.legs:
            if not leg.ended and not leg.leaving:
                leg.hang_up(200 if answered else status, reason)
            leg.release_audio()
            if leg.audio.stream is not None and not leg.measured:
                self._unmeasured += 1
        for task in self._tasks:
            task.cancel()
        for timer in (self._limit, self._insistence):
            if timer is not None:
                timer.cancel()
        self.switch.call_over(self)
        if self._unmeasured:
            self.switch.unwritten.add(self)
            self._emit_timer = asyncio.get_running_loop().call_later(2.0, self.write)
        else:
            self.write()

    def write(self) -> None:
        """Hand the record to the spool."""
        if self._emit_timer is not None:
            self._emit_timer.cancel()
            self._emit_timer = None
        self.switch.unwritten.discard(self)
        self.switch.emit("call", self.record.id, self.record.to_dict())
        self._dissolve()

    def _dissolve(self) -> None:
        """Undo the circle of call and legs, so that all of it goes now and not when the garbage collector runs.

        The collector stops the switch while it looks at everything: that was 8 % of a busy one, in pauses of 50 ms.
        """
        for leg in self.legs:
            if leg.call is self and leg.audio.stream is not None:
                leg.audio.stream.on_event = None
        self.legs.clear()
        self.anchor, self.peer = None, None  # type: ignore[assignment]

    # --- legs ---------------------------------------------------------------------------------------------------

    def add_leg(self, leg: Leg) -> None:
        """Take a leg in, for instance out of another call."""
        leg.call = self
        self.legs.append(leg)
        self.switch.engaged.begins(leg)
        self.switch.site_admission.begins(leg)
        self.record.legs.append(leg.record)
        if leg.record.call_id:
            self.dialogs[leg.record.call_id] = leg.party.place

    def adopt(self, leg: Leg, role: Role) -> None:
        """Take a leg over from another call, in whose record its part ends here."""
        before, part = leg.call, leg.record
        before.legs.remove(leg)
        leg.record = replace(part, id=self._next_leg_id(), role=role, media={})
        part.ended, part.codec, part.secure = self.now(), leg.audio.codec, leg.audio.secure
        part.reason = f"went on in call {self.id}"
        self.add_leg(leg)

    def _next_leg_id(self) -> str:
        self._leg_count += 1
        return f"{self.id}-{self._leg_count}"

    def new_leg_record(self, role: Role, party: Party) -> LegRecord:
        """An empty record for the next leg."""
        return LegRecord(id=self._next_leg_id(), role=role, party=party, invited=self.now())

    def other(self, leg: Leg) -> Leg | None:
        """Who talks with this leg, if only by early media."""
        if not self.conversing:
            return self.fork.heard_by(leg) if self.fork is not None else None
        return self.peer if leg is self.anchor else self.anchor if leg is self.peer else None

    def spawn(self, work: Coroutine[Any, Any, Any]) -> None:
        """Run something beside the conversation; it ends with the call at the latest."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._spawned_done)

    def _spawned_done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("a fault beside a call", exc_info=task.exception())

    @property
    def listener(self) -> Listener:
        """What the anchor hears of us, and its keys."""
        return self.anchor.listener

    # --- media --------------------------------------------------------------------------------------------------

    async def _open_streams(self, legs: Sequence[Leg]) -> None:
        """Give each leg that has none a stream, all in the worker of this call."""
        await self.switch.media.open_streams(self, [leg for leg in legs if leg.audio.stream is None])

    def _no_media(self, legs: Sequence[OutgoingLeg], problem: Exception) -> Ringing:
        log.error("no audio for the call: %s", problem)
        self.note(f"no audio: {problem}")
        for leg in legs:
            leg.cancel()
            leg.release_audio()
        return Ringing(None, "failed", 503, str(problem), local=True)

    async def _stream_for_anchor(self) -> Stream:
        self._check_alive()
        if self.anchor.audio.stream is None:
            await self._open_streams([self.anchor])
            self._check_alive()
        stream = self.anchor.audio.stream
        if stream is None:
            raise MediaLost("the caller left while its port was being opened")
        return stream

    def _check_alive(self) -> None:
        """Raise the hang-up again for a destination that has swallowed it."""
        if self.over or self.anchor.ended:
            raise CallOver

    async def _open_media(self) -> Stream:
        """The anchor's stream, with the caller able to hear it."""
        stream = await self._stream_for_anchor()
        anchor = self.anchor
        if isinstance(anchor, IncomingLeg) and not anchor.has_media and not anchor.early():
            self._answer_anchor("")
        return stream

    def _answer_anchor(self, codec: str, headers: Sequence[tuple[str, str]] = ()) -> None:
        anchor = self.anchor
        if isinstance(anchor, IncomingLeg) and not anchor.answered:
            anchor.answer(codec, headers)
        if self.record.answered is None:
            self.record.answered = self.now()
            self.note("answered")
        if self.transfer is not None:
            self.transfer.succeeded()

    def answer_for(self, leg: Leg) -> None:
        """Answer the caller because this leg answered, with who it is connected to."""
        anchor = self.anchor
        if not anchor.answered:
            anchor.shown = leg.party
        self._answer_anchor(leg.audio.codec, self._connected_headers(anchor, leg.party))

    def _connected_headers(self, anchor: Leg, party: Party | None = None) -> tuple[tuple[str, str], ...]:
        if anchor.party.trunk:
            return ()  # who answers here is not the outside's business unless the trunk asks
        shown = party or self.record.called
        return identity.connected(shown, anchor.audio.address or self.switch.domain) if shown else ()

    # --- what legs report ---------------------------------------------------------------------------------------

    def _note_ringing(self) -> None:
        record = self.record
        if record.ringing is None and record.answered is None:  # a transfer may ring long after the answer
            record.ringing = self.now()

    def pass_ringing(self, leg: OutgoingLeg, response: Response) -> None:
        """A phone rings."""
        self._note_ringing()
        anchor = self.anchor
        if isinstance(anchor, IncomingLeg) and not anchor.answered:
            anchor.ring(self._connected_headers(anchor, leg.party))
        if anchor.told and not self.listener.playing:
            self.listener.tone("ringback", country_of(self))
        if self.transfer is not None:
            self.transfer.progress(response.status, response.reason)

    def pass_early_media(self, leg: OutgoingLeg) -> None:
        """The far side lets itself be heard before it answers."""
        self._note_ringing()
        anchor = self.anchor
        headers = self._connected_headers(anchor, leg.party)
        if isinstance(anchor, IncomingLeg) and not anchor.answered:
            try:
                heard = anchor.early(leg.audio.codec, headers)
            except NotAcceptable as problem:
                self.note(f"early media can't be passed on: {problem}")
                heard = False
            if not heard:
                anchor.ring(headers)
                return
        self.listener.stop()
        ours, theirs = anchor.audio.stream, leg.audio.stream
        if ours is not None and theirs is not None:
            ours.bridge(theirs)

    def reconnect(self) -> None:
        """Let the parties hear again what belongs to the state of the call, after their streams have changed."""
        if self.conversing:
            conversation.join(self)
        elif self.fork is not None:
            self.fork.let_hear()

    def leg_over(self, leg: Leg, status: int, reason: str, *, by_peer: bool) -> None:
        """A party has gone."""
        if self.over:
            return
        record = self.record
        if leg is self.anchor or leg is self.peer:
            if by_peer and not record.hung_up_by:
                record.hung_up_by = "caller" if leg.record.role == "caller" else "callee"
            if not by_peer:
                record.reason = record.reason or reason
            self.note(f"{leg} hung up" if by_peer else f"{leg} is gone: {reason or status}")
        if self.conversing:
            self.post(Gone(leg))
        elif leg is self.anchor:
            self._interrupt()

    def post(self, event: Event) -> None:
        """Tell the conversation that something happened."""
        self.events.append(event)
        if self.wake is not None and not self.wake.done():
            self.wake.set_result(None)

    def leg_offers(self, leg: Leg, request: Request, reply: Reply) -> None:
        """A re-INVITE or UPDATE of a leg."""
        offers.receive(self, leg, request, reply)

    def leg_identity(self, leg: Leg, request: Request) -> None:
        """A leg may say that somebody else is at its end now: show it to the other party."""
        if leg.learn_identity(request):
            other = self.other(leg)
            if other is not None and other.answered and not other.party.trunk:
                self.spawn(transfer.tell_connected(self, other, leg.party))

    def leg_requests(self, leg: Leg, request: Request, reply: Reply) -> None:
        """A request of a leg inside its dialog."""
        conversation.receive(self, leg, request, reply)

    def leg_media_changed(self, leg: Leg) -> None:
        """What a leg sends or hears has changed: hold, resume, another codec."""
        offers.follow(self, leg)

    def leg_digit(self, leg: Leg, digit: str) -> None:
        """A party pressed a key."""
        other = self.other(leg)
        if other is None:
            if leg is self.anchor:
                self.listener.digit(digit)
            return
        conversation.pass_digit(self, leg, other, digit)

    def leg_played(self, leg: Leg, player_id: int) -> None:
        """What was played to a party has ended."""
        leg.listener.played(player_id)

    def leg_silent(self, leg: Leg, seconds: float) -> None:
        """No packet has come from a party for a while: ask it whether it's still there."""
        if leg.answered and not leg.ended:
            self.spawn(conversation.probe(self, leg, seconds))

    def leg_measured(self, leg: Leg) -> None:
        """The last figures of a leg's stream have come."""
        if self.over and self._unmeasured:
            self._unmeasured -= 1
            if not self._unmeasured and self._emit_timer is not None:
                self.write()

    # --- for status pages ---------------------------------------------------------------------------------------

    @property
    def state(self) -> str:
        """ "ringing" or "talking"."""
        return "ringing" if self.record.answered is None else "talking"
