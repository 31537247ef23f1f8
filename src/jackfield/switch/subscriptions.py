"""Lamps: phones that watch whether other phones are free, ring or talk (RFC 6665 with the dialog package of RFC 4235).

A phone subscribes to an extension or to a night switch, is told its state at once, and again whenever it changes.
What it is told names the dialog, so that a call that rings elsewhere can be picked up by INVITE with Replaces.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from jackfield.sip.dialog import Dialog, key_of_request
from jackfield.sip.dialog_info import CONTENT_TYPE, DialogInfo, document
from jackfield.sip.errors import MalformedMessage
from jackfield.sip.flow import Flow, bracketed
from jackfield.sip.message import Request, Response
from jackfield.sip.timers import Timer
from jackfield.sip.uri import escape_user
from jackfield.switch.leg import IncomingLeg, Leg
from jackfield.switch.snapshot import Extension, Service, Snapshot

if TYPE_CHECKING:
    from jackfield.switch.switch import Switch

__all__ = ["Subscriptions", "bad_event"]

log = logging.getLogger(__name__)

EVENTS = "dialog, refer"
"""For Allow-Events: REFER's own subscriptions are made by the REFER."""
SHORTEST, USUAL, LONGEST = 60, 3600, 3600  # seconds
MOST_OF_ONE_LINE = 250  # a phone with its key modules watches some 120; beyond, the oldest are forgotten
_FINAL = frozenset((404, 405, 408, 410, 416, 480, 481, 482, 483, 484, 485, 489, 501, 503, 604))
"""Responses to NOTIFY that end the subscription (RFC 6665 section 4.2.2); 408 and 503 are also ours, for no answer."""

Reply = Callable[[Response], None]


class Subscription:
    """One phone that watches one extension."""

    __slots__ = ("dialog", "event", "flow", "line", "number", "over", "stale", "timer", "under_way", "until", "version")

    def __init__(self, dialog: Dialog, flow: Flow, event: str, line: str, number: str) -> None:
        self.dialog = dialog
        self.flow = flow
        self.event = event  # value of the Event header in our NOTIFYs
        self.line = line
        self.number = number
        self.version = 0
        self.over = ""  # id of a call that was told
        self.until = 0.0
        self.timer: Timer | None = None
        self.under_way = False  # a NOTIFY is not answered: another one could overtake it
        self.stale = False  # there is news that it does not have


