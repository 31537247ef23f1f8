"""Plug-in: a destination that the company wrote in Python (docs/plugins.md)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jackfield.switch.call import Call
    from jackfield.switch.snapshot import Service

__all__ = ["plugin"]


async def plugin(call: Call, service: Service) -> None:
    """Hand the call to the plug-in that the service names. Its faults end this call and no other."""
    await call.switch.plugins.run(call, service)
