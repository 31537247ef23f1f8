"""Asking before a call that a limit does not let through by itself: the caller for a PIN, or the user to approve it."""

from __future__ import annotations

import asyncio
import hmac
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jackfield.control import ControlError
from jackfield.sip.tokens import Tokens
from jackfield.switch import refusing
from jackfield.switch.approving import ApprovalCall
from jackfield.switch.dial import PhoneDial
from jackfield.switch.limits.rules import Hit, Outgoing
from jackfield.switch.party import Party
from jackfield.switch.plan import FromExtension, Plan, RouteRequest
from jackfield.switch.snapshot import Extension

if TYPE_CHECKING:
    from jackfield.switch.call import Call
    from jackfield.switch.switch import Switch

__all__ = ["LONGEST_PIN", "PATIENCE", "Asking"]

TRIES = 3
"""Times that a PIN may be keyed in one call."""
WRONG_PER_HOUR = 6
"""Wrong PINs of one extension in an hour, after which it is not asked any more."""
LONGEST_PIN = 12
PATIENCE = 60.0
"""Seconds that a user has to approve a call."""
AT_ONCE = 3
"""Calls of one extension that may wait for it."""
ENTER_PIN = "limit-enter-pin"
WRONG_PIN = "limit-wrong-pin"
WAITS = "limit-waits-for-approval"


@dataclass(slots=True)
class Wanted:
    """A call that waits until its user approves it."""

    id: str
    call: str
    hit: Hit
    outgoing: Outgoing
    asked: float
    decided: asyncio.Future[tuple[bool, str]]


