"""Identities in SIP messages: who calls, read from and written into From, P-Asserted-Identity and the like.

RFC 3323 (Privacy), RFC 3325 (P-Asserted-Identity), draft-ietf-sip-privacy-04 (Remote-Party-ID, which many desk
phones still show before anything else).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from jackfield.switch.dial import TrunkDial
from jackfield.switch.party import Party
from jackfield.switch.route import Origin, RouteRequest
from jackfield.switch.snapshot import Extension, Line, Trunk

if TYPE_CHECKING:
    from jackfield.sip.message import Message, Request

__all__ = ["Asserted", "Sender", "Shown", "called_number", "connected", "read_connected", "to_phone", "to_trunk"]


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sent a request, as far as it was proved."""

    origin: Origin
    extension: Extension | None = None
    line: Line | None = None
    trunk: Trunk | None = None
    number: str = ""
    """Calling number as it came, for trunks and strangers; the extension's own for phones."""
    name: str = ""
    anonymous: bool = False
    """Asked for privacy."""
    dialed: str = ""
    """The number that is called: Request-URI, or To where the Request-URI is our registered contact."""

    def question(self) -> RouteRequest:
        """Return what is to be asked of `route()`."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Asserted:
    """A number and name read from a message."""

    number: str
    name: str
    anonymous: bool


@dataclass(frozen=True, slots=True)
class Shown:
    """How a party is written into a request."""

    from_: str
    """Value of From, without tag."""
    headers: tuple[tuple[str, str], ...]
    """P-Asserted-Identity, Remote-Party-ID, Privacy."""


def to_phone(caller: Party, host: str, *, prefix: str = "") -> Shown:
    """Write the caller for one of our phones. `host`: our address as the phone knows it."""
    raise NotImplementedError


def to_trunk(dial: TrunkDial, host: str) -> Shown:
    """Write the caller for a trunk. `host`: our address, used where the trunk names no domain."""
    raise NotImplementedError


def connected(party: Party, host: str) -> tuple[tuple[str, str], ...]:
    """Return the headers of a 180, 200, re-INVITE or UPDATE to a phone that say who is at the other end."""
    raise NotImplementedError


def read_connected(message: Message, *, trusted: bool) -> Asserted | None:
    """Return whom a response or a re-INVITE names as the other party; None when it says nothing."""
    raise NotImplementedError


def called_number(request: Request, trunk: Trunk | None = None, contact_user: str = "") -> str:
    """Return what is called; see `Sender.dialed`."""
    raise NotImplementedError
