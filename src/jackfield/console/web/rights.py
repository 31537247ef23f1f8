"""Who may see and do what: areas of the console, the level of each role in each, and the gate before every view.

A view without a gate does not exist: `tests/console/web/test_rights.py` walks all addresses with all roles and fails on
one that says nothing about itself.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from enum import IntEnum
from typing import Any, TypeVar

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.http import urlencode

from jackfield.people.choices import Role

__all__ = ["AREAS", "NOTHING", "READ", "WRITE", "Level", "gate", "level", "may", "public"]

V = TypeVar("V", bound=Callable[..., Any])

AREAS = ("own", "overview", "people", "phones", "lines", "history", "safety", "system")
"""Left rail of the administration, and "own": the user's own pages."""


class Level(IntEnum):
    """What someone may do in an area; each includes those below."""

    NOTHING = 0
    READ = 1
    WRITE = 2


NOTHING, READ, WRITE = Level

_ALL = dict.fromkeys(AREAS, READ) | {"own": WRITE}
ROLES: dict[Any, dict[str, Level]] = {
    Role.NONE: {},
    Role.USER: {"own": WRITE},
    Role.READER: _ALL,
    Role.TELEPHONY: _ALL | dict.fromkeys(("overview", "people", "phones", "lines", "history"), WRITE),
    Role.ADMINISTRATOR: dict.fromkeys(AREAS, WRITE),
}


def level(user: Any, area: str) -> Level:
    """Return what `user` may do in `area`."""
    if not user.is_authenticated or not user.is_active:
        return NOTHING
    return ROLES.get(user.role, {}).get(area, NOTHING)


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


def refusal(request: HttpRequest, area: str, least: Level) -> HttpResponse | None:
    """Return the answer to someone who may not; None for someone who may."""
    from jackfield.console.web.errors import forbidden

    user: Any = request.user
    if not user.is_authenticated:
        if request.headers.get("HX-Request"):  # a part of a page: the whole of it must go to the sign-in page
            return HttpResponse(status=401, headers={"HX-Redirect": "/sign-in"})
        back = request.get_full_path() if request.method == "GET" else "/"
        return redirect(f"/sign-in?{urlencode({'next': back})}")
    if not may(user, area, least):
        return forbidden(request, area, least)
    return None
