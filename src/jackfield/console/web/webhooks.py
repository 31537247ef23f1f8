"""Each webhook's own page: how it stands, its last deliveries, a test, sending again, and a new secret."""

from __future__ import annotations

import json
import time
from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from jackfield.company.models import General
from jackfield.console.change import Wish
from jackfield.console.declarative.difference import DocumentError
from jackfield.console.web import errors, saving, told
from jackfield.console.web.rights import gate
from jackfield.console.webhooks.courier import try_out
from jackfield.webhooks import outbox, signing
from jackfield.webhooks.choices import Progress
from jackfield.webhooks.models import OLD_SECRET_SECONDS, Delivery, Standing, Webhook

__all__ = ["again", "deliveries", "made", "one", "secret", "test", "urls"]

PAGE = 50
SPANS = {"hour": 3600.0, "day": 86400.0, "week": 7 * 86400.0, "ever": 0.0}
"""Since when deliveries that were given up are sent again."""


def _missing(request: HttpRequest) -> HttpResponse:
    return errors.missing(request, _("This webhook is not there any more: somebody removed it."))


def _spans() -> list[tuple[str, str]]:
    texts = (_("the last hour"), _("the last day"), _("the last week"), _("all that is kept"))
    return list(zip(SPANS, texts, strict=True))


@gate("system")
def deliveries(request: HttpRequest, pk: int) -> HttpResponse:
    """List what was sent, or waits, the newest first; and tell how the webhook stands."""
    hook = Webhook.objects.filter(pk=pk).first()
    if hook is None:
        return _missing(request)
    every = Delivery.objects.filter(webhook=hook)
    rows, progress = every.defer("body", "answer"), request.GET.get("progress", "")
    if progress in Progress.values:
        rows = rows.filter(progress=progress)
    now = time.time()
    standing = Standing.objects.filter(webhook=hook).first() or Standing(webhook=hook)
    context = {
        "hook": hook,
        "page": Paginator(rows, PAGE).get_page(request.GET.get("page")),
        "progress": progress,
        "choices": Progress.choices,
        "query": f"progress={progress}" if progress else "",
        "zone": General.current().time_zone,
        "standing": standing,
        "two_secrets": bool(standing.old_secret) and standing.old_until > now,
        "waiting": every.filter(progress=Progress.WAITING).count(),
        "given_up": every.filter(progress=Progress.GIVEN_UP).exists(),
        "spans": _spans(),
    }
    return render(request, "webhooks/deliveries.html", context)


@gate("system")
def one(request: HttpRequest, pk: int, delivery: int) -> HttpResponse:
    """Show what was sent, and what came back."""
    row = Delivery.objects.select_related("webhook").filter(webhook_id=pk, pk=delivery).first()
    if row is None:
        return errors.missing(request, _("This delivery is not kept any more."))
    content = json.dumps(json.loads(row.body), indent=2, ensure_ascii=False) if row.body else ""
    context = {"hook": row.webhook, "row": row, "content": content, "zone": General.current().time_zone}
    return render(request, "webhooks/delivery.html", context)


@gate("system", write=True)
def test(request: HttpRequest, pk: int) -> HttpResponse:
    """Send a test event now, and tell what came of it."""
    hook = Webhook.objects.filter(pk=pk).first()
    if hook is None:
        return _missing(request)
    if request.method == "POST":
        found = try_out(hook, time.time())
        if found.progress == Progress.DELIVERED:
            notice = "good", _("The test event was taken: %(status)d after %(seconds).2f s.")
        elif found.status:
            notice = "bad", _("The test event was not taken: the answer was %(status)d, and 200 to 299 is wanted.")
        else:
            notice = "bad", _("The test event did not get there: %(error)s.")
        values = {"status": found.status, "seconds": found.seconds or 0.0, "error": found.error}
        saving.notify(request, [(notice[0], notice[1] % values)])
    return redirect(f"/admin/webhooks/{pk}/deliveries")


@gate("system", write=True)
def again(request: HttpRequest, pk: int) -> HttpResponse:
    """Send one delivery again, or all that were given up since a time."""
    hook = Webhook.objects.filter(pk=pk).first()
    if hook is None:
        return _missing(request)
    if request.method == "POST":
        now, rows = time.time(), Delivery.objects.filter(webhook=hook)
        wanted, since = request.POST.get("delivery", ""), request.POST.get("since", "")
        if wanted:
            rows = rows.filter(pk=int(wanted) if wanted.isdecimal() and len(wanted) < 19 else 0)
        else:
            span = SPANS.get(since, SPANS["day"])
            rows = rows.filter(progress=Progress.GIVEN_UP, at__gte=now - span if span else 0)
        saving.notify(request, [_told(hook, outbox.queue_again(rows, now))])
    return redirect(f"/admin/webhooks/{pk}/deliveries")


def _told(hook: Webhook, count: int) -> tuple[str, str]:
    if not count:
        return "warning", _("There was nothing to send again.")
    text = ngettext("%(count)d message goes out again.", "%(count)d messages go out again.", count)
    if hook.enabled:
        return "good", text % {"count": count}
    later = ngettext(
        "%(count)d message goes out again once the webhook is in use.",
        "%(count)d messages go out again once the webhook is in use.",
        count,
    )
    return "warning", later % {"count": count}


@gate("system", write=True)
def secret(request: HttpRequest, pk: int) -> HttpResponse:
    """Make a new secret, and show it this once."""
    hook = Webhook.objects.filter(pk=pk).first()
    if hook is None:
        return _missing(request)
    if request.method != "POST":
        return redirect(f"/admin/webhooks/{pk}/deliveries")
    try:
        saving.save(request, [Wish("webhooks", {"secret": signing.new_secret()}, (hook.name,))])
    except DocumentError as problem:
        saving.notify(request, [("bad", told.problem_words(one)) for one in problem.problems])
        return redirect(f"/admin/webhooks/{pk}/deliveries")
    return _shown(request, Webhook.objects.get(pk=pk), [], new=False)


def made(request: HttpRequest, name: str, notices: list[tuple[str, str]]) -> HttpResponse:
    """Show, this once, the secret of a webhook that was just made."""
    return _shown(request, Webhook.objects.get(name=name), notices, new=True)


def _shown(request: HttpRequest, hook: Webhook, notices: list[tuple[str, str]], *, new: bool) -> HttpResponse:
    context = {"hook": hook, "notices": notices, "new": new, "hours": int(OLD_SECRET_SECONDS / 3600)}
    return render(request, "webhooks/secret.html", context)


def urls() -> list[Any]:
    """Return the addresses of these pages."""
    base = "admin/webhooks/<int:pk>/"
    return [
        path(f"{base}deliveries", deliveries),
        path(f"{base}deliveries/<int:delivery>", one),
        path(f"{base}test", test),
        path(f"{base}again", again),
        path(f"{base}secret", secret),
    ]
