"""Calls that begin with a click: our own phones ring first, and whoever picks up is connected as if it had dialled.

The verb `originate` of the control socket: pages, the API and integrations ask for it. What the number leads to, and
whether it may be dialled, `route()` says as for any call of the extension; the record looks like any other, too.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from jackfield.control import ControlError
from jackfield.media.client import MediaLost, NoPort
from jackfield.sip.tokens import Tokens
from jackfield.switch.audio import Profile
from jackfield.switch.call import Call
from jackfield.switch.codec_choice import to_offer
from jackfield.switch.dial import PhoneDial
from jackfield.switch.events import HangUp
from jackfield.switch.leg import Leg
from jackfield.switch.outgoing import outgoing_leg
from jackfield.switch.party import Party
from jackfield.switch.record import called_party, direction_of
from jackfield.switch.ringing import Fork
from jackfield.switch.route import FromExtension, Plan, RouteRequest, route
from jackfield.switch.sites import site_at

if TYPE_CHECKING:
    from jackfield.switch.snapshot import Extension
    from jackfield.switch.switch import Switch

__all__ = ["AT_ONCE", "PER_MINUTE", "RING_TIME", "OriginatedCall", "Originator"]

RING_TIME = 30.0
"""Seconds that the own phones ring: whoever has clicked sits beside one."""
BUSY_TONE = 5.0
"""Seconds of it for one who has picked up and can't be connected."""
AT_ONCE = 2
"""Calls of one user whose own phones may ring at the same time."""
PER_MINUTE = 12
"""Calls that one user may ask for in a minute: people dial slower, and a script in a loop is stopped."""
REMEMBERED = 2000
"""Users whose clicks are remembered, at most."""


class OriginatedCall(Call):
    """A call whose caller is rung first. Until somebody picks up, the anchor is a leg that leads nowhere."""

    def __init__(
        self, switch: Switch, name: str, plan: Plan, *, phones: list[PhoneDial], target: Party, user: str
    ) -> None:
        super().__init__(switch, name, plan)
        self.phones = phones
        self.target = target
        self.user = user
        self.picked_up = False
        self.record.direction = direction_of(plan)
        self.record.called = called_party(plan)
        self.anchor = Leg(self, plan.caller, Profile(), self.new_leg_record("caller", plan.caller), flow=None)

    async def follow(self, plan: Plan) -> None:
        """Ring the own phones, then do as for any call."""
        if not self.picked_up:
            await self._ring_own_phones(plan)
            self.picked_up = True
        try:
            await Call.follow(self, plan)  # mypyc knows no super() in coroutines
        except HangUp as reason:
            if self.record.answered is None and not self.anchor.ended:
                self.anchor.listener.stop()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(BUSY_TONE):
                        await self.play("tone:busy", loop=True)
            raise reason from None  # compiled, a bare raise would raise the timeout that was suppressed meanwhile

    async def _ring_own_phones(self, plan: Plan) -> None:
        self.caller = self.target  # whom the phone shows while it rings
        fork = Fork(self)
        legs = [outgoing_leg(self, dial, fork) for dial in self.phones]
        for leg in legs:
            leg.record.role = "caller"
            if leg.flow is None:
                await leg.find_way()
        try:
            await self._open_streams([leg for leg in legs if not leg.obstacle])
        except (MediaLost, NoPort) as problem:
            raise HangUp(503, self._no_media(legs, problem).reason) from None
        for leg in legs:
            if leg.obstacle:
                leg.give_up(503, leg.obstacle, local=True)
            else:
                leg.invite(*to_offer(leg.audio.profile.codecs, ()), {})
        self.fork = fork
        try:
            ringing = await fork.result(RING_TIME)
        finally:
            self.fork = None
        self.caller = plan.caller
        answered = ringing.leg
        if answered is None or answered.ended:
            self.record.hung_up_by = "caller"
            raise HangUp(487, f"nobody picked up at the phones of {plan.caller}, where the call was asked for")
        self.anchor = answered
        self.note(f"{answered} picked up and is connected with {self.target}")


class Originator:
    """Answers `originate`. Remembers who asked how often."""

    def __init__(self, switch: Switch) -> None:
        self._switch = switch
        self._tokens = Tokens()
        self._asked: dict[str, deque[float]] = {}

    async def originate(self, request: dict[str, Any]) -> dict[str, Any]:
        """Ring the phones of extension `from`, then call `to` as if it had been dialled there. Returns the call's id.

        `name`: whom the phones are to show besides the number, where the dial plan knows none. `line`: ring only the
        phones with this SIP name. `user`: whose limit counts, else the extension's user. `by`: who asks, for the
        journal. Raises `ControlError` with what stands in the way.
        """
        switch, snapshot = self._switch, self._switch.snapshot
        number, dialed = str(request.get("from", "")), str(request.get("to", ""))
        extension = next((one for one in snapshot.extensions if one.number == number), None)
        if extension is None:
            raise ControlError(f"there is no extension {number}")
        if switch.draining:
            raise ControlError("the system is stopping and takes no new calls")
        site = site_at(snapshot, switch.registrar, extension, str(request.get("line", "")))
        question = RouteRequest(dialed, FromExtension(number), site=site)
        plan = route(snapshot, question, switch.local_time(snapshot))
        if plan.refusal is not None:
            raise ControlError(plan.refusal.text)
        if plan.number == number:
            raise ControlError(f"{number} is the number of the phone itself")
        if used_up := switch.limits.forbids(plan, site):
            raise ControlError(used_up)
        phones = self._phones(extension, str(request.get("line", "")))
        if switch.calls_of(number) >= extension.max_calls:
            raise ControlError(f"extension {number} is in {extension.max_calls} calls already: hang one up first")
        user = str(request.get("user", "")) or extension.user or number
        self._count(user)
        target = called_party(plan)
        if not target.name:
            target = replace(target, name=str(request.get("name", ""))[:100])
        call = OriginatedCall(switch, self._tokens.tag()[:10], plan, phones=phones, target=target, user=user)
        by = str(request.get("by", "")) or f"extension {number}"
        call.note(f"{by} asks for a call from {number} to {target}: its own phones ring first")
        switch.calls[call.id] = call
        switch.counters["originated"] += 1
        switch.emit("call_started", call.id, call.record.beginning())
        call.start()
        return {"id": call.id}

    def _phones(self, extension: Extension, line_name: str) -> list[PhoneDial]:
        lines = [line for line in extension.lines if line_name in ("", line.sip_username)]
        contacts = self._switch.registrar.contacts
        found = [PhoneDial(extension, line, contact) for line in lines for contact in contacts(line)]
        if not found:
            which = f"phone {line_name} of extension" if line_name else "phone of extension"
            raise ControlError(f"no {which} {extension.number} is connected: there is nothing to ring first")
        return found

    def _count(self, user: str) -> None:
        """Note that a user asks once more. Raises `ControlError` over the limit."""
        now = self._switch.now()
        originated = [call for call in self._switch.calls.values() if isinstance(call, OriginatedCall)]
        if sum(call.user == user and not call.picked_up for call in originated) >= AT_ONCE:
            raise ControlError("your phones already ring for another call: pick up, or wait until they stop")
        asked = self._asked.setdefault(user, deque())
        while asked and asked[0] <= now - 60:
            asked.popleft()
        if len(asked) >= PER_MINUTE:
            raise ControlError(f"{PER_MINUTE} calls in a minute are the limit: wait a moment")
        asked.append(now)
        if len(self._asked) > REMEMBERED:
            self._asked = {name: times for name, times in self._asked.items() if times and times[-1] > now - 60}
