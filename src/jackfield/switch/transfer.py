"""Transfers: blind and attended, by REFER and by INVITE with Replaces (RFC 3515, 3891, 3892, 5589).

What is asked for by the control socket (`in_call`) takes the same way, with nobody to be notified.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from jackfield.media.client import MediaLost, NoPort
from jackfield.sip.errors import MalformedHeader
from jackfield.sip.headers import NameAddr
from jackfield.switch import direct, identity
from jackfield.switch.audio import NotAcceptable
from jackfield.switch.events import HangUp, Left, ReferTo
from jackfield.switch.leg import Leg
from jackfield.switch.outgoing import OutgoingLeg
from jackfield.switch.party import Party
from jackfield.switch.route import FromAnonymous, FromExtension, FromTrunk, Origin, Plan, RouteRequest, route

if TYPE_CHECKING:
    from jackfield.sip.message import Request
    from jackfield.sip.uri import Uri
    from jackfield.switch.call_base import CallBase
    from jackfield.switch.leg import Reply
    from jackfield.switch.switch import Switch

LEAVE = 2.0
"""Seconds that a transferor has to take the news before we hang up on it."""

SIPFRAG = "message/sipfrag;version=2.0"


class Transfer:
    """A transfer under way, and the implicit subscription by which the transferor follows it (RFC 3515 section 2.4)."""

    __slots__ = ("_done", "_notify", "by", "call", "leg", "permission", "referred_by")

    def __init__(
        self,
        call: CallBase,
        leg: Leg,
        *,
        notify: bool,
        referred_by: str = "",
        permission: Origin | None = None,
        by: str = "",
    ) -> None:
        """`leg` makes way. `permission`: by whose right the number is called; None: by that of `leg`.

        `by`: who has asked for it, for the journal, where it was not `leg` by its phone.
        """
        self.call = call
        self.leg = leg
        self.referred_by = referred_by or f"<sip:{leg.party.number}@{call.switch.domain}>"
        self.permission = permission
        self.by = by
        self._notify = notify
        self._done = False

    def progress(self, status: int, reason: str) -> None:
        """Tell how far it is."""
        if not self._done:
            self._tell(status, reason, "active;expires=60")

    def succeeded(self) -> None:
        """The other party is connected: the transferor is not needed any more."""
        if self._done:
            return
        self._end()
        self.leg.leave()
        self.call.switch.spawn(self._take_leave())  # it must outlive a call that ends with the transfer

    async def _take_leave(self) -> None:
        """Tell the transferor, give it a moment to hang up by itself, and else do it."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LEAVE):
                await self._notify_of(200, "OK", "terminated;reason=noresource")
        if not self.leg.ended:
            self.leg.hang_up(200, "transferred")

    def failed(self, status: int, reason: str) -> None:
        """It came to nothing."""
        if not self._done:
            self._end()
            self._tell(status, reason, "terminated;reason=noresource")

    def _end(self) -> None:
        self._done = True
        self.call.transfer = None
        self.call.extra_headers = ()

    def _tell(self, status: int, reason: str, state: str) -> None:
        self.call.switch.spawn(self._notify_of(status, reason, state))

    async def _notify_of(self, status: int, reason: str, state: str) -> None:
        session = self.leg.session
        if self._notify and session is not None and not self.leg.ended:
            await session.request(
                "NOTIFY",
                body=f"SIP/2.0 {status} {reason}\r\n".encode(),
                content_type=SIPFRAG,
                headers=[("Event", "refer"), ("Subscription-State", state)],
            )


def receive(call: CallBase, leg: Leg, request: Request, reply: Reply) -> None:
    """Answer a REFER inside a dialog."""
    other = call.other(leg)
    try:
        target = NameAddr.parse(request.get("Refer-To") or "").uri
        replaces = target.header("Replaces")
    except MalformedHeader as problem:
        call.note(f"{leg} asked for a transfer that can't be read: {problem}")
        reply(request.reply(400, "Refer-To can't be read"))
        return
    if call.transfer is not None:
        reply(request.reply(491))
        return
    if other is None or not call.conversing:
        reply(request.reply(403, "Nobody to transfer"))
        return
    wants_notify = (request.get("Refer-Sub") or "").strip().lower() != "false"  # RFC 4488
    reply(request.reply(202))
    referred_by = request.get("Referred-By") or ""
    under_way = call.transfer = Transfer(call, leg, notify=wants_notify, referred_by=referred_by)
    if not replaces:
        under_way.progress(100, "Trying")
        call.post(ReferTo(under_way, target))
        return
    victim = find_replaced(call.switch, replaces)
    if victim is None or victim.call is call:
        call.note(f"{leg} asked for a transfer to a call that is not there any more")
        under_way.failed(481, "Call does not exist")
        return
    call.switch.spawn(attended(call, under_way, other, victim))


