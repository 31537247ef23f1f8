"""Call records: what is known of a call when it is over, and its journal in plain words.

A record is built while the call runs and goes to the spool once at the start (`call_started`, so that a switch that is
killed leaves a trace) and once at the end (`call`). Times are UTC seconds since 1970.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from jackfield.logs import call_id
from jackfield.switch.causes import Outcome, outcome_of, q850
from jackfield.switch.party import Party
from jackfield.switch.route import FromAnonymous, FromExtension, FromTrunk, OutboundPlan, Plan
from jackfield.switch.snapshot import Extension

if TYPE_CHECKING:
    from jackfield.sip.flow import Flow

log = logging.getLogger("jackfield.calls")

Direction = Literal["internal", "in", "out", "through"]
Role = Literal["caller", "callee"]

SENT_ON = 302
"""Status of the leg of an extension that sent a call on: "Moved Temporarily" (RFC 3261 section 21.3.3)."""
MOST_LINES = 2000
"""Lines of a journal; a phone that toggles hold all day long must not fill the memory."""


@dataclass(slots=True)
class LegRecord:
    """One party's part of a call."""

    id: str
    role: Role
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
    cause: int = 0  # Q.850, where the party has named one when it refused or hung up
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
        if len(self.journal) < MOST_LINES:
            self.journal.append((at, text, link))
        if log.isEnabledFor(logging.DEBUG):
            self._log(logging.DEBUG, text)

    def sent_on(self, entry: Extension, to: str, leg_id: str, at: float) -> None:
        """Write down that an extension sent the call on: as a leg of its own where no phone of it has been rung.

        Without one nobody could tell afterwards that the call was meant for it.
        """
        if not any(leg.party.extension == entry.number for leg in self.legs):
            party = Party(entry.number, entry.name, extension=entry.number)
            self.legs.append(
                LegRecord(leg_id, "callee", party, invited=at, ended=at, status=SENT_ON, reason=f"sent on to {to}")
            )

    def _log(self, level: int, text: str) -> None:
        """Write a line into the log, with the call's id whoever it was that brought it about."""
        before = call_id.set(self.id)
        log.log(level, "%s", text)
        call_id.reset(before)

    def conclude(self, status: int, reason: str, *, caller: LegRecord, by_order: bool) -> None:
        """Write down how the call ended: with a final `status` for the `caller`, or as it was if it had been answered.

        `by_order`: neither a party nor the dial plan ended it, but the administrator, a limit, or a shutdown.
        """
        if self.answered is not None:
            self.outcome, self.sip_status, self.q850 = "answered", 200, self._named(200) or q850(200)
        elif (caller.status == 487 or (status == 487 and self.hung_up_by == "caller")) and not by_order:
            # The caller's own CANCEL (nobody else is told 487), or one who was rung first and has hung up again.
            self.outcome, self.sip_status, self.q850 = "cancelled", 487, q850(487)
            reason = reason or caller.reason
        else:
            if not self.hung_up_by and caller.ended is None:
                refused = any(leg.status == status for leg in self.legs if leg is not caller)
                self.hung_up_by = "callee" if refused else "system"
            self.sip_status = status if status >= 300 else 480
            self.q850 = self._named(status) or q850(self.sip_status)
            self.outcome = "failed" if by_order else outcome_of(self.sip_status)
            if self.outcome == "unreachable" and self.ringing is not None:
                self.outcome = "no_answer"  # the caller gets the same 480 when a phone rang in vain
        self.hung_up_by = self.hung_up_by or "system"
        self.reason = self.reason or reason
        if self.outcome in ("failed", "unreachable") and not by_order and log.isEnabledFor(logging.INFO):
            caller_number = self.caller.number or "anonymous"
            self._log(
                logging.INFO, f"{caller_number} to {self.dialed}: {self.outcome}, {self.sip_status} {self.reason}"
            )

    def _named(self, status: int) -> int:
        """The cause that a party itself has named that ended with this status; 0 for none."""
        return next((leg.cause for leg in self.legs if leg.cause and leg.status == status), 0)

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


def direction_of(plan: Plan) -> Direction:
    """Whether a call comes from or goes to the outside, as the call history calls it."""
    origin = plan.request.origin
    outside_in = isinstance(origin, FromTrunk | FromAnonymous)
    outside_out = not isinstance(origin, FromExtension) if plan.entry is None else hasattr(plan.entry, "attempts")
    if outside_in:
        return "through" if outside_out else "in"
    return "out" if outside_out else "internal"


def called_party(plan: Plan) -> Party:
    """Whom a plan leads to."""
    entry = plan.entry
    if entry is None or isinstance(entry, OutboundPlan) or not hasattr(entry, "name"):
        return Party(number=plan.number)
    return Party(number=plan.number, name=entry.name, extension=plan.number if isinstance(entry, Extension) else "")


def flow_address(flow: Flow) -> str:
    """Transport and address, as they are shown."""
    return f"{flow.transport} {flow.remote[0]}:{flow.remote[1]}"
