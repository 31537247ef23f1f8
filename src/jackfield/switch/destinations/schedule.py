"""Schedule: one number by day, another by night."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from jackfield.switch.hours import turn

if TYPE_CHECKING:
    from jackfield.switch.call import Call
    from jackfield.switch.snapshot import Service

__all__ = ["schedule"]


async def schedule(call: Call, service: Service) -> None:
    """Go to the number for open hours or for closed ones."""
    decided = turn(service, datetime.fromtimestamp(call.now(), UTC), call.snapshot)
    if not decided.target:
        await call.hang_up(480, reason=f"{decided.why}, and no number is set for that")
    await call.go(decided.target, why=decided.why, cause="time-of-day")
