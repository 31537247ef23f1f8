"""The rules of links that set a softphone up: how long each holds, that it works once, how it is taken back."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Collection
from enum import StrEnum
from typing import Any

from django.core import signing

from jackfield.softphones.models import SetupLink

__all__ = ["DAY", "GRACE", "WEEK", "State", "current", "find", "make", "revoke", "set_up", "state", "take", "token"]

DAY = 86400.0
WEEK = 7 * DAY  # of a link in a mail, which is read when somebody is back
GRACE = 60.0
"""Seconds in which the same app at the same address may ask once more: an answer can be lost on its way."""
KEPT = 30 * DAY  # how long what became of a link is told
SALT = "jackfield.phone"


class State(StrEnum):
    """How a link stands. `ENDED`: its phone has another password by now."""

    OPEN = "open"
    USED = "used"
    EXPIRED = "expired"
    REVOKED = "revoked"
    ENDED = "ended"


def make(line: Any, *, seconds: float = DAY, by: str = "", now: float | None = None) -> SetupLink:
    """Make a new link for a line; what is told of old ones is cleared away. Raises errors of the database."""
    at = time.time() if now is None else now
    SetupLink.objects.filter(line=line, expires__lt=at - KEPT).delete()
    link: SetupLink = SetupLink.objects.create(
        line=line, nonce=secrets.token_urlsafe(12), mark=_mark(line), made=at, made_by=by[:200], expires=at + seconds
    )
    return link


def current(line: Any, *, seconds: float = DAY, by: str = "", now: float | None = None) -> SetupLink:
    """Return a link that still holds for at least half of `seconds`, or a new one.

    So a page that is looked at again shows the link that it showed before.
    """
    at = time.time() if now is None else now
    known = SetupLink.objects.filter(
        line=line, mark=_mark(line), used=None, revoked=None, expires__gt=at + seconds / 2, expires__lte=at + seconds
    ).first()
    return known or make(line, seconds=seconds, by=by, now=at)


def token(link: SetupLink) -> str:
    """Return what stands in the link's address: the same each time, signed with the installation's key."""
    return str(signing.Signer(salt=SALT).sign_object([link.pk, link.nonce]))


def find(text: str) -> SetupLink | None:
    """Return the link of a token; None for one that we never made."""
    try:
        pk, nonce = signing.Signer(salt=SALT).unsign_object(text)
    except (signing.BadSignature, ValueError, TypeError):
        return None
    link: SetupLink | None = SetupLink.objects.select_related("line__extension").filter(pk=pk).first()
    return link if link is not None and secrets.compare_digest(link.nonce, str(nonce)) else None


def state(link: SetupLink, now: float | None = None) -> State:
    """Tell how a link stands."""
    at = time.time() if now is None else now
    if link.revoked is not None:
        return State.REVOKED
    if link.used is not None:
        return State.USED
    if link.mark != _mark(link.line):
        return State.ENDED
    return State.EXPIRED if link.expires <= at else State.OPEN


def take(link: SetupLink, *, by: str, address: str, now: float | None = None) -> bool:
    """Use a link up; tell whether what it leads to may be given out. Of two who come at once, one gets it."""
    at = time.time() if now is None else now
    if state(link, at) is State.OPEN:
        open_still = SetupLink.objects.filter(pk=link.pk, used=None, revoked=None, expires__gt=at)
        if open_still.update(used=at, used_by=by, used_from=address[:64]):
            return True
        link.refresh_from_db()
    again = link.used is not None and at - link.used <= GRACE and (link.used_by, link.used_from) == (by, address[:64])
    return again and link.revoked is None and link.mark == _mark(link.line)


def revoke(link: SetupLink, now: float | None = None) -> bool:
    """Take a link back; tell whether it was still open."""
    at = time.time() if now is None else now
    return bool(SetupLink.objects.filter(pk=link.pk, used=None, revoked=None, expires__gt=at).update(revoked=at))


def set_up(sip_usernames: Collection[str]) -> dict[str, SetupLink]:
    """Return the links by which lines of these SIP names were set up in an app or shown to a person, the last of each;
    without those whose password is another one by now.
    """
    rows = SetupLink.objects.filter(line__sip_username__in=sip_usernames, used__isnull=False).select_related("line")
    return {row.line.sip_username: row for row in rows.order_by("used") if row.mark == _mark(row.line)}


def _mark(line: Any) -> str:
    return hashlib.sha256(f"{line.sip_username}:{line.sip_password}".encode()).hexdigest()[:16]
