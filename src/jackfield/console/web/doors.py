"""Which pages are behind which door: own pages alone at their own port; all of them for whom the firewall lets in.

Every view says its area (see `rights.gate`), and so whose it is. What is everybody's own is open at each door.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from django.conf import settings as django_settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from jackfield.console import own_door
from jackfield.console.access import table
from jackfield.console.web.rights import held
from jackfield.network.firewall.services import ServiceName

__all__ = ["guarded"]

Handler = Callable[[HttpRequest], HttpResponse]

OWN_API = ("/api/v1/me", "/api/v1/openapi.json")
NOT_OWN = ("/first-run", "/metrics")
"""Pages that everybody may reach and that belong to the administration all the same."""


def guarded(get_response: Handler) -> Handler:
    """Answer at each door what belongs there, and from each address what may be reached from there."""

    def handle(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if at_own_door(request) and response.headers.get("Location") == "/admin/":  # where administrators begin
            response.headers["Location"] = "/me/"
        return response

    def process_view(request: HttpRequest, view: Any, _args: Any, _named: Any) -> HttpResponse | None:
        area = getattr(view, "area", "")
        if at_own_door(request) and not _own(request.path, area):
            return _elsewhere(request)
        if request.path.startswith("/metrics"):  # whose view refuses in words for programs
            return None
        return _refused(request, area)

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


def _refused(request: HttpRequest, area: str) -> HttpResponse | None:
    """Return the answer to someone to whose address what he asks for is closed; None for all others."""
    address = request.META.get("REMOTE_ADDR", "")
    holds = table().policy
    if any(holds.allows(service, address) for service in _services(request, area)):
        return None
    if _api(request):
        return _problem(403, _("The API can't be used from your address. The firewall says from where."))
    text = _(
        "This can't be reached from your address, %(address)s. Somebody who may has to open it to you in the firewall; "
        "on the machine itself it can always be reached."
    )
    return _page(request, 403, _("Not from here"), text % {"address": address})


def _services(request: HttpRequest, area: str) -> tuple[ServiceName, ...]:
    """Return the services as part of which a page is there: one that is open is enough."""
    path = request.path
    if path.startswith("/provision"):
        return ("provisioning",)
    if _own(path, area):
        # Signing in, styles and pictures belong to both; at the port of own pages there is nothing else.
        shared = area != "own" and not at_own_door(request)
        return ("own_pages", "administration", "api") if shared else ("own_pages",)
    return ("api",) if _api(request) else ("administration",)


def _api(request: HttpRequest) -> bool:
    return request.path.startswith("/api/")


def _page(request: HttpRequest, status: int, title: str, text: str) -> HttpResponse:
    return render(request, "message.html", {"title": title, "text": text}, status=status)


def _problem(status: int, text: str) -> HttpResponse:
    from jackfield.console.rest.problems import Refusal, answer

    return answer(Refusal(status, text))
