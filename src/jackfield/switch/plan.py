"""What the dial plan is asked, and what it answers: who dials what, where it leads, and each rule on the way."""

from __future__ import annotations

from dataclasses import dataclass

from jackfield.switch.dial import TrunkDial
from jackfield.switch.party import Party
from jackfield.switch.snapshot import EmergencyNumber, Extension, Outbound, RingGroup, Service

__all__ = [
    "EmergencyPlan",
    "Entry",
    "FromAnonymous",
    "FromExtension",
    "FromHouse",
    "FromTrunk",
    "Origin",
    "OutboundPlan",
    "Plan",
    "Refusal",
    "RouteRequest",
    "TraceStep",
]


@dataclass(frozen=True, slots=True)
class FromExtension:
    """One of our phones dials, or a forward that belongs to this extension."""

    number: str


@dataclass(frozen=True, slots=True)
class FromTrunk:
    """A call that a trunk brings."""

    name: str


@dataclass(frozen=True, slots=True)
class FromAnonymous:
    """A SIP call from nobody that we know: internal numbers only."""


@dataclass(frozen=True, slots=True)
class FromHouse:
    """A target that the administrator wrote into the configuration (fallback of a group, target of a schedule)."""


Origin = FromExtension | FromTrunk | FromAnonymous | FromHouse


@dataclass(frozen=True, slots=True)
class RouteRequest:
    """What is asked: who dials what."""

    dialed: str
    """User part of the Request-URI as it came: escapes, separators and `;phone-context` are tolerated."""
    origin: Origin
    """Who calls: decides what the caller is shown as."""
    calling_number: str = ""
    """From a trunk or a stranger: the number as it came (P-Asserted-Identity or From). Unused for extensions."""
    calling_name: str = ""
    anonymous: bool = False
    """The caller asks that its number be hidden."""
    permission: Origin | None = None
    """Whose rights decide, and as whose the number is read; None: those of `origin`. For a forward it is the
    extension that forwards, for a fallback or a schedule the house. See `onward()`."""
    caller: Party | None = None
    """The caller as an earlier step of the same call made it; None: made from the fields above."""
    site: str = ""
    """Name of the site at which the caller's phone is; "" where it is at none, or it is no phone of ours."""


@dataclass(frozen=True, slots=True)
class TraceStep:
    """One rule that was looked at."""

    text: str
    """Plain words: what was looked at and what came of it."""
    setting: str = ""
    """Where the rule is set, as a path of the console: "extensions/101", "outbound/World". Empty: nowhere."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why nothing can be reached."""

    status: int
    """SIP status for the caller."""
    reason: str
    """Reason phrase of that status."""
    text: str
    """For the administrator, with the mend."""
    prompt: str = ""
    """Sound that tells the caller why, where it can be heard before an answer."""


@dataclass(frozen=True, slots=True)
class OutboundPlan:
    """A call to the outside: the trunks in the order in which they are tried."""

    route: Outbound
    number: str
    """Number after the route's own rewriting, before that of each trunk."""
    attempts: tuple[TrunkDial, ...]


@dataclass(frozen=True, slots=True)
class EmergencyPlan:
    """An emergency call: every trunk that may carry it; no limit, permission or privacy holds."""

    emergency: EmergencyNumber
    number: str
    attempts: tuple[TrunkDial, ...]


Entry = Extension | RingGroup | Service | OutboundPlan | EmergencyPlan


@dataclass(frozen=True, slots=True)
class Plan:
    """What is done with the call."""

    request: RouteRequest
    number: str
    """The number as it was understood: cleaned, and after incoming rules the internal target."""
    caller: Party
    """The caller as the called phone shows it, so that it can be called back."""
    entry: Entry | None
    """What the number leads to; None: see `refusal`."""
    refusal: Refusal | None
    trace: tuple[TraceStep, ...]
