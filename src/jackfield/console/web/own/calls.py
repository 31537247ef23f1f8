"""The person's own calls: those in which one of his extensions took part, with the names of his contacts."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Q
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from jackfield.company.models import General
from jackfield.console.formats import clock, named_day, span
from jackfield.console.searching import having
from jackfield.console.web.own import mine
from jackfield.console.web.rights import gate
from jackfield.contacts.models import ContactNumber
from jackfield.contacts.names import names_of
from jackfield.contacts.numbers import House
from jackfield.history.models import Call, Leg, Looked
from jackfield.history.ownership import Times, times_of
from jackfield.switch.numbers import clean
from jackfield.switch.record import SENT_ON

__all__ = ["OwnCall", "listing", "own_calls", "unseen"]

PAGE = 50
WEEK = 7 * 86400.0
MOST_NUMBERS = 100
"""Numbers of contacts that a search by name looks for in the calls."""
WORDS = {
    "busy": gettext_lazy("busy"),
    "no_answer": gettext_lazy("not answered"),
    "unreachable": gettext_lazy("not reached"),
    "rejected": gettext_lazy("refused"),
    "failed": gettext_lazy("failed"),
    "cancelled": gettext_lazy("given up"),
    "interrupted": gettext_lazy("interrupted"),
    "": gettext_lazy("going on"),
}
KINDS = {
    "out": gettext_lazy("I called"),
    "in": gettext_lazy("called me"),
    "missed": gettext_lazy("missed"),
    "elsewhere": gettext_lazy("answered by somebody else"),
}


@dataclass(frozen=True, slots=True)
class OwnCall:
    """One row of the list. `kind`: out, in, missed, elsewhere (somebody else answered)."""

    id: str
    day: str
    time: str
    started: float
    kind: str
    number: str  # to call back; "" where there is none
    shown: str
    name: str
    detail: str

    @property
    def icon(self) -> str:
        """Name of the picture."""
        return {"out": "phone-outgoing", "missed": "phone-missed"}.get(self.kind, "phone-incoming")

    @property
    def kind_words(self) -> str:
        """The same for those who do not see the picture."""
        return str(KINDS[self.kind])


@gate("own")
def listing(request: HttpRequest) -> HttpResponse:
    """Show the newest calls, or those before a time; searched and filtered as asked for."""
    rows = mine.extensions(request)
    general = General.current()
    search, missed = request.GET.get("q", "").strip()[:100], request.GET.get("show") == "missed"
    try:
        before = float(request.GET.get("before", ""))
    except ValueError:
        before = None
    found = own_calls([row.number for row in rows], request.user, general, search=search, missed=missed, before=before)
    if rows and before is None and "part" not in request.GET:
        _looked(request.user)
    more = len(found) > PAGE
    found = found[:PAGE]
    kept = {"q": search, "show": "missed" if missed else ""}
    context = {
        "rows": rows,
        "chosen": request.session.get("calls_from", ""),
        "days": [(day, list(several)) for day, several in groupby(found, lambda call: call.day)],
        "search": search,
        "missed": missed,
        "older": urlencode({**{k: v for k, v in kept.items() if v}, "before": found[-1].started}) if more else "",
    }
    return render(request, "own/calls_part.html" if "part" in request.GET else "own/calls.html", context)


def own_calls(
    numbers: Sequence[str],
    user: Any,
    general: Any,
    *,
    search: str = "",
    missed: bool = False,
    before: float | None = None,
) -> list[OwnCall]:
    """Return the newest calls of these extensions, one more than a page where there are more.

    Only calls of the time in which an extension was the person's. Takes six queries, however many calls there are
    (eight for a search).
    """
    if not numbers:
        return []
    house = House(general.country, general.outside_prefix)
    had = times_of(user, numbers)
    calls = _taken(had)
    if before is not None:
        calls = calls.filter(started__lt=before)
    if missed:
        calls = _missed(calls, numbers)
    if search:
        calls = calls.filter(_searched(search, user, house))
    rows = list(calls[: PAGE + 1])
    legs: dict[str, list[Leg]] = {}
    for leg in Leg.objects.filter(call_id__in=[row.pk for row in rows]).order_by("call_id", "position"):
        legs.setdefault(leg.call_id, []).append(leg)
    others = [_other(row, had.had(row.caller_extension, row.started)) for row in rows]
    names = names_of((number for number, _name in others), user=user, known_house=house)
    zone = ZoneInfo(general.time_zone)
    today = datetime.now(zone).date()
    found = []
    for row, (number, name) in zip(rows, others, strict=True):
        kind, detail = _kind(row, legs.get(row.pk, ()), sorted(had.at(row.started)))
        at = datetime.fromtimestamp(row.started, zone)
        found.append(
            OwnCall(
                row.pk,
                named_day(at.date(), today),
                clock(row.started, general.time_zone),
                row.started,
                kind,
                number if clean(number).strip("+*#").isdigit() else "",
                house.shown(number) or _("Hidden number"),
                names.get(number) or name,
                detail,
            )
        )
    return found


def _taken(had: Times) -> Any:
    """Return the calls that concerned a person, by the times in which numbers were his; newest first."""
    taken = Leg.objects.filter(had.filter("extension", "call__started")).order_by().values_list("call_id", flat=True)
    # One who is not to be disturbed has no leg in a call, but missed it all the same; nor has one who sends it on.
    called = Call.objects.filter(had.filter("called_extension", "started")).order_by().values_list("pk", flat=True)
    dialed = Call.objects.filter(had.filter("dialed", "started")).order_by().values_list("pk", flat=True)
    return Call.objects.filter(pk__in=taken.union(called, dialed)).order_by("-started", "pk")


def _missed(calls: Any, numbers: Sequence[str]) -> Any:
    return calls.exclude(outcome__in=("answered", "")).exclude(caller_extension__in=numbers)


def _looked(user: Any) -> None:
    now = time.time()
    if not Looked.objects.filter(user_id=user.pk).update(at=now):
        Looked.objects.bulk_create([Looked(user_id=user.pk, at=now)], ignore_conflicts=True)


@gate("own")
def unseen(request: HttpRequest) -> HttpResponse:
    """Tell how many calls somebody has missed since he looked at his calls; of a week at most."""
    user: Any = request.user
    numbers = [row.number for row in mine.extensions(request)]
    looked = Looked.objects.filter(user_id=user.pk).values_list("at", flat=True).first() or 0.0
    since = max(looked, time.time() - WEEK)
    count = _missed(_taken(times_of(user, numbers)), numbers).filter(started__gt=since).count() if numbers else 0
    words = ngettext("%(count)d missed call", "%(count)d missed calls", count) % {"count": count}
    return JsonResponse({"count": count, "words": words})


def _other(row: Any, out: bool) -> tuple[str, str]:
    """Return number and name of who was at the other end."""
    if out:
        return row.called_number or row.dialed, row.called_name
    if row.caller_hidden:
        return "", ""
    return row.caller_number, row.caller_name


def _kind(row: Any, legs: Sequence[Any], numbers: Sequence[str]) -> tuple[str, str]:
    length = span(row.ended - row.answered) if row.answered and row.ended else ""
    if row.caller_extension in numbers:
        return "out", length or str(WORDS.get(row.outcome, row.outcome))
    callees = [leg for leg in legs if leg.role == "callee" and leg.answered]
    if any(leg.extension in numbers for leg in callees):
        return "in", length or _("going on")
    if row.outcome == "answered":
        by = next((leg.name or leg.number for leg in callees), row.called_name or row.called_number)
        if all(leg.status == SENT_ON for leg in legs if leg.extension in numbers):
            return "elsewhere", _("sent on to %(name)s") % {"name": by}
        return "elsewhere", _("answered by %(name)s") % {"name": by} if by else _("answered elsewhere")
    if row.outcome == "":
        return "in", _("rings now")
    return "missed", _("missed")


def _searched(search: str, user: Any, house: House) -> Q:
    found = having("caller_name", search) & ~Q(caller_hidden=True) | having("called_name", search)
    digits = clean(search).lstrip("+")
    if digits and digits.strip("*#").isdigit():
        for form in {digits, digits.lstrip("0") or digits}:
            found |= (
                Q(caller_number__contains=form) & ~Q(caller_hidden=True)
                | Q(called_number__contains=form)
                | Q(dialed__contains=form)
            )
    whose = Q(contact__owner=None) | Q(contact__owner=user)
    named = having("contact__name", search) | having("contact__company", search)
    known = ContactNumber.objects.filter(whose & named).values_list("known_as", flat=True)[:MOST_NUMBERS]
    forms = {form for number in known for form in (number, house.dialable(number))}
    return found | Q(caller_number__in=forms) | Q(called_number__in=forms) if forms else found
