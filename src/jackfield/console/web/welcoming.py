"""The welcome mail for several users at once: who gets it, and sending it."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from jackfield.console import links, welcome
from jackfield.console.web import errors, saving
from jackfield.console.web.account_log import note
from jackfield.console.web.others_accounts import reaches_further
from jackfield.console.web.rights import gate
from jackfield.console.web.screens import SCREENS
from jackfield.console.web.several import chosen

__all__ = ["urls", "welcome_several"]

NAMED = 40


@gate("people", write=True)
def welcome_several(request: HttpRequest) -> HttpResponse:
    """Show who of the marked users would get the welcome mail; send it."""
    rows = chosen(SCREENS["users"], request.POST if request.method == "POST" else request.GET)
    if not rows:
        return errors.missing(request, _("No user was chosen: go back and mark some in the list."))
    fit = [user for user in rows if user.email and user.is_active and not reaches_further(user, request.user)]
    if request.method == "POST":
        found = welcome.queue(fit)
        if any(kind == "good" for kind, _text in found):
            for user in fit:
                note(request, "link_sent", user, by=request.user)
        saving.notify(request, found)
        return redirect("/admin/users/")
    context: dict[str, Any] = {
        "rows": fit,
        "named": [f"{user.shown_name} ({user.email})" for user in fit[:NAMED]],
        "left": [user.shown_name for user in rows if user not in fit][:NAMED],
        "hindrance": links.hindrance(),
    }
    return render(request, "several_welcome.html", context)


def urls() -> list[Any]:
    """Return the addresses."""
    from django.urls import path

    return [path("admin/users/several/welcome", welcome_several)]
