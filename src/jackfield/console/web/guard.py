"""Who is blocked, why and until when; blocking and lifting by hand."""

from __future__ import annotations

import ipaddress
from typing import Any

import msgspec
from django.conf import settings as django_settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import gettext as _

from jackfield.console.web import saving
from jackfield.console.web.rights import gate
from jackfield.control import ControlError, ask_sync
from jackfield.network.guard.story import Block

__all__ = ["block", "blocks", "lift", "problem_with", "spared_extensions", "urls"]

PAGE = "/admin/guard/now"
PATIENCE = 3.0
LONGEST_HOURS = 8760


def blocks() -> list[Block]:
    """Return who is blocked now, the latest first. Raises `ControlError`."""
    found = msgspec.convert(_ask("guard"), list[Block])
    return sorted(found, key=lambda one: -one.since)


def block(source: str, hours: float, by: str) -> None:
    """Block an address or network. Raises `ControlError`."""
    _ask("guard_block", source=source, seconds=hours * 3600.0, by=by)


def lift(source: str, by: str) -> bool:
    """End a block; False where there is none. Raises `ControlError`."""
    return bool(_ask("guard_lift", source=source, by=by))


def _ask(verb: str, **more: Any) -> Any:
    return ask_sync(django_settings.JACKFIELD.files.network_socket, verb, timeout=PATIENCE, **more)


def problem_with(source: str, address: str) -> str:
    """Say why an address or network can't be blocked by somebody at `address`; "" when it can."""
    try:
        network = ipaddress.ip_network(source, strict=False)
    except ValueError:
        return _("“%(text)s” is neither an address nor a network: give such as 203.0.113.5 or 203.0.113.0/24.") % {
            "text": source
        }
    if network.prefixlen < (8 if network.version == 4 else 16):
        return _("“%(text)s” is too large a network to be blocked by hand: close SIP in the firewall.") % {
            "text": source
        }
    try:
        own = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return ""
    if own.version == network.version and own in network:
        return _("You are at %(address)s yourself.") % {"address": address}
    return ""


def spared_extensions(found: list[Block]) -> dict[str, str]:
    """Return the numbers of the extensions whose phones are heard although their address is blocked, by SIP name."""
    from jackfield.numbers.models import Line

    names = {name for one in found for name in one.spared}
    rows = Line.objects.filter(sip_username__in=names).select_related("extension")
    return {row.sip_username: row.extension.number for row in rows}


@gate("safety")
def now(request: HttpRequest) -> HttpResponse:
    """Show who is blocked."""
    return _page(request)


def _page(request: HttpRequest, problem: str = "", status: int = 200) -> HttpResponse:
    from jackfield.company.models import General
    from jackfield.firewall.models import Guard

    found: list[Block] = []
    away = ""
    try:
        found = blocks()
    except ControlError as why:
        away = str(why)
    context = {
        "blocks": found,
        "numbers": spared_extensions(found),
        "away": away,
        "rules": Guard.current(),
        "problem": problem,
        "zone": General.current().time_zone,
    }
    return render(request, "firewall/guard.html", context, status=status)


@gate("safety", write=True)
def change(request: HttpRequest) -> HttpResponse:
    """Block a source by hand, or let one be heard again."""
    if request.method != "POST":
        return redirect(PAGE)
    user: Any = request.user
    source = request.POST.get("source", "").strip()
    try:
        if request.POST.get("do") == "lift":
            lifted = lift(source, user.shown_name)
            text = _("%(source)s is heard again.") if lifted else _("%(source)s was not blocked any more.")
        else:
            if problem := problem_with(source, request.META.get("REMOTE_ADDR", "")):
                return _page(request, problem, 422)
            hours = request.POST.get("hours", "").strip()
            if not hours.isdecimal() or not 0 < int(hours) <= LONGEST_HOURS:
                return _page(request, _("Give hours from 1 to %(most)d.") % {"most": LONGEST_HOURS}, 422)
            block(source, int(hours), user.shown_name)
            text = _("%(source)s is blocked.")
    except ControlError as why:
        return _page(request, str(why), 503)
    saving.notify(request, [("good", text % {"source": source})])
    return redirect(PAGE)


def urls() -> list[Any]:
    """Return the addresses of these pages."""
    return [path("admin/guard/now", now), path("admin/guard/change", change)]
