"""Limits on calls as they stand now: what is used, what was refused and can be opened; and the rate table."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from babel import Locale
from django.conf import settings as django_settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from jackfield.console import rates
from jackfield.console.change import Wish
from jackfield.console.declarative.difference import DocumentError
from jackfield.console.faults import ConsoleError
from jackfield.console.web import saving, told
from jackfield.console.web.live import switch_says
from jackfield.console.web.rights import gate
from jackfield.switch.limits.rates import EMPTY

__all__ = ["Refused", "approve", "clear", "country_name", "now", "open_up", "refused_lately", "table", "urls"]

NOW = "/admin/call_limits/now"
RATES = "/admin/rates/"
DAYS = 7
MOST = 100
LONGEST_CURRENCY = 8


@dataclass(frozen=True, slots=True)
class Refused:
    """What a limit has refused, with what opens it: a country or a beginning of numbers; "" where that is no matter."""

    at: float
    rule: str
    number: str
    country: str
    extension: str
    text: str
    call: str
    opens: str
    is_open: bool


def refused_lately(now: float) -> list[Refused]:
    """Return what was refused in the last days, the newest first, each matter once."""
    from jackfield.history.models import Event
    from jackfield.limits.models import CallLimit

    opened = {row.name: (frozenset(row.opened), row.enabled) for row in CallLimit.objects.all()}
    found: dict[tuple[str, str, str], Refused] = {}
    events = Event.objects.filter(kind="call_limit", at__gt=now - DAYS * 86400).order_by("-at")[: MOST * 5]
    for event in events:
        data = event.data
        if data.get("did") != "refused":
            continue
        rule, number = str(data.get("rule", "")), str(data.get("number", ""))
        opens = ""
        if data.get("what") == "always" and rule in opened and data.get("action") in ("block", "end"):
            opens = str(data.get("country", ""))
            if data.get("kind_of_number") == "premium" or not opens:
                opens = number if number.startswith("+") else str(data.get("dialed", ""))
        key = (rule, opens or str(data.get("what")), "" if opens else str(data.get("whose", "")))
        if key not in found:
            is_open = rule in opened and (opens in opened[rule][0] or not opened[rule][1])
            found[key] = Refused(
                event.at, rule, number, str(data.get("country", "")), str(data.get("extension", "")),
                str(data.get("text", "")), str(data.get("call", "")), opens, is_open,
            )  # fmt: skip
        if len(found) >= MOST:
            break
    return list(found.values())


def country_name(code: str) -> str:
    """Return what a country is called in the reader's language; a number as it is."""
    names = Locale.parse(get_language() or "en", sep="-").territories
    return str(names.get(code, code))


@gate("safety")
def now(request: HttpRequest) -> HttpResponse:
    """Show what is used of each limit, what waits for approval, and what was refused."""
    from jackfield.company.models import General
    from jackfield.limits.models import CallLimit

    said, problem = switch_says("limits")
    waiting = switch_says("approvals")[0] or []
    habits = switch_says("call_habits")[0] or []
    rows = {row.name: row for row in CallLimit.objects.all()}
    rules = [(one, rows[one["name"]]) for one in (said or {}).get("rules", ()) if one["name"] in rows]
    refused = refused_lately(time.time())
    context = {
        "rules": rules, "problem": problem, "said": said, "waiting": waiting, "refused": refused, "habits": habits,
        "zone": General.current().time_zone, "country_name": country_name,
        "priced": any(row.money_per_hour or row.money_per_day or row.money_per_month for row in rows.values()),
    }  # fmt: skip
    return render(request, "limits/now.html", context)


@gate("safety", write=True)
def open_up(request: HttpRequest) -> HttpResponse:
    """Let a limit leave a country or a beginning of numbers alone (`rule`, `what`)."""
    from jackfield.limits.models import CallLimit

    if request.method != "POST":
        return redirect(NOW)
    rule, what = request.POST.get("rule", ""), request.POST.get("what", "")
    row = CallLimit.objects.filter(name=rule).first()
    if row is None or not what:
        saving.notify(request, [("bad", _("This limit is not there any more: somebody removed it."))])
        return redirect(NOW)
    if what not in row.opened:
        wishes = [Wish("call_limits", {"opened": [*row.opened, what]}, (rule,))]
        try:
            saving.save(request, wishes)
        except DocumentError as wrong:
            saving.notify(request, [("bad", told.problem_words(one, wishes)) for one in wrong.problems])
            return redirect(NOW)
    text = _("Calls to %(what)s are open now: the limit %(rule)s leaves them alone.")
    saving.notify(request, [("good", text % {"what": country_name(what), "rule": rule})])
    return redirect(NOW)


