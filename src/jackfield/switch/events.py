"""What interrupts a call: its own wishes as exceptions, what happens in a conversation as events, how ringing ended."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jackfield.switch.causes import Outcome, q850

if TYPE_CHECKING:
    from jackfield.sip.uri import Uri
    from jackfield.switch.leg import Leg
    from jackfield.switch.transfer import Transfer

__all__ = ["CallOver", "Event", "Gone", "HangUp", "Left", "Redirect", "ReferTo", "Ringing"]


class CallOver(asyncio.CancelledError):
    """A destination asked something of a call that has ended: the hang-up, told once more to who swallowed it."""


class HangUp(Exception):
    """A destination ends the call: with this final SIP status if it isn't answered, else by BYE."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


class Redirect(Exception):
    """A destination sends the call on to another number of the dial plan.

    `cause` is the reason of the Diversion header (RFC 5806), "" when nobody is to be told that the call was forwarded.
    """

    def __init__(self, number: str, why: str, cause: str = "") -> None:
        super().__init__(why)
        self.number = number
        self.why = why
        self.cause = cause


@dataclass(frozen=True, slots=True)
class Gone:
    """A party has left the call."""

    leg: Leg


@dataclass(frozen=True, slots=True)
class Left:
    """A party was taken over into another call, which goes on without this one."""

    leg: Leg
    into: str


@dataclass(frozen=True, slots=True)
class ReferTo:
    """A party wants the other one connected to this address (blind transfer)."""

    transfer: Transfer
    target: Uri


Event = Gone | Left | ReferTo


@dataclass(frozen=True, slots=True)
class Ringing:
    """How it went: the `leg` that answered, or None with the `status` that says most about why not."""

    leg: Leg | None
    outcome: Outcome
    status: int = 200
    reason: str = ""
    redirect: str = ""
    """Number to which the called phone itself forwards (302)."""
    local: bool = False
    """Nobody answered so: the status is what we make of it, and the reason says all."""

    @property
    def words(self) -> str:
        """What came back, for people: with the status only where somebody has sent it."""
        return self.reason if self.local else f"{self.status} {self.reason}"

    @property
    def q850(self) -> int:
        """Q.850 cause of the outcome."""
        return q850(self.status)
