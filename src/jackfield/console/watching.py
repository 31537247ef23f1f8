"""Watching over the installation: what has gone wrong becomes a notice, once, and another when it is well again.

Something must be wrong in two rounds before anybody is told, and of the same cause nobody is told twice in an hour.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext_noop as later
from django.utils.translation import ngettext_lazy, override

from jackfield.console import monitoring, postman, publish
from jackfield.console.database import database_errors
from jackfield.console.faults import ConsoleError
from jackfield.console.letters import Said, When, language_of
from jackfield.control import ControlError, ask_sync
from jackfield.notices.choices import FOR_ADMINISTRATORS, Kind

if TYPE_CHECKING:
    from jackfield.console.importer import Importer
    from jackfield.console.importing import Keeper
    from jackfield.settings import Settings

__all__ = ["Alert", "Watch", "alerts", "router", "standing", "tell"]

log = logging.getLogger(__name__)

ROUND_SECONDS = 30.0
DELIVER_SECONDS = 5.0  # somebody who forgot his password waits for the message
ONE_AN_HOUR = 3600.0
MISSED_WITHIN = 6 * 3600.0  # calls that are told of at all: not those of last month, after a restore
KEEP_SECONDS = 90 * 86400.0
CERTIFICATE_DAYS = 14
NAMED = 5
"""Phones that a notice names; of the others it says how many."""
MISSED = ("no_answer", "unreachable", "busy", "cancelled")


@dataclass(frozen=True, slots=True)
class Alert:
    """Something to tell. `cause` is the same as long as it is the same thing; texts become words for each reader."""

    kind: Any  # of `Kind`
    cause: str
    subject: str | Said
    text: str | Said
    solved: str | Said = ""
    """What is told when it is not so any more; "": that it works again."""


standing: list[Alert] = []
"""What was wrong when it was looked the last time, for the pages of this process."""


def alerts(found: monitoring.Observation, certificate_ends: float | None = None, now: float = 0.0) -> list[Alert]:
    """Return what is wrong, from what was observed. `certificate_ends`: seconds since 1970."""
    checks = monitoring.health(found)["checks"]
    wrong = []
    for name in ("switch", "media", "database", "records"):
        if problem := checks[name].get("problem"):
            subject = Said(later("A part of the system does not work"))
            wrong.append(Alert(Kind.SYSTEM, name, subject, _sentence(problem)))
    if problem := checks["disk"].get("problem"):
        wrong.append(Alert(Kind.DISK_LOW, "disk", Said(later("The disk is nearly full")), _sentence(problem)))
    for trunk in found.trunks:
        if trunk["state"] in monitoring.UNUSABLE:
            told = {"name": trunk["name"], "why": trunk.get("text") or trunk["state"]}
            subject = Said(later('Trunk "%(name)s" can\'t be used'), told)
            text = Said(later('Calls through the trunk "%(name)s" fail: %(why)s.'), told)
            wrong.append(Alert(Kind.TRUNK_DOWN, f"trunk {trunk['name']}", subject, text))
    if certificate_ends is not None and certificate_ends - now < CERTIFICATE_DAYS * 86400:
        days = max(0, int((certificate_ends - now) / 86400))
        ends = ngettext_lazy(
            "The certificate ends in %(days)s day. Phones that use TLS, and browsers, refuse it then: renew it.",
            "The certificate ends in %(days)s days. Phones that use TLS, and browsers, refuse it then: renew it.",
            days,
        )
        text = Said(ends, {"days": days})
        wrong.append(Alert(Kind.CERTIFICATE, "certificate", Said(later("The certificate ends soon")), text))
    return wrong


def router(found: dict[str, Any]) -> Alert:
    """Tell of a router once, however many phones are behind it."""
    more = len(found["phones"]) - NAMED
    named: str | Said = ", ".join(found["phones"][:NAMED])
    if more > 0:
        named = Said(ngettext_lazy("%(named)s and %(more)s more", "%(named)s and %(more)s more", more),
                     {"named": named, "more": more})  # fmt: skip
    where: str | Said = found["address"]
    if found["site"]:
        where = Said(later("site %(name)s (%(address)s)"), {"name": found["site"], "address": where})
    told = {"where": where, "phones": named, "ports": f"UDP {found['ports']}", "tls": found["tls"]}
    if found["kind"] == "blocks audio":
        subject = later("The router at %(where)s blocks audio")
        text = later(
            "Phones behind the router at %(where)s ring, but hear nothing and are not heard: it blocks %(ports)s. "
            "Open these ports there for what goes out to this system. Phones that are concerned: %(phones)s."
        )
        solved = later("No phone there is without audio any more, as far as is known.")
    else:
        subject = later("The router at %(where)s changes SIP messages")
        text = later(
            "The router at %(where)s changes SIP messages (SIP ALG), which breaks calls and audio. Switch “SIP ALG” "
            "off in its settings. Phones that are concerned: %(phones)s."
        )
        if found["tls"]:
            text = later(
                "The router at %(where)s changes SIP messages (SIP ALG), which breaks calls and audio. Switch “SIP "
                "ALG” off in its settings, or let the phones there use TLS on port %(tls)s, which no router can "
                "change. Desk phones that fetch their settings from this system are switched to it by themselves. "
                "Phones that are concerned: %(phones)s."
            )
        solved = later("It changes the messages of no phone any more, as far as is known.")
    cause = f"router {found['kind']} {found['address']}"
    return Alert(Kind.ROUTER, cause, Said(subject, told), Said(text, told), Said(solved))


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:].rstrip(".") + "."


def tell(alert: Alert, now: float, recipients: Iterable[str] | None = None, *, user: Any = None) -> int:
    """Queue a notice for everybody who is to know, but for those who were told of the same cause within the hour.

    `recipients`: e-mail addresses; None: those of the settings. `user`: the one
    person whose affair it is. Each gets it in his own language, and not what he has switched off. Returns how many
    were queued.
    """
    from jackfield.notices.models import Mail, Notice, Notices
    from jackfield.webhooks import outbox

    config = Notices.current()
    if not getattr(config, alert.kind, True):
        return 0
    if user is not None:
        people = {user.email: [user]} if user.email else {}
    else:
        if recipients is None:
            recipients = _administrators(config) if Mail.current().host else ()
        people = _people(recipients)
    cause = alert.cause[:200]
    told = set(Notice.objects.filter(cause=cause, at__gt=now - ONE_AN_HOUR).values_list("recipient", flat=True))
    count = 0
    if user is None and alert.kind in FOR_ADMINISTRATORS:
        with override(language_of(None)):
            subject, text = str(alert.subject)[:200], str(alert.text)
        count += outbox.notice(alert.kind, cause, subject, text, now, within=ONE_AN_HOUR)
    for recipient, owners in people.items():
        if recipient in told or (owners and all(_unwanted(owner, alert.kind) for owner in owners)):
            continue
        language = language_of(owners[0] if owners else None)
        with override(language):
            subject, text = str(alert.subject)[:200], str(alert.text)
        Notice.objects.create(
            at=now, kind=alert.kind, cause=cause, recipient=recipient, language=language, subject=subject, text=text,
            next_try=now,
        )  # fmt: skip
        count += 1
    return count


def _people(recipients: Iterable[str]) -> dict[str, list[Any]]:
    """Return whose addresses these are: none where nobody here has it."""
    from jackfield.people.models import User

    found: dict[str, list[Any]] = {one: [] for one in recipients}
    for user in User.objects.filter(email__in=[one for one in found if one]).select_related("preference"):
        found[user.email].append(user)
    return found


def _unwanted(user: Any, kind: Any) -> bool:
    preference = getattr(user, "preference", None)
    return preference is not None and kind in preference.off


def _administrators(config: Any) -> list[str]:
    from jackfield.people.choices import Role
    from jackfield.people.models import User

    if config.recipients:
        return list(config.recipients)
    found = User.objects.filter(role=Role.ADMINISTRATOR, enabled=True).exclude(email="")
    return list(found.values_list("email", flat=True))


class Watch:
    """Looks and tells in a thread, and delivers in another. `clock` is UTC seconds since 1970."""

    def __init__(
        self,
        settings: Settings,
        importer: Importer | None = None,
        directory: Keeper | None = None,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.settings, self.importer, self.directory = settings, importer, directory
        self._clock = clock
        self._before: dict[str, Alert] = {}
        self._told: dict[str, Alert] = {}
        self._ways: list[dict[str, Any]] = []

    def run(self, stop: threading.Event) -> None:
        """Work until `stop` is set. Never raises: what goes wrong is logged, and tried again in the next round."""
        # A slow e-mail server must not keep us from looking. The thread ends with the process, whatever it waits for.
        threading.Thread(
            target=self._again_and_again, args=(stop, DELIVER_SECONDS, self.deliver), name="postman", daemon=True
        ).start()
        self._again_and_again(stop, ROUND_SECONDS, self.look)

    def _again_and_again(self, stop: threading.Event, pause: float, work: Callable[[], None]) -> None:
        from django.db import connection

        try:
            while not stop.wait(pause):
                try:
                    with database_errors(self.settings):
                        work()
                except ConsoleError as problem:
                    log.warning("notices wait: %s", problem)
                except Exception:
                    log.exception("a fault while watching")
        finally:
            connection.close()

    def round(self) -> None:
        """Look once, tell what is new, deliver what is due. Raises errors of the database."""
        self.look()
        self.deliver()

    def look(self) -> None:
        """Look once, and tell what is new. Raises errors of the database."""
        found = asyncio.run(monitoring.observe(self.settings, self.importer))
        standing[:] = [
            *alerts(found, self._certificate_ends(), self._clock()), *self._inside(), *map(router, self._routers())
        ]  # fmt: skip
        self.compare(standing)
        self.missed_calls()
        self._forget()

    def _inside(self) -> list[Alert]:
        """Return what is wrong with the work of this process itself."""
        wrong = []
        for problem in list(publish.trouble.values())[:1]:
            subject = Said(later("The configuration can't be published"))
            wrong.append(Alert(Kind.PUBLISH_FAILED, "publish", subject, _sentence(problem)))
            with suppress(ConsoleError):
                publish.publish(self.settings)  # perhaps there is room on the disk again
        if self.directory is not None and self.directory.trouble:
            subject = Said(later("The directory can't be imported"))
            wrong.append(Alert(Kind.DIRECTORY_FAILED, "directory", subject, _sentence(self.directory.trouble)))
        return wrong

    def _routers(self) -> list[dict[str, Any]]:
        """Return the routers that stand in the way of phones; none while the switch does not answer."""
        with suppress(ControlError):
            self._ways = ask_sync(self.settings.files.switch_socket, "routers", timeout=monitoring.ANSWER_SECONDS)
        return self._ways

    def deliver(self) -> None:
        """Send what is due. Raises errors of the database."""
        for notice in postman.due(self._clock()):
            if not postman.deliver(notice, self._clock()):
                postman.postpone(self._clock())
                break

    def compare(self, now_wrong: list[Alert]) -> None:
        """Tell of what is wrong for the second time in a row, and of what is well again."""
        now = self._clock()
        current = {alert.cause: alert for alert in now_wrong}
        for cause, alert in current.items():
            # What is wrong again within the hour is told when the hour is over, if it still is.
            if cause in self._before and cause not in self._told and tell(alert, now):
                self._told[cause] = alert
        for cause in [cause for cause in self._told if cause not in current and cause not in self._before]:
            alert = self._told.pop(cause)
            subject = Said(later("Solved: %(what)s"), {"what": alert.subject})
            tell(Alert(alert.kind, f"solved {cause}", subject, alert.solved or Said(later("It works again."))), now)
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
        from jackfield.contacts.names import names_of
        from jackfield.contacts.numbers import house

        where = house()
        name = names_of([call.caller_number], user=user, known_house=where).get(call.caller_number) or call.caller_name
        caller: str | Said = where.shown(call.caller_number) or Said(later("an unknown number"))
        if call.caller_hidden:
            caller = Said(later("a hidden number"))
        elif name and name != call.caller_number:
            caller = f"{name} ({caller})" if call.caller_number else name
        told = {"caller": caller, "number": call.called_extension, "at": When(call.started)}
        subject = Said(later("Missed call from %(caller)s"), told)
        text = Said(later("%(caller)s called %(number)s on %(at)s. Nobody answered."), told)
        cause = f"missed {call.called_extension} {call.caller_number}"
        tell(Alert(Kind.MISSED_CALL, cause, subject, text), now, user=user)

    def _certificate_ends(self) -> float | None:
        """Return when the certificate in use ends, whoever gave it."""
        from jackfield.console import certificates

        return certificates.ends(self.settings)

    def _forget(self) -> None:
        from jackfield.notices.models import Notice

        Notice.objects.filter(at__lt=self._clock() - KEEP_SECONDS).delete()
