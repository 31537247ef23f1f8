"""The history of contacts, the company's and one's own: what was done, and taking it back."""

from __future__ import annotations

from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from jackfield.company.models import General
from jackfield.console.web.own.mine import tell
from jackfield.console.web.rights import WRITE, gate, may
from jackfield.contacts import changes
from jackfield.contacts.models import ContactChange
from jackfield.contacts.numbers import House

__all__ = ["of_company", "own"]

PAGE = 50
NAMED = 5


@gate("people")
def of_company(request: HttpRequest) -> HttpResponse:
    """Show what was done with the company's contacts; take it back."""
    return _page(request, None, "contacts/changes.html", "/admin/contacts/changes", may(request.user, "people", WRITE))


@gate("own")
def own(request: HttpRequest) -> HttpResponse:
    """Show what was done with one's own contacts; take it back."""
    return _page(request, request.user, "own/contact_changes.html", "/me/contacts/changes", True)


def _page(request: HttpRequest, owner: Any, template: str, address: str, writable: bool) -> HttpResponse:
    rows = ContactChange.objects.filter(owner=owner)
    general = General.current()
    if request.method == "POST":
        pk = request.POST.get("change", "")
        found = rows.filter(pk=int(pk)).first() if pk.isdecimal() and len(pk) < 18 else None
        if found is not None:
            house = House(general.country, general.outside_prefix)
            left = changes.undo(found, request.user, house)
            if left:
                text = _("Changed again since, so left as they are: %(names)s.")
                tell(
                    request, text % {"names": ", ".join(left[:NAMED]) + (" …" if len(left) > NAMED else "")}, "warning"
                )
            if len(left) < len(found.items):
                tell(request, _("Taken back."))
        return redirect(address)
    page = Paginator(rows, PAGE).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "shown": [(row, _words(row.items)) for row in page],
        "zone": general.time_zone,
        "writable": writable,
        "address": address,
    }
    return render(request, template, context)


def _words(items: list[dict[str, Any]]) -> list[str]:
    """Return what was done, in words: what is named is what was changed in it."""
    told = []
    for item in items[:NAMED]:
        before, after = item["before"], item["after"]
        if before is None:
            told.append(_("%(name)s is new: %(numbers)s") % {"name": after["name"], "numbers": _numbers(after)})
        elif after is None:
            told.append(_("%(name)s is removed") % {"name": before["name"]})
        else:
            parts = [
                f"{before[name] or '–'} → {after[name] or '–'}"
                for name in ("name", "company", "email", "note")
                if before[name] != after[name]
            ]
            if before["numbers"] != after["numbers"]:
                parts.append(f"{_numbers(before)} → {_numbers(after)}")
            told.append(_("%(name)s is changed: %(what)s") % {"name": before["name"], "what": "; ".join(parts)})
    if len(items) > NAMED:
        count = len(items) - NAMED
        told.append(ngettext("and %(count)s more contact", "and %(count)s more contacts", count) % {"count": count})
    return told


def _numbers(one: dict[str, Any]) -> str:
    return ", ".join(number for _kind, number in one["numbers"])
