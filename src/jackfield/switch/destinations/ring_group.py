"""Ring group: one number that rings many, all at once or one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from jackfield.switch.destinations.extension import dials_of, is_busy
from jackfield.switch.dial import Dial, Diversion
from jackfield.switch.route import FromExtension, OutboundPlan, RouteRequest, closed_now, route
from jackfield.switch.snapshot import Extension

if TYPE_CHECKING:
    from jackfield.switch.call import Call
    from jackfield.switch.snapshot import RingGroup

__all__ = ["ring_group"]

_MAX_FORWARDS = 5  # of one member to another, before it is left out as a circle


async def ring_group(call: Call, group: RingGroup) -> None:
    """Ring the members as the strategy says, then go to the fallback."""
    members = [Member(number, *_member_dials(call, group, number)) for number in _in_order(call, group)]
    willing = [member for member in members if member.dials]
    for member in members:
        if not member.dials:
            call.note(f"{member.number} is left out: {member.why_not}", f"ring_groups/{group.number}")
    rounds = [willing] if group.strategy == "all" else [[member] for member in willing]
    for step in rounds:
        dials = [dial for member in step for dial in member.dials]
        if not dials:
            continue
        call.note(f"ringing {', '.join(m.number for m in step)} for {group.step_time:g} s")
        ringing = await call.ring(dials, timeout=group.step_time)
        if ringing.leg is not None:
            _remember(call, group, step, ringing.leg.party.extension)
            return await call.bridge(ringing.leg)
    if group.fallback:
        await call.go(group.fallback, why=f"nobody of ring group {group.number} answered", cause="no-answer")
    if members and all(member.busy for member in members):
        await call.hang_up(486, reason=f"everybody in ring group {group.number} is busy")
    await call.hang_up(480, reason=f"nobody of ring group {group.number} answered")


@dataclass(frozen=True, slots=True)
class Member:
    """A member with what is rung for it; without dials it is left out."""

    number: str
    dials: Sequence[Dial]
    why_not: str
    busy: bool


def _in_order(call: Call, group: RingGroup) -> list[str]:
    """Return the members in the order of this call."""
    members = list(dict.fromkeys(group.members))
    if group.strategy == "random":
        call.switch.random.shuffle(members)
    elif group.strategy == "least_recent":
        answered = call.switch.memory.get(f"ring_group:{group.number}", {})
        members.sort(key=lambda number: answered.get(number, 0.0))  # stable: those who never answered keep their order
    return members


def _remember(call: Call, group: RingGroup, step: Sequence[Member], answered_by: str) -> None:
    """Note who answered, for `least_recent`."""
    number = answered_by if any(m.number == answered_by for m in step) else step[0].number
    call.switch.memory.setdefault(f"ring_group:{group.number}", {})[number] = call.now()


def _member_dials(call: Call, group: RingGroup, number: str, depth: int = 0) -> tuple[Sequence[Dial], str, bool]:
    """Return what is rung for a member, or why nothing, and whether it is because it is busy."""
    entry = call.snapshot.numbers.get(number)
    if not isinstance(entry, Extension):
        return (), "no such extension", False
    if not entry.enabled:
        return (), "disabled", False
    if number == call.caller.extension:
        return (), "it is the caller", False
    if depth > _MAX_FORWARDS:
        return (), "forwards in a circle", False
    if entry.forward_always and group.obey_forwards:
        return _forwarded(call, group, entry, entry.forward_always, "unconditional", depth)
    if entry.forward_closed and group.obey_forwards and closed_now(call.snapshot, entry, _now(call)):
        return _forwarded(call, group, entry, entry.forward_closed, "time-of-day", depth)
    if entry.do_not_disturb or is_busy(call, entry):
        if entry.forward_busy and group.obey_forwards:
            cause = "do-not-disturb" if entry.do_not_disturb else "user-busy"
            return _forwarded(call, group, entry, entry.forward_busy, cause, depth)
        return (), "does not want to be disturbed" if entry.do_not_disturb else "busy", True
    phones = dials_of(call, entry, caller_prefix=group.caller_id_prefix)
    if not phones and entry.forward_unreachable and group.obey_forwards:
        return _forwarded(call, group, entry, entry.forward_unreachable, "unavailable", depth)
    return phones, "no phone is registered", False


def _forwarded(
    call: Call, group: RingGroup, member: Extension, target: str, cause: str, depth: int
) -> tuple[Sequence[Dial], str, bool]:
    """Return what is rung where a member forwards to: another extension, or an outside number."""
    request = call.plan.request
    question = RouteRequest(
        target,
        request.origin,
        request.calling_number,
        request.calling_name,
        request.anonymous,
        FromExtension(member.number),
        call.caller,
    )
    plan = route(call.snapshot, question, _now(call))
    diverted = Diversion(member, cause)
    if isinstance(plan.entry, Extension):
        dials, why_not, busy = _member_dials(call, group, plan.entry.number, depth + 1)
        return [replace(dial, diverted=diverted) for dial in dials], why_not, busy
    if isinstance(plan.entry, OutboundPlan):
        trunks = call.switch.trunks
        usable = [d for d in plan.entry.attempts if trunks.usable(d.trunk) and trunks.has_room(d.trunk)]
        return (
            [replace(d, diverted=diverted) for d in usable[:1]],
            f"forwards to {target}, and no trunk can take the call",
            False,
        )
    return (), f"forwards to {target}, which can't be rung in a group", False


def _now(call: Call) -> datetime:
    return call.switch.local_time(call.snapshot)