async def blind(call: CallBase, under_way: Transfer, target: Uri) -> bool:
    """Connect who stays to `target`. True when the call went on there; False: both talk to each other again."""
    leg = under_way.leg
    stays = call.other(leg)
    if stays is None or stays.ended:
        under_way.failed(480, "The other party has hung up")
        return False  # the news of that is still to be read
    number, call.only_phone = call.switch.whom(target)
    call.note(f"{under_way.by or leg} transfers {stays} to {number}")
    call.hops += 1
    before = (call.anchor, call.peer, call.caller, call.plan)
    direct.end(call, f"{stays} is transferred")
    call.conversing = False
    call.anchor, call.peer = stays, None
    call.extra_headers = (("Referred-By", under_way.referred_by),)
    for party in (leg, stays):
        party.listener.stop()
        if party.audio.stream is not None:
            party.audio.stream.unbridge()
    plan = plan_of(call, under_way, stays, number)
    status, reason = 480, ""
    try:
        if call.hops > call.snapshot.general.max_hops:
            raise HangUp(482, "transferred in a circle")
        await call.follow(plan)
    except HangUp as end:
        status, reason = end.status, end.reason
    except NotAcceptable as problem:
        status, reason = 488, str(problem)
    except (MediaLost, NoPort) as lost:
        status, reason = 503, str(lost)
    if call.transfer is not under_way:
        call.record.reason = call.record.reason or reason
        return True  # it had succeeded, and that conversation is over too
    reason = reason or "nobody answered"
    under_way.failed(status, reason)
    call.note(f"the transfer to {number} failed: {status} {reason}")
    if leg.ended or call.anchor is not stays:
        call.record.reason = call.record.reason or reason
        return True  # the transferor did not wait, or who was to be transferred has passed the call on
    call.anchor, call.peer, call.caller, call.plan = before
    call.conversing = True
    call.reconnect()
    return False


def plan_of(call: CallBase, under_way: Transfer, stays: Leg, number: str) -> Plan:
    """What `number` leads to for the one who stays, by the right of the one who asks for the transfer."""
    request = RouteRequest(
        dialed=number,
        origin=origin_of(stays.party),
        calling_number=stays.party.number,
        calling_name=stays.party.name,
        permission=under_way.permission or origin_of(under_way.leg.party),
        caller=stays.party,
    )
    return route(call.snapshot, request, call.switch.local_time(call.snapshot))


def origin_of(party: Party) -> Origin:
    """As whom a party dials."""
    if party.extension:
        return FromExtension(party.extension)
    return FromTrunk(party.trunk) if party.trunk else FromAnonymous()


def find_replaced(switch: Switch, value: str) -> Leg | None:
    """The leg that a Replaces header names (RFC 3891 section 3); the to-tag is the one on our side."""
    call_id, *parameters = [part.strip() for part in value.split(";")]
    tags = dict(part.partition("=")[::2] for part in parameters)
    session = switch.agent.session(call_id, tags.get("to-tag", ""), tags.get("from-tag", ""))
    events = getattr(session, "events", None)
    if not isinstance(events, Leg) or events.ended:
        return None
    if "early-only" in tags and events.answered:
        return None
    return events


async def attended(call: CallBase, under_way: Transfer, stays: Leg, victim: Leg) -> None:
    """Put `stays` of this call in the place of `victim` in the other call; both legs of the transferor end."""
    target = victim.call
    call.note(f"{under_way.by or under_way.leg} connects {stays} with the other call {target.id}")
    if call.other(under_way.leg) is not stays or not await replace(target, victim, stays):
        call.note(f"they could not be connected: somebody has hung up, or the audio of {stays} could not be moved")
        under_way.failed(480, "The other call has ended")
        if not call.over and call.other(under_way.leg) is stays:
            await call.switch.media.same_worker(call, stays)
            call.reconnect()
        return
    under_way.succeeded()
    call.record.reason = f"transferred into call {target.id}"
    call.record.hung_up_by = under_way.leg.record.role
    call.post(Left(stays, target.id))


async def replace(call: CallBase, old: Leg, new: Leg) -> bool:
    """Put the answered leg `new`, of another call or of this one, in the place of `old`, which is hung up.

    False when that can't be; nothing has changed then but perhaps the media process of `new`.
    """
    came_from = new.call
    if not can_be_replaced(call, old) or not await call.switch.media.same_worker(call, new):
        return False
    if new.ended or new.call is not came_from or not can_be_replaced(call, old):
        return False  # while its audio moved
    new.listener.stop()  # it may have been on hold
    if new.audio.stream is not None:
        new.audio.stream.unbridge()
    if came_from is not call:
        call.adopt(new, "caller" if old is call.anchor else "callee")
    if isinstance(old, OutgoingLeg) and old.fork is not None:
        call.note(f"{new} picks the call up that rings at {old}")
        return old.fork.take(new)
    if call.anchor is old:
        call.anchor, call.caller = new, new.party
        # What the destination plays and waits for goes on with the new one.
        old.listener, new.listener = new.listener, old.listener
        if new.audio.stream is not None:
            new.listener.use(new.audio.stream)
    else:
        call.peer = new
    call.note(f"{new} takes the place of {old}")
    old.hang_up(200 if old.answered else 487, "replaced")
    old.release_audio()
    call.reconnect()
    return True


def can_be_replaced(call: CallBase, leg: Leg) -> bool:
    """True while a leg has a part in its call: one of two who talk, the caller, or a phone that rings."""
    if call.over or leg.ended or leg.leaving:
        return False
    return leg is call.anchor or call.other(leg) is not None or (isinstance(leg, OutgoingLeg) and leg.fork is not None)


async def tell_connected(call: CallBase, leg: Leg, party: Party) -> None:
    """Show a party whom it talks with now (RFC 4916 by P-Asserted-Identity in UPDATE, else in a re-INVITE)."""
    session = leg.session
    leg.shown = party
    headers = identity.connected(party, leg.audio.address or call.switch.domain)
    if session is None or leg.ended or not headers:
        return
    if session.abilities.allows("UPDATE"):
        await session.update(headers=headers)
    elif leg.audio.local is not None:
        await leg.reinvite(leg.audio.describe, headers)