class Subscriptions:
    """All of them. `len(subscriptions)` is their number."""

    def __init__(self, switch: Switch) -> None:
        self._switch = switch
        self._of_key: dict[tuple[str, str, str], Subscription] = {}
        self._of_number: dict[str, dict[Subscription, None]] = {}
        self._of_line: dict[str, dict[Subscription, None]] = {}
        self._changed: dict[str, None] = {}

    def __len__(self) -> int:
        return len(self._of_key)

    # --- what phones ask ----------------------------------------------------------------------------------------------

    def handle(self, request: Request, flow: Flow, reply: Reply) -> None:
        """Take a SUBSCRIBE."""
        try:
            if request.to.tag is not None:
                self._refresh(request, flow, reply)
            else:
                self._begin(request, flow, reply)
        except MalformedMessage as error:
            reply(request.reply(400, error.reason))

    def _begin(self, request: Request, flow: Flow, reply: Reply) -> None:
        switch = self._switch
        package, _, parameters = (request.get("Event") or "").partition(";")
        if package.strip().lower() != "dialog":
            reply(bad_event(request))
            return
        sender = switch.authenticator.check(request, flow)
        if isinstance(sender, Response):
            reply(sender)
            return
        if sender.line is None:
            reply(request.reply(403, "Only our own phones may watch others"))
            return
        accepted = ",".join(request.all("Accept")).lower()
        if accepted and not ("*/*" in accepted or "application/*" in accepted or CONTENT_TYPE in accepted):
            reply(request.reply(406))
            return
        seconds = self._seconds(request, reply)
        if seconds is None:
            return
        if not _has_lamp(switch.snapshot, sender.dialed):
            reply(request.reply(404, f"There is no extension {sender.dialed}" if sender.dialed.isalnum() else None))
            return
        identifier = next((part.strip() for part in parameters.split(";") if part.strip()[:3].lower() == "id="), "")
        tag = switch.agent.tokens.tag()
        subscription = Subscription(
            Dialog.from_uas(request, tag, secure=flow.secure),
            flow,
            f"dialog;{identifier}" if identifier else "dialog",
            sender.line.sip_username,
            sender.dialed,
        )
        self._accept(request, reply, subscription, seconds, tag)
        if seconds:
            self._add(subscription)
        self._notify(subscription, "" if seconds else "timeout")

    def _refresh(self, request: Request, flow: Flow, reply: Reply) -> None:
        subscription = self._of_key.get(key_of_request(request))
        if subscription is None:  # ours is gone, by a restart for example: the phone begins anew
            reply(request.reply(481))
            return
        if subscription.dialog.check(request):
            reply(request.reply(500, "CSeq Out of Order"))
            return
        seconds = self._seconds(request, reply)
        if seconds is None:
            return
        subscription.flow = flow
        subscription.dialog.refresh_target(request)
        self._accept(request, reply, subscription, seconds)
        if seconds:
            self._notify(subscription)
        else:
            self._end(subscription, "timeout")

    def _seconds(self, request: Request, reply: Reply) -> int | None:
        """For how long; None after the refusal of too short a time (RFC 6665 section 4.2.1.1)."""
        wanted = request.expires
        seconds = USUAL if wanted is None else min(wanted, LONGEST)
        if 0 < seconds < SHORTEST:
            refusal = request.reply(423)
            refusal.set("Min-Expires", str(SHORTEST))
            reply(refusal)
            return None
        return seconds

    def _accept(
        self, request: Request, reply: Reply, subscription: Subscription, seconds: int, tag: str | None = None
    ) -> None:
        response = request.reply(200, to_tag=tag)
        response.set("Expires", str(seconds))
        response.set("Contact", self._contact(subscription))
        reply(response)
        agent = self._switch.agent
        subscription.until = agent.clock() + seconds
        if subscription.timer is not None:
            subscription.timer.cancel()
        subscription.timer = None
        if seconds:
            subscription.timer = agent.timers.after(
                agent.clock(), seconds, lambda _: self._end(subscription, "timeout")
            )

    def _contact(self, subscription: Subscription) -> str:
        user = escape_user(subscription.number)
        return self._switch.agent.contact(subscription.flow, user, secure=subscription.dialog.secure)

    # --- keeping them -------------------------------------------------------------------------------------------------

    def _add(self, subscription: Subscription) -> None:
        self._of_key[subscription.dialog.key] = subscription
        self._of_number.setdefault(subscription.number, {})[subscription] = None
        of_line = self._of_line.setdefault(subscription.line, {})
        of_line[subscription] = None
        if len(of_line) > MOST_OF_ONE_LINE:
            self._forget(next(iter(of_line)))

    def _forget(self, subscription: Subscription) -> None:
        if subscription.timer is not None:
            subscription.timer.cancel()
            subscription.timer = None
        self._of_key.pop(subscription.dialog.key, None)
        for kept, key in ((self._of_number, subscription.number), (self._of_line, subscription.line)):
            some = kept.get(key)
            if some is not None:
                some.pop(subscription, None)
                if not some:
                    del kept[key]

    def _end(self, subscription: Subscription, reason: str) -> None:
        self._forget(subscription)
        self._notify(subscription, reason)

    def reload(self) -> None:
        """End those whose extension, or whose own line, is not there any more."""
        snapshot = self._switch.snapshot
        for subscription in list(self._of_key.values()):
            if not _has_lamp(snapshot, subscription.number):
                self._end(subscription, "noresource")
            elif subscription.line not in snapshot.lines:
                self._end(subscription, "rejected")

    # --- telling them -------------------------------------------------------------------------------------------------

    def changed(self, extension: str) -> None:
        """Tell those who watch an extension of a change in its calls, when this turn of the loop has done all."""
        if extension in self._of_number:
            if not self._changed:
                asyncio.get_running_loop().call_soon(self._tell)
            self._changed[extension] = None

    def _tell(self) -> None:
        changed, self._changed = self._changed, {}
        for extension in changed:
            for subscription in list(self._of_number.get(extension, ())):
                self._notify(subscription)

    def _notify(self, subscription: Subscription, over: str = "") -> None:
        """Send the state as it is now. `over`: why the subscription has ended (RFC 6665 section 4.1.3)."""
        if subscription.under_way and not over:
            subscription.stale = True
            return
        subscription.stale = False
        agent = self._switch.agent
        left = max(0, round(subscription.until - agent.clock()))
        headers = [
            ("Event", subscription.event),
            ("Subscription-State", f"terminated;reason={over}" if over else f"active;expires={left}"),
            ("Contact", self._contact(subscription)),
        ]
        request = subscription.dialog.request("NOTIFY", headers, self._state(subscription), CONTENT_TYPE)
        subscription.under_way = True
        agent.send(request, subscription.flow, lambda response: self._notified(subscription, response))

    def _notified(self, subscription: Subscription, response: Response) -> None:
        subscription.under_way = False
        if response.status in _FINAL:
            self._forget(subscription)
        elif subscription.stale and subscription.dialog.key in self._of_key:
            self._notify(subscription)

    def _state(self, subscription: Subscription) -> bytes:
        host = bracketed(self._switch.agent.local_address(subscription.flow)[0])
        legs = self._switch.engaged.legs_of(subscription.number)
        dialogs = [_dialog_of(leg, host) for leg in legs if not leg.leaving]
        service = self._switch.snapshot.numbers.get(subscription.number)
        if isinstance(service, Service) and self._switch.overrides.of(service.hours) is not None:
            uri = _uri(service.number, host), service.name
            dialogs = [DialogInfo(f"night-{service.number}", "confirmed", recipient=True, local=uri, remote=uri)]
        body = document(_uri(subscription.number, host), subscription.version, dialogs, subscription.over)
        subscription.version += 1
        if dialogs:
            subscription.over = dialogs[0].id
        return body


