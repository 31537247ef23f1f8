"""Pages that say what went wrong, and the mend."""

from __future__ import annotations

import sys
from typing import Any

from django.contrib.sessions.exceptions import SessionInterrupted
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language_from_request, override
from django.utils.translation import gettext as _

from jackfield.console.faults import ConsoleError

__all__ = ["bad", "csrf", "fault", "forbidden", "missing", "not_found", "too_fast"]


def forbidden(request: HttpRequest, area: str, least: Any) -> HttpResponse:
    """Say that the role does not reach so far, and who can help."""
    text = (
        _("Your role does not allow you to change things here. An administrator can give you another one.")
        if least > 1
        else _("Your role does not allow you to see this page. An administrator can give you another one.")
    )
    return _page(request, 403, _("Not for your role"), text, beside=True)


def missing(request: HttpRequest, what: str) -> HttpResponse:
    """Say that there is no such thing (any more)."""
    return _page(request, 404, _("Not here"), what, beside=True)


def not_found(request: HttpRequest, exception: object = None) -> HttpResponse:
    """Say that there is no such address; Django calls this. Asks the database nothing, not even for the person."""
    with override(get_language_from_request(request)):
        return _page(request, 404, _("Not here"), _("There is no such page."))


def bad(request: HttpRequest, exception: object = None) -> HttpResponse:
    """Say that a request can't be understood; Django calls this, also where a session ended in the middle of it.

    That happens to who signs out in another tab, and to who removes himself.
    """
    if isinstance(exception, SessionInterrupted):
        return redirect("/sign-in")
    with override(get_language_from_request(request)):
        return _page(request, 400, _("Not here"), _("There is no such page."))


def fault(request: HttpRequest) -> HttpResponse:
    """Say that it is not the person's fault, and nothing of what happened: that is in the log. Django calls this.

    Two things pass, so who sees them is told to try again: a database that is busy or away, and what the program knows
    a mend for; that is for administrators.
    """
    reason = sys.exc_info()[1]
    with override(get_language_from_request(request)):
        if isinstance(reason, ConsoleError) and request.path.startswith("/admin/"):
            return _page(request, 503, _("Not done"), f"{str(reason)[:1].upper()}{str(reason)[1:]}.")
        if isinstance(reason, OperationalError | InterfaceError):
            text = _("The database is busy or can't be reached. Nothing was changed: wait a moment, then try again.")
            return _page(request, 503, _("One moment"), text)
        text = _(
            "This is a fault of the phone system, not yours. Reload the page; if that does not help, an administrator "
            "finds the reason under System, Logs."
        )
        return _page(request, 500, _("Something went wrong"), text)


def csrf(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Say that a form is too old to be trusted; Django calls this."""
    text = _(
        "This form was opened before you signed in, or in another browser. Go back, reload the page and save again."
    )
    return _page(request, 403, _("Please save once more"), text)


def too_fast(request: HttpRequest) -> HttpResponse:
    """Say that more was asked for than is taken at once. Asks the database nothing, not even for the person."""
    with override(get_language_from_request(request)):
        text = _("More came from you, or from your address, than is usual. Wait a moment, then reload this page.")
        return _page(request, 429, _("One moment"), text)


def _page(request: HttpRequest, status: int, title: str, text: str, *, beside: bool = False) -> HttpResponse:
    """Return the page. `beside`: what was asked for may stand in the panel at the side of a list; so may this."""
    panel = beside and request.headers.get("HX-Target") == "panel"
    return render(request, "message.html", {"title": title, "text": text, "panel": panel}, status=status)
