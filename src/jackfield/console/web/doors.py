"""Which pages are behind which door: own pages alone at their own port; administration and API from groups only.

Every view says its area (see `rights.gate`), and so whose it is. What is everybody's own is open at each door.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from typing import Any

from django.conf import settings as django_settings
from django.db import Error, connection, transaction
from django.db.models.signals import post_save
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from jackfield.changes.models import Revision
from jackfield.console import own_door
from jackfield.console.declarative.address_checks import is_loopback
from jackfield.console.web.rights import held
from jackfield.console.web.sign_in_rules import rules
from jackfield.network.groups import Addresses, addresses_of, names_in, vpn_networks, with_vpn
from jackfield.network.host_names import EVERY, HostNames

__all__ = ["guarded"]

Handler = Callable[[HttpRequest], HttpResponse]

KEPT_SECONDS = 5.0
PATIENCE = 2.0
OWN_API = ("/api/v1/me", "/api/v1/openapi.json")
NOT_OWN = ("/first-run", "/metrics")
"""Pages that everybody may reach and that belong to the administration all the same."""

_kept: dict[str, tuple[Any, float, Addresses]] = {}
_names = HostNames()
_looked_up: list[float] = []


def guarded(get_response: Handler) -> Handler:
    """Answer at each door what belongs there, and from each address what may be reached from there."""

    def handle(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if at_own_door(request) and response.headers.get("Location") == "/admin/":  # where administrators begin
            response.headers["Location"] = "/me/"
        return response

    def process_view(request: HttpRequest, view: Any, _args: Any, _named: Any) -> HttpResponse | None:
        if _own(request.path, getattr(view, "area", "")):
            return None
        return _elsewhere(request) if at_own_door(request) else _refused(request)

    handle.process_view = process_view  # type: ignore[attr-defined]
    return handle


def at_own_door(request: HttpRequest) -> bool:
    """Tell whether a request came to the port of own pages: by the socket, not by what the request says of itself."""
    return bool(own_door.port) and request.META.get("SERVER_PORT") == str(own_door.port)


def _own(path: str, area: str) -> bool:
    if path.startswith("/api/"):
        return path in OWN_API or path.startswith(f"{OWN_API[0]}/")
    return area == "own" or (area == "" and not path.startswith(NOT_OWN))


def _elsewhere(request: HttpRequest) -> HttpResponse:
    """Answer at the door of own pages what is not there: with the way to it for those who may go there."""
    title = _("Not here")
    if _api(request):
        return _problem(404, _("This is the port of people's own pages: only /api/v1/me is here."))
    if any(area != "own" and held(request.user)[area] for area in held(request.user)):
        host = re.sub(r":\d+$", "", request.get_host())
        address = f"{request.scheme}://{host}:{django_settings.JACKFIELD.console_port}/admin/"
        text = _("This port has everybody's own pages alone. The administration is at %(address)s")
        return _page(request, 404, title, text % {"address": address})
    return _page(request, 404, title, _("There is no such page."))


def _refused(request: HttpRequest) -> HttpResponse | None:
    """Return the answer to someone whose address may not; None for all others."""
    address = request.META.get("REMOTE_ADDR", "")
    if is_loopback(address):
        return None
    try:
        name = rules().api_from if _api(request) else rules().administration_from
        if not name or address in _group(name):
            return None
    except Error:
        return None  # without the database nobody gets any further than this
    if _api(request):
        return _problem(403, _("The API can't be used from your address. The rules of signing in say from where."))
    text = _(
        "The administration can't be reached from your address, %(address)s. Somebody who may has to add it to the "
        "address group that the rules of signing in name; on the machine itself it can always be reached."
    )
    return _page(request, 403, _("Not from here"), text % {"address": address})


def _api(request: HttpRequest) -> bool:
    return request.path.startswith("/api/")


def _page(request: HttpRequest, status: int, title: str, text: str) -> HttpResponse:
    return render(request, "message.html", {"title": title, "text": text}, status=status)


def _problem(status: int, text: str) -> HttpResponse:
    from jackfield.console.rest.problems import Refusal, answer

    return answer(Refusal(status, text))


# --- the groups, read from the database every few seconds only --------------------------------------------------------


def _group(name: str) -> Addresses:
    system, now = django_settings.JACKFIELD, time.monotonic()
    known = _kept.get(name)
    if known is not None and known[0] is system and now - known[1] < KEPT_SECONDS:
        return known[2]
    from jackfield.company.models import AddressGroup, General
    from jackfield.vpn.models import VpnDevice

    groups = with_vpn(
        dict(AddressGroup.objects.values_list("name", "entries")),
        vpn_networks(General.current(), VpnDevice.objects.filter(enabled=True)),
    )
    _look_up(names_in(name, groups), now)
    found = addresses_of(name, groups, General.current().local_networks, _names.known)
    _kept[name] = (system, now, found)
    return found


def _look_up(names: set[str], now: float) -> None:
    """See that names of hosts are known: wait for those that are new, and renew the others beside the work."""
    fresh = not names <= _names.known.keys()
    if not names or not (fresh or now - _looked_up[-1] >= EVERY):
        return
    _looked_up[:] = [now]
    wanted = names | set(_names.known)
    if fresh:
        _names.refresh(wanted, PATIENCE)
    else:
        threading.Thread(target=_names.refresh, args=(wanted,), name="names", daemon=True).start()


def _forget(**_: Any) -> None:
    _kept.clear()
    if connection.in_atomic_block:
        transaction.on_commit(_kept.clear)


post_save.connect(_forget, Revision)
