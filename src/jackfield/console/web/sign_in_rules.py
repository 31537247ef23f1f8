"""The rules of signing in, as every request needs them: read from the database every few seconds, not every time."""

from __future__ import annotations

import time
from typing import Any

from django.conf import settings as django_settings
from django.db.models.signals import post_save
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from jackfield.people.models import SignIn

__all__ = ["rules", "too_old", "waiting_for_second_factor"]

KEPT_SECONDS = 5.0
SET_UP = "/me/account/second-factor"
ALLOWED_BEFORE = ("/me/account", "/sign-out", "/sign-in", "/static/", "/set-password/")

_kept: list[tuple[Any, float, SignIn]] = []


def rules() -> SignIn:
    """Return the rules; another process's changes are seen after a few seconds, our own at once."""
    now = time.monotonic()
    for system, read, found in _kept[:1]:
        if system is django_settings.JACKFIELD and now - read < KEPT_SECONDS:
            return found
    found = SignIn.current()
    _kept[:] = [(django_settings.JACKFIELD, now, found)]
    return found


def _forget(**_: Any) -> None:
    _kept.clear()


post_save.connect(_forget, SignIn)


def too_old(session: Any, now: float) -> bool:
    """Tell whether a session was idle for too long, or lasts too long."""
    rule = rules()
    idle, age = now - session.get("seen", 0), now - session.get("began", 0)
    return bool(idle > rule.idle_minutes * 60 or age > rule.longest_hours * 3600)


def waiting_for_second_factor(request: HttpRequest) -> HttpResponse | None:
    """Return the answer to somebody whose role needs a second factor that he has not set up yet; else None."""
    user: Any = request.user
    if request.session.get("factor") or user.role not in rules().second_factor:
        return None
    if request.path.startswith(ALLOWED_BEFORE):
        return None
    if request.path.startswith("/api/"):
        text = _("Your role needs a second factor: set it up first, on the page of your account.")
        return JsonResponse({"status": 403, "title": text}, status=403, content_type="application/problem+json")
    if request.headers.get("HX-Request"):
        return HttpResponse(status=401, headers={"HX-Redirect": SET_UP})
    return redirect(SET_UP)
