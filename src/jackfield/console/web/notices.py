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

from jackfield.company.models import General
from jackfield.console import postman, validation
from jackfield.console.database import database_errors
from jackfield.console.web.rights import gate
from jackfield.console.web.saving import notify
from jackfield.notices.choices import Kind, Progress
from jackfield.notices.models import Mail, Notice, Preference

__all__ = ["messages", "own", "test", "urls"]

PAGE = 100
SUBJECT = "Jackfield can send e-mail"
TEXT = "This is the test message that you asked for. If you read it, the e-mail server is set up right."


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
    try:
        validation.email(recipient)
        with database_errors(django_settings.JACKFIELD):
            postman.send(Mail.current(), recipient, SUBJECT, TEXT)
    except ValidationError as problem:
        told, outcome = "bad", f"{problem.messages[0]}: give the address that the test message goes to."
    except postman.Undeliverable as problem:
        told, outcome = "bad", f"The test message did not get away: {problem}."
    else:
        told, outcome = "good", f"The server took the test message for {recipient}. Look into that mailbox."
        now = time.time()
        Notice.objects.create(
            at=now, kind=Kind.TEST, cause="test", recipient=recipient, subject=SUBJECT, text=TEXT,
            progress=Progress.SENT, tries=1,
        )  # fmt: skip
    notify(request, [(told, outcome)])
    return redirect("/admin/messages/")


@gate("own")
def own(request: HttpRequest) -> HttpResponse:
    """Show and save what a user wants to be told."""
    user: Any = request.user
    preference, _ = Preference.objects.get_or_create(user=user)
    if request.method == "POST":
        preference.missed_call = "missed_call" in request.POST
        preference.save()
        notify(request, [("good", "Saved.")])
        return redirect("/me/notices")
    ready = bool(Mail.current().host)
    return render(request, "notices/own.html", {"preference": preference, "ready": ready})


def urls() -> list[Any]:
    """Return the addresses of these pages."""
    return [
        path("admin/messages/", messages),
        path("admin/messages/test", test),
        path("me/notices", own),
    ]
