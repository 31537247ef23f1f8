"""Time ranges as they are now: the night switch on a page; and lists of holidays filled by country and year."""

from __future__ import annotations

import datetime
from typing import Any

from babel import Locale
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from jackfield.company.models import General, Holidays
from jackfield.console import holiday_calendars
from jackfield.console.change import Wish
from jackfield.console.declarative.difference import DocumentError
from jackfield.console.declarative.values import written
from jackfield.console.web import errors, saving, told
from jackfield.console.web.live import switch_says
from jackfield.console.web.rights import gate
from jackfield.switch.snapshot import Day

__all__ = ["fill", "now", "rows", "switch", "urls"]


def rows() -> tuple[list[dict[str, Any]], str]:
    """Return the time ranges as the switch has them now, with the row of each; and what is wrong, if it is."""
    from jackfield.company.models import TimeRange

    found, problem = switch_says("time_ranges")
    keys = dict(TimeRange.objects.values_list("name", "pk")) if found else {}
    return [one | {"pk": keys.get(one["name"])} for one in found or ()], problem


@gate("overview")
def now(request: HttpRequest) -> HttpResponse:
    """Show every time range: open or closed, why, until when; with buttons for those who may switch it."""
    found, problem = rows()
    context = {"ranges": found, "problem": problem, "zone": General.current().time_zone}
    return render(request, "hours/now.html", context)


@gate("overview", write=True)
def switch(request: HttpRequest) -> HttpResponse:
    """Open or close a time range by hand (`name`, `state`, `until`: "change", a time, or nothing), or put it back."""
    back = "/admin/" if request.POST.get("back") == "overview" else "/admin/hours/"
    if request.method != "POST":
        return redirect(back)
    name, state, until = (request.POST.get(field, "").strip() for field in ("name", "state", "until"))
    if until == "time":
        until = request.POST.get("at", "").strip()
        if not until:
            saving.notify(request, [("bad", _("Nothing is switched yet: say until when."))])
            return redirect(back)
    by = saving.author(request).name
    found, problem = switch_says("switch_hours", name=name, state=state, until=until, by=by)
    saving.notify(request, [("bad", problem)] if found is None else [("good", _done(found))])
    return redirect(back)


def _done(found: dict[str, Any]) -> str:
    name = {"name": found["name"]}
    if found["state"] == "automatic":
        return _("%(name)s goes by its hours again.") % name
    if found["open"]:
        return _("%(name)s is open now.") % name
    return _("%(name)s is closed now.") % name


# --- holidays ---------------------------------------------------------------------------------------------------------


@gate("system", write=True)
def fill(request: HttpRequest, pk: int | None = None) -> HttpResponse:
    """Show the public holidays of a country and of years; put those that are not there yet into a list."""
    row = Holidays.objects.filter(pk=pk).first() if pk is not None else None
    if pk is not None and row is None:
        return errors.missing(request, _("This list of holidays is not there any more: somebody removed it."))
    asked = request.POST if request.method == "POST" else request.GET
    this_year = datetime.date.today().year
    general = General.current()
    country = asked.get("country", "") or general.country
    regions = holiday_calendars.regions(country)
    region = asked.get("region", "") if asked.get("region", "") in dict(regions) else ""
    first, last = _year(asked.get("first", ""), this_year), _year(asked.get("last", ""), this_year + 2)
    days: tuple[Day, ...] = ()
    problem = ""
    try:
        days = holiday_calendars.public_holidays(country, region, first, last, general.language)
    except ValueError:
        problem = _("There are no such holidays: choose a country, and %(years)s years at most.") % {
            "years": holiday_calendars.MOST_YEARS
        }
    name = asked.get("name", "").strip() or (row.name if row else _("Public holidays"))
    if request.method == "POST" and "add" in request.POST and not problem:
        answer = _add(request, row, name, days)
        if isinstance(answer, HttpResponse):
            return answer
        problem = answer
    known = {one.first for one in row.dates} if row else set()
    context = {
        "row": row, "name": name, "country": country, "region": region, "regions": regions, "first": first,
        "last": last, "countries": _countries(), "days": [(one, one.first in known) for one in days],
        "fresh": sum(one.first not in known for one in days), "problem": problem,
    }  # fmt: skip
    return render(request, "hours/fill.html", context, status=422 if problem else 200)


def _add(request: HttpRequest, row: Holidays | None, name: str, days: tuple[Day, ...]) -> HttpResponse | str:
    """Put the days that are new into a list, in order of the calendar; returns what is wrong where it can't be done."""
    before = row.dates if row is not None else ()
    known = {one.first for one in before}
    fresh = [one for one in days if one.first not in known]
    dates = written(tuple(sorted((*before, *fresh), key=lambda one: one.first)))
    about = None if row is None else (row.name,)
    try:
        saving.save(request, [Wish("holidays", {"name": name, "dates": dates}, about)])
    except DocumentError as refused:
        return " ".join(told.problem_words(one) for one in refused.problems)
    text = ngettext("%(num)s day is added to %(name)s.", "%(num)s days are added to %(name)s.", len(fresh))
    saving.notify(request, [("good", text % {"num": len(fresh), "name": name})])
    pk = Holidays.objects.values_list("pk", flat=True).get(name=name)
    return redirect(f"/admin/holidays/{pk}")


def _year(text: str, usual: int) -> int:
    return int(text) if text.isdecimal() and len(text) == 4 else usual


def _countries() -> list[tuple[str, str]]:
    names = Locale.parse(get_language() or "en", sep="-").territories
    return sorted(((code, names.get(code, code)) for code in holiday_calendars.countries()), key=lambda one: one[1])


def urls() -> list[Any]:
    """Return the addresses of the pages here."""
    from django.urls import path

    return [
        path("admin/hours/", now),
        path("admin/hours/switch", switch),
        path("admin/holidays/fill", fill),
        path("admin/holidays/<int:pk>/fill", fill),
    ]
