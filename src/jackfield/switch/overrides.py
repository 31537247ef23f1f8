"""Night switch: time ranges that somebody has switched by hand, by a phone, a page or the API.

They are no part of the configuration: the switch keeps them in a file of its own, so that they outlive its restart, and
works without the console. Each snapshot that it uses has them within, so that `route()` knows them.
"""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import os
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from jackfield.control import ControlError
from jackfield.switch.hours import next_change, state
from jackfield.switch.snapshot import Override, Snapshot

if TYPE_CHECKING:
    from jackfield.switch.switch import Switch

__all__ = ["Overrides"]

log = logging.getLogger(__name__)

LONGEST_TIMER = 86400.0
"""Seconds: event loops take no timer of years."""


class Overrides:
    """All that is switched by hand now.

    `store`: the file that keeps it; None keeps it in memory only. `emit("event", data)` hears of each change, for the
    history: who has switched what, and until when.
    """

    def __init__(
        self, switch: Switch, store: Path | None, emit: Callable[[str, dict[str, Any]], None] | None = None
    ) -> None:
        self._switch = switch
        self._emit = emit
        self._store = store
        self._timer: asyncio.TimerHandle | None = None
        self._known: dict[str, Override] = {one.range: one for one in self._read()}
        self._use()

    def handlers(self) -> dict[str, Callable[[dict[str, Any]], Awaitable[Any]]]:
        """Verbs of the control socket."""
        return {"time_ranges": self.time_ranges, "switch_hours": self.switch_hours}

    def close(self) -> None:
        """Forget the timer."""
        if self._timer is not None:
            self._timer.cancel()

    def added_to(self, snapshot: Snapshot) -> Snapshot:
        """Return a new configuration with what is switched by hand. What it has no more is forgotten."""
        names = {one.name for one in snapshot.time_ranges}
        self._known = {name: one for name, one in self._known.items() if name in names and not self._is_past(one)}
        found = tuple(self._known.values())
        return snapshot if found == snapshot.overrides else dataclasses.replace(snapshot, overrides=found)

    def of(self, name: str) -> Override | None:
        """Return who has switched a time range; None while it goes by its hours."""
        found = self._known.get(name)
        return None if found is None or self._is_past(found) else found

    def put(self, name: str, wanted: bool | None, *, until: float = 0.0, by: str = "") -> Override | None:
        """Switch a time range to open or closed, or (None) back to its hours. `until`: UTC seconds since 1970."""
        made = None if wanted is None else Override(range=name, open=wanted, until=until, by=by)
        if made is None:
            self._known.pop(name, None)
        else:
            self._known[name] = made
        which = "goes by its hours again" if wanted is None else "is open" if wanted else "is closed"
        log.info('time range "%s" %s: switched by %s', name, which, by or "somebody")
        if self._emit is not None:
            told = "automatic" if wanted is None else "open" if wanted else "closed"
            data = {"kind": "hours", "range": name, "state": told, "until": until or None, "by": by}
            self._emit("event", data | {"at": self._switch.now()})
        self._use()
        self._write()
        return made

    def toggle(self, name: str, *, until_change: bool = False, by: str = "") -> Override | None:
        """Switch a time range to what it is not now by its hours; back when it is switched already."""
        if self.of(name) is not None:
            return self.put(name, None, by=by)
        switch = self._switch
        now = switch.local_time(switch.snapshot)
        until = self._change(name) if until_change else 0.0
        return self.put(name, not state(switch.snapshot, name, now).open, until=until, by=by)

    # --- verbs ---

    async def time_ranges(self, request: dict[str, Any]) -> list[dict[str, Any]]:
        """Every time range: whether it is open now, why, when that changes by itself, and what is switched by hand."""
        return [self._row(one.name) for one in self._switch.snapshot.time_ranges]

    async def switch_hours(self, request: dict[str, Any]) -> dict[str, Any]:
        """Switch the time range `name` to `state`: "open", "closed" or "automatic".

        `until`: nothing, "change" (the next change by itself), UTC seconds, or a time as 2026-11-23T18:00 (the
        company's zone where it has none of its own). `by`: who does it, in words.
        """
        name, wanted = str(request.get("name", "")), str(request.get("state", ""))
        if name not in {one.name for one in self._switch.snapshot.time_ranges}:
            raise ControlError(f'there is no time range "{name}"')
        if wanted not in ("open", "closed", "automatic"):
            raise ControlError(f'"{wanted}" is no state of a time range: give open, closed or automatic')
        if wanted == "automatic":
            self.put(name, None, by=str(request.get("by", "")))
        else:
            self.put(name, wanted == "open", until=self._until(name, request), by=str(request.get("by", "")))
        return self._row(name)

    def _until(self, name: str, request: dict[str, Any]) -> float:
        asked = request.get("until") or ""
        if asked == "change":
            return self._change(name)
        if not asked:
            return 0.0
        try:
            if isinstance(asked, str):
                at = datetime.fromisoformat(asked)
                here = self._switch.local_time(self._switch.snapshot).tzinfo
                found = (at if at.tzinfo is not None else at.replace(tzinfo=here)).timestamp()
            else:
                found = float(asked)
        except (ValueError, TypeError, OverflowError):
            raise ControlError(f'"{asked}" is no time: write it as 2026-11-23T18:00') from None
        if found <= self._switch.now():
            raise ControlError(f'"{asked}" is past: give a time to come')
        return found

    def _change(self, name: str) -> float:
        """Return when the hours of a time range change by themselves; 0 when they never do."""
        found = next_change(self._switch.snapshot, name, datetime.fromtimestamp(self._switch.now(), UTC))
        return 0.0 if found is None else found.timestamp()

    def _row(self, name: str) -> dict[str, Any]:
        switch = self._switch
        snapshot, by_hand = switch.snapshot, self.of(name)
        now = state(snapshot, name, switch.local_time(snapshot))
        by_hours = state(dataclasses.replace(snapshot, overrides=()), name, switch.local_time(snapshot))
        return {
            "name": name,
            "open": now.open,
            "why": now.why,
            "state": "automatic" if by_hand is None else "open" if by_hand.open else "closed",
            "until": by_hand.until or None if by_hand is not None else None,
            "by": by_hand.by if by_hand is not None else "",
            "open_by_hours": by_hours.open,
            "next_change": self._change(name) or None,
        }

    # --- keeping them ---

    def _is_past(self, one: Override) -> bool:
        return bool(one.until) and one.until <= self._switch.now()

    def _use(self) -> None:
        """Bring all into force, and light lamps; again when the first of them ends."""
        switch = self._switch
        switch.snapshot = self.added_to(switch.snapshot)
        for service in switch.snapshot.services:
            if service.kind == "night":
                switch.subscriptions.changed(service.number)
        self.close()
        ends = [one.until for one in self._known.values() if one.until]
        if ends:
            left = max(0.0, min(min(ends) - switch.now(), LONGEST_TIMER))
            self._timer = asyncio.get_running_loop().call_later(left + 0.01, self._use)

    def _read(self) -> list[Override]:
        if self._store is None:
            return []
        try:
            return msgspec.json.decode(self._store.read_bytes(), type=list[Override])
        except FileNotFoundError:
            return []
        except (OSError, msgspec.DecodeError) as problem:
            log.error("what was switched by hand is lost, %s can't be read: %s", self._store, problem)
            return []

    def _write(self) -> None:
        """Write the file, so that a reader sees the old one or the new one. It is small: nothing waits for it."""
        if self._store is None:
            return
        draft = self._store.with_name(self._store.name + ".new")
        try:
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(msgspec.json.encode(list(self._known.values())))
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self._store)
        except OSError as problem:
            log.error("what is switched by hand will not outlive a restart, %s can't be written: %s", draft, problem)
