"""What holds for every answer: headers that browsers protect people by, and the person behind the request."""

from __future__ import annotations

import time
from collections.abc import Callable

from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse

__all__ = ["person", "protected"]

Handler = Callable[[HttpRequest], HttpResponse]

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; media-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Permissions-Policy": "camera=(), geolocation=(), payment=(), usb=()",
}
SEEN_EVERY = 60.0
"""Seconds between the times at which "last seen" is written: not with every request."""


def protected(get_response: Handler) -> Handler:
    """Give every answer the headers that Django has no middleware for; no cache keeps pages with people's data."""

    def handle(request: HttpRequest) -> HttpResponse:
        response = get_response(_without_nul(request))
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        response.headers.setdefault("Cache-Control", "no-store")
        if not request.is_secure():  # on loopback: a browser would not send a secure cookie back
            for cookie in response.cookies.values():
                cookie["secure"] = ""
        return response

    return handle


def _without_nul(request: HttpRequest) -> HttpRequest:
    """Leave NUL characters out of what is asked of a page: nobody types them, and PostgreSQL refuses to look for them.

    Nothing has an address with one in it. The API says itself what is wrong with a parameter.
    """
    if not request.path_info.startswith("/api/"):
        if "%00" in (asked := request.META.get("QUERY_STRING", "")):
            request.META["QUERY_STRING"] = asked.replace("%00", "")
        if "\0" in request.path_info:
            request.path_info = "/\0"  # of which there is no page
    return request


def person(get_response: Handler) -> Handler:
    """End sessions that are too old or whose user may not sign in any more; note when they were last seen.

    Whose role needs a second factor sets it up before anything else.
    """

    # The models can be imported only once Django is set up.
    from jackfield.console.web.sign_in_rules import too_old, waiting_for_second_factor

    def handle(request: HttpRequest) -> HttpResponse:
        if request.session.session_key and request.user.is_authenticated:
            now, seen = time.time(), request.session.get("seen", 0)
            if not request.user.is_active or too_old(request.session, now):
                logout(request)
            elif (answer := waiting_for_second_factor(request)) is not None:
                return answer
            elif now - seen > SEEN_EVERY:
                request.session["seen"] = now
        return get_response(request)

    return handle
