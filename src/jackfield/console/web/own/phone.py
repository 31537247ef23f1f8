"""Jackfield Phone: a phone in the browser. The page, its account, what wakes it, and what its service worker is."""

from __future__ import annotations

import contextlib
import json
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings as django_settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_POST

from jackfield.browser_phones.models import BrowserPhone
from jackfield.console import live
from jackfield.console.browser_phones import accounts, bridge
from jackfield.console.browser_phones.pushing import declined, vapid
from jackfield.console.browser_phones.web_push import NotASubscription, subscription
from jackfield.console.turn import stun_urls, turn_credentials
from jackfield.console.web import assets
from jackfield.console.web.middleware import POLICY
from jackfield.console.web.own import mine, obstacles
from jackfield.console.web.own.calling import asked
from jackfield.console.web.rights import gate, public
from jackfield.contacts.names import names_of
from jackfield.contacts.numbers import House
from jackfield.contacts.numbers import house as known_house
from jackfield.control import ControlError
from jackfield.provisioning.tones import parts
from jackfield.switch.snapshot import Service

__all__ = ["account", "decline", "dialled", "offline", "phone", "presence", "push", "ways", "who", "worker"]

accounts.ended.append(bridge.close_session)

WORKER_ASSETS = ("console.css", "own.css", "phone.css", "theme.js", "mark.svg", "icons.svg", "own-192.png")
"""What the page that says "no connection" needs, and nothing of anybody's."""


@gate("own")
def phone(request: HttpRequest) -> HttpResponse:
    """Show the phone. It runs in this page alone; the other own pages are shown inside of it, so that calls go on."""
    rows = mine.extensions(request)
    context = {"rows": rows, "chosen": request.session.get("calls_from", ""), "allowed": accounts.allowed(request.user)}
    response = render(request, "own/phone.html", context)
    # For Safari before 15.4 'self' means no WebSockets of the same host.
    host = request.get_host()
    response.headers["Content-Security-Policy"] = (
        POLICY.replace("connect-src 'self'", f"connect-src 'self' wss://{host} ws://{host}")
        if not request.is_secure()
        else POLICY.replace("connect-src 'self'", f"connect-src 'self' wss://{host}")
    ) + "; worker-src 'self'"
    return response


def _echo_number(row: Any, found: Any) -> str:
    """Return the number of the echo test that this extension may call; "" where there is none."""
    numbers = (one.number for one in found.services if isinstance(one, Service) and one.kind == "echo")
    return next((number for number in numbers if not obstacles.of_calling(found, row, number)), "")


@gate("own")
@require_POST
@sensitive_variables("given")
def account(request: HttpRequest) -> HttpResponse:
    """Give this browser its account, with a password that is new; the page that had the one before is cut off."""
    if not accounts.allowed(request.user):
        return _told(403, _("Jackfield Phone is switched off for you. Ask the administrator."))
    rows = {row.number: row for row in mine.extensions(request)}
    wanted = request.POST.get("extension") or request.session.get("calls_from", "")
    row = rows.get(wanted) or next(iter(rows.values()), None)
    if row is None:
        return _told(404, _("No extension is yours yet, so there is no phone to call from."))
    if request.POST.get("extension") in rows:
        request.session["calls_from"] = row.number
    bridge.close_session(request.session.session_key or "", bridge.TAKEN_OVER)
    try:
        given = accounts.account(request, row)
    except ControlError as problem:
        return _told(503, obstacles.told(problem))
    phone_row, found = BrowserPhone.objects.get(sip_username=given.sip_username), mine.snapshot()
    return JsonResponse({
        "sip_username": given.sip_username,
        "password": given.password,
        "realm": given.realm,
        "extension": given.extension,
        "name": given.name or request.user.shown_name,
        "instance": given.instance,
        "push_name": given.push_name,
        "woken": bool(phone_row.push_address),
        "vapid": vapid(django_settings.JACKFIELD).public,
        "ice_servers": _ice_servers(request),
        "echo": _echo_number(row, found),
        "tones": {name: _tone(name, found.general.country) for name in ("ringback", "busy", "congestion")},
        "address": bridge.PATH,
    })  # fmt: skip


@gate("own")
@require_POST
def ways(request: HttpRequest) -> HttpResponse:
    """Give a phone that has been open for hours new credentials for the relay: the old ones end by themselves."""
    return JsonResponse({"ice_servers": _ice_servers(request)})


def _tone(name: str, country: str) -> list[Any]:
    """Return a tone of the country as the page plays it: frequencies in Hz and seconds, in turn."""
    return [[list(part.frequencies), part.seconds] for part in parts(name, country)]


