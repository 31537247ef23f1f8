"""Transfers: blind and attended, by REFER and by INVITE with Replaces (RFC 3515, 3891, 3892, 5589)."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from jackfield.media.client import MediaLost, NoPort
from jackfield.sip.errors import MalformedHeader
from jackfield.sip.headers import NameAddr
from jackfield.switch import identity, offers
from jackfield.switch.audio import NotAcceptable
from jackfield.switch.events import HangUp, Left, ReferTo
from jackfield.switch.leg import Leg
from jackfield.switch.party import Party
from jackfield.switch.route import FromAnonymous, FromExtension, FromTrunk, Origin, RouteRequest, route

if TYPE_CHECKING:
    from jackfield.sip.message import Request
    from jackfield.switch.call_base import CallBase
    from jackfield.switch.leg import Reply
    from jackfield.switch.switch import Switch

LEAVE = 2.0
"""Seconds that a transferor has to take the news before we hang up on it."""

SIPFRAG = "message/sipfrag;version=2.0"


class Transfer:
    """A transfer under way, and the implicit subscription by which the transferor follows it (RFC 3515 section 2.4)."""

    __slots__ = ("_done", "_notify", "call", "leg", "referred_by")

    def __init__(self, call: CallBase, leg: Leg, *, notify: bool, referred_by: str = "") -> None:
        self.call = call
        self.leg = leg
        self.referred_by = referred_by
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
        self._done = True
        self.call.transfer = None
        self.call.extra_headers = ()
        self.leg.release_audio()
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
            self._tell(status, reason, "terminated;reason=noresource")
            self._done = True

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
    if other is None or call.transfer is not None:
        reply(request.reply(491 if call.transfer else 403, "Nobody to transfer"))
        return
    wants_notify = (request.get("Refer-Sub") or "").strip().lower() != "false"  # RFC 4488
    referred_by = request.get("Referred-By") or f"<sip:{leg.party.number}@{call.switch.domain}>"
    under_way = Transfer(call, leg, notify=wants_notify, referred_by=referred_by)
    if replaces:
        victim = find_replaced(call.switch, replaces)
        if victim is None or victim.call is call:
            reply(request.reply(202))
            call.note(f"{leg} asked for a transfer to a call that is not there any more")
            under_way.failed(481, "Call does not exist")
            return
        reply(request.reply(202))
        call.switch.spawn(attended(call, under_way, other, victim))
        return
    reply(request.reply(202))
    under_way.progress(100, "Trying")
    call.post(ReferTo(under_way, target.username))


async def blind(call: CallBase, under_way: Transfer, number: str) -> bool:
    """Connect who stays to `number`. True when the call went on there; False: both talk to each other again."""
    leg = under_way.leg
    stays = call.other(leg)
    if stays is None or stays.ended:
        under_way.failed(480, "The other party has hung up")
        return True
    call.note(f"{leg} transfers {stays} to {number}")
    call.hops += 1
    before = (call.anchor, call.peer, call.caller, call.plan)
    call.conversing = False
    call.anchor, call.peer = stays, None
    call.transfer = under_way
    call.extra_headers = (("Referred-By", under_way.referred_by),)
    for party in (leg, stays):
        party.held = False
        if party.audio.stream is not None:
            party.audio.stream.unbridge()
    call.listener.stop()
    request = RouteRequest(
        dialed=number,
        origin=origin_of(stays.party),
        calling_number=stays.party.number,
        calling_name=stays.party.name,
        permission=origin_of(leg.party),
        caller=stays.party,
    )
    plan = route(call.snapshot, request, call.switch.local_time(call.snapshot))
    status, reason = 480, "nobody answered"
    try:
        if call.hops > call.snapshot.general.max_hops:
            raise HangUp(482, "transferred in a circle")
        await call.follow(plan)
    except HangUp as end:
        status, reason = end.status, end.reason
    except (NotAcceptable, MediaLost, NoPort) as problem:
        status, reason = 488, str(problem)
    if call.transfer is None:
        return True  # it had succeeded, and that conversation is over too
    call.transfer = None
    call.extra_headers = ()
    under_way.failed(status, reason or "Failed")
    call.note(f"the transfer to {number} failed: {status} {reason}")
    if leg.ended or stays.ended:
        return True
    call.anchor, call.peer, call.caller, call.plan = before
    call.listener.stop()
    if call.anchor.audio.stream is not None and call.peer is not None and call.peer.audio.stream is not None:
        call.anchor.audio.stream.bridge(call.peer.audio.stream)
    call.conversing = True
    for party in (leg, stays):
        offers.follow_hold(call, party)  # who had the other one on hold still has
    return False


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
    if "early-only" in value and events.answered:
        return None
    return events


async def attended(call: CallBase, under_way: Transfer, stays: Leg, victim: Leg) -> None:
    """Put `stays` of this call in the place of `victim` in the other call; both legs of the transferor end."""
    target = victim.call
    call.note(f"{under_way.leg} connects {stays} with the other call {target.id}")
    if not await replace(target, victim, stays):
        under_way.failed(480, "The other call has ended")
        return
    under_way.succeeded()
    call.record.reason = f"transferred into call {target.id}"
    call.post(Left(stays, target.id))


async def replace(call: CallBase, old: Leg, new: Leg) -> bool:
    """Put the answered leg `new`, of another call or of none, in the place of `old`. `old` is hung up."""
    came_from = new.call
    stream = new.audio.stream
    came_from.listener.stop()  # it may have been on hold
    if stream is not None:
        stream.unbridge()
    if old.ended or not await call.switch.media.same_worker(call, new):
        return False
    if came_from is not call:
        came_from.give_up_leg(new)
        call.add_leg(new)
    new.held = False
    if call.anchor is old:
        call.anchor = new
        call.caller = new.party
    elif call.peer is old:
        call.peer = new
    else:
        return False
    call.note(f"{new} takes the place of {old}")
    old.hang_up(200, "replaced", headers=())
    old.release_audio()
    other = call.other(new)
    if other is None:  # still ringing: let the new one hear it
        if stream is not None and call.anchor is new:
            call.listener.tone(stream, "ringback", call.snapshot.general.country)
        return True
    call.listener.stop()
    ours, theirs = new.audio.stream, other.audio.stream
    if ours is not None and theirs is not None:
        ours.bridge(theirs)
    for leg, connected in ((new, other), (other, new)):
        call.spawn(tell_connected(call, leg, connected.party))
    return True


async def tell_connected(call: CallBase, leg: Leg, party: Party) -> None:
    """Show a party whom it talks with now (RFC 4916 by P-Asserted-Identity in UPDATE, else in a re-INVITE)."""
    session = leg.session
    if session is None or leg.ended or leg.party.trunk:
        return
    headers = identity.connected(party, leg.audio.address or call.switch.domain)
    if session.peer_allows("UPDATE"):
        await session.update(headers=headers)
    elif leg.audio.local is not None:
        await session.reinvite(leg.audio.describe(), headers=headers)
