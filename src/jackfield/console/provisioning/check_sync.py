"""Having phones fetch their configuration or start again: now or at night, one, several or all; and what came of it.

A round is kept in the database, so that it outlives a restart between the evening and the night. A phone is done when
it has fetched; who was told and stays silent is named.
"""

from __future__ import annotations

import datetime
import logging
import threading
import time
import zoneinfo
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import connection

from jackfield.console.database import database_errors
from jackfield.console.faults import ConsoleError
from jackfield.console.provisioning import rotation
from jackfield.console.provisioning.house import lines_of
from jackfield.control import ControlError, NotRunning, ask_sync
from jackfield.provisioning.catalogue import MODELS
from jackfield.sip.digest import ha1

if TYPE_CHECKING:
    from jackfield.settings import Settings

__all__ = ["Caller", "Outcome", "cancel", "night", "order", "outcome", "run_due"]

log = logging.getLogger("jackfield.provisioning")

LOOK_SECONDS = 5.0
CLEAR_SECONDS = 60.0
CHUNK = 40
"""Phones that are told at once: they all come for their files right away."""
ANSWER_SECONDS = 30.0
KEPT = 50
COMING = 120.0
"""Seconds that a phone has to fetch after it was told: many restart first."""
LATE = 3600.0
"""Seconds after which a round that was due is given up: at noon nobody wants what was meant for the night."""

Ask = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a round stands: how many have fetched, wait to be told, or were told and are on their way.

    `silent`: told a while ago or unreachable, and not fetched: their MACs with when they last fetched. `refused`:
    those that said no, with the status (RFC 3261 section 21).
    """

    all: int
    fetched: int
    waiting: int
    coming: int
    silent: tuple[tuple[str, float | None], ...]
    refused: tuple[tuple[str, int], ...]


def order(macs: Iterable[str], *, reboot: bool, due: float, by: str, now: float) -> Any:
    """Keep a round for these phones; it begins when it is due."""
    from jackfield.desk_phones.models import CheckSync, CheckSyncPhone

    found = CheckSync.objects.create(made=now, due=due, reboot=reboot, by=by[:150])
    CheckSyncPhone.objects.bulk_create(CheckSyncPhone(round=found, mac=mac) for mac in dict.fromkeys(macs))
    old = list(CheckSync.objects.order_by("-pk").values_list("pk", flat=True)[KEPT:])
    CheckSync.objects.filter(pk__in=old).delete()
    return found


def cancel(pk: int) -> bool:
    """Forget a round that has not begun; tell whether there was one."""
    from jackfield.desk_phones.models import CheckSync

    return bool(CheckSync.objects.filter(pk=pk, begun=None).delete()[0])


def night(at: str, time_zone: str, now: float) -> float:
    """Return when it is next that time of the day, such as "02:00", in the company's time zone."""
    zone = zoneinfo.ZoneInfo(time_zone)
    here = datetime.datetime.fromtimestamp(now, zone)
    hour, minute = map(int, at.split(":"))
    found = here.replace(hour=hour, minute=minute, second=0, microsecond=0)
    if found <= here:
        found = (found + datetime.timedelta(days=1)).replace(hour=hour, minute=minute)
    return found.timestamp()


def outcome(round: Any, now: float) -> Outcome:
    """Return how a round stands."""
    from jackfield.desk_phones.models import Standing

    rows = list(round.phones.all())
    coming = {row.mac for row in rows if row.answered == "told" and now - (row.at or 0.0) < COMING}
    silent = [row.mac for row in rows if row.answered in ("told", "unreachable") and row.mac not in coming]
    last = dict(Standing.objects.filter(phone__mac__in=silent).values_list("phone__mac", "last_fetch"))
    return Outcome(
        all=len(rows),
        fetched=sum(row.answered == "fetched" for row in rows),
        waiting=sum(row.answered == "waiting" for row in rows),
        coming=len(coming),
        silent=tuple((mac, last.get(mac)) for mac in silent),
        refused=tuple((row.mac, row.status) for row in rows if row.answered == "refused"),
    )


def run_due(settings: Settings, now: float, ask: Ask = ask_sync) -> int:
    """Begin the rounds that are due, and tell their phones; return how many were told."""
    from jackfield.desk_phones.models import CheckSync

    told = 0
    for one in CheckSync.objects.filter(begun=None, due__lte=now).order_by("due"):
        if not CheckSync.objects.filter(pk=one.pk, begun=None).update(begun=now):
            continue  # another console has it
        if now - one.due > LATE:
            log.warning("check-sync %d was due more than an hour ago: given up", one.pk)
            one.phones.filter(answered="waiting").update(answered="unreachable", at=now)
            continue
        rows = list(one.phones.filter(answered="waiting"))
        for start in range(0, len(rows), CHUNK):
            told += _tell(settings, one.reboot, rows[start : start + CHUNK], now, ask)
    return told


