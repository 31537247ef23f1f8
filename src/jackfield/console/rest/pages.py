"""The pages about the API: tokens to be made and revoked, and one to try everything on."""

from __future__ import annotations

import logging
import time
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from jackfield.company.models import General
from jackfield.console.rest import samples, schemas, tokens
from jackfield.console.web.menu import AREAS as TITLES
from jackfield.console.web.rights import AREAS, gate, level
from jackfield.console.web.saving import notify
from jackfield.people.models import User
from jackfield.people.tokens import Token

__all__ = ["urls"]

log = logging.getLogger(__name__)

SPANS = (("30", "30 days"), ("90", "90 days"), ("365", "one year"), ("", "never"))
LONGEST_NAME = 60
_DAY = 86400.0


@gate("system")
def listing(request: HttpRequest) -> HttpResponse:
    """Show the tokens; make one, and show it this once."""
    if request.method != "POST":
        return _page(request)
    name, login = request.POST.get("name", "").strip(), request.POST.get("user", "")
    scopes = [scope for scope in tokens.SCOPES if request.POST.get(f"scope.{scope.partition(':')[0]}") == scope]
    span = request.POST.get("expires", "90")
    user = next((user for user in _users(request) if user.login == login), None)
    problems = {}
    if not 0 < len(name) <= LONGEST_NAME or not name.isprintable():
        problems["name"] = f"Say in 1 to {LONGEST_NAME} characters what will use it."
    if user is None:
        problems["user"] = "Choose one of these: a token may not reach further than you do."
    if not scopes:
        problems["scopes"] = "Choose at least one area."
    if span not in dict(SPANS):
        problems["expires"] = "Choose one of these."
    if problems or user is None:
        return _page(request, problems=problems, status=422)
    token, text = tokens.make_token(user, name, scopes, time.time() + int(span) * _DAY if span else None)
    log.warning("%s made the token %s of %s: %s", request.user, token.begins, user, ", ".join(scopes))
    return _page(request, made=(token, text))


@gate("system", write=True)
def revoke(request: HttpRequest, pk: int) -> HttpResponse:
    """Make a token count no more."""
    token = Token.objects.filter(pk=pk).first() if pk < 2**63 else None
    if request.method == "POST" and token is not None:
        token.delete()
        log.warning("%s revoked the token %s of %s", request.user, token.begins, token.user)
        text = f'The token "{token.name}" is revoked: whatever uses it gets no further from now on.'
        notify(request, [("good", text)])
    return redirect("/admin/api/")


def _page(
    request: HttpRequest, *, made: Any = None, problems: dict[str, str] | None = None, status: int = 200
) -> HttpResponse:
    areas = [(area, TITLES[area][0] if area in TITLES else "Own pages") for area in AREAS]
    context = {
        "tokens": [(token, _scopes(token)) for token in Token.objects.select_related("user").order_by("-made")],
        "made": made,
        "problems": problems or {},
        "posted": {} if made else request.POST,
        "areas": areas,
        "users": _users(request),
        "spans": SPANS,
        "now": time.time(),
        "zone": General.current().time_zone,
        "many": [request.build_absolute_uri("/api/v1/me")],
    }
    return render(request, "rest/tokens.html", context, status=status)


def _scopes(token: Token) -> list[str]:
    """Return the scopes in short: writing includes reading."""
    return [scope for scope in token.scopes if scope.endswith(":write") or f"{scope[:-4]}write" not in token.scopes]


def _users(request: HttpRequest) -> list[User]:
    """Return those for whom this person may make tokens: who reach no further than he does."""
    me = request.user
    return [
        user
        for user in User.objects.filter(enabled=True)
        if user.is_active and all(level(user, area) <= level(me, area) for area in AREAS)
    ]


@gate("own")
def trial(request: HttpRequest) -> HttpResponse:
    """Show everything that the API can do, with a form to try it."""
    from jackfield.console.rest.addresses import operations

    groups: dict[str, list[Any]] = {}
    components = schemas.components()
    for operation in operations():
        groups.setdefault(operation.group, []).append(samples.Shown(operation, components))
    return render(request, "rest/try.html", {"groups": groups})


def urls() -> list[Any]:
    """Return the addresses of the pages."""
    from django.urls import path

    return [
        path("admin/api/", listing),
        path("admin/api/<int:pk>/revoke", revoke),
        path("api/v1", trial),
        path("api/v1/", trial),
    ]
