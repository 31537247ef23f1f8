"""Outbound: a call to the outside through the first trunk that carries it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jackfield.switch.trunks import may_fail_over

if TYPE_CHECKING:
    from jackfield.switch.call import Call
    from jackfield.switch.route import OutboundPlan

__all__ = ["outbound"]


async def outbound(call: Call, plan: OutboundPlan) -> None:
    """Try the trunks in order. Only a trunk that failed makes way for the next, never a busy or unwilling callee."""
    trunks = call.switch.trunks
    status, reason = 503, f'no trunk of the outgoing route "{plan.route.name}" could take the call'
    with trunks.route_slot(plan.route) as free:
        if not free:
            text = f'the {plan.route.max_calls} calls of the outgoing route "{plan.route.name}" are all taken'
            await call.hang_up(503, reason=text)
        for dial in plan.attempts:
            name = dial.trunk.name
            if not trunks.usable(dial.trunk):
                call.note(f'trunk "{name}" is down: skipped', f"trunks/{name}")
                continue
            if not trunks.has_room(dial.trunk):
                call.note(f'trunk "{name}" has no room, {dial.trunk.max_calls} calls: skipped', f"trunks/{name}")
                continue
            call.note(f'calling {dial.number} through trunk "{name}"', f"trunks/{name}")
            ringing = await call.ring([dial], timeout=None)
            if ringing.leg is not None:
                return await call.bridge(ringing.leg)
            status, reason = ringing.status, ringing.reason
            if not may_fail_over(status):
                break
            call.note(f'trunk "{name}" failed: {status} {reason}', f"trunks/{name}")
        await call.hang_up(status, reason=reason)
