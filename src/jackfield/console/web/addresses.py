"""Our addresses: which there are, how the public one was found, and a test from outside in."""

from __future__ import annotations

from typing import Any

from django.conf import settings as django_settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import gettext as _

from jackfield.console import reaching
from jackfield.console.web import saving
from jackfield.console.web.rights import gate
from jackfield.control import ControlError

__all__ = ["urls"]

PAGE = "/admin/addresses/"


@gate("system")
def page(request: HttpRequest) -> HttpResponse:
    """Show the addresses, and the last test."""
    return _page(request)


def _page(request: HttpRequest, problem: str = "", status: int = 200) -> HttpResponse:
    from jackfield.company.models import General

    settings, general = django_settings.JACKFIELD, General.current()
    away = ""
    found = report = None
    try:
        found = reaching.known(settings)
        report = found.report
    except ControlError as why:
        away = str(why)
    context = {
        "found": found,
        "away": away,
        "problem": problem,
        "ways": reaching.ways(),
        "report": report,
        "verdicts": reaching.verdicts(report) if report else [],
        "advice": reaching.advice(report, settings) if report else [],
        "mapping": reaching.mapping(report) if report else "",
        "general": general,
        "settings": settings,
        "suggested": reaching.SUGGESTED,
        "zone": general.time_zone,
        "known": ", ".join(found.state.addresses()) if found else "",
    }
    return render(request, "addresses.html", context, status=status)


@gate("system", write=True)
def test(request: HttpRequest) -> HttpResponse:
    """Test from outside in, which takes some seconds."""
    if request.method != "POST":
        return redirect(PAGE)
    try:
        reaching.test(django_settings.JACKFIELD)
    except ControlError as why:
        return _page(request, str(why), 503)
    return redirect(f"{PAGE}#test")


@gate("system", write=True)
def search(request: HttpRequest) -> HttpResponse:
    """Look for the addresses now."""
    if request.method != "POST":
        return redirect(PAGE)
    try:
        found = reaching.search(django_settings.JACKFIELD).addresses()
    except ControlError as why:
        return _page(request, str(why), 503)
    text = _("Found: %(addresses)s.") % {"addresses": ", ".join(found)} if found else _("No public address was found.")
    saving.notify(request, [("good" if found else "warning", text)])
    return redirect(PAGE)


@gate("system", write=True)
def agree(request: HttpRequest) -> HttpResponse:
    """Take the suggested STUN servers: the administrator agrees that they are asked."""
    if request.method == "POST" and (problem := saving.save_setting(request, "stun_servers", list(reaching.SUGGESTED))):
        return _page(request, problem, 422)
    return redirect(PAGE)


def urls() -> list[Any]:
    """Return the addresses of these pages."""
    return [
        path("admin/addresses/", page),
        path("admin/addresses/test", test),
        path("admin/addresses/search", search),
        path("admin/addresses/agree", agree),
    ]