class Asking:
    """Remembers wrong PINs, and the calls that wait for their users."""

    def __init__(self, switch: Switch) -> None:
        self._switch = switch
        self._wrong: dict[str, deque[float]] = {}
        self._waiting: dict[str, Wanted] = {}
        self._tokens = Tokens()

    def handlers(self) -> dict[str, Callable[[dict[str, Any]], Awaitable[Any]]]:
        """Verbs of the control socket."""
        return {"approvals": self.approvals, "approve": self.approve}

    async def clear(self, call: Call, hit: Hit, outgoing: Outgoing) -> str:
        """Ask what the rule wants; return why the call may not be made, "" when it may."""
        if hit.rule.action == "ask":
            return await self._approval(call, hit, outgoing)
        return await self._pin(call, hit, outgoing)

    # --- PIN ---

    async def _pin(self, call: Call, hit: Hit, outgoing: Outgoing) -> str:
        name, who = hit.rule.name, outgoing.extension
        if not hit.rule.pin:
            return f'limit "{name}" asks for a PIN and has none - set one at Limits on calls > {name}'
        if not who or call.anchor.party.extension != who:
            return f'limit "{name}" asks for a PIN, which only the phone that calls can give'
        wrong = self._wrong_of(who)
        for _ in range(TRIES):
            if len(wrong) >= WRONG_PER_HOUR:
                return f'limit "{name}": extension {who} has given {len(wrong)} wrong PINs within an hour'
            digits = await call.collect(prompt=ENTER_PIN, limit=LONGEST_PIN, timeout=10.0, between=5.0)
            if digits and hmac.compare_digest(digits, hit.rule.pin):
                call.note(f'the PIN of the limit "{name}" was given', f"call_limits/{name}")
                return ""
            if digits:
                wrong.append(self._switch.now())
                call.note(f'a wrong PIN was given for the limit "{name}"', f"call_limits/{name}")
            await call.play(WRONG_PIN)
        return f'limit "{name}": the PIN was not given'

    def _wrong_of(self, who: str) -> deque[float]:
        found = self._wrong.setdefault(who, deque())
        while found and found[0] <= self._switch.now() - 3600:
            found.popleft()
        return found

    # --- approval ---

    async def _approval(self, call: Call, hit: Hit, outgoing: Outgoing) -> str:
        name, who = hit.rule.name, outgoing.extension
        if not who:
            return f'limit "{name}" asks the user to approve, and this call is nobody\'s'
        if sum(one.outgoing.extension == who for one in self._waiting.values()) >= AT_ONCE:
            return f'limit "{name}": {AT_ONCE} calls of extension {who} wait to be approved already'
        loop = asyncio.get_running_loop()
        wanted = Wanted(self._tokens.tag(), call.id, hit, outgoing, self._switch.now(), loop.create_future())
        self._waiting[wanted.id] = wanted
        call.note(f'limit "{name}": {outgoing.user or f"the user of {who}"} is asked to approve', f"call_limits/{name}")
        self._switch.emit("call_limit", f"approval-{wanted.id}", {"did": "asks", **_row(wanted)})
        call.spawn(refusing.say_why(call, WAITS))
        ringing = self._ring_phones(call, wanted)
        try:
            async with asyncio.timeout(PATIENCE):
                approved, by = await wanted.decided
        except TimeoutError:
            return f'limit "{name}": nobody approved the call within {PATIENCE:.0f} s'
        finally:
            self._waiting.pop(wanted.id, None)
            if ringing is not None:
                ringing.end(487, "it is decided")
        call.note(f"{by} {'approved' if approved else 'refused'} the call", f"call_limits/{name}")
        return "" if approved else f'limit "{name}": {by} refused the call'

    def _ring_phones(self, call: Call, wanted: Wanted) -> ApprovalCall | None:
        """Ask at the phones of the extension that have other SIP names: whoever stole one has not the others."""
        switch, who = self._switch, wanted.outgoing.extension
        extension = switch.snapshot.numbers.get(who)
        if not isinstance(extension, Extension):
            return None
        calling = call.anchor.record.line
        contacts = switch.registrar.contacts
        phones = [
            PhoneDial(extension, line, contact)
            for line in extension.lines
            if line.sip_username != calling
            for contact in contacts(line)
            if not contact.asleep
        ]
        if not phones:
            return None
        plan = Plan(RouteRequest(call.dialed, FromExtension(who)), call.plan.number, call.caller, None, None, ())

        def decide(approved: bool, by: str) -> None:
            if not wanted.decided.done():
                wanted.decided.set_result((approved, by))

        target = Party(call.plan.number)
        asks = ApprovalCall(
            switch, self._tokens.tag()[:10], plan, phones=phones, target=target, user=f"approval {who}", decide=decide
        )
        asks.note(f'the limit "{wanted.hit.rule.name}" wants call {call.id} to be approved: {who} is asked')
        call.note(f"{len(phones)} other phones of {who} are rung to approve it")
        switch.calls[asks.id] = asks
        switch.emit("call_started", asks.id, asks.record.beginning())
        asks.start()
        return asks

    async def approvals(self, request: dict[str, Any]) -> list[dict[str, Any]]:
        """The calls that wait; `extensions`: of these only."""
        wanted = request.get("extensions")
        return [
            {"id": one.id, **_row(one)}
            for one in self._waiting.values()
            if wanted is None or one.outgoing.extension in wanted
        ]

    async def approve(self, request: dict[str, Any]) -> dict[str, Any]:
        """Let the call `id` go on, or with `yes` false refuse it. `extensions`: those of who asks; `by`: in words."""
        found = self._waiting.get(str(request.get("id", "")))
        extensions = request.get("extensions")
        if found is None or (extensions is not None and found.outgoing.extension not in extensions):
            raise ControlError("this call does not wait any more")
        if not found.decided.done():
            found.decided.set_result(
                (bool(request.get("yes", True)), str(request.get("by", "")) or "the administrator")
            )
        return {"id": found.id, "call": found.call}


def _row(one: Wanted) -> dict[str, Any]:
    called = one.outgoing.called
    return {
        "at": one.asked,
        "call": one.call,
        "rule": one.hit.rule.name,
        "text": one.hit.words,
        "dialed": one.outgoing.dialed,
        "number": called.full,
        "country": called.country,
        "extension": one.outgoing.extension,
        "user": one.outgoing.user,
        "until": one.asked + PATIENCE,
    }
