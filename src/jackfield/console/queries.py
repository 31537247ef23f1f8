"""Questions to the history: lists of calls, and one call with everything that is known of it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.db.models import Q

from jackfield.console.faults import ConsoleError
from jackfield.history.choices import Direction, Outcome
from jackfield.history.models import Call, Journal

__all__ = ["call", "calls", "summary"]

MOST = 10_000
PARTY = ("number", "name", "extension", "trunk")


def calls(
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    number: str = "",
    trunk: str = "",
    direction: str = "",
    outcome: str = "",
    limit: int = 50,
    offset: int = 0,
) -> list[dict[str, Any]]:
    """Return calls, the newest first. See `jackfield.console.api.calls`."""
    _known("direction", direction, Direction.values)
    _known("outcome", outcome, Outcome.values)
    found = Call.objects.all()
    if since is not None:
        found = found.filter(started__gte=_seconds(since))
    if until is not None:
        found = found.filter(started__lt=_seconds(until))
    if number:
        found = found.filter(Q(caller_number=number) | Q(called_number=number) | Q(dialed=number))
    if trunk:
        found = found.filter(Q(caller_trunk=trunk) | Q(called_trunk=trunk))
    if direction:
        found = found.filter(direction=direction)
    if outcome:
        found = found.filter(outcome=outcome)
    if limit < 0 or offset < 0:
        raise ConsoleError("limit and offset must not be negative")
    return [summary(row) for row in found[offset : offset + min(limit, MOST)]]


def call(id: str) -> dict[str, Any] | None:
    """Return one call with `legs` and `journal`, or None. See `jackfield.console.api.call`."""
    found = list(Call.objects.filter(id=id) or Call.objects.filter(id__startswith=id)[:2] if id else [])
    if len(found) > 1:
        raise ConsoleError(f'several calls begin with "{id}": give more of it')
    if not found:
        return None
    journal = Journal.objects.filter(call_id=found[0].id).first()
    return summary(found[0]) | {
        "boot": found[0].boot,
        "snapshot_version": found[0].snapshot_version,
        "legs": [_leg(row) for row in found[0].legs.all()],
        "journal": [line | {"at": _time(line["at"])} for line in journal.lines] if journal else [],
    }


def summary(row: Call) -> dict[str, Any]:
    """Return what is shown of a call in a list.

    `started`, `ringing`, `answered`, `ended` are ISO 8601 texts in UTC or None; `duration` (from start to end) and
    `talked` (from answer to end) seconds, None while the call goes on; `outcome` is "" as long.
    """
    return {
        "id": row.id,
        "started": _time(row.started),
        "ringing": _time(row.ringing),
        "answered": _time(row.answered),
        "ended": _time(row.ended),
        "duration": _span(row.started, row.ended),
        "talked": _span(row.answered, row.ended) if row.answered is not None else None if row.ended is None else 0.0,
        "caller": {name: getattr(row, f"caller_{name}") for name in PARTY},
        "called": {name: getattr(row, f"called_{name}") for name in PARTY},
        "dialed": row.dialed,
        "direction": row.direction,
        "outcome": row.outcome,
        "hung_up_by": row.hung_up_by,
        "sip_status": row.sip_status,
        "q850": row.q850,
        "reason": row.reason,
    }


def _leg(row: Any) -> dict[str, Any]:
    found = {
        name: getattr(row, name)
        for name in ("role", *PARTY, "line", "address", "user_agent", "status", "reason", "codec", "secure", "media")
    }
    times = {name: _time(getattr(row, name)) for name in ("invited", "ringing", "answered", "ended")}
    return found | {"call_id": row.sip_call_id} | times


def _time(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


def _span(first: float | None, last: float | None) -> float | None:
    return None if first is None or last is None else round(max(0.0, last - first), 3)


def _seconds(at: datetime) -> float:
    if at.tzinfo is None:
        raise ConsoleError("a time must say its zone")
    return at.timestamp()


def _known(what: str, value: str, known: list[str]) -> None:
    if value and value not in known:
        raise ConsoleError(f'"{value}" is no {what}; known: {", ".join(filter(None, known))}')
