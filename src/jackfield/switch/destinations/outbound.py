"""Outbound: a call to the outside through the first trunk that carries it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jackfield.switch.trunks import may_fail_over

if TYPE_CHECKING:
    from jackfield.switch.call import Call
    from jackfield.switch.dial import TrunkDial
    from jackfield.switch.route import OutboundPlan

__all__ = ["outbound"]

LONGEST_RINGING = 300.0
"""Seconds. Carriers give up before; this is for a caller whose phone has vanished while it rang outside, and of which
neither its connection (TCP, TLS, WebSocket) nor OPTIONS (behind NAT) tells so sooner."""


async def outbound(call: Call, plan: OutboundPlan) -> None:
    """Try the trunks in order. Only a trunk that failed makes way for the next, never a busy or unwilling callee."""
    status, reason = 503, f'no trunk of the outgoing route "{plan.route.name}" could take the call'
    failed: list[str] = []
    with call.switch.trunks.route_slot(plan.route) as free:
        if not free:
            text = f'the {plan.route.max_calls} calls of the outgoing route "{plan.route.name}" are all taken'
            await call.hang_up(503, reason=text)
        for dial in _in_order(call, plan):
            name = dial.trunk.name
            if not await call.switch.limits.admits(call, dial):
                reason = f'the limits of trunk "{name}" are used up'
                continue
            call.note(f'calling {dial.number} through trunk "{name}"', f"trunks/{name}")
            ringing = await call.ring([dial], timeout=LONGEST_RINGING)
            if ringing.leg is not None:
                return await call.bridge(ringing.leg)
            status, reason = ringing.status, ringing.reason
            if not may_fail_over(status):
                break
            failed.append(f'trunk "{name}" failed: {ringing.words}')
            call.note(f'trunk "{name}" failed' if ringing.local else failed[-1], f"trunks/{name}")
            reason = "; ".join(failed)
        await call.hang_up(status, reason=reason)


def _in_order(call: Call, plan: OutboundPlan) -> list[TrunkDial]:
    """Return the attempts through trunks that have room: those that are up, and only without any the others.

    A trunk that seems down may have come back a moment ago, or never answer OPTIONS: with nothing better at hand
    the caller is worth a try.
    """
    trunks = call.switch.trunks
    up, down = [], []
    for dial in plan.attempts:
        name = dial.trunk.name
        if not trunks.has_room(dial.trunk):
            call.note(f'trunk "{name}" has no room, {dial.trunk.max_calls} calls: skipped', f"trunks/{name}")
        elif trunks.usable(dial.trunk):
            up.append(dial)
        else:
            down.append(dial)
    for dial in down:
        what = "skipped" if up else "tried nevertheless, since no other is up"
        call.note(f'trunk "{dial.trunk.name}" is down: {what}', f"trunks/{dial.trunk.name}")
    return up or down
