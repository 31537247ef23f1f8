"""How the firewall stands: what is open to whom, what an address may, changes on trial, and panic."""

from __future__ import annotations

import ipaddress
import time
from dataclasses import dataclass
from typing import Any

import msgspec
from django.conf import settings as django_settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import gettext as _

from jackfield.console import access, firewall_trial
from jackfield.console.faults import ConsoleError
from jackfield.console.firewall_trial import SECONDS, Trial
from jackfield.console.web import saving
from jackfield.console.web.rights import gate
from jackfield.control import ControlError, ask_sync
from jackfield.network.firewall.keeper import Standing
from jackfield.network.firewall.policy import Opening, Verdict
from jackfield.network.firewall.services import NAMES, services

__all__ = ["is_address", "on_trial", "set_panic", "standing", "urls"]

PAGE, TRIAL = "/admin/firewall/now", "/admin/firewall/trial"
PATIENCE = 3.0


@dataclass(frozen=True, slots=True)
class Row:
    """A service as the page shows it."""

    name: str
    what: str
    ports: str
    opening: Opening


@gate("safety")
def now(request: HttpRequest) -> HttpResponse:
    """Show each service with its ports and to whom it is open."""
    return _page(request)


def _page(request: HttpRequest, problem: str = "", status: int = 200) -> HttpResponse:
    from jackfield.company.models import General

    settings, holds, general = django_settings.JACKFIELD, access.table().policy, General.current()
    ports = {one.name: ", ".join(map(str, one.ports)) for one in services(settings, general)}
    asked = request.GET.get("from", "").strip()
    verdicts: list[tuple[str, Verdict]] = []
    if is_address(asked):
        verdicts = [(NAMES[name], holds.verdict(name, asked)) for name in NAMES]
    elif asked:
        problem, status = _("“%(text)s” is no IP address: give such as 203.0.113.5.") % {"text": asked}, 422
    context = {
        "rows": [Row(name, NAMES[name], ports[name], one) for name, one in holds.openings.items()],
        "standing": standing(),
        "panic": holds.panic,
        "asked": asked,
        "verdicts": verdicts,
        "here": request.META.get("REMOTE_ADDR", ""),
        "trial": firewall_trial.current(settings),
        "zone": general.time_zone,
        "problem": problem,
    }
    return render(request, "firewall/now.html", context, status=status)


def standing() -> Standing | None:
    """Return where the rules hold; None while the network process does not run."""
    try:
        answer = ask_sync(django_settings.JACKFIELD.files.network_socket, "firewall", timeout=PATIENCE)
    except ControlError:
        return None
    return msgspec.convert(answer, Standing)


@gate("safety", write=True)
def panic(request: HttpRequest) -> HttpResponse:
    """Close everything but to the local networks and the VPN, or end that."""
    if request.method != "POST":
        return redirect(PAGE)
    try:
        problem, status = set_panic(request, on=request.POST.get("panic") == "on"), 422
    except ControlError as why:
        problem, status = str(why), 503
    return _page(request, problem, status) if problem else redirect(PAGE)


def set_panic(request: HttpRequest, *, on: bool) -> str:
    """Begin or end the panic. Returns why not, "" when it was done. Raises `ControlError`."""
    if on and not _stays(request):
        text = _(
            "You are at %(address)s, outside of the local networks and the VPN: this would shut you out yourself. "
            "On the machine: jackfield firewall panic"
        )
        return text % {"address": request.META.get("REMOTE_ADDR", "")}
    ask_sync(django_settings.JACKFIELD.files.network_socket, "panic", on=on, timeout=PATIENCE)
    return ""


def is_address(text: str) -> bool:
    """Tell whether a text is an IP address."""
    try:
        ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    return True


def _stays(request: HttpRequest) -> bool:
    from jackfield.company.models import General
    from jackfield.network.firewall.policy import is_loopback
    from jackfield.network.firewall.rules import INSIDE
    from jackfield.network.groups import addresses_of, vpn_networks, with_vpn
    from jackfield.vpn.models import VpnDevice

    address, general = request.META.get("REMOTE_ADDR", ""), General.current()
    groups = with_vpn({}, vpn_networks(general, VpnDevice.objects.filter(enabled=True)))
    inside = (addresses_of(name, groups, general.local_networks, {}) for name in INSIDE)
    return is_loopback(address) or any(address in found for found in inside)


def on_trial(request: HttpRequest) -> HttpResponse:
    """Put the change that was just made on trial, and show that it is."""
    from jackfield.changes.models import Revision

    user: Any = request.user
    revision = Revision.objects.filter(user=user, through="page").order_by("-pk").first()
    assert revision is not None
    address = request.META.get("REMOTE_ADDR", "")
    trial = Trial(revision.pk, time.time() + SECONDS, user.shown_name, address)
    firewall_trial.begin(django_settings.JACKFIELD, trial)
    return redirect(TRIAL)


@gate("safety", write=True)
def trial(request: HttpRequest) -> HttpResponse:
    """Show what is on trial; keep it, or take it back at once."""
    settings = django_settings.JACKFIELD
    found = firewall_trial.current(settings)
    if found is None:
        if request.method == "POST":
            saving.notify(request, [("warning", _("It was taken back already: the time was over."))])
        return redirect(PAGE)
    if request.method == "POST":
        if request.POST.get("do") == "keep":
            firewall_trial.keep(settings)
            saving.notify(request, [("good", _("Kept."))])
        else:
            try:
                problem = firewall_trial.take_back(settings, found)
            except ConsoleError as why:
                problem = str(why)
            saving.notify(request, [("bad", problem) if problem else ("good", _("Taken back."))])
        return redirect(PAGE)
    from jackfield.company.models import General

    return render(request, "firewall/trial.html", {"trial": found, "zone": General.current().time_zone})


def urls() -> list[Any]:
    """Return the addresses of these pages."""
    return [
        path("admin/firewall/now", now),
        path("admin/firewall/panic", panic),
        path("admin/firewall/trial", trial),
    ]