def _tell(settings: Settings, reboot: bool, rows: Sequence[Any], now: float, ask: Ask) -> int:
    from jackfield.desk_phones.models import CheckSyncPhone, DeskPhone

    phones = {phone.mac: phone for phone in DeskPhone.objects.filter(mac__in=[row.mac for row in rows])}
    lines = lines_of(phones.values())
    asked: list[dict[str, Any]] = []
    by_name: dict[str, Any] = {}
    passwords: dict[str, list[str]] = {}
    for row in rows:
        phone = phones.get(row.mac)
        line = next((lines[name] for name in phone.extensions if name in lines), None) if phone is not None else None
        model = MODELS.get(phone.model) if phone is not None else None
        if line is not None and model is not None:
            event = model.check_sync
            asked.append(
                {
                    "sip_username": line.sip_username,
                    "event": event.restart if reboot else event.fetch,
                }
            )
            by_name[line.sip_username] = row
            passwords[line.sip_username] = [one for one in (line.sip_password, line.previous_password) if one]
    # A phone that fetches at once must find its row waiting for that.
    CheckSyncPhone.objects.filter(pk__in=[row.pk for row in rows]).update(answered="told", at=now)
    try:
        found = _answers(settings, asked, passwords, ask)
    except ControlError as problem:
        if not isinstance(problem, NotRunning):
            log.error("phones were not told to fetch their configuration: %s", problem)
        found = []
    best: dict[str, int] = {}
    for answer in found:
        name, status = answer["sip_username"], answer["status"]
        best[name] = status if 200 <= status < 300 else best.get(name, status)
    done = 0
    for row in rows:
        status = next((best[name] for name, one in by_name.items() if one is row and name in best), 480)
        done += 200 <= status < 300
        said = "told" if 200 <= status < 300 else "unreachable" if status in (0, 408, 480) else "refused"
        # Who has fetched meanwhile stays so, whatever he answered.
        CheckSyncPhone.objects.filter(pk=row.pk, answered="told").update(answered=said, status=status)
    return done


def _answers(settings: Settings, asked: list[dict[str, Any]], passwords: dict[str, list[str]], ask: Ask) -> list[Any]:
    """Return what phones answered; those that asked for a password in a realm of their own are asked again with it."""
    if not asked:
        return []
    found = list(ask(settings.files.switch_socket, "notify", timeout=ANSWER_SECONDS, lines=asked))
    wanted = {row["sip_username"]: row["asked"] for row in found if row.get("asked")}
    again = [
        one | {"ha1": [_digests(one["sip_username"], password, wanted[one["sip_username"]])
                       for password in passwords[one["sip_username"]]]}
        for one in asked if one["sip_username"] in wanted
    ]  # fmt: skip
    if again:
        found += ask(settings.files.switch_socket, "notify", timeout=ANSWER_SECONDS, lines=again)
    return found


def _digests(name: str, password: str, wanted: Iterable[str]) -> dict[str, str]:
    """Return the digests that a phone's challenge asks for: each an algorithm and a realm, as the switch tells them."""
    parts = (one.partition(" ") for one in wanted)
    return {f"{algorithm} {realm}": ha1(name, realm, password, algorithm) for algorithm, _blank, realm in parts}


class Caller:
    """The work in the background: rounds that are due, and passwords of before that have ended."""

    def __init__(
        self,
        settings: Settings,
        ask: Ask = ask_sync,
        clock: Callable[[], float] = time.time,
        look: Callable[[Settings, float], object] = lambda settings, now: None,
    ) -> None:
        """`look` is called once a minute: it may order more rounds."""
        self._settings, self._ask, self._clock, self._look = settings, ask, clock, look
        self._next_clear = 0.0

    def run(self, stop: threading.Event) -> None:
        """Work until `stop` is set."""
        try:
            while not stop.wait(LOOK_SECONDS):
                self.step()
        finally:
            connection.close()

    def step(self) -> None:
        """Do what is due. Never raises: what fails is tried again."""
        try:
            with database_errors(self._settings):
                run_due(self._settings, self._clock(), self._ask)
                if self._clock() >= self._next_clear:
                    self._next_clear = self._clock() + CLEAR_SECONDS
                    rotation.clear_used(self._settings, self._ask)
                    self._look(self._settings, self._clock())
        except ConsoleError:
            pass  # the database is away, which others tell of
        except Exception:
            log.exception("a fault while phones were told to fetch their configuration")
