"""How long everything is kept that comes together by itself, and since when there is something of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from jackfield.console import watching
from jackfield.console.web import account_log, saving
from jackfield.console.web.rights import gate, may
from jackfield.contacts.changes import KEPT_SECONDS as CONTACTS_SECONDS
from jackfield.logs import FILE_BYTES, FILES_KEPT
from jackfield.webhooks.outbox import KEEP_SECONDS as DELIVERIES_SECONDS

__all__ = ["Kept", "kept", "retention", "urls"]

DAY = 86400.0
FOREVER = 0


@dataclass(frozen=True, slots=True)
class Kept:
    """One kind of thing. `oldest`: seconds since 1970, None where there is nothing, or nobody can tell."""

    name: str
    title: str
    how_long: str
    area: str
    href: str
    oldest: float | None = None


def kept(days: int) -> list[Kept]:
    """Return everything that is kept, `days` being what the company says of calls."""
    from jackfield.changes.models import Revision
    from jackfield.contacts.models import ContactChange
    from jackfield.history.models import Call
    from jackfield.notices.models import Notice
    from jackfield.people.models import AccountEvent
    from jackfield.webhooks.models import Delivery

    logs = _("the last %(size)s MB of each process") % {"size": FILE_BYTES * (FILES_KEPT + 1) >> 20}
    return [
        Kept("calls", _("Calls with their journals"), _days(days), "history", "/admin/calls/", _first(Call, "started")),
        Kept("changes", _("Changes of the configuration"), _("for ever"), "history", "/admin/changes/",
             _first(Revision, "at")),
        Kept("contact_changes", _("Changes of contacts"), _days(CONTACTS_SECONDS / DAY), "people",
             "/admin/contacts/changes", _first(ContactChange, "at")),
        Kept("sign_ins", _("Who signed in, and from where"), _days(account_log.KEPT_DAYS), "system", "/admin/sessions",
             _first(AccountEvent, "at")),
        Kept("messages", _("Messages sent"), _days(watching.KEEP_SECONDS / DAY), "system", "/admin/messages/",
             _first(Notice, "at")),
        Kept("deliveries", _("Deliveries to webhooks"), _days(DELIVERIES_SECONDS / DAY), "system", "/admin/webhooks/",
             _first(Delivery, "queued")),
        Kept("machine", _("How busy the machine was"), _days(31), "system", "/admin/health/"),
        Kept("logs", _("Logs"), logs, "system", "/admin/logs/"),
        Kept("sip", _("SIP messages of calls"), _("in memory, the newest ones"), "history", "/admin/calls/"),
    ]  # fmt: skip


def _days(count: float) -> str:
    days = round(count)
    return ngettext("%(count)d day", "%(count)d days", days) % {"count": days} if days else _("for ever")


def _first(model: Any, field: str) -> float | None:
    found: float | None = model.objects.order_by(field).values_list(field, flat=True).first()
    return found


@gate("system")
def retention(request: HttpRequest) -> HttpResponse:
    """Show what is kept and for how long; set it for calls."""
    from jackfield.company.models import General

    row = General.current()
    problem, value = "", request.POST.get("keep_calls_days", str(row.keep_calls_days)).strip()
    if request.method == "POST":
        problem = saving.save_setting(request, "keep_calls_days", value or None)
        if not problem:
            return redirect("/admin/retention/")
    rows = [(one, one.href if may(request.user, one.area) else "") for one in kept(row.keep_calls_days)]
    context = {"rows": rows, "value": value, "problem": problem, "zone": row.time_zone}
    return render(request, "retention.html", context, status=422 if problem else 200)


def urls() -> list[Any]:
    """Return the address of the page here."""
    from django.urls import path

    return [path("admin/retention/", retention)]