@gate("safety", write=True)
def clear(request: HttpRequest) -> HttpResponse:
    """Let what is counted begin anew (`name`, and `whose` or all)."""
    if request.method != "POST":
        return redirect(NOW)
    name, by = request.POST.get("name", ""), saving.author(request).name
    more = {"whose": request.POST["whose"]} if "whose" in request.POST else {}
    found, problem = switch_says("clear_limit", name=name, by=by, **more)
    said = _("The limit %(name)s counts anew from now on.") % {"name": name}
    saving.notify(request, [("bad", problem)] if found is None else [("good", said)])
    return redirect(NOW)


@gate("safety", write=True)
def approve(request: HttpRequest) -> HttpResponse:
    """Let a call go on that waits to be approved (`id`, `yes`), or refuse it."""
    if request.method != "POST":
        return redirect(NOW)
    yes, by = request.POST.get("yes") == "1", saving.author(request).name
    found, problem = switch_says("approve", id=request.POST.get("id", ""), yes=yes, by=by)
    said = _("The call goes on.") if yes else _("The call is refused.")
    saving.notify(request, [("bad", problem)] if found is None else [("good", said)])
    return redirect(NOW)


# --- the rate table ---------------------------------------------------------------------------------------------------


@gate("safety")
def table(request: HttpRequest) -> HttpResponse:
    """Show the rate table: its size, what a number costs; by POST, take a file, or first say what it would change."""
    from jackfield.company.models import General
    from jackfield.trunks.models import Trunk

    settings = django_settings.JACKFIELD
    problems: list[str] = []
    try:
        known = rates.current(settings)
    except ConsoleError as problem:
        known, problems = EMPTY, [str(problem)]
    context: dict[str, Any] = {"more": 0, "reading": None, "comparison": None}
    if request.method == "POST":
        file = request.FILES.get("file")
        currency = request.POST.get("currency", "").strip().upper()[:LONGEST_CURRENCY]
        if file is None:
            problems.append(_("Choose the file with the prices first."))
        else:
            content = file.read(rates.MAX_BYTES + 1)
            reading = rates.read_csv(content, frozenset(Trunk.objects.values_list("name", flat=True)))
            problems += reading.problems
            context |= {"more": reading.more, "reading": reading}
            if not reading.problems:
                if "try" in request.POST:
                    context["comparison"] = rates.compare(known, reading.entries)
                else:
                    try:
                        rates.store(settings, reading.entries, currency, by=saving.author(request).name)
                    except ConsoleError as problem:
                        problems.append(str(problem))
                    else:
                        count = len(reading.entries)
                        text = ngettext("%(num)s beginning of numbers has a price now.",
                                        "%(num)s beginnings of numbers have a price now.", count)  # fmt: skip
                        saving.notify(request, [("good", text % {"num": count})])
                        return redirect(RATES)
    number = request.GET.get("number", "").strip()
    general = General.current()
    context |= {
        "table": known, "problems": problems, "number": number, "zone": general.time_zone,
        "found": rates.price_of(known, number, general.country) if number else None,
        "currency": request.POST.get("currency", "") or known.currency, "largest": rates.MAX_BYTES >> 20,
    }  # fmt: skip
    return render(request, "limits/rates.html", context, status=422 if problems and request.method == "POST" else 200)


@gate("safety")
def download(request: HttpRequest) -> HttpResponse:
    """Hand out the rate table as CSV."""
    try:
        content = rates.to_csv(rates.current(django_settings.JACKFIELD))
    except ConsoleError as problem:
        saving.notify(request, [("bad", str(problem))])
        return redirect(RATES)
    headers = {"Content-Disposition": 'attachment; filename="rates.csv"'}
    return HttpResponse(content, content_type="text/csv; charset=utf-8", headers=headers)


def urls() -> list[Any]:
    """Return the addresses of the pages here."""
    from django.urls import path

    return [
        path("admin/call_limits/now", now),
        path("admin/call_limits/open", open_up),
        path("admin/call_limits/clear", clear),
        path("admin/call_limits/approve", approve),
        path("admin/rates/", table),
        path("admin/rates/rates.csv", download),
    ]
