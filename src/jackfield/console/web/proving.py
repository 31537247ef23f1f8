"""The button beside a registered phone that rings it, to find out whether it hears and is heard."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from jackfield.console.web.live import switch_says
from jackfield.console.web.rights import gate
from jackfield.console.web.saving import author, notify

__all__ = ["prove", "urls"]


@gate("phones", write=True)
def prove(request: HttpRequest) -> HttpResponse:
    """Ring a phone. `phone` is its extension, SIP name and address, with blanks between."""
    if request.method == "POST":
        extension, _blank, rest = request.POST.get("phone", "")[:200].partition(" ")
        line, _blank, address = rest.partition(" ")
        found, problem = switch_says("prove", extension=extension, line=line, address=address, by=author(request).name)
        if problem:
            notify(request, [("bad", problem)])
        else:
            told = _("The phone at {address} rings now. Let it be picked up, and 1 be pressed by who hears the voice.")
            notify(request, [("good", told.format(address=found["phone"]))])
    return redirect("/admin/phones/")


def urls() -> list[Any]:
    """Return the addresses of the pages here."""
    from django.urls import path

    return [path("admin/phones/prove", prove)]
