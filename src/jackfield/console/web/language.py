"""In which language pages speak: switched on for each request, and chosen at the foot of those before the sign-in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import translation
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from jackfield.console import languages
from jackfield.console.web.rights import public

__all__ = ["choose", "spoken", "urls"]

COOKIE_SECONDS = 365 * 86400
UNSPOKEN = ("/api/", "/static/", "/health", "/metrics")
"""What programs read: always in English, and without a look at who asks."""


def spoken(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Answer in the language of whoever asks (a middleware)."""

    def handle(request: HttpRequest) -> HttpResponse:
        if request.path.startswith(UNSPOKEN):
            return get_response(request)
        with translation.override(languages.chosen(request), deactivate=True):
            response = get_response(request)
            response.headers.setdefault("Content-Language", translation.get_language())
        return response

    return handle


@public
@require_POST
def choose(request: HttpRequest) -> HttpResponse:
    """Keep in this browser which language it wants before somebody signs in."""
    target = request.POST.get("next", "")
    if not target.startswith("/") or not url_has_allowed_host_and_scheme(target, allowed_hosts=None):
        target = "/sign-in"
    answer = redirect(target)
    if wanted := languages.supported(request.POST.get("language", "")):
        answer.set_cookie(
            languages.COOKIE, wanted, max_age=COOKIE_SECONDS, secure=True, httponly=True, samesite="Lax"
        )  # fmt: skip
    return answer


def urls() -> list[Any]:
    """Return the address of the choice."""
    from django.urls import path

    return [path("language", choose)]
