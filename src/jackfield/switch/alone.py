"""A caller who talks with nobody: echo test, music, an announcement, a queue. It can be taken elsewhere meanwhile.

What the number leads to is stopped as by a hang-up, but its caller stays: it goes to another number, or takes the place
of somebody in another call. If nothing comes of that, it is led to where it was once more.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

from jackfield.media.client import MediaLost, NoPort
from jackfield.switch import transfer
from jackfield.switch.audio import NotAcceptable
from jackfield.switch.destinations import destination_of
from jackfield.switch.events import HangUp
from jackfield.switch.transfer import Transfer

if TYPE_CHECKING:
    from jackfield.switch.call import Call
    from jackfield.switch.call_base import CallBase
    from jackfield.switch.leg import Leg
    from jackfield.switch.plan import Entry, Plan

__all__ = ["TakenElsewhere", "lead"]


class TakenElsewhere(Transfer):
    """The way of a caller who leaves nobody behind; nobody is told how far it is."""

    __slots__ = ("begun", "plan", "victim")

    def __init__(
        self, call: CallBase, stays: Leg, *, by: str, plan: Plan | None = None, victim: Leg | None = None
    ) -> None:
        """`plan`: what it is to be connected with; else `victim`: in whose place, in another call."""
        super().__init__(call, stays, notify=False, by=by)
        self.plan = plan
        self.victim = victim
        self.begun = False

    def start(self) -> None:
        """Stop what the caller is led by now: `lead` goes on with this."""
        self.call.transfer = self
        assert self.call.task is not None
        self.call.task.cancel()

    def succeeded(self) -> None:
        """Somebody has answered there."""
        self._end()

    async def go(self) -> bool:
        """Go there. False: nobody answered, and the caller is where it was."""
        call = self.call
        self.begun = True
        for leg in call.legs:  # one that was ringing, and has answered in the same moment
            if leg is not call.anchor and not leg.ended and not leg.leaving:
                leg.hang_up(487, "the caller was taken elsewhere")
                leg.release_audio()
        found = await self._follow(self.plan) if self.plan is not None else await self._take_place()
        if not found:
            self.failed(480, "")
        return found

    async def _follow(self, plan: Plan) -> bool:
        call = self.call
        before = (call.caller, call.plan, call.hops, call.diversions)
        call.note(f"{self.by} transfers {self.leg} to {plan.number}")
        call.hops, call.diversions, call.only_phone = 0, [], None
        status, reason = 480, ""
        try:
            await call.follow(plan)
        except HangUp as end:
            status, reason = end.status, end.reason
        except NotAcceptable as problem:
            status, reason = 488, str(problem)
        except (MediaLost, NoPort) as lost:
            status, reason = 503, str(lost)
        if call.transfer is not self:
            call.record.reason = call.record.reason or reason
            return True  # that conversation is over too
        call.note(f"the transfer to {plan.number} failed: {status} {reason or 'nobody answered'}")
        call.caller, call.plan, call.hops, call.diversions = before
        return False

    async def _take_place(self) -> bool:
        call, victim = self.call, self.victim
        assert victim is not None
        target = victim.call
        call.note(f"{self.by} connects {self.leg} with the other call {target.id}")
        if not await transfer.replace(target, victim, self.leg):
            call.note("they could not be connected: somebody has hung up meanwhile")
            return False
        call.record.reason = f"transferred into call {target.id}"
        self._end()
        return True


async def lead(call: CallBase, entry: Entry) -> None:
    """Run the destination of an entry; with `TakenElsewhere`, go there, and come back if nobody answers."""
    while True:
        try:
            await destination_of(entry)(cast("Call", call), entry)
        except asyncio.CancelledError:
            taken = call.transfer
            if not isinstance(taken, TakenElsewhere) or taken.begun or call.over or call.ordered or call.anchor.ended:
                raise
        else:
            return
        assert call.task is not None
        call.task.uncancel()
        if await taken.go():
            return
