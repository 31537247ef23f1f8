"""Tokens: made once, known by their digest, worth no more than their scopes and their user's role."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Iterable

from jackfield.console.web import second_factor
from jackfield.console.web.rights import AREAS, NOTHING, READ, WRITE, Level, held
from jackfield.console.web.sign_in_rules import rules
from jackfield.people.models import User
from jackfield.people.tokens import Token

__all__ = ["SCOPES", "found_token", "hindrance", "is_token", "make_token", "scope_level"]

SCOPES = tuple(f"{area}:{doing}" for area in AREAS for doing in ("read", "write"))
BEGINNING = "jf_"
USED_EVERY = 60.0
"""Seconds between the times at which "last used" is written: not with every request."""


def make_token(user: User, name: str, scopes: Iterable[str], expires: float | None) -> tuple[Token, str]:
    """Make a token of `user` and return it with its text, which nothing can tell again. `expires`: since 1970."""
    text = BEGINNING + secrets.token_urlsafe(30)
    token = Token.objects.create(
        user=user,
        name=name,
        digest=_digest(text),
        begins=text[:7],
        scopes=[scope for scope in SCOPES if scope in set(scopes)],
        made=time.time(),
        expires=expires,
    )
    return token, text


def found_token(text: str, now: float, address: str) -> Token | None:
    """Return the token whose text this is, if it has not expired; note that it was used. See `hindrance` too."""
    token: Token | None = Token.objects.select_related("user").filter(digest=_digest(text)).first()
    if token is None or (token.expires is not None and token.expires <= now):
        return None
    if token.used is None or now - token.used > USED_EVERY or token.address != address:
        token.used, token.address = now, address[:64]
        Token.objects.filter(pk=token.pk).update(used=token.used, address=token.address)
    return token


def is_token(text: str) -> bool:
    """Tell whether there is such a token."""
    return bool(Token.objects.filter(digest=_digest(text)).exists())


def hindrance(user: User) -> str:
    """Return why a token of `user` does not work now; "" where it does. What holds for him holds for his programs."""
    if not user.enabled:
        return f"The user of this token, {user.login}, is disabled."
    if not held(user):
        return f"The user of this token, {user.login}, has no role any more by which he may do anything."
    if user.role in rules().second_factor and not second_factor.has(user):
        return (
            f"The role of this token's user, {user.login}, needs a second factor, and he has none: "
            "he sets it up on the page of his account."
        )
    return ""


def scope_level(scopes: Iterable[str], area: str) -> Level:
    """Return what scopes allow in an area; writing includes reading."""
    if f"{area}:write" in scopes:
        return WRITE
    return READ if f"{area}:read" in scopes else NOTHING


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
