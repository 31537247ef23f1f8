"""Night switch: a number that opens or closes a time range by hand, and puts it back to its hours."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jackfield.switch.call import Call
    from jackfield.switch.snapshot import Service

__all__ = ["night"]

BREAK = 0.4  # seconds between two beeps


async def night(call: Call, service: Service) -> None:
    """Switch, and say so: one beep when it goes by its hours again, two when it is switched by hand."""
    extension = call.caller.extension
    if not extension:
        await call.hang_up(403, reason="only phones of the house may switch hours")
    who = f"extension {extension}"
    if call.caller.name:
        who += f" ({call.caller.name})"
    made = call.switch.overrides.toggle(service.hours, until_change=service.until_change, by=who)
    which = "goes by its hours again" if made is None else "is open now" if made.open else "is closed now"
    text = f'time range "{service.hours}" {which}, by hand'
    call.note(text, f"time_ranges/{service.hours}")
    await call.answer()
    await call.play("tone:beep")
    if made is not None:
        await call.sleep(BREAK)
        await call.play("tone:beep")
    await call.hang_up(reason=text)
