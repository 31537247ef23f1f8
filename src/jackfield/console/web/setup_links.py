"""The links that set an extension's softphones up: what became of each, a new one, and taking one back."""

from __future__ import annotations

import time
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import gettext as _

from jackfield.company.models import General
from jackfield.console.provisioning.house import desk_phones_of
from jackfield.console.web import errors, saving
from jackfield.console.web.first_run import connecting
from jackfield.console.web.rights import WRITE, gate, may
from jackfield.numbers.models import Extension
from jackfield.provisioning.softphones import APPS
from jackfield.softphones import links
from jackfield.softphones.models import SetupLink

__all__ = ["urls", "used_words"]

MOST = 100  # of the newest
NAMES = {app.slug: app.name for app in APPS}


def _missing(request: HttpRequest) -> HttpResponse:
    return errors.missing(request, _("This extension is not there any more: somebody removed it."))


def used_words(link: SetupLink) -> str:
    """Return by what a link was used, for people: an app's name, or what a person was shown."""
    return str(NAMES.get(link.used_by, "")) or _("shown on a page")


@gate("people")
def listing(request: HttpRequest, pk: int) -> HttpResponse:
    """List an extension's links, the newest first; those who may write can make one and take one back."""
    row = Extension.objects.filter(pk=pk).first()
    return _missing(request) if row is None else _page(request, row)


def _page(request: HttpRequest, row: Any, card: Any = None) -> HttpResponse:
    now = time.time()
    found = SetupLink.objects.filter(line__extension=row).select_related("line")[:MOST]
    taken = desk_phones_of([row])
    context = {
        "row": row,
        "lines": [line for line in row.lines.all() if line.pk not in taken],
        "desk_phones": taken.values(),
        "links": [(link, str(links.state(link, now)), used_words(link)) for link in found],
        "card": card,
        "writable": may(request.user, "people", WRITE),
        "reachable": bool(connecting.base(request)),
        "zone": General.current().time_zone,
    }
    return render(request, "setup_links.html", context)


@gate("people", write=True)
def make(request: HttpRequest, pk: int, line: int) -> HttpResponse:
    """Make a link for one phone of an extension, and show it this once."""
    row = Extension.objects.filter(pk=pk).first()
    found = None if row is None else row.lines.filter(pk=line).first()
    if row is None or found is None:
        return _missing(request)
    if request.method != "POST" or found.pk in desk_phones_of([row]):
        return redirect(f"/admin/extensions/{pk}/links")
    return _page(request, row, connecting.card(request, found))


@gate("people", write=True)
def revoke(request: HttpRequest, pk: int, link: int) -> HttpResponse:
    """Take a link back."""
    found = SetupLink.objects.filter(pk=link, line__extension=pk).first()
    if found is None:
        return errors.missing(request, _("This link is not there any more."))
    if request.method == "POST":
        done = links.revoke(found)
        text = _("The link is taken back.") if done else _("The link was used, or had ended, before.")
        saving.notify(request, [("good" if done else "warning", text)])
    return redirect(f"/admin/extensions/{pk}/links")


def urls() -> list[Any]:
    """Return the addresses of these pages."""
    base = "admin/extensions/<int:pk>/links"
    return [
        path(base, listing),
        path(f"{base}/new/<int:line>", make),
        path(f"{base}/<int:link>/revoke", revoke),
    ]
