"""The SIP account of a browser: one for each session, with a password made anew at each start of the page.

The password is in the page's memory and, as digests, in the switch's: in no database, no file, no storage of the
browser. Whoever signs out, or whose session ends, is registered no longer.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.conf import settings as django_settings
from django.db import transaction
from django.db.models import QuerySet
from django.db.models.signals import pre_delete
from django.http import HttpRequest
from django.utils import timezone

from jackfield.browser_phones.models import BrowserPhone
from jackfield.company.models import General
from jackfield.console import publish
from jackfield.console.web.browsers import browser
from jackfield.console.web.sign_in_rules import too_old
from jackfield.control import ControlError, ask_sync
from jackfield.people.levels import levels_of
from jackfield.people.models import Session, SignIn
from jackfield.people.sessions import SessionStore
from jackfield.sip.digest import ha1

__all__ = ["Account", "account", "alive", "allowed", "end", "ended", "keep_fresh", "of_session", "sweep"]

log = logging.getLogger(__name__)

MOST = 8
"""Browsers that one person may have as phones: the one that was used longest ago gives way."""
FRESH_EVERY = 300.0
"""Seconds between the times at which a phone that is on counts as use of its session."""

ended: list[Callable[[str], None]] = []
"""Called with the key of each session that ends."""


@dataclass(frozen=True, slots=True)
class Account:
    """What the page needs to register."""

    sip_username: str
    password: str
    realm: str
    extension: str
    name: str
    instance: str
    push_name: str


def allowed(user: Any) -> bool:
    """Tell whether the administrator lets a user have phones in browsers: the company, his role, and he himself."""
    return SignIn.current().lets_phone(user)


def of_session(key: str | None) -> QuerySet[BrowserPhone]:
    """Return the phones of a session."""
    return BrowserPhone.objects.filter(session_id=key)


def account(request: HttpRequest, extension: Any) -> Account:
    """Give the browser its account with a new password; the one before is worth nothing any more.

    Raises `ControlError` when the switch does not run or does not take it.
    """
    phone, realm = _phone(request, extension), General.current().realm
    password = secrets.token_urlsafe(24)
    digests = {f"ha1_{name}": ha1(phone.sip_username, realm, password, way)
               for name, way in (("md5", "MD5"), ("sha256", "SHA-256"))}  # fmt: skip
    try:
        _tell("browser_account", phone, **digests)
    except ControlError:
        publish.publish(django_settings.JACKFIELD)  # it may not know the line yet
        _tell("browser_account", phone, **digests)
    instance = f"00000000-0000-4000-8000-{phone.pk:012x}"
    return Account(
        phone.sip_username, password, realm, extension.number, extension.name, instance, phone.push_name
    )  # fmt: skip


def _phone(request: HttpRequest, extension: Any) -> BrowserPhone:
    """Return the phone of this session and extension: its own, one that somebody signed out of here, or a new one."""
    user, key, now = request.user, request.session.session_key, time.time()
    name = browser(request.headers.get("User-Agent", ""))[:60]
    mine = BrowserPhone.objects.filter(user_id=user.pk)
    with transaction.atomic():
        of_session(key).exclude(extension=extension).update(session=None)
        free = mine.filter(session=None, extension=extension, browser=name)
        phone = mine.filter(session_id=key, extension=extension).first() or free.first()
        new = phone is None
        if phone is None:
            others = sorted(mine, key=lambda one: (one.session_id is not None, one.used))
            for old in others[: max(0, len(others) - MOST + 1)]:
                end(old)
                old.delete()
            phone = BrowserPhone(
                user_id=user.pk, extension=extension, browser=name, sip_username=f"b{secrets.token_hex(8)}"
            )
        phone.session_id, phone.used = key, now
        phone.push_name = phone.push_name or secrets.token_urlsafe(18)
        phone.save()
    if new:
        publish.publish(django_settings.JACKFIELD)
    found: BrowserPhone = phone
    return found


def _tell(verb: str, phone: BrowserPhone, **more: Any) -> None:
    ask_sync(django_settings.JACKFIELD.files.switch_socket, verb, sip_username=phone.sip_username, **more)


# --- the end ---------------------------------------------------------------------------------------------------------


def end(phone: BrowserPhone) -> None:
    """Let a phone be registered no longer, and never wake it again. It may be used again by who signs in anew."""
    BrowserPhone.objects.filter(pk=phone.pk).update(
        session=None, push_name="", push_address="", push_key="", push_secret="", used=0
    )
    try:
        _tell("browser_over", phone)
    except ControlError as problem:
        log.info("the switch was not told that %s is signed out: %s", phone, problem)


def alive(key: str, now: float) -> bool:
    """Tell whether a session with a phone goes on."""
    row = Session.objects.filter(session_key=key, expire_date__gt=timezone.now()).select_related("user").first()
    return row is not None and row.user is not None and row.user.is_active and not too_old(row.get_decoded(), now)


def keep_fresh(key: str, now: float) -> None:
    """Count a phone that is on, or can be woken, as use of its session, so that it rings tomorrow too.

    Not for those who may do more than use their own pages: a session that reaches the administration ends when nobody
    looks at it, as the rules of signing in say.
    """
    row = Session.objects.filter(session_key=key).select_related("user").first()
    if row is None or row.user is None or set(levels_of(row.user.role)) != {"own"}:
        return
    store = SessionStore(key)
    if now - store.get("seen", 0) > FRESH_EVERY:
        store["seen"] = now
        store.save()


def sweep(now: float) -> None:
    """End the phones whose sessions have ended by themselves; keep the sessions fresh whose phones can be woken."""
    for phone in BrowserPhone.objects.exclude(used=0):
        if phone.session_id is None or not alive(phone.session_id, now):
            for tell in ended if phone.session_id else ():
                tell(phone.session_id)
            end(phone)
        elif phone.push_address:
            keep_fresh(phone.session_id, now)


def _session_ends(instance: Session, **_: Any) -> None:
    phones = list(of_session(instance.pk))

    def over() -> None:
        for phone in phones:
            end(phone)
        for tell in ended:
            tell(instance.pk)

    transaction.on_commit(over)


pre_delete.connect(_session_ends, Session)
