"""Music: plays until the caller hangs up."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jackfield.switch.call import Call
    from jackfield.switch.snapshot import Service

__all__ = ["music"]


async def music(call: Call, service: Service) -> None:
    """Play the service's sound, or the company's music on hold, again and again."""
    await call.answer()
    async with call.music(service.sound):
        await call.talk_alone()
