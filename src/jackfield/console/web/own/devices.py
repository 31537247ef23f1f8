"""The person's devices: the phones of his extensions, where they are registered; one more, and away with one.

Desk phones get their settings by themselves and belong to the administration; browsers are phones while their session
lasts. Both are shown, and neither can be changed here. The links that set apps up are told with what became of each.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_POST

from jackfield.browser_phones.models import BrowserPhone
from jackfield.company.models import General
from jackfield.console.declarative.difference import DocumentError
from jackfield.console.provisioning.house import desk_phones_of
from jackfield.console.web import errors
from jackfield.console.web.first_run import connecting
from jackfield.console.web.forms import sentence
from jackfield.console.web.own import mine
from jackfield.console.web.own.calling import asked
from jackfield.console.web.rights import gate
from jackfield.console.web.setup_links import used_words
from jackfield.control import ControlError
from jackfield.numbers.schema import new_password
from jackfield.provisioning.catalogue import MODELS
from jackfield.softphones import links
from jackfield.softphones.models import SetupLink

__all__ = ["MOST", "add", "desk_phone_refusal", "listing", "remove", "renew", "revoke"]

MOST = 5
"""Devices that a person may have without asking an administrator."""
GONE = gettext_lazy("This device is not yours (any more).")


@dataclass(frozen=True, slots=True)
class Shown:
    """A device: its line, its desk phone's model ("" for every other), and the links that set it up.

    `waiting`: links that nobody has used yet; `used`: the last that was, and by what.
    """

    line: Any
    desk_phone: str
    waiting: tuple[SetupLink, ...]
    used: tuple[SetupLink, str] | None


@gate("own")
def listing(request: HttpRequest) -> HttpResponse:
    """Show the own devices, each with where it is registered."""
    rows = mine.extensions(request)
    registered: dict[str, list[dict[str, Any]]] | None
    try:
        phones = asked("registrations")
    except ControlError:
        registered = None
    else:
        registered = {}
        for phone in phones:
            registered.setdefault(phone["sip_username"], []).append(phone)
    context = {
        "rows": [(row, _shown(row)) for row in rows],
        "registered": registered,
        "room": sum(len(row.lines.all()) for row in rows) < MOST,
        "most": MOST,
        "facts": {"server": connecting.server()} if rows else {},
        "browsers": BrowserPhone.objects.filter(user=request.user.pk).exclude(session=None).select_related("extension"),
        "zone": General.current().time_zone,
    }
    return render(request, "own/devices.html", context)


def _shown(row: Any) -> list[Shown]:
    """Return the devices of an extension."""
    now, taken = time.time(), desk_phones_of([row])
    known = SetupLink.objects.filter(line__extension=row).select_related("line")
    by_line: dict[int, list[tuple[SetupLink, Any]]] = {}
    for link in known:  # the newest first
        by_line.setdefault(link.line_id, []).append((link, links.state(link, now)))
    found = []
    for line in row.lines.all():
        phone = taken.get(line.pk)
        model = MODELS.get(phone.model) if phone is not None else None
        name = f"{model.vendor_name} {model.name}" if model is not None else phone.model if phone is not None else ""
        own = by_line.get(line.pk, [])
        waiting = tuple(link for link, state in own if state is links.State.OPEN)
        used = next(((link, used_words(link)) for link, state in own if state is links.State.USED), None)
        found.append(Shown(line, name, waiting, used))
    return found


def desk_phone_refusal(row: Any, line: Any) -> str:
    """Return why a line can't be changed by its user: a desk phone has it. "" for every other."""
    phone = desk_phones_of([row]).get(line.pk)
    if phone is None:
        return ""
    return _("This is a desk phone: it gets its settings by itself. Ask your administrator to change or remove it.")


@gate("own")
@require_POST
def revoke(request: HttpRequest, pk: int, link: int) -> HttpResponse:
    """Take back a link that sets up one of the own devices."""
    _row, line = _found(request, pk)
    found = None if line is None else SetupLink.objects.filter(pk=link, line=line).first()
    if found is None:
        return errors.missing(request, str(GONE))
    if links.revoke(found):
        mine.tell(request, _("The link is taken back."))
    else:
        mine.tell(request, _("The link was used, or had ended, before."), "warning")
    return redirect("/me/devices/")


@gate("own")
@require_POST
def add(request: HttpRequest) -> HttpResponse:
    """Add a device to an own extension, with a SIP name and password made for it; show them this once."""
    rows = {row.number: row for row in mine.extensions(request)}
    row = rows.get(request.POST.get("extension") or next(iter(rows), ""))
    if row is None:
        return errors.missing(request, _("This extension is not yours (any more)."))
    if sum(len(one.lines.all()) for one in rows.values()) >= MOST:
        text = _("You have %(most)s devices, which is as many as fit. Remove one first.")
        mine.tell(request, text % {"most": MOST}, "warning")
        return redirect("/me/devices/")
    before = {line.sip_username for line in row.lines.all()}
    name = request.POST.get("name", "").strip()[:100] or _("Phone")
    return _saved(request, row, [*_kept(row), {"name": name}], lambda line: line.sip_username not in before)


@gate("own")
@require_POST
def renew(request: HttpRequest, pk: int) -> HttpResponse:
    """Give a device a new password, and show how to set it up once more."""
    row, line = _found(request, pk)
    if line is None:
        return errors.missing(request, str(GONE))
    if refusal := desk_phone_refusal(row, line):
        mine.tell(request, refusal, "warning")
        return redirect("/me/devices/")
    lines = [
        one | {"sip_password": new_password()} if one["sip_username"] == line.sip_username else one
        for one in _kept(row)
    ]
    return _saved(request, row, lines, lambda one: one.pk == pk)


@gate("own")
@require_POST
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Remove a device: it can't call any more from now on."""
    row, line = _found(request, pk)
    if line is None:
        return errors.missing(request, str(GONE))
    if refusal := desk_phone_refusal(row, line):
        mine.tell(request, refusal, "warning")
        return redirect("/me/devices/")
    try:
        mine.save(request, row, {"lines": [one for one in _kept(row) if one["sip_username"] != line.sip_username]})
    except DocumentError as problem:
        return _refused(request, problem)
    mine.tell(request, _("%(name)s is removed.") % {"name": line.name or _("Phone")})
    return redirect("/me/devices/")


def _found(request: HttpRequest, pk: int) -> tuple[Any, Any]:
    """Return an own line with its extension; None and None for everybody else's."""
    for row in mine.extensions(request):
        for line in row.lines.all():
            if line.pk == pk:
                return row, line
    return None, None


def _kept(row: Any) -> list[dict[str, str]]:
    """Return the lines of an extension as they are: what is named and not changed stays."""
    return [{"sip_username": line.sip_username} for line in row.lines.all()]


@sensitive_variables("lines", "card")
def _saved(request: HttpRequest, row: Any, lines: Sequence[dict[str, str]], which: Any) -> HttpResponse:
    try:
        mine.save(request, row, {"lines": lines})
    except DocumentError as problem:
        return _refused(request, problem)
    line = next(line for line in mine.extension(request, row.pk).lines.all() if which(line))
    card = connecting.card(request, line)
    return render(request, "own/device.html", {"line": line, "row": row, "card": card})


def _refused(request: HttpRequest, problem: DocumentError) -> HttpResponse:
    for one in problem.problems:
        mine.tell(request, sentence(one.message), "bad")
    return redirect("/me/devices/")
