"""Announcement: plays a sound, then hangs up or goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jackfield.switch.call import Call
    from jackfield.switch.snapshot import Service

__all__ = ["announcement"]


async def announcement(call: Call, service: Service) -> None:
    """Play the sound as often as is set, then go to the next number, or hang up."""
    await call.answer()
    for _ in range(max(service.repeat, 1)):
        await call.play(service.sound)
    if service.then:
        await call.go(service.then, why=f"the announcement {service.number} has ended")
    await call.hang_up(reason="the announcement has ended")
