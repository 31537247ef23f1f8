"""Statistics of calls over a period that one chooses."""

from __future__ import annotations

import datetime
import threading
import time
import zoneinfo

from django.conf import settings as django_settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from jackfield.company.models import General
from jackfield.console.web.history.figures import Figures, figures
from jackfield.console.web.rights import gate
from jackfield.history.choices import Direction, Outcome
from jackfield.numbers.models import Extension

__all__ = ["statistics"]

PERIODS = {"today": ("Today", 1), "7": ("7 days", 7), "30": ("30 days", 30)}
SHOWN = 25
"""Extensions that are listed: the busiest."""
FRESH, KEPT = 60.0, 900.0
"""Seconds that figures are shown again: of a period up to today, and of one that is over."""

_known: dict[tuple[str, str, datetime.date, datetime.date], tuple[float, Figures]] = {}
_lock = threading.Lock()


@gate("history")
def statistics(request: HttpRequest) -> HttpResponse:
    """Show the figures of a period."""
    zone = zoneinfo.ZoneInfo(General.current().time_zone)
    today = datetime.datetime.fromtimestamp(time.time(), zone).date()
    since, until, period, problem = _period(request, today)
    found, at = _figures(since, until, zone, today)
    names = dict(
        Extension.objects.filter(number__in=[number for number, _ in found.extensions[:SHOWN]]).values_list(
            "number", "name"
        )
    )
    context = {
        "periods": [(key, words) for key, (words, _) in PERIODS.items()],
        "period": period,
        "since": since,
        "until": until,
        "problem": problem,
        "found": found,
        "heard": any(one.parties for _label, one in found.sounded),
        "at": datetime.datetime.fromtimestamp(at, zone).strftime("%H:%M"),
        "directions": [(label, found.by_direction[value], value) for value, label in Direction.choices
                       if value in found.by_direction],
        "outcomes": [(label, found.by_outcome[value], value) for value, label in Outcome.choices
                     if found.by_outcome.get(value)],
        "extensions": [(number, names.get(number, ""), ends) for number, ends in found.extensions[:SHOWN]],
        "more": max(0, len(found.extensions) - SHOWN),
        "most": max([ends.calls for _, ends in found.extensions[:SHOWN]], default=1),
        "most_trunk": max([ends.calls for _, ends in found.trunks], default=1),
    }  # fmt: skip
    return render(request, "history/statistics.html", context)


def _period(request: HttpRequest, today: datetime.date) -> tuple[datetime.date, datetime.date, str, str]:
    """Return first and last day, which of the periods it is ("" for one's own), and what is wrong with the dates."""
    period = request.GET.get("period", "")
    problem = ""
    if period not in PERIODS and (request.GET.get("since") or request.GET.get("until")):
        try:
            until = datetime.date.fromisoformat(request.GET.get("until") or today.isoformat())
            since = datetime.date.fromisoformat(request.GET.get("since") or until.isoformat())
            if not datetime.date(1990, 1, 1) <= since <= until <= datetime.date(2200, 1, 1):
                problem = "The first day must come before the last one: the last 7 days are shown instead."
            else:
                return since, until, "", ""
        except ValueError:
            problem = "Days are written as 2026-11-23: the last 7 days are shown instead."
    period = period if period in PERIODS else "7"
    return today - datetime.timedelta(days=PERIODS[period][1] - 1), today, period, problem


def _figures(
    since: datetime.date, until: datetime.date, zone: zoneinfo.ZoneInfo, today: datetime.date
) -> tuple[Figures, float]:
    """Return the figures, and when they were made: whoever asks again soon gets the same ones."""
    now = time.time()
    key = (django_settings.JACKFIELD.database, str(zone), since, until)
    with _lock:
        known = _known.get(key)
    if known is not None and now - known[0] < (FRESH if until >= today else KEPT):
        return known[1], known[0]
    made = figures(since, until, zone)
    with _lock:
        if len(_known) >= 50:
            _known.clear()
        _known[key] = (now, made)
    return made, now
