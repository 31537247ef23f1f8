"""The pages about the API: tokens to be made and revoked, and one to try everything on."""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from jackfield.company.models import General
from jackfield.console.rest import examples, samples, schemas, tokens
from jackfield.console.web.menu import AREAS as TITLES
from jackfield.console.web.rights import AREAS, gate, level
from jackfield.console.web.saving import notify
from jackfield.people.models import User
from jackfield.people.tokens import Token

__all__ = ["urls"]

log = logging.getLogger(__name__)

SPANS = (
    ("30", gettext_lazy("30 days")), ("90", gettext_lazy("90 days")), ("365", gettext_lazy("one year")),
    ("", gettext_lazy("never")),
)  # fmt: skip
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
        problems["name"] = _("Say in 1 to %(most)s characters what will use it.") % {"most": LONGEST_NAME}
    if user is None:
        problems["user"] = _("Choose one of these: a token may not reach further than you do.")
    if not scopes:
        problems["scopes"] = _("Choose at least one area.")
    if span not in dict(SPANS):
        problems["expires"] = _("Choose one of these.")
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
        text = _('The token "%(name)s" is revoked: whatever uses it gets no further from now on.')
        notify(request, [("good", text % {"name": token.name})])
    return redirect("/admin/api/")


def _page(
    request: HttpRequest, *, made: Any = None, problems: dict[str, str] | None = None, status: int = 200
) -> HttpResponse:
    areas = [(area, TITLES[area][0] if area in TITLES else _("Own pages")) for area in AREAS]
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
    found = {group: groups[group] for group in sorted(groups, key=examples.place)}
    return render(request, "rest/try.html", {"groups": found, "abouts": defaultdict(str, examples.GROUPS)})


def urls() -> list[Any]:
    """Return the addresses of the pages."""
    from django.urls import path

    return [
        path("admin/api/", listing),
        path("admin/api/<int:pk>/revoke", revoke),
        path("api/v1", trial),
        path("api/v1/", trial),
    ]
