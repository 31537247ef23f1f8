"""Who asks, and whether he may: a token, or the session of a browser with Django's token against forged requests."""

from __future__ import annotations

import time
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import CsrfViewMiddleware

from jackfield.console.rest.problems import Refusal
from jackfield.console.rest.tokens import found_token, hindrance, scope_level
from jackfield.console.web import attempts
from jackfield.console.web.rights import READ, WRITE, Level, level
from jackfield.console.web.sign_in_rules import rules

__all__ = ["demand", "enter", "held"]

CHALLENGE = {"WWW-Authenticate": 'Bearer realm="Jackfield"'}
INVALID = {"WWW-Authenticate": CHALLENGE["WWW-Authenticate"] + ', error="invalid_token"'}
SAFE = ("GET", "HEAD", "OPTIONS")


def enter(request: HttpRequest, area: str, *, scoped: bool = True, write: bool = False) -> None:
    """Find out who asks, and let him pass if he may read `area`; or write there, if `write` or not by GET.

    Without `scoped` every token will do, whatever its scopes.
    Afterwards `request.user` is the person and `request.token` the token or None. Raises `Refusal`: 401, 403, 429.
    """
    asked: Any = request
    asked.token = None
    given = request.headers.get("Authorization")
    if given is not None:
        _by_token(asked, given)
    elif not asked.user.is_authenticated:
        text = "Sign in first, or send a token: Authorization: Bearer jf_…"
        raise Refusal(401, text, headers=CHALLENGE)
    least = READ if request.method in SAFE and not write else WRITE
    if scoped or level(request.user, area) < least:
        demand(request, area, least)
    if asked.token is None and request.method not in SAFE and _forgery.process_view(request, _unused, (), {}):
        text = "Another page could have forged this request: send the console's token as X-CSRFToken, or use a token."
        raise Refusal(403, text)


def _by_token(request: Any, given: str) -> None:
    kind, _, text = given.partition(" ")
    if kind.lower() != "bearer":
        raise Refusal(401, "Only tokens are known here: Authorization: Bearer jf_…", headers=CHALLENGE)
    address = request.META.get("REMOTE_ADDR") or ""
    now = time.time()
    token = found_token(text.strip(), now, address)
    if token is not None:
        if why := hindrance(token.user):
            raise Refusal(401, why, headers=INVALID)
        request.token, request.user = token, token.user
        return
    if (wait := attempts.begun([(f"address:{attempts.network(address)}", rules().address_tries)])) > 0:
        text = f"{attempts.wait_text(wait)} This holds for all that come from {address}."
        raise Refusal(429, text, headers={"Retry-After": str(int(wait) + 1)})
    text = "The token is not known, has expired, or was revoked. An administrator can make one under System, API."
    raise Refusal(401, text, headers=INVALID)


def held(request: HttpRequest, area: str) -> Level:
    """Return what the one who asks may do in `area`: what his role holds, and no more than the token says."""
    token = getattr(request, "token", None)
    found = level(request.user, area)
    return found if token is None else min(found, scope_level(token.scopes, area))


def demand(request: HttpRequest, area: str, least: Level) -> None:
    """Raise `Refusal` for one who may do less than `least` in `area`."""
    if held(request, area) >= least:
        return
    doing = "change" if least is WRITE else "read"
    if level(request.user, area) >= least:
        raise Refusal(
            403, f'This token may not {doing} here: it needs the scope "{area}:{doing.replace("change", "write")}".'
        )
    raise Refusal(403, f"Your role does not allow you to {doing} this. An administrator can give you another one.")


def _unused(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


_forgery = CsrfViewMiddleware(_unused)
"""Django's check, asked by hand: those who come with a token need none."""
