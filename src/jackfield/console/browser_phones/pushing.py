"""Sends the pushes that the switch asks for, so that a phone in a browser wakes up when somebody calls it.

A thread of its own asks the switch, which answers as soon as there is something to send. What a push says is encrypted
for the browser, and is no more than who calls. Push services are reached by https at public addresses only, whatever
name a browser has given: nobody gets this machine to knock at doors inside the house.
"""

from __future__ import annotations

import json
import logging
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpcore
from django.core import signing
from django.db import close_old_connections
from django.utils.translation import gettext as _

from jackfield.browser_phones.models import BrowserPhone
from jackfield.console import languages
from jackfield.console.browser_phones import accounts
from jackfield.console.browser_phones.web_push import (
    LARGEST,
    NotASubscription,
    Vapid,
    encrypted,
    is_public,
    subscription,
)
from jackfield.console.database import database_errors
from jackfield.console.faults import ConsoleError
from jackfield.contacts.names import names_of
from jackfield.contacts.numbers import house
from jackfield.control import ControlError, ask_sync
from jackfield.notices.models import Mail

if TYPE_CHECKING:
    from jackfield.settings import Settings

__all__ = ["Declined", "Pusher", "declined", "vapid"]

log = logging.getLogger(__name__)

TTL = 40
"""Seconds for which a push service keeps a push: the caller does not wait for longer."""
SWEEP_SECONDS = 30.0
REST_SECONDS = 2.0
GONE = (404, 410)  # RFC 8030 section 7.3: the subscription has ended
AT_ONCE = 8
SALT = "jackfield.browser_phones.decline"

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Declined:
    """A call that somebody declines at its notification."""

    call: str
    extension: str
    user: int


def declined(token: str) -> Declined | None:
    """Read what a notification of ours names; None for anything else, and for one that is too old."""
    try:
        return Declined(*signing.loads(token, salt=SALT, max_age=300))
    except (signing.BadSignature, TypeError, ValueError):
        return None


def vapid(settings: Settings) -> Vapid:
    """Return this installation's key for pushes."""
    return Vapid(settings.files.push_key)


