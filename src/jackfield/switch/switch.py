"""The switch: what registers, calls and is called on this node, held together.

One object per process. It owns the SIP agent, the registrar, the trunks and the streams, and keeps the calls; what a
call does is in `call` and in the destinations.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections import Counter, deque
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from jackfield import __version__
from jackfield.media.client import MediaLost, NoPort
from jackfield.sip.agent import Agent
from jackfield.sip.message import Response
from jackfield.sip.tokens import Tokens
from jackfield.sip.transport.admission import Admission
from jackfield.sip.transport.transports import Transports
from jackfield.switch import identity, text_messages, transfer
from jackfield.switch import snapshot as snapshots
from jackfield.switch.audio import NotAcceptable, Profile
from jackfield.switch.authentication import Authenticator
from jackfield.switch.call import Call
from jackfield.switch.call_base import CallBase
from jackfield.switch.closing import Doors
from jackfield.switch.direct import Memory
from jackfield.switch.engaged import Engaged
from jackfield.switch.guard import Guard
from jackfield.switch.hours import zone
from jackfield.switch.identity import Sender
from jackfield.switch.leg import IncomingLeg, Leg
from jackfield.switch.lending import Lending
from jackfield.switch.limits.live import Limits
from jackfield.switch.line_secrets import LineSecrets
from jackfield.switch.our_addresses import OurAddresses
from jackfield.switch.overrides import Overrides
from jackfield.switch.party import Party
from jackfield.switch.plugins import Plugins
from jackfield.switch.proof import Proofs
from jackfield.switch.qualify import LOST_AFTER, Qualifier
from jackfield.switch.record import direction_of, flow_address
from jackfield.switch.registrar import Registrar
from jackfield.switch.route import Plan, route
from jackfield.switch.site_admission import SiteAdmission
from jackfield.switch.sites import site_of
from jackfield.switch.snapshot import Extension, Line, Snapshot, Trunk
from jackfield.switch.sounds import Sounds
from jackfield.switch.streams import Streams
from jackfield.switch.subscriptions import Subscriptions, bad_event
from jackfield.switch.trunks import Trunks
from jackfield.switch.user_agents import speaks_webrtc
from jackfield.switch.waking import Waking

if TYPE_CHECKING:
    from jackfield.media.client import MediaPool
    from jackfield.network.firewall.policy import Policy
    from jackfield.network.outside import Outside
    from jackfield.sip.agent import IncomingInvite, ResolverLike, TransportsLike
    from jackfield.sip.flow import Flow
    from jackfield.sip.message import Request
    from jackfield.sip.uri import Uri
    from jackfield.switch.contact import Contact

log = logging.getLogger("jackfield.switch")

Emit = Callable[[str, str, dict[str, Any]], None]
"""Appends to the spool: kind, id, data."""

STUBBORN = 2.0
"""Seconds that the tasks of calls may take to end when everything ends."""
LAGGING = 3.0
"""Seconds that the switch may be behind before phones that register anew have to come later."""
TICK = 1.0
"""Seconds between the rounds in which expired registrations are removed."""


class Switch:
    """See the module.

    `emit(kind, id, data)` takes records and events; `secret` signs nonces; `hosts` are the addresses that we listen on;
    `wall_clock` is UTC seconds since 1970; `trace` sees every SIP message; `transports` and `resolver` are for tests.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        *,
        pool: MediaPool,
        emit: Emit,
        secret: bytes,
        registrations: Path | None = None,
        overrides: Path | None = None,
        line_secrets: Path | None = None,
        counts: Path | None = None,
        rates: Path | None = None,
        public_address: str = "",
        found_addresses: Sequence[Outside] = (),
        rtp_ports: str = "",
        hosts: Sequence[str] = (),
        wall_clock: Callable[[], float] = time.time,
        firewall: Callable[[Snapshot], Policy] | None = None,
        network_socket: Path | None = None,
        transports: TransportsLike | None = None,
        resolver: ResolverLike | None = None,
        trace: Callable[[bytes, Flow, Any], None] | None = None,
    ) -> None:
        loop = asyncio.get_running_loop()
        self.snapshot = snapshot
        self.doors, self.guard = Doors(self, firewall), Guard(network_socket, wall_clock)
        self.emit = emit
        self.now = wall_clock
        self.calls: dict[str, Call] = {}
        self.subscriptions = Subscriptions(self)
        self.engaged = Engaged(self.subscriptions.changed)
        self.site_admission = SiteAdmission(lambda: self.local_time(self.snapshot).date())
        self.memory: dict[str, Any] = {}
        """What destinations remember between calls, such as who rang last."""
        self.recent: deque[tuple[str, dict[str, str]]] = deque(maxlen=2000)
        """Calls that are over, with their `dialogs`."""
        self.counters: Counter[str] = Counter()
        self.started = wall_clock()
        self.draining = False
        self.unwritten: set[CallBase] = set()
        """Calls that are over, whose records wait for the last figures of the media process."""
        self._tokens = Tokens()
        self.boot = self._tokens.tag()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._ticker: asyncio.TimerHandle | None = None
        self._tick_due = loop.time()
        self.addresses = OurAddresses(self, clock=loop.time, fixed=public_address, found=found_addresses, hosts=hosts)
        self.agent = Agent(
            user_agent=f"Jackfield/{__version__}",
            on_invite=self._on_invite,
            on_request=self._on_request,
            transports=transports,
            resolver=resolver,
            trace=trace,
            session_expires=snapshot.general.session_expires,
        )
        current = self._current_snapshot
        self.trunks = Trunks(self.agent, current, clock=loop.time, wall_clock=wall_clock, emit=self._emit_event)
        self.authenticator = Authenticator(
            current, secret=secret, wall_clock=wall_clock, trunks=self.trunks, guard=self.guard
        )
        self.authenticator.secrets = LineSecrets(line_secrets)
        self.authenticator.secrets.load(snapshot)
        self.agent.admit = self.authenticator.at_the_door
        self.registrar = Registrar(
            current,
            self.authenticator,
            store=registrations,
            clock=loop.time,
            wall_clock=wall_clock,
            emit=self._emit_event,
            secret=secret,
        )
        self.random = random.Random()
        self.qualifier = Qualifier(
            self.agent, self.registrar, current, clock=loop.time, emit=self._emit_event, random=self.random,
            wall_clock=wall_clock,
        )  # fmt: skip
        self.proofs = Proofs(self, rtp_ports)
        self.registrar.beside = self.proofs.row
        self.lending = Lending(self)
        self.waking = Waking(self)
        self.overrides = Overrides(self, overrides, self._emit_event)
        self.sounds = Sounds()
        self.plugins = Plugins()
        self.media = Streams(pool, self.addresses.of, self.calls.values)
        self.direct_memory = Memory(loop.time)
        self.limits = Limits(self, counts, rates)

    # --- life ------------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Begin to work; the agent listens already, so that stored registrations find their sockets."""
        transports = self.agent.transports
        transports.advertised = self.addresses.advertised
        if isinstance(transports, Transports):
            transports.stun_heard = self.addresses.heard
            self.doors.close()
            transports.admit = Admission(asyncio.get_running_loop().time, is_known=self.doors.is_known)
        if restored := await self.registrar.start(cast(Any, transports)):
            log.info("%d registrations are back from before the restart", restored)
        # With it the console closes the calls that were in progress when the switch before this one was killed.
        self.emit("switch_started", self.boot, {"boot": self.boot, "started": self.started})
        await self.trunks.start()
        await self.qualifier.start()
        self.registrar.watchers += (self._phone_changed, self.guard.registered)
        self.guard.begin(self.trunks.may_come_from, self.doors.look, self.registrar)
        self._tick_due = asyncio.get_running_loop().time()
        self._tick()

    async def drain(self, seconds: float) -> None:
        """Refuse new calls and wait until the present ones are over, `seconds` at most; then end what is left."""
        self.draining = True
        self.agent.drain()
        tasks = [call.task for call in self.calls.values() if call.task is not None]
        if tasks:
            log.info("stopping: %d calls may go on for up to %.0f s", len(tasks), seconds)
            await asyncio.wait(tasks, timeout=seconds)
        for call in list(self.calls.values()):
            call.end(503, "the system is stopping")

    async def close(self) -> None:
        """End everything."""
        if self._ticker is not None:
            self._ticker.cancel()
        for call in list(self.calls.values()):
            call.end(503, "the system is stopping")
        tasks = [call.task for call in self.calls.values() if call.task is not None]
        if tasks:
            await asyncio.wait(tasks, timeout=STUBBORN)
        self.guard.close()
        self.overrides.close()
        self.limits.close()
        await self.qualifier.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(2.0):
                await self.trunks.close()
        await self.registrar.close()
        for call_over in list(self.unwritten):
            call_over.write()
        for task in list(self._tasks):
            task.cancel()
        await self.agent.close()
        await self.media.pool.close()

    async def reload(self, snapshot: Snapshot) -> None:
        """Use a new configuration; calls in progress keep the one that they began with."""
        self.snapshot = self.overrides.added_to(self.lending.added_to(replace(snapshot, hosts=self.snapshot.hosts)))
        self.addresses.reload()
        self.agent.session_expires = snapshot.general.session_expires
        self.authenticator.secrets.load(snapshot)
        self.registrar.reload()
        self.subscriptions.reload()
        await self.limits.reload()
        await self.trunks.reload()
        self.doors.close()
        log.info("configuration %d is in force", snapshot.version)

    def load(self, path: Path) -> Snapshot:
        """Read the snapshot file. Raises as `snapshot.read` does."""
        return snapshots.read(path)

    def spawn(self, work: Coroutine[Any, Any, Any]) -> None:
        """Run something that belongs to no call."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._spawned_done)

    def _spawned_done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("a fault beside a call", exc_info=task.exception())

    def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        late = loop.time() - self._tick_due
        if self.authenticator.overloaded != (late > LAGGING):
            self.authenticator.overloaded = late > LAGGING
            text = "phones that register anew are asked to come later: the switch is %.1f s behind"
            log.warning(text if late > LAGGING else "phones may register again: the switch is %.1f s behind", late)
        self.registrar.sweep()
        self._tick_due = loop.time() + TICK
        self._ticker = loop.call_later(TICK, self._tick)

    def _current_snapshot(self) -> Snapshot:
        return self.snapshot

    def _emit_event(self, kind: str, data: dict[str, Any]) -> None:
        self.emit(kind, self._tokens.tag(), data)

    def whom(self, uri: Uri) -> tuple[str, Contact | None]:
        """The number that a URI names, and the one phone of it where the URI is a phone's GRUU (RFC 5627)."""
        phone = self.registrar.find_gruu(uri) if "gr" in uri.params else None
        line = self.snapshot.lines.get(phone.username) if phone is not None else None
        if phone is None or line is None:
            return identity.dialled(uri), None
        return line[0].number, phone

    # --- what calls ask --------------------------------------------------------------------------------------------

    @property
    def domain(self) -> str:
        """The host part of our own URIs where no address is known."""
        return self.snapshot.general.realm

    def local_time(self, snapshot: Snapshot) -> datetime:
        """Now, in the company's time zone."""
        return datetime.fromtimestamp(self.now(), zone(snapshot.general.time_zone))

    def calls_of(self, extension: str) -> int:
        """How many calls the phones of an extension are in."""
        return self.engaged.calls_of(extension)

    def phone_profile(self, extension: Extension, line: Line, contact: Contact | None) -> Profile:
        """What a phone may use, and whether it's behind a NAT."""
        if line.behind_nat == "auto":
            behind_nat = contact is not None and contact.behind_nat
        else:
            behind_nat = line.behind_nat == "always"
        return Profile(
            codecs=line.codecs or extension.codecs,
            srtp=line.srtp,
            dtmf=line.dtmf,
            behind_nat=behind_nat,
            nat_address=contact.source[0] if contact is not None and line.behind_nat != "never" else "",
            webrtc=contact is not None and speaks_webrtc(contact.transport, contact.user_agent, contact.uri),
        )

    def trunk_profile(self, trunk: Trunk) -> Profile:
        """What a trunk may use."""
        return Profile(codecs=trunk.codecs, srtp=trunk.srtp, dtmf=trunk.dtmf, behind_nat=trunk.behind_nat == "always")

    def _phone_changed(self, contact: Contact) -> None:
        """Cancel the calls of a phone that is lost by now. One that never answers OPTIONS may be there all the same."""
        if contact.reachable or contact.missed < LOST_AFTER or contact.latency is None:
            return
        for call in list(self.calls.values()):
            caller = call.anchor
            if not isinstance(caller, IncomingLeg) or caller.record.line != contact.username:
                continue
            if caller.flow is not None and contact.came_by(caller.flow):
                caller.vanish("its phone does not answer any more")

    def call_over(self, call: CallBase) -> None:
        """A call has ended."""
        self.calls.pop(call.id, None)
        self.media.forget(call)
        self.limits.call_over(call.id)
        self.recent.append((call.id, call.dialogs))
        self.counters[f"calls_{call.record.outcome}"] += 1

    # --- what SIP brings -------------------------------------------------------------------------------------------

    def _on_invite(self, incoming: IncomingInvite) -> None:
        """A new call. Nothing here waits, so that a caller hears from us within a turn of the loop."""
        try:
            self._admit(incoming)
        except Exception:
            log.exception("an INVITE from %s could not be worked with", incoming.flow)
            incoming.reject(500)

    def _admit(self, incoming: IncomingInvite) -> None:
        request = incoming.request
        self.counters["invites"] += 1
        sender = self.authenticator.check(request, incoming.flow)
        if isinstance(sender, Response):
            incoming.reject(sender.status, sender.reason, headers=_challenges(sender))
            return
        replaces = request.get("Replaces")
        if replaces is not None:
            self._take_over(incoming, sender, replaces)
            return
        question = replace(sender.question(), site=self._site_of(sender, incoming.flow))
        phone = None
        if ";gr" in request.uri:
            number, phone = self.whom(request.request_uri)
            if phone is not None:
                question = replace(question, dialed=number)
        plan = route(self.snapshot, question, self.local_time(self.snapshot))
        call = self._new_call(plan, incoming)
        call.only_phone = phone
        leg = self._caller_leg(call, sender, plan.caller, incoming)
        call.anchor = leg
        call.add_leg(leg)
        call.record.direction = direction_of(plan)
        if request.body:
            try:
                leg.audio.receive_offer(request.body)
            except NotAcceptable as problem:
                call.note(f"refused: {problem}")
                call.refuse(488, str(problem))
                return
        if full := self.site_admission.refuses_caller(leg):
            call.refuse(503, full)
            return
        self.emit("call_started", call.id, call.record.beginning())
        call.start()

    def _site_of(self, sender: Sender, flow: Flow) -> str:
        """The name of the site from which one of our phones calls."""
        if sender.line is None or not self.snapshot.sites:
            return ""
        contact = self.registrar.on_flow(sender.line.sip_username, flow)
        local = contact.host if contact is not None else ""
        site = site_of(self.snapshot, sender.line, flow.remote[0], local)
        return "" if site is None else site.name

    def _new_call(self, plan: Plan, incoming: IncomingInvite) -> Call:
        hops = incoming.request.max_forwards
        call = Call(self, self._tokens.tag()[:10], plan, max_forwards=(70 if hops is None else hops) - 1)
        self.calls[call.id] = call
        return call

    def _caller_leg(self, call: CallBase, sender: Sender, party: Party, incoming: IncomingInvite) -> IncomingLeg:
        flow = incoming.flow
        record = call.new_leg_record("caller", party)
        record.address = flow_address(flow)
        record.user_agent = incoming.request.get("User-Agent") or ""
        record.call_id = incoming.request.call_id
        if sender.extension is not None and sender.line is not None:
            contact = self.registrar.on_flow(sender.line.sip_username, flow)
            profile = self.phone_profile(sender.extension, sender.line, contact)
            record.line = sender.line.sip_username
        elif sender.trunk is not None:
            profile = self.trunk_profile(sender.trunk)
        else:
            profile = Profile(srtp="offered")
        leg = IncomingLeg(call, party, profile, record, incoming)
        if sender.trunk is not None:
            leg.count_on(sender.trunk, force=True)  # it is there already: the limit is for the calls that we begin
        return leg

    def _take_over(self, incoming: IncomingInvite, sender: Sender, replaces: str) -> None:
        """An INVITE with Replaces (RFC 3891): the caller takes the place of a party in a call."""
        if sender.extension is None:
            incoming.reject(403, "Only our own phones may replace a party")
            return
        victim = transfer.find_replaced(self, replaces)
        if victim is None:
            incoming.reject(481, "No such call to replace")
            return
        party = Party(number=sender.extension.number, name=sender.extension.name, extension=sender.extension.number)
        call = victim.call
        leg = self._caller_leg(call, sender, party, incoming)
        leg.record.role = "caller" if victim is call.anchor else "callee"
        call.add_leg(leg)
        call.spawn(self._replace(call, victim, leg))

    async def _replace(self, call: CallBase, victim: Leg, leg: IncomingLeg) -> None:
        try:
            if leg.incoming.request.body:
                leg.audio.receive_offer(leg.incoming.request.body)
            if full := self.site_admission.refuses_caller(leg):
                raise NoPort(full)
            await self.media.open_streams(call, [leg])
            if not transfer.can_be_replaced(call, victim):
                raise NotAcceptable("the call to replace has ended")
            leg.answer(_codec_beside(call, victim, leg))
        except NotAcceptable as problem:
            leg.hang_up(488, str(problem))
        except (MediaLost, NoPort) as lost:
            leg.hang_up(503, str(lost))
        if leg.ended or not await transfer.replace(call, victim, leg):
            leg.hang_up(481, "the call to replace has ended")
            leg.release_audio()

    def _on_request(self, request: Request, flow: Flow, reply: Callable[[Response], None]) -> None:
        """A request outside of dialogs that begins no call."""
        method = request.method
        if method == "REGISTER":
            self.counters["registers"] += 1
            self.registrar.handle(request, flow, reply)
        elif method == "OPTIONS":
            reply(request.reply(503 if self.draining else 200))
        elif method == "MESSAGE":
            text_messages.receive(self, request, flow, reply)
        elif method == "NOTIFY":
            reply(request.reply(200))  # keep-alives of phones behind NAT come as NOTIFY too
        elif method == "SUBSCRIBE":
            self.subscriptions.handle(request, flow, reply)
        elif method == "PUBLISH":
            reply(bad_event(request))
        else:
            reply(request.reply(405))


def _codec_beside(call: CallBase, victim: Leg, leg: Leg) -> str:
    """The codec with which a leg fits best in the place of another one."""
    other = call.other(victim)
    if other is not None:
        return other.audio.codec
    able = call.anchor.audio.can_use()
    return next((name for name in leg.audio.can_use() if name in able), "")


def _challenges(response: Response) -> list[tuple[str, str]]:
    return [
        (name, value)
        for name in ("WWW-Authenticate", "Proxy-Authenticate", "Retry-After", "Warning")
        for value in response.all(name)
    ]