def _ice_servers(request: HttpRequest) -> list[dict[str, Any]]:
    """Return where the browser learns its own address and, where it is switched on, what carries audio for it."""
    user: Any = request.user
    there = urlsplit(f"//{request.get_host()}")
    host = there.hostname or ""
    found: list[dict[str, Any]] = [{"urls": url} for url in stun_urls(host=host)]
    ours = request.is_secure() and django_settings.JACKFIELD.console_secure  # else it is a proxy's port
    if (relay := turn_credentials(user.login, host=host, pages=(there.port or 443) if ours else 0)) is not None:
        found.append({"urls": list(relay.urls), "username": relay.username, "credential": relay.password})
    return found


@gate("own")
@require_POST
def dialled(request: HttpRequest) -> HttpResponse:
    """Say how a number is dialled that somebody typed or that stands in a contact, or why it can't be called.

    With it goes how people write it, and whose it is.
    """
    found = mine.snapshot()
    rows = {row.number: row for row in mine.extensions(request)}
    row = rows.get(request.POST.get("extension", "")) or next(iter(rows.values()), None)
    house = House(found.general.country, found.general.outside_prefix)
    number = house.dialled(request.POST.get("number", "")[:60], found.numbers)
    if row is None or not number:
        return _told(422, _("There is no such number."))
    if problem := obstacles.of_calling(found, row, number):
        return _told(422, problem)
    return JsonResponse({"number": number, **_whose(request, number, house)})


@gate("own")
@require_POST
def who(request: HttpRequest) -> HttpResponse:
    """Say whose a number is that calls, and how people write it."""
    return JsonResponse(_whose(request, request.POST.get("number", "")[:60], known_house()))


def _whose(request: HttpRequest, number: str, house: House) -> dict[str, str]:
    names = names_of([number], user=request.user, known_house=house)
    return {"shown": house.shown(number), "name": names.get(number, "")}


@gate("own")
@require_POST
def push(request: HttpRequest) -> HttpResponse:
    """Keep how this browser is woken, or that it is not to be woken any more."""
    own = accounts.of_session(request.session.session_key)
    address = request.POST.get("address", "")
    if not address:
        own.update(push_address="", push_key="", push_secret="")
        return JsonResponse({"woken": False})
    key, secret = request.POST.get("key", ""), request.POST.get("secret", "")
    try:
        subscription(address, key, secret)
    except NotASubscription as problem:
        return _told(422, str(problem))
    changed = own.update(push_address=address, push_key=key, push_secret=secret)
    return JsonResponse({"woken": bool(changed)}) if changed else _told(409, _("Start the phone first."))


@csrf_exempt  # the notification's own token says that it is ours; a service worker has no other
@gate("own")
@require_POST
def decline(request: HttpRequest) -> HttpResponse:
    """Decline a call at its notification."""
    found = declined(request.POST.get("token", "")[:500])
    user: Any = request.user
    if found is None or found.user != user.pk:
        return _told(410, _("This notification is too old."))
    with contextlib.suppress(ControlError):  # it may be over already
        asked("hangup", id=found.call, extension=found.extension, by=user.shown_name)
    return JsonResponse({})


@gate("own")
def presence(request: HttpRequest) -> HttpResponse:
    """Tell which extensions are free, ring or talk; all others have no phone that can be reached."""
    hub = live.hub()
    with hub.listen():
        hub.known(2.0)
        state = hub.state
    talking, ringing = set[str](), set[str]()
    for row in state.calls.values():
        for leg in row["legs"]:
            if number := leg.get("extension"):
                (talking if leg.get("answered") else ringing).add(number)
    free = {row["extension"] for row in state.phones.values() if row["reachable"]}
    return JsonResponse({
        "known": state.running,
        "talking": [_("on a call"), sorted(talking)],
        "ringing": [_("rings"), sorted(ringing - talking)],
        "free": [_("free"), sorted(free - talking - ringing)],
        "away": _("not connected"),
    })  # fmt: skip


@public
def worker(request: HttpRequest) -> HttpResponse:
    """Answer with the service worker of own pages. Browsers look every day whether it has changed."""
    return HttpResponse(_worker(), content_type="text/javascript", headers={"Cache-Control": "no-cache"})


@cache
def _worker() -> bytes:
    files = [assets.address(name) for name in WORKER_ASSETS]
    version = assets.address("phone-worker.js").split("/")[2]
    head = f"const VERSION = {json.dumps(version)};\nconst FILES = {json.dumps(files)};\n"
    return head.encode() + (assets.FOLDER / "phone-worker.js").read_bytes()


@public
def offline(request: HttpRequest) -> HttpResponse:
    """Show what the installed phone shows while there is no connection. It says nothing of anybody."""
    return render(request, "own/offline.html", {})


def _told(status: int, text: str) -> HttpResponse:
    return JsonResponse({"problem": text}, status=status)
