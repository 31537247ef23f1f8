"""Watching over the installation: what has gone wrong becomes a notice, once, and another when it is well again.

Something must be wrong in two rounds before anybody is told, and of the same cause nobody is told twice in an hour.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jackfield.console import monitoring, postman
from jackfield.console.api import ConsoleError
from jackfield.console.database import database_errors
from jackfield.notices.choices import Kind

if TYPE_CHECKING:
    from jackfield.console.importer import Importer
    from jackfield.settings import Settings

__all__ = ["Alert", "Watch", "alerts", "tell"]

log = logging.getLogger(__name__)

ROUND_SECONDS = 30.0
ONE_AN_HOUR = 3600.0
MISSED_WITHIN = 6 * 3600.0  # calls that are told of at all: not those of last month, after a restore
KEEP_SECONDS = 90 * 86400.0
CERTIFICATE_DAYS = 14
MISSED = ("no_answer", "unreachable", "busy", "cancelled")


@dataclass(frozen=True, slots=True)
class Alert:
    """Something that is wrong. `cause` is the same as long as it is the same thing."""

    kind: Any  # of `Kind`
    cause: str
    subject: str
    text: str


def alerts(found: monitoring.Observation, certificate_ends: float | None = None, now: float = 0.0) -> list[Alert]:
    """Return what is wrong, from what was observed. `certificate_ends`: seconds since 1970."""
    checks = monitoring.health(found)["checks"]
    wrong = []
    for name in ("switch", "media", "database", "records"):
        if problem := checks[name].get("problem"):
            wrong.append(Alert(Kind.SYSTEM, name, "A part of the system does not work", _sentence(problem)))
    if problem := checks["disk"].get("problem"):
        wrong.append(Alert(Kind.DISK_LOW, "disk", "The disk is nearly full", _sentence(problem)))
    for trunk in found.trunks:
        if trunk["state"] in monitoring.UNUSABLE:
            text = f'Calls through the trunk "{trunk["name"]}" fail: {trunk.get("text") or trunk["state"]}.'
            subject = f'Trunk "{trunk["name"]}" can\'t be used'
            wrong.append(Alert(Kind.TRUNK_DOWN, f"trunk {trunk['name']}"[:200], subject[:200], text))
    if certificate_ends is not None and certificate_ends - now < CERTIFICATE_DAYS * 86400:
        days = max(0, int((certificate_ends - now) / 86400))
        text = f"The certificate ends in {days} days. Phones that use TLS, and browsers, refuse it then: renew it."
        wrong.append(Alert(Kind.CERTIFICATE, "certificate", "The certificate ends soon", text))
    return wrong


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:].rstrip(".") + "."


def tell(alert: Alert, now: float, recipients: Iterable[str] | None = None) -> int:
    """Queue a notice for everybody who is to know, but for those who were told of it within the hour.

    `recipients`: e-mail addresses; None: those of the settings, and the webhook. Returns how many were queued.
    """
    from jackfield.notices.models import Mail, Notice, Notices

    config = Notices.current()
    if not getattr(config, alert.kind, True):
        return 0
    if recipients is None:
        recipients = [*(_administrators(config) if Mail.current().host else ()), *([""] if config.webhook else ())]
    told = set(Notice.objects.filter(cause=alert.cause, at__gt=now - ONE_AN_HOUR).values_list("recipient", "subject"))
    fresh = [one for one in dict.fromkeys(recipients) if (one, alert.subject) not in told]
    for recipient in fresh:
        Notice.objects.create(
            at=now, kind=alert.kind, cause=alert.cause, recipient=recipient, subject=alert.subject, text=alert.text,
            next_try=now,
        )  # fmt: skip
    return len(fresh)


def _administrators(config: Any) -> list[str]:
    from jackfield.people.choices import Role
    from jackfield.people.models import User

    if config.recipients:
        return list(config.recipients)
    found = User.objects.filter(role=Role.ADMINISTRATOR, enabled=True).exclude(email="")
    return list(found.values_list("email", flat=True))


class Watch:
    """Looks, tells and delivers, in a thread of its own. `clock` is UTC seconds since 1970."""

    def __init__(
        self, settings: Settings, importer: Importer | None = None, *, clock: Callable[[], float] = time.time
    ) -> None:
        self.settings, self.importer = settings, importer
        self._clock = clock
        self._before: dict[str, Alert] = {}
        self._told: dict[str, Alert] = {}

    def run(self, stop: threading.Event) -> None:
        """Work until `stop` is set. Never raises: what goes wrong is logged, and tried again in the next round."""
        from django.db import connection

        try:
            while not stop.wait(ROUND_SECONDS):
                try:
                    with database_errors(self.settings):
                        self.round()
                except ConsoleError as problem:
                    log.warning("notices wait: %s", problem)
                except Exception:
                    log.exception("a fault while watching")
        finally:
            connection.close()

    def round(self) -> None:
        """Look once, tell what is new, deliver what is due. Raises errors of the database."""
        found = asyncio.run(monitoring.observe(self.settings, self.importer))
        self.compare(alerts(found, self._certificate_ends(), self._clock()))
        self.missed_calls()
        for notice in postman.due(self._clock()):
            postman.deliver(notice, self._clock())
        self._forget()

    def compare(self, now_wrong: list[Alert]) -> None:
        """Tell of what is wrong for the second time in a row, and of what is well again."""
        now = self._clock()
        current = {alert.cause: alert for alert in now_wrong}
        for cause, alert in current.items():
            if cause in self._before and cause not in self._told:
                tell(alert, now)
                self._told[cause] = alert
        for cause in [cause for cause in self._told if cause not in current and cause not in self._before]:
            alert = self._told.pop(cause)
            tell(Alert(alert.kind, cause, f"Well again: {alert.subject}"[:200], "It works again."), now)
        self._before = current

    def missed_calls(self) -> None:
        """Tell users who want it of the calls to their extensions that nobody answered since the last round."""
        from jackfield.company.models import State
        from jackfield.history.models import Call
        from jackfield.notices.models import Mail, Preference
        from jackfield.numbers.models import Extension

        now = self._clock()
        state, _ = State.objects.get_or_create(key="missed calls told", defaults={"value": {"until": now}})
        since = max(state.value["until"], now - MISSED_WITHIN)
        wanted = {
            preference.user_id: preference.user
            for preference in Preference.objects.filter(missed_call=True).select_related("user")
            if preference.user.email and preference.user.is_active
        }
        if wanted and Mail.current().host:
            owners = dict(Extension.objects.filter(user_id__in=wanted).values_list("number", "user_id"))
            calls = Call.objects.filter(
                started__gt=since - MISSED_WITHIN, ended__gt=since, ended__lte=now, outcome__in=MISSED,
                called_extension__in=owners,
            )  # fmt: skip
            for call in calls.order_by("ended"):
                self._tell_missed(call, wanted[owners[call.called_extension]], now)
        state.value = {"until": now}
        state.save()

    def _tell_missed(self, call: Any, user: Any, now: float) -> None:
        from jackfield.company.models import General
        from jackfield.console.web.jinja import when

        caller = call.caller_number or "an unknown number"
        if call.caller_name and call.caller_name != caller:
            caller = f"{call.caller_name} ({caller})"
        at = when(call.started, General.current().time_zone)
        text = f"{caller} called {call.called_extension} at {at}. Nobody answered."
        cause = f"missed {call.called_extension} {call.caller_number}"[:200]
        tell(Alert(Kind.MISSED_CALL, cause, f"Missed call from {caller}"[:200], text), now, [user.email])

    def _certificate_ends(self) -> float | None:
        """Return when the certificate that somebody gave us ends; our own is renewed by itself."""
        path = self.settings.tls_certificate
        if not path:
            return None
        from cryptography import x509

        try:
            with open(path, "rb") as file:
                return x509.load_pem_x509_certificate(file.read()).not_valid_after_utc.timestamp()
        except (OSError, ValueError):
            return None  # the switch and `jackfield check` say so

    def _forget(self) -> None:
        from jackfield.notices.models import Notice

        Notice.objects.filter(at__lt=self._clock() - KEEP_SECONDS).delete()
