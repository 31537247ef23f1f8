"""Who may see and do what: areas of the console, the level of each role in each, and the gate before every view.

A view without a gate does not exist: `tests/console/web/test_rights.py` walks all addresses with all roles and fails on
one that says nothing about itself.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import urlsplit, urlunsplit

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.http import urlencode

from jackfield.people.levels import AREAS, BUILT_IN, NOTHING, READ, WRITE, Level, Levels, levels_of

__all__ = ["AREAS", "NOTHING", "READ", "ROLES", "WRITE", "Level", "gate", "held", "level", "may", "public", "refusal"]

V = TypeVar("V", bound=Callable[..., Any])

ROLES = BUILT_IN
LONGEST = 2000  # characters of an address to which somebody is led back


def level(user: Any, area: str) -> Level:
    """Return what `user` may do in `area`."""
    return held(user).get(area, NOTHING)


def held(user: Any) -> Levels:
    """Return what `user` may do, by area. Of a role of the company's own, the database is asked once a request."""
    if not user.is_authenticated or not user.is_active:
        return {}
    known = getattr(user, "known_levels", None)
    if known is None or known[0] != user.role:
        user.known_levels = known = (user.role, levels_of(user.role))
    return known[1]


def may(user: Any, area: str, least: Level = READ) -> bool:
    """Tell whether `user` holds at least this level in `area`."""
    return level(user, area) >= least


def gate(area: str, *, write: bool = False) -> Callable[[V], V]:
    """Let those who may read `area` reach a view; by POST, or if `write` at all, those who may write there."""

    def decorate(view: V) -> V:
        @functools.wraps(view)
        def guarded(request: HttpRequest, *arguments: Any, **named: Any) -> Any:
            least = WRITE if write or request.method not in ("GET", "HEAD") else READ
            return refusal(request, area, least) or view(request, *arguments, **named)

        guarded.area, guarded.write = area, write  # type: ignore[attr-defined]
        return guarded  # type: ignore[return-value]

    return decorate


def public(view: V) -> V:
    """Mark a view that everybody may reach: those of signing in."""
    view.area, view.write = "", False  # type: ignore[attr-defined]
    return view


def _page_before(request: HttpRequest, header: str) -> str:
    """Return the page from which somebody came whose session is over: there he goes on. "/" when it is none of ours."""
    address = urlsplit(request.headers.get(header, ""))
    ours = address.netloc == request.get_host() and address.path.startswith("/")
    return urlunsplit(("", "", address.path, address.query, "")) if ours else "/"


def refusal(request: HttpRequest, area: str, least: Level) -> HttpResponse | None:
    """Return the answer to someone who may not; None for someone who may."""
    from jackfield.console.web.errors import forbidden

    user: Any = request.user
    if not user.is_authenticated:
        if request.headers.get("HX-Request"):  # a part of a page: the whole of it must go to the sign-in page
            back = _page_before(request, "HX-Current-URL")
            return HttpResponse(status=401, headers={"HX-Redirect": f"/sign-in?{urlencode({'next': back})}"})
        back = request.get_full_path() if request.method == "GET" else _page_before(request, "Referer")
        return redirect(f"/sign-in?{urlencode({'next': back if len(back) <= LONGEST else '/'})}")
    if not may(user, area, least):
        return forbidden(request, area, least)
    return None
