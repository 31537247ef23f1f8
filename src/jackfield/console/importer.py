"""From the spool into the database: what happened, in batches, while the database is there; kept while it is not.

A batch is stored in one transaction and only then marked as done in the spool. Killed in between, the next importer
stores it a second time, which changes nothing because every entry has its id.
"""

from __future__ import annotations

import hashlib
import itertools
import logging
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import msgspec
from django.db import DatabaseError, DataError, IntegrityError, InterfaceError, connection, transaction

from jackfield.company.models import State
from jackfield.console import emergencies, limit_notices
from jackfield.console.database import database_errors
from jackfield.console.faults import ConsoleError
from jackfield.control import ControlError, NotRunning, ask_sync
from jackfield.history import retention, sums
from jackfield.history.models import Call
from jackfield.history.storing import Entry, Stored, interrupt, store
from jackfield.spool import SpoolReader
from jackfield.webhooks import outbox

if TYPE_CHECKING:
    from jackfield.settings import Settings

__all__ = ["Importer"]

log = logging.getLogger(__name__)

BATCH = 500
POLL_SECONDS = 1.0
PAUSES = (1.0, 2.0, 5.0, 10.0, 30.0)  # seconds between tries while the database is away
LOOK_SECONDS = 10.0  # between looks for calls that nobody will ever end; longer than the switch keeps an end back
CLEAN_SECONDS = 3600.0


class Importer:
    """Reads the spool of one installation. One per data directory; everything runs in the thread that calls it.

    `clock` is UTC seconds since 1970; `active` returns the ids of the calls that the switch has now, None if unknown.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Callable[[], float] = time.time,
        active: Callable[[], set[str] | None] | None = None,
    ) -> None:
        self.settings = settings
        self.stored: dict[str, int] = {"call": 0, "event": 0}  # since the start, for /metrics
        self.refused = 0
        self.failures = 0
        self.trouble = ""  # why nothing can be stored now; "" while all is well
        self._clock = clock
        self._active = active or self._ask_switch
        self._reader = SpoolReader(settings.files.spool)
        self._state_key = f"importer {hashlib.sha256(settings.files.secret()).hexdigest()[:12]}"
        self._boot: str | None = None
        self._vanished: set[str] = set()
        self._next_look = 0.0
        self._next_clean = 0.0

    def run(self, stop: threading.Event) -> None:
        """Work until `stop` is set; a batch that has begun is finished."""
        try:
            while not stop.is_set():
                if not self.step():
                    stop.wait(PAUSES[min(self.failures, len(PAUSES)) - 1] if self.trouble else POLL_SECONDS)
        finally:
            connection.close()

    def step(self) -> bool:
        """Do one batch, or what is due when there is none. Returns whether there may be more at once. Never raises."""
        try:
            with database_errors(self.settings):
                more = self._step()
        except (ConsoleError, OSError) as error:
            self._fail(str(error))
            return False
        if self.trouble:
            log.info("call records are stored in the database again")
        self.failures, self.trouble = 0, ""
        return more

    def _step(self) -> bool:
        self._connect()
        batch = self._reader.batch(BATCH)
        if batch.entries:
            self._store(batch.entries)
        self._reader.done(batch.mark)
        if batch.entries:
            return True
        now = self._clock()
        if now >= self._next_look:
            self._next_look = now + LOOK_SECONDS
            self._close_vanished(now)
        sums.keep(now)
        if now >= self._next_clean:
            more = retention.clean(now)
            self._next_clean = now + (POLL_SECONDS if more else CLEAN_SECONDS)
        return False

    def waiting(self) -> int:
        """Return how many bytes of records wait in the spool. Raises `OSError`."""
        return self._reader.waiting()

    def _connect(self) -> None:
        if connection.connection is None:
            connection.ensure_connection()
            if connection.vendor == "sqlite":
                # The spool forgets what is committed here, so this must outlive a power cut: one fsync per batch.
                with connection.cursor() as cursor:
                    cursor.execute("PRAGMA synchronous=FULL")
        if self._boot is None:
            state = State.objects.filter(key=self._state_key).first()
            self._boot = state.value.get("boot", "") if state else ""

    def _store(self, entries: list[Entry]) -> None:
        try:
            with transaction.atomic():
                found = store(entries, self._clock())
                unreadable = {id(entry) for entry, _why in found.unreadable}
                readable = [entry for entry in entries if id(entry) not in unreadable]
                outbox.calls(readable, self._clock())
                emergencies.tell(readable, self._clock())
                limit_notices.tell(readable, self._clock())
        except (DataError, IntegrityError, ValueError, OverflowError) as error:
            if len(entries) == 1:  # this is the one that the database does not take
                self._refuse(entries[0], str(error))
                return
            for entry in entries:
                self._store([entry])
            return
        for entry, why in found.unreadable:
            self._refuse(entry, why)
        self.stored["call"] += found.calls
        self.stored["event"] += found.events
        self._new_boots(found)

    def _new_boots(self, found: Stored) -> None:
        """Close what the switch left behind when it was started anew: its earlier calls can't end any more."""
        fresh = [boot for boot in found.boots if boot != self._boot]
        if not fresh:
            return
        boots = [self._boot, *fresh] if self._boot else fresh
        for old, new in itertools.pairwise(boots):
            self._interrupt(old, found.begun[new])
        self._boot = fresh[-1]
        State.objects.update_or_create(key=self._state_key, defaults={"value": {"boot": self._boot}})

    def _close_vanished(self, now: float) -> None:
        """Close calls that the switch does not know any more, at two looks in a row, with an empty spool."""
        if not self._boot:
            return
        open_calls = set(Call.objects.filter(boot=self._boot, ended=None).values_list("id", flat=True))
        active = self._active() if open_calls else set()
        if active is None:
            return
        vanished = open_calls - active
        if gone := vanished & self._vanished:
            self._interrupt(self._boot, now, besides=open_calls - gone)
        self._vanished = vanished - gone

    def _ask_switch(self) -> set[str] | None:
        try:
            return {call["id"] for call in ask_sync(self.settings.files.switch_socket, "calls")}
        except NotRunning:
            return set()
        except (ControlError, KeyError, TypeError):
            return None

    def _interrupt(self, boot: str, at: float, besides: Iterable[str] = ()) -> None:
        """Close the calls of a start of the switch that have no end."""
        with transaction.atomic():
            ids = [row.id for row in Call.objects.filter(boot=boot, ended=None).exclude(id__in=list(besides))]
            count = interrupt([boot], at, besides=besides) if ids else 0
            outbox.interrupted(Call.objects.filter(id__in=ids), at, self._clock())
        if count:
            log.warning("%d calls had no end, since the switch stopped while they went on: noted as interrupted", count)

    def _refuse(self, entry: Entry, why: str) -> None:
        """Put an entry that can't be stored aside, so that it does not hold up all others."""
        self.refused += 1
        path = self.settings.files.spool / "refused.jsonl"
        with path.open("ab") as file:
            path.chmod(0o600)
            file.write(msgspec.json.encode(entry) + b"\n")
        log.error("the record %s %s can't be stored (%s): it is kept in %s", entry["kind"], entry["id"], why, path)

    def _fail(self, why: str) -> None:
        self.failures += 1
        with suppress(DatabaseError, InterfaceError):
            connection.close()
        if not self.trouble:
            waiting = _size(self._reader)
            log.error("call records wait in %s%s: %s", self.settings.files.spool, waiting, why)
        self.trouble = why


def _size(reader: Any) -> str:
    try:
        return f" ({reader.waiting() / 1e6:.1f} MB)"
    except OSError:
        return ""
