"""How pages change the configuration: through the one door, as the person who asks, and no further than he may."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

from django.conf import settings as django_settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from jackfield.console import change
from jackfield.console.change import Author, Removal, Wish
from jackfield.console.declarative.difference import Difference, DocumentError, Problem
from jackfield.console.web import told
from jackfield.console.web.rights import WRITE, may
from jackfield.console.web.screens import SCREENS

__all__ = ["area_of", "author", "in_panel", "notify", "onward", "refused", "save", "save_setting"]


def author(request: HttpRequest, through: str = "page", undoes: int | None = None) -> Author:
    """Return who makes a change, for the history."""
    user: Any = request.user
    return Author(user.shown_name, through, user, request.META.get("REMOTE_ADDR", ""), undoes)


def save(
    request: HttpRequest,
    wishes: Sequence[Wish | Removal],
    *,
    through: str = "page",
    undoes: int | None = None,
    dry_run: bool = False,
    guard: Callable[[], object] | None = None,
    trial: bool = False,
) -> Difference:
    """Do what is wished, as `change.save` does. Raises `DocumentError` too for what this person may not change.

    trial: also where he would shut himself out, for the change will be on trial: see `firewall_trial`.
    """
    if problems := refused(request.user, wishes):
        raise DocumentError(problems)
    who = replace(author(request, through, undoes), trial=trial)
    return change.save(django_settings.JACKFIELD, wishes, author=who, dry_run=dry_run, guard=guard)


def save_setting(request: HttpRequest, name: str, value: Any) -> str:
    """Save one of the company's settings from a page of its own, and tell of it. Returns what is wrong, or ""."""
    wishes = [Wish("settings", {name: value}, ())]
    try:
        difference = save(request, wishes)
    except DocumentError as wrong:
        return told.problem_words(wrong.problems[0], wishes)
    notify(request, told.notices(difference, wishes))
    return ""


def area_of(section: str) -> str:
    """Return the area whose rights count for a section of the document."""
    return SCREENS[section].area if section in SCREENS else "people" if section == "lines" else "system"


def refused(user: Any, wishes: Iterable[Wish | Removal]) -> list[Problem]:
    """Return which sections `user` may not change. Rights beyond his own are refused behind the one door."""
    found = []
    for section in dict.fromkeys(wish.section for wish in wishes):
        if not may(user, area_of(section), WRITE):
            title = SCREENS[section].title.lower() if section in SCREENS else section
            found.append(Problem("", 0, f"your role does not allow you to change {title}"))
    return found


def notify(request: HttpRequest, notices: Iterable[tuple[str, str]]) -> None:
    """Keep notices (kind, text) for the next page."""
    request.session["notices"] = [*request.session.get("notices", []), *map(list, notices)]


def in_panel(request: HttpRequest) -> bool:
    """Tell whether a page is asked for to stand in the panel at the side of a list."""
    return bool(request.headers.get("HX-Target") == "panel")


def onward(request: HttpRequest, address: str) -> HttpResponse:
    """Lead on after something was saved; the panel closes by itself, and the list beside it fetches what is new."""
    if in_panel(request):
        return HttpResponse(status=204, headers={"HX-Trigger": "saved"})
    return redirect(address)
