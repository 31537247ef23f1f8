"""A call to the user's other phones: one of them is to approve what another one is about to call."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from jackfield.switch.dial import PhoneDial
from jackfield.switch.events import HangUp
from jackfield.switch.origination import OriginatedCall
from jackfield.switch.party import Party
from jackfield.switch.plan import Plan

if TYPE_CHECKING:
    from jackfield.switch.switch import Switch

__all__ = ["ApprovalCall"]

APPROVE = "limit-approve"
TIMES = 3
"""How often the question is asked."""


class ApprovalCall(OriginatedCall):
    """Rings the phones, says what it is about, and hands the answer to `decide(approved, by)`."""

    def __init__(
        self,
        switch: Switch,
        name: str,
        plan: Plan,
        *,
        phones: list[PhoneDial],
        target: Party,
        user: str,
        decide: Callable[[bool, str], None],
    ) -> None:
        super().__init__(switch, name, plan, phones=phones, target=target, user=user)
        self._decide = decide

    async def follow(self, plan: Plan) -> None:
        """Ask whoever picks up."""
        if not self.picked_up:
            await self._ring_own_phones(plan)
            self.picked_up = True
        for _ in range(TIMES):
            digit = await self.collect(prompt=APPROVE, limit=1, timeout=6.0)
            if digit in ("1", "2"):
                self._decide(digit == "1", f"{self.anchor} by its phone")
                raise HangUp(200, "approved" if digit == "1" else "refused")
        raise HangUp(480, "no key was pressed")