def bad_event(request: Request) -> Response:
    """The refusal of a package that we don't have (RFC 6665 section 8.3.2)."""
    refusal = request.reply(489)
    refusal.set("Allow-Events", EVENTS)
    return refusal


def _has_lamp(snapshot: Snapshot, number: str) -> bool:
    """Whether phones may watch a number: an extension, or a night switch, whose lamp is lit while it is in force."""
    found = snapshot.numbers.get(number)
    return isinstance(found, Extension) or (isinstance(found, Service) and found.kind == "night")


def _uri(number: str, host: str) -> str:
    return f"sip:{number}" if "@" in number else f"sip:{escape_user(number)}@{host}"


def _dialog_of(leg: Leg, host: str) -> DialogInfo:
    call = leg.call
    caller = isinstance(leg, IncomingLeg)
    other = leg.shown or (call.record.called if leg is call.anchor else call.caller)
    if other is None:
        remote = (_uri(call.dialed, host), "") if call.dialed else ("sip:unknown@unknown.invalid", "")
    elif other.anonymous:
        remote = ("sip:anonymous@anonymous.invalid", "Anonymous")
    else:
        remote = (_uri(other.number or call.dialed, host), other.name)
    dialog = leg.dialog
    return DialogInfo(
        leg.record.id,
        "confirmed" if leg.answered else "early" if leg.record.ringing is not None else "trying",
        recipient=not caller,
        local=(_uri(leg.party.extension, host), leg.party.name),
        remote=remote,
        call_id=dialog.call_id if dialog is not None else "",
        local_tag=dialog.remote_tag if dialog is not None else "",  # its side is our far side
        remote_tag=dialog.local_tag if dialog is not None else "",
    )
