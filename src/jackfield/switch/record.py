"""Call records: what is known of a call when it is over, and its journal in plain words.

A record is built while the call runs and goes to the spool once at the start (`call_started`, so that a switch that is
killed leaves a trace) and once at the end (`call`). Times are UTC seconds since 1970.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from jackfield.switch.causes import Outcome
from jackfield.switch.party import Party

Direction = Literal["internal", "in", "out", "through"]


@dataclass(slots=True)
class LegRecord:
    """One party's part of a call."""

    id: str
    role: Literal["caller", "callee"]
    party: Party
    line: str = ""  # SIP name of the line, for phones
    address: str = ""  # transport and address of the signalling, "UDP 192.0.2.7:5060"
    user_agent: str = ""
    call_id: str = ""  # SIP Call-ID
    invited: float = 0.0
    ringing: float | None = None
    answered: float | None = None
    ended: float | None = None
    status: int = 0  # final SIP status of the INVITE
    reason: str = ""
    codec: str = ""
    secure: bool = False  # SRTP
    media: dict[str, Any] = field(default_factory=dict)  # statistics of the media process at the end

    def to_dict(self) -> dict[str, Any]:
        """Plain data for the spool."""
        return {
            "id": self.id,
            "role": self.role,
            "number": self.party.number,
            "name": self.party.name,
            "extension": self.party.extension,
            "trunk": self.party.trunk,
            "line": self.line,
            "address": self.address,
            "user_agent": self.user_agent,
            "call_id": self.call_id,
            "invited": self.invited,
            "ringing": self.ringing,
            "answered": self.answered,
            "ended": self.ended,
            "status": self.status,
            "reason": self.reason,
            "codec": self.codec,
            "secure": self.secure,
            "media": self.media,
        }


@dataclass(slots=True)
class CallRecord:
    """One call, as the user thinks of it."""

    id: str
    started: float
    caller: Party
    dialed: str
    boot: str = ""  # of the switch process that made it
    snapshot_version: int = 0
    called: Party | None = None
    direction: Direction = "internal"
    ringing: float | None = None
    answered: float | None = None
    ended: float | None = None
    outcome: Outcome = "failed"
    hung_up_by: Literal["caller", "callee", "system", ""] = ""
    sip_status: int = 0
    q850: int = 0
    reason: str = ""
    legs: list[LegRecord] = field(default_factory=list)
    journal: list[tuple[float, str, str]] = field(default_factory=list)  # when, what, link to the setting

    def note(self, at: float, text: str, link: str = "") -> None:
        """Add a line to the journal: what happened, in plain words; `link` names the setting behind it."""
        self.journal.append((at, text, link))

    def beginning(self) -> dict[str, Any]:
        """What is known when the call begins, for the `call_started` entry."""
        return {
            "id": self.id,
            "boot": self.boot,
            "started": self.started,
            "caller": party_to_dict(self.caller),
            "dialed": self.dialed,
            "direction": self.direction,
        }

    def to_dict(self) -> dict[str, Any]:
        """Plain data for the spool and for the control socket."""
        called = self.called
        return {
            "id": self.id,
            "boot": self.boot,
            "snapshot_version": self.snapshot_version,
            "started": self.started,
            "ringing": self.ringing,
            "answered": self.answered,
            "ended": self.ended,
            "caller": party_to_dict(self.caller),
            "called": party_to_dict(called) if called else None,
            "dialed": self.dialed,
            "direction": self.direction,
            "outcome": self.outcome,
            "hung_up_by": self.hung_up_by,
            "sip_status": self.sip_status,
            "q850": self.q850,
            "reason": self.reason,
            "legs": [leg.to_dict() for leg in self.legs],
            "journal": [{"at": at, "text": text, "link": link} for at, text, link in self.journal],
        }


def party_to_dict(party: Party) -> dict[str, Any]:
    """A party as plain data."""
    return {
        "number": party.number,
        "name": party.name,
        "extension": party.extension,
        "trunk": party.trunk,
        "anonymous": party.anonymous,
    }
