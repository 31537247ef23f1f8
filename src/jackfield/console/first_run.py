"""The way in before anybody has an account: a token of one start, and administrators made on the command line.

Whoever starts Jackfield reads the token on the terminal; it opens the pages of the first run until somebody can sign in
as administrator. The database has its SHA-256 alone: 256 random bits need no slow hash.
"""

from __future__ import annotations

import hashlib
import secrets
from hmac import compare_digest
from typing import TYPE_CHECKING

from django.db import transaction

from jackfield.console.change import Author, Wish, save
from jackfield.console.declarative.difference import DocumentError
from jackfield.console.faults import ConsoleError
from jackfield.people.choices import Role

if TYPE_CHECKING:
    from jackfield.people.models import User
    from jackfield.settings import Settings

__all__ = ["administrator_exists", "fits", "fresh_password", "make_administrator", "new_token"]

STATE = "first run"
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"


def administrator_exists() -> bool:
    """Tell whether somebody can sign in and do everything."""
    from jackfield.people.models import User

    return bool(User.objects.filter(role=Role.ADMINISTRATOR, enabled=True).exclude(password="").exists())


def new_token(made_by: str, start: str = "") -> str:
    """Return a new token in place of the one that `made_by` ("init", "run") made last; "" when none is needed.

    `start` names a start of Jackfield: one that has its token already keeps it, for it was printed once.
    """
    from jackfield.company.models import State

    with transaction.atomic():
        if administrator_exists():
            State.objects.filter(key=STATE).delete()
            return ""
        token = secrets.token_urlsafe(24)
        row, _ = State.objects.select_for_update().get_or_create(key=STATE)
        known = dict(row.value or {})
        if start and known.get("start") == start:
            return ""
        row.value = known | {made_by: _digest(token)} | ({"start": start} if start else {})
        row.save()
    return token


def fits(token: str) -> bool:
    """Tell whether a token opens the first run now."""
    from jackfield.company.models import State

    row = State.objects.filter(key=STATE).first()
    known = [digest for name, digest in (row.value or {}).items() if name != "start"] if row else []
    found = [compare_digest(_digest(token), one) for one in known]  # all of them: the time tells nothing
    return any(found) and not administrator_exists()


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def make_administrator(settings: Settings, login: str, password: str, *, name: str = "", author: Author) -> User:
    """Make a full administrator with this password, or make a user one and give him the password.

    His sessions end, and what he had as a second factor goes. Raises `ConsoleError` with what is wrong.
    """
    from jackfield.console.web import second_factor
    from jackfield.people.models import Session, User

    known = User.objects.filter(login__iexact=login).first()
    values = {"login": known.login if known else login, "role": str(Role.ADMINISTRATOR), "enabled": True}
    if name:
        values["name"] = name
    try:
        save(settings, [Wish("users", values, (known.login,) if known else None)], author=author)
    except DocumentError as error:
        raise ConsoleError("; ".join(problem.message for problem in error.problems)) from None
    user: User = User.objects.get(login=values["login"])
    set_password(user, password)
    second_factor.remove_all(user)  # the phone may be what was lost
    Session.objects.filter(user=user).delete()
    return user


def set_password(user: User, password: str) -> None:
    """Give a user his password, and let him try it at once however often a wrong one was tried."""
    from jackfield.console.web.attempts import forgive

    user.set_password(password)
    user.save(update_fields=["password"])
    forgive(user)


def fresh_password() -> str:
    """Return a random password that people can read out: four groups of four letters and digits, 79 bits."""
    return "-".join("".join(secrets.choice(_LETTERS) for _ in range(4)) for _ in range(4))
