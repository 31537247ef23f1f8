"""Schedule: one number by day, another by night."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from jackfield.switch.hours import open_range, zone

if TYPE_CHECKING:
    from jackfield.switch.call import Call
    from jackfield.switch.snapshot import Service

__all__ = ["schedule"]


async def schedule(call: Call, service: Service) -> None:
    """Go to the number for open hours or for closed ones."""
    at = datetime.fromtimestamp(call.now(), zone(call.snapshot.general.time_zone))
    inside = open_range(service.time_ranges, at)
    target = service.open_target if inside else service.closed_target
    why = f'{at:%a %H:%M} is inside "{inside.name}"' if inside else f"{at:%a %H:%M} is outside of all hours"
    if not target:
        await call.hang_up(480, reason=f"{why}, and no number is set for that")
    await call.go(target, why=why, cause="time-of-day")
