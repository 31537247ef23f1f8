"""Pages that say what went wrong, and the mend."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import get_language_from_request, override
from django.utils.translation import gettext as _

__all__ = ["csrf", "forbidden", "missing", "too_fast"]


def forbidden(request: HttpRequest, area: str, least: Any) -> HttpResponse:
    """Say that the role does not reach so far, and who can help."""
    text = (
        _("Your role does not allow you to change things here. An administrator can give you another one.")
        if least > 1
        else _("Your role does not allow you to see this page. An administrator can give you another one.")
    )
    return _page(request, 403, _("Not for your role"), text)


def missing(request: HttpRequest, what: str) -> HttpResponse:
    """Say that there is no such thing (any more)."""
    return _page(request, 404, _("Not here"), what)


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


def _page(request: HttpRequest, status: int, title: str, text: str) -> HttpResponse:
    return render(request, "message.html", {"title": title, "text": text}, status=status)