class Pusher:
    """See the module. `reaches` says which addresses may be connected to; it and `trust` are given by tests only."""

    def __init__(
        self,
        settings: Settings,
        *,
        ask: Callable[..., Any] = ask_sync,
        reaches: Callable[[str], bool] = is_public,
        trust: ssl.SSLContext | None = None,
    ) -> None:
        self._settings, self._ask, self._reaches, self._trust = settings, ask, reaches, trust
        self._pool: httpcore.ConnectionPool | None = None
        self._vapid: Vapid | None = None
        self._seen: tuple[str, int] = ("", 0)

    def run(self, stop: threading.Event) -> None:
        """Work until `stop` is set. Never raises."""
        swept = 0.0
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="push") as workers:
            while not stop.is_set():
                try:
                    with database_errors(self._settings):
                        if time.monotonic() > swept + SWEEP_SECONDS:
                            swept = time.monotonic()
                            accounts.sweep(time.time())
                        for push in self.wanted():
                            workers.submit(self._send_safely, push)
                except (ControlError, ConsoleError):
                    stop.wait(REST_SECONDS)
                except Exception:
                    log.exception("a fault while sending pushes")
                    stop.wait(REST_SECONDS)
        if self._pool is not None:
            self._pool.close()

    def wanted(self) -> list[Row]:
        """Wait for the pushes that are to be sent. Raises `ControlError`."""
        boot, after = self._seen
        socket_file = self._settings.files.switch_socket
        answer = self._ask(socket_file, "pushes", timeout=30.0, boot=boot, after=after)
        self._seen = answer["boot"], answer["after"]
        return list(answer["pushes"])

    def _send_safely(self, push: Row) -> None:
        try:
            self.send(push)
        except Exception:
            log.exception("a fault while sending a push")
        finally:
            close_old_connections()

    def send(self, push: Row) -> None:
        """Send one push, and tell the switch when it does not arrive."""
        phone = BrowserPhone.objects.filter(push_name=push["push"]).select_related("user").first()
        if phone is None or not phone.push_address:
            self._failed(push, gone=True)
            return
        try:
            whom = subscription(phone.push_address, phone.push_key, phone.push_secret)
            status = self._post(whom.address, encrypted(self._text(push, phone), whom), push)
        except (NotASubscription, OSError, httpcore.NetworkError, httpcore.TimeoutException,
                httpcore.ProtocolError) as problem:  # fmt: skip
            log.warning("extension %s was not woken: its push service can't be used: %s", push["extension"], problem)
            self._failed(push, gone=isinstance(problem, NotASubscription))
            return
        if status in GONE:
            BrowserPhone.objects.filter(pk=phone.pk).update(push_address="", push_key="", push_secret="")
            log.info("extension %s: the browser is not to be woken any more (%d)", push["extension"], status)
        elif not 200 <= status < 300:
            log.warning("extension %s was not woken: its push service answered %d", push["extension"], status)
        if not 200 <= status < 300:
            self._failed(push, gone=status in GONE)

    def _failed(self, push: Row, *, gone: bool) -> None:
        if push["kind"] == "call":
            self._ask(self._settings.files.switch_socket, "push_failed", push=push["push"], gone=gone)

    def _text(self, push: Row, phone: BrowserPhone) -> bytes:
        """Return what the browser is told: who calls, in the user's language, and how to decline."""
        number = push["caller"]
        with languages.reading_in(phone.user.language):
            known = names_of([number], user=phone.user)
            name = known.get(number) or push["caller_name"] or number or _("a hidden number")
            shown = house().shown(number) if number else ""
            told = {
                "kind": push["kind"],
                "call": push["call"],
                "title": _("%(name)s calls you") % {"name": name},
                "body": "" if shown == name else shown,
                "answer": _("Answer"),
                "decline": _("Decline"),
                "missed": "" if push["answered"] else _("You missed a call of %(name)s") % {"name": name},
                "elsewhere": _("The call was answered at another phone"),
                "token": signing.dumps([push["call"], push["extension"], phone.user_id], salt=SALT),
            }
        return json.dumps(told, ensure_ascii=False).encode()[:LARGEST]

    def _post(self, address: str, body: bytes, push: Row) -> int:
        if self._vapid is None:
            self._vapid = vapid(self._settings)
        if self._pool is None:
            self._pool = httpcore.ConnectionPool(
                self._trust or ssl.create_default_context(), network_backend=_Outside(self._reaches)
            )
        sender = Mail.current().sender
        headers: dict[str | bytes, str | bytes] = {
            "Host": address.partition("://")[2].partition("/")[0],
            "Authorization": self._vapid.header(
                address, f"mailto:{sender}" if sender else "https://jackfield.example.com/", time.time()
            ),
            "Content-Encoding": "aes128gcm",
            "Content-Type": "application/octet-stream",
            "Content-Length": str(len(body)),
            "TTL": str(TTL),
            "Urgency": "high",
            "Topic": "".join(c for c in push["call"] if c.isalnum())[:32],  # what comes later takes its place
        }
        limits = dict.fromkeys(("connect", "read", "write", "pool"), 10.0)
        answer = self._pool.request("POST", address, headers=headers, content=body, extensions={"timeout": limits})
        return int(answer.status)


class _Outside(httpcore.SyncBackend):
    """Connects to public addresses only: the address is checked that is connected to, not the one of a while ago."""

    def __init__(self, reaches: Callable[[str], bool]) -> None:
        self._reaches = reaches

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first address of the name, if all of them are outside. Raises `httpcore.ConnectError`."""
        try:
            found = [str(one[4][0]) for one in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
        except OSError as problem:
            raise httpcore.ConnectError(f"{host} is not known: {problem}") from None
        if not found or not all(map(self._reaches, found)):
            raise httpcore.ConnectError(f"{host} leads to an address that is not in the public Internet")
        failures = []
        for address in found:
            try:
                return super().connect_tcp(address, port, timeout, local_address, socket_options)
            except httpcore.ConnectError as failed:
                failures.append(failed)
        raise failures[0]
