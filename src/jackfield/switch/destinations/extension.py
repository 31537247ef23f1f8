"""Extension: a person's phones, all at once, with the person's wishes about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from jackfield.switch.dial import PhoneDial
from jackfield.switch.route import closed_now

if TYPE_CHECKING:
    from jackfield.switch.call import Call
    from jackfield.switch.snapshot import Extension

__all__ = ["dials_of", "extension", "is_busy"]


async def extension(call: Call, entry: Extension) -> None:
    """Forward, or ring every phone of the extension and connect the first that answers."""
    if entry.forward_always:
        why = f"extension {entry.number} forwards always"
        await call.go(entry.forward_always, why=why, cause="unconditional")
    if entry.forward_closed and (why := closed_now(call.snapshot, entry, call.switch.local_time(call.snapshot))):
        await call.go(entry.forward_closed, why=why, cause="time-of-day")
    if entry.do_not_disturb:
        await _busy(call, entry, "does not want to be disturbed", cause="do-not-disturb")
    if is_busy(call, entry):
        await _busy(call, entry, "is busy")
    phones = dials_of(call, entry)
    if not phones:
        await _unreachable(call, entry, "has no phone that is registered")
    seconds = call.snapshot.general.ring_time if entry.ring_time is None else entry.ring_time
    ringing = await call.ring(phones, timeout=seconds)
    if ringing.redirect:  # set in the phone itself; it has the rights of the extension as any forward of its has
        why = f"a phone of extension {entry.number} forwards"
        await call.go(ringing.redirect, why=why, cause="deflection")
    match ringing.outcome:
        case "answered":
            assert ringing.leg is not None
            return await call.bridge(ringing.leg)
        case "busy" | "rejected":
            await _busy(call, entry, "is busy" if ringing.outcome == "busy" else "rejected the call", ringing.status)
        case "no_answer":
            if entry.forward_no_answer:
                why = f"extension {entry.number} did not answer in {seconds:g} s"
                await call.go(entry.forward_no_answer, why=why, cause="no-answer")
            await call.hang_up(480, reason=f"extension {entry.number} did not answer")
        case "unreachable":
            await _unreachable(call, entry, "can't be reached")
        case _:
            await call.hang_up(ringing.status, reason=ringing.reason)


def is_busy(call: Call, entry: Extension) -> bool:
    """Say if the extension takes no further call now."""
    calls = call.switch.calls_of(entry.number)
    return calls >= entry.max_calls or (calls > 0 and not entry.call_waiting)


def dials_of(call: Call, entry: Extension, *, caller_prefix: str = "") -> list[PhoneDial]:
    """Return every registered phone of every line, ready to be rung, and those that a push must wake first."""
    registrar = call.switch.registrar
    return [
        PhoneDial(entry, line, contact, caller_prefix)
        for line in entry.lines
        for contact in (*registrar.contacts(line), *registrar.asleep(line))
        if call.only_phone in (None, contact)
    ]


async def _busy(call: Call, entry: Extension, what: str, status: int = 486, *, cause: str = "user-busy") -> NoReturn:
    if entry.forward_busy:
        await call.go(entry.forward_busy, why=f"extension {entry.number} {what}", cause=cause)
    await call.hang_up(status, reason=f"extension {entry.number} {what}")


async def _unreachable(call: Call, entry: Extension, what: str) -> NoReturn:
    if entry.forward_unreachable:
        await call.go(entry.forward_unreachable, why=f"extension {entry.number} {what}", cause="unavailable")
    await call.hang_up(480, reason=f"extension {entry.number} {what}")
