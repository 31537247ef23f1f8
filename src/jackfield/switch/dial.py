"""What can be rung once: one registered phone, or one number through one trunk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jackfield.switch.contact import Contact
    from jackfield.switch.snapshot import Extension, Line, RingGroup, Service, Trunk

__all__ = ["Dial", "Diversion", "PhoneDial", "TrunkDial"]


@dataclass(frozen=True, slots=True)
class Diversion:
    """A number that sent the call on, and why, for the Diversion header (RFC 5806)."""

    entry: Extension | RingGroup | Service
    cause: str
    """"unconditional", "user-busy", "no-answer", "unavailable", "do-not-disturb", "deflection", "time-of-day"."""


@dataclass(frozen=True, slots=True)
class PhoneDial:
    """Ring one phone of an extension.

    The INVITE goes to `contact.request_uri` with `contact.route` as Route headers, by `contact.flow`.
    """

    extension: Extension
    line: Line
    contact: Contact
    caller_prefix: str = ""
    """Put before the caller's name on the phone's display, for example the name of a ring group."""
    diverted: Diversion | None = None
    """Who forwards here, where it's not the call as a whole that was sent on (a member of a ring group)."""

    def __str__(self) -> str:
        return f"{self.extension.number} ({self.contact})"


@dataclass(frozen=True, slots=True)
class TrunkDial:
    """Call one number through one trunk. All rewriting is done: what is here is what goes out."""

    trunk: Trunk
    number: str
    """Called number as the trunk wants it."""
    caller_number: str
    caller_name: str = ""
    anonymous: bool = False
    """Hide the caller from the far side (RFC 3323, RFC 3325); the trunk itself still gets the number."""
    emergency: bool = False
    """Limits of the trunk do not hold (RFC 4412 has no say here: carriers go by the number)."""
    dialed: str = ""
    """As our own people dial the number: what they are shown, so that they can call it again."""
    diverted: Diversion | None = None
    """As for phones."""
    called: str = ""
    """The number as the outgoing route leaves it, before this trunk's own rewriting: what limits go by."""
    payer: str = ""
    """The extension by whose right the call is made; "" for the house, and for what a trunk brings."""

    def __str__(self) -> str:
        return f"{self.number} through trunk {self.trunk.name}"


Dial = PhoneDial | TrunkDial
