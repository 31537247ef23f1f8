"""Messages that were sent or wait, a test of the e-mail server, and what a user wants to be told."""

from __future__ import annotations

import time
from typing import Any

from django.conf import settings as django_settings
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from jackfield.company.models import General
from jackfield.console import postman, validation
from jackfield.console.database import database_errors
from jackfield.console.web.rights import gate
from jackfield.console.web.saving import notify
from jackfield.notices.choices import FOR_ADMINISTRATORS, FOR_ONESELF, Kind, Progress
from jackfield.notices.models import Mail, Notice, Notices, Preference
from jackfield.people.choices import Role

__all__ = ["messages", "own", "test", "urls"]

PAGE = 100


@gate("system")
def messages(request: HttpRequest) -> HttpResponse:
    """List what was told to whom, the newest first, and what has become of each."""
    rows = Notice.objects.all()
    progress = request.GET.get("progress", "")
    if progress in Progress.values:
        rows = rows.filter(progress=progress)
    page = Paginator(rows, PAGE).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "progress": progress,
        "choices": Progress.choices,
        "zone": General.current().time_zone,
        "query": f"progress={progress}" if progress else "",
        "to": getattr(request.user, "email", ""),
        "mail": Mail.current(),
    }
    return render(request, "notices/messages.html", context)


@gate("system", write=True)
def test(request: HttpRequest) -> HttpResponse:
    """Send a test message now, and say what the server answered."""
    if request.method != "POST":
        return redirect("/admin/messages/")
    recipient = request.POST.get("recipient", "").strip()
    letter = postman.trial()
    try:
        validation.email(recipient)
        with database_errors(django_settings.JACKFIELD):
            postman.send(Mail.current(), recipient, letter)
    except ValidationError as problem:
        text = _("%(problem)s: give the address that the test message goes to.")
        told, outcome = "bad", text % {"problem": problem.messages[0]}
    except postman.Undeliverable as problem:
        told, outcome = "bad", _("The test message did not get away: %(problem)s.") % {"problem": problem}
    else:
        text = _("The server took the test message for %(recipient)s. Look into that mailbox.")
        told, outcome = "good", text % {"recipient": recipient}
        now = time.time()
        Notice.objects.create(
            at=now, kind=Kind.TEST, cause="test", recipient=recipient, subject=letter.subject,
            text="\n".join(letter.paragraphs), progress=Progress.SENT, tries=1,
        )  # fmt: skip
    notify(request, [(told, outcome)])
    return redirect("/admin/messages/")


@gate("own")
def own(request: HttpRequest) -> HttpResponse:
    """Show and save what a user wants to be told."""
    user: Any = request.user
    preference = Preference.objects.filter(user=user).first() or Preference(user=user)
    config = Notices.current()
    kinds = _kinds(user, config)
    if request.method == "POST":
        preference.missed_call = Kind.MISSED_CALL in request.POST
        others = [str(kind) for kind in kinds if kind != Kind.MISSED_CALL]
        kept = [kind for kind in preference.off if kind not in others]  # what this page does not show
        preference.off = (*kept, *(kind for kind in others if kind not in request.POST))
        preference.save()
        notify(request, [("good", _("Saved."))])
        return redirect("/me/notices")
    shown = [(kind, _wanted(preference, kind), bool(getattr(config, kind, True))) for kind in kinds]
    context = {"kinds": shown, "words": WORDS, "ready": bool(Mail.current().host)}
    return render(request, "notices/own.html", context)


WORDS = {
    Kind.MISSED_CALL: gettext_lazy("Calls that I missed"),
    Kind.ACCOUNT: gettext_lazy("Somebody signs in for me from a new browser, or a second step is gone"),
}
"""What the kinds are called for the one whom they are about; others by their own label."""


def _kinds(user: Any, config: Any) -> list[Any]:
    """Return what somebody may be told: of himself, and of the system, if he is one who looks after it."""
    looks_after = user.email in config.recipients if config.recipients else user.role == Role.ADMINISTRATOR
    return [*FOR_ONESELF, *(FOR_ADMINISTRATORS if looks_after else ())]


def _wanted(preference: Any, kind: Any) -> bool:
    return bool(preference.missed_call) if kind == Kind.MISSED_CALL else kind not in preference.off


def urls() -> list[Any]:
    """Return the addresses of these pages."""
    return [
        path("admin/messages/", messages),
        path("admin/messages/test", test),
        path("me/notices", own),
    ]
