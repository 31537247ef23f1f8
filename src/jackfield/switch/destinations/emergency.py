"""Emergency: every way to the outside is tried, and nothing holds the call up."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jackfield.switch.call import Call
    from jackfield.switch.route import EmergencyPlan

__all__ = ["emergency"]

log = logging.getLogger("jackfield.calls")

# The callee itself spoke: another trunk would reach the same desk. Anything else may be the trunk's own fault, even
# a 403 or a 404: an account that has run out, a route that the provider forgot.
_FROM_THE_CALLEE = frozenset((486, 600, 603))


async def emergency(call: Call, plan: EmergencyPlan) -> None:
    """Try every trunk, those that seem to be up first, without regard to limits."""
    trunks = call.switch.trunks
    log.warning("emergency call to %s from %s", plan.number, call.caller, extra={"call": call.id})
    _tell(call, plan)
    status, reason = 503, f"no trunk carried the emergency call to {plan.number}"
    for dial in sorted(plan.attempts, key=lambda dial: not trunks.usable(dial.trunk)):
        name = dial.trunk.name
        call.note(f'emergency: calling {dial.number} through trunk "{name}"', f"trunks/{name}")
        ringing = await call.ring([dial], timeout=None)
        if ringing.leg is not None:
            return await call.bridge(ringing.leg)
        status, reason = ringing.status, ringing.reason
        call.note(f'trunk "{name}" failed: {ringing.words}', f"trunks/{name}")
        if status in _FROM_THE_CALLEE:
            break
    log.error(
        "emergency call to %s from %s FAILED: %s %s - check the trunks of Emergency numbers > %s",
        plan.number,
        call.caller,
        status,
        reason,
        plan.emergency.number,
        extra={"call": call.id},
    )
    await call.hang_up(status, reason=reason)


def _tell(call: Call, plan: EmergencyPlan) -> None:
    """Write down where help has to come to, and let those be told who look after the house."""
    site = call.site
    name, address = (site.name, site.emergency_address) if site is not None else ("", "")
    if address:
        call.note(f'the call comes from site "{name}": {address}', f"sites/{name}")
    elif name:
        call.note(f'the call comes from site "{name}", which has no address for emergencies', f"sites/{name}")
    told = {
        "kind": "emergency",
        "at": call.now(),
        "call": call.id,
        "number": plan.emergency.number,
        "name": plan.emergency.name,
        "caller": str(call.caller),
        "extension": call.caller.extension,
        "phone": call.anchor.record.address,
        "site": name,
        "address": address,
    }
    call.switch.emit("event", f"emergency-{call.id}", told)
