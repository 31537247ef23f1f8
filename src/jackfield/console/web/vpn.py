"""The VPN: its devices with their last handshake, and making one with everything to set it up."""

from __future__ import annotations

import base64
import re
import unicodedata
from typing import Any

from django.conf import settings as django_settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import gettext as _

from jackfield.console import reaching, vpn_devices
from jackfield.console.change import Removal, Wish
from jackfield.console.declarative.difference import DocumentError
from jackfield.console.web import saving, told
from jackfield.console.web.rights import gate
from jackfield.console.web.second_factor import qr
from jackfield.network import outside

__all__ = ["urls"]

PAGE = "/admin/vpn/"


@gate("phones")
def page(request: HttpRequest) -> HttpResponse:
    """Show the devices."""
    return _page(request)


def _page(request: HttpRequest, problem: str = "", status: int = 200) -> HttpResponse:
    from jackfield.company.models import General

    settings, general = django_settings.JACKFIELD, General.current()
    state = reaching.vpn(settings)
    context = {
        "general": general,
        "state": state,
        "rows": vpn_devices.rows(state["peers"]),
        "zone": general.time_zone,
        "problem": problem,
        "name": request.POST.get("name", ""),
        "networks": request.POST.get("networks", ""),
        "folder": settings.files.path,
    }
    return render(request, "vpn.html", context, status=status)


@gate("phones", write=True)
def new(request: HttpRequest) -> HttpResponse:
    """Make a device, and show its key this once."""
    if request.method != "POST":
        return redirect(PAGE)
    name = request.POST.get("name", "").strip()
    networks = tuple(one for one in re.split(r"[\s,;]+", request.POST.get("networks", "")) if one)
    wish = Wish("vpn_devices", {"name": name, "networks": list(networks)})
    try:
        if not name:
            return _page(request, _("Give the device a name, such as the site's or the person's."), 422)
        if refused := saving.refused(request.user, [wish]):
            raise DocumentError(refused)
        made = vpn_devices.make(django_settings.JACKFIELD, name, networks, author=saving.author(request))
    except DocumentError as wrong:
        return _page(request, told.problem_words(wrong.problems[0], [wish]), 422)
    context = {
        "made": made,
        "code": qr(made.file),
        "file": base64.b64encode(made.file.encode()).decode(),
        "file_name": _file_name(name),
        "snippets": vpn_devices.snippets(made),
        "unreachable": outside.is_literal(made.host) and outside.is_private(made.host),
    }
    answer = render(request, "vpn_device.html", context)
    answer["Cache-Control"] = "no-store"  # it has a private key
    return answer


def _file_name(name: str) -> str:
    """Return the name that WireGuard's apps give the tunnel: an interface's, 15 characters without accents."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9_-]+", "-", plain)[:15].strip("-") or "jackfield"


@gate("phones", write=True)
def switch(request: HttpRequest, pk: int) -> HttpResponse:
    """Let a device in, or keep it out."""
    return _change(request, pk, remove=False)


@gate("phones", write=True)
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Remove a device: its key opens nothing any more."""
    return _change(request, pk, remove=True)


def _change(request: HttpRequest, pk: int, *, remove: bool) -> HttpResponse:
    from jackfield.vpn.models import VpnDevice

    device = VpnDevice.objects.filter(pk=pk).first()
    if request.method != "POST" or device is None:
        return redirect(PAGE)
    key = (device.name,)
    wish: Wish | Removal = Wish("vpn_devices", {"name": device.name, "enabled": not device.enabled}, key)
    if remove:
        wish = Removal("vpn_devices", key)
    try:
        difference = saving.save(request, [wish])
    except DocumentError as wrong:
        return _page(request, told.problem_words(wrong.problems[0], [wish]), 422)
    saving.notify(request, told.notices(difference, [wish]))
    return redirect(PAGE)


def urls() -> list[Any]:
    """Return the addresses of these pages."""
    return [
        path("admin/vpn/", page),
        path("admin/vpn/new", new),
        path("admin/vpn/<int:pk>/switch", switch),
        path("admin/vpn/<int:pk>/remove", remove),
    ]
