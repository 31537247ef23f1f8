"""Connecting the first phones: what to enter, QR codes that lead to it, and a test call.

There is no format of a QR code that all softphones read. So the code leads to a page of ours which the phone's own
browser opens: with links by which Linphone, Groundwire and Zoiper set themselves up, and with what to type into any
other app. Another one is for Linphone's scanner, which wants the address of its configuration file. A link works once
and for a time, can be taken back, and ends when the SIP password is another (`softphones/links.py`). Looking at its
page does not use it up: programs that look at links in messages do that too.
"""

from __future__ import annotations

import asyncio
import io
import ipaddress
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from django.conf import settings as django_settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from markupsafe import Markup

from jackfield.console import certificates, own_door
from jackfield.console.certificates import store
from jackfield.console.links import address_for_users
from jackfield.console.provisioning.house import desk_phones_of
from jackfield.console.reached import by_hand
from jackfield.console.web import errors
from jackfield.console.web.rights import public
from jackfield.network.addresses import reachable_addresses
from jackfield.provisioning.configuration import Account, Server
from jackfield.provisioning.softphones import APPS, App, Softphone, by_slug, link_of

__all__ = ["Card", "app_file", "card", "cards", "gone", "link", "phone_page", "public_addresses", "test_call", "zoiper"]

MOST = 60


@dataclass(frozen=True, slots=True)
class Card:
    """What a person needs for one phone. `code`, `linphone`: QR codes as SVG; "" where no phone could open them.

    `desk_phone`: whose line it is; then there is no link, since the password changes whenever that phone fetches.
    """

    number: str
    name: str
    server: str
    sip_username: str
    sip_password: str
    link: str = ""
    code: str = ""
    linphone: str = ""
    desk_phone: Any = None


def public_addresses() -> list[str]:
    """Return the addresses of this machine that the internet reaches: where no router is between."""
    settings = django_settings.JACKFIELD
    if settings.public_addresses:
        return list(settings.public_addresses)
    return [one for one in reachable_addresses(settings.hosts) if ipaddress.ip_address(one).is_global]


def _host() -> str:
    """Return the name or address by which phones reach us: as it is set for them, or for the system, or as it is."""
    from jackfield.desk_phones.models import ProvisioningRules

    settings = django_settings.JACKFIELD
    named = ProvisioningRules.current().server
    return str(named or [*by_hand(settings), *reachable_addresses(settings.hosts)][0])


def server() -> str:
    """Return what a person types as the server."""
    settings = django_settings.JACKFIELD
    found = Server(host=_host(), port=settings.sip_port or settings.sip_tls_port)
    return found.uri_host if found.port == 5060 else found.host_port


def secure_server() -> Server | None:
    """Return where apps register by TLS; None where they would refuse our certificate, or TLS is switched off."""
    settings = django_settings.JACKFIELD
    host = _host()
    if not settings.sip_tls_port or not certificates.trusted_for(settings, host):
        return None
    return Server(host=host, port=settings.sip_tls_port)


def base(request: HttpRequest) -> str:
    """Return the address of the console as phones reach it; "" when it answers on this machine alone.

    What an administrator has set comes first, then the port of own pages, which a firewall leaves open sooner.
    """
    settings = django_settings.JACKFIELD
    if known := address_for_users(""):
        return known
    if not _loopback(host := request.get_host()):
        if host.endswith(f":{settings.console_port}") and own_door.port and _outside(settings.user_hosts):
            return f"{request.scheme}://{host.removesuffix(f':{settings.console_port}')}:{own_door.port}"
        return f"{request.scheme}://{host}"
    for hosts, port in ((settings.user_hosts, own_door.port), (settings.console_hosts, settings.console_port)):
        if port and (outside := _outside(hosts)):
            return str(settings.web_address(outside[0], port))
    return ""


def _outside(hosts: Collection[str]) -> list[str]:
    return [one for one in reachable_addresses(hosts) if not ipaddress.ip_address(one).is_loopback]


def _loopback(host: str) -> bool:
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdecimal() else host
    try:
        return ipaddress.ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return name == "localhost"


def cards(request: HttpRequest, numbers: Collection[str]) -> list[Card]:
    """Return the cards of these extensions, the first 60."""
    from jackfield.numbers.models import Line

    lines = Line.objects.select_related("extension").filter(extension__number__in=numbers)
    where, at = base(request), server()
    return [_card(line, where, at, author(request)) for line in lines.order_by("extension__number", "position")[:MOST]]


def card(request: HttpRequest, line: Any) -> Card:
    """Return the card of one line."""
    return _card(line, base(request), server(), author(request))


def author(request: HttpRequest) -> str:
    """Return who makes a link, as lists of links name him."""
    user = getattr(request, "user", None)
    return user.shown_name if user is not None and user.is_authenticated else ""


def link(line: Any, where: str, *, seconds: float = 0.0, by: str = "") -> str:
    """Return the address that sets a line's softphone up: one that is still unused, or a new one.

    `where`: the address of the console as phones reach it; `seconds`: how long the link holds, 0 for a day.
    """
    from jackfield.softphones import links

    return f"{where}/phone/{links.token(links.current(line, seconds=seconds or links.DAY, by=by))}"


def _card(line: Any, where: str, at: str, by: str) -> Card:
    desk_phone = desk_phones_of([line.extension]).get(line.pk)
    address = link(line, where, by=by) if where and desk_phone is None else ""
    return Card(
        line.extension.number,
        line.extension.name,
        at,
        line.sip_username,
        line.sip_password,
        address,
        _code(address) if address else "",
        _code(f"{address}/linphone.xml") if address and _fetched_by_apps(address) else "",
        desk_phone,
    )


def _fetched_by_apps(link: str) -> bool:
    """Tell whether an app such as Linphone would fetch from there: it refuses a certificate that we made ourselves,
    where a browser asks its user.
    """
    return link.startswith("http:") or store(django_settings.JACKFIELD).current().origin != "self-signed"


def _code(text: str) -> Markup:
    import segno

    drawn = io.BytesIO()
    segno.make(text, error="m", micro=False).save(
        drawn, kind="svg", xmldecl=False, svgns=False, nl=False, omitsize=True, border=3, dark="#000", light="#fff"
    )
    return Markup(drawn.getvalue().decode())  # noqa: S704 - drawn by segno from our own link


def gone(request: HttpRequest, found: Any) -> HttpResponse:
    """Say why a link leads nowhere any more, and what to do."""
    from jackfield.softphones.links import State, state

    texts = {
        State.USED: _(
            "This link was used already: each sets up one phone. Ask for a new one, or make one on your pages."
        ),
        State.EXPIRED: _("This link is too old. Ask for a new one, or make one on your pages."),
        State.REVOKED: _("This link was taken back. Ask for a new one, or make one on your pages."),
        State.ENDED: _("The phone's password was changed since. Ask for a new link, or make one on your pages."),
    }
    unknown = _("This link is not complete. Open it as it was sent, or ask for a new one.")
    return errors.missing(request, unknown if found is None else texts.get(state(found), unknown))


@public
def phone_page(request: HttpRequest, token: str) -> HttpResponse:
    """Show on a phone how its app is set up; what to type only when asked for, which uses the link up."""
    from jackfield.softphones import links

    found = links.find(token)
    if found is None:
        return gone(request, None)
    if request.method == "POST":
        if not links.take(found, by="page", address=request.META.get("REMOTE_ADDR", "")):
            return gone(request, found)
        return render(
            request,
            "first_run/phone.html",
            {"line": found.line, "server": server(), "secure": secure_server(), "apps": [], "shown": True},
        )
    if links.state(found) is not links.State.OPEN:
        return gone(request, found)
    where = f"{request.scheme}://{request.get_host()}/phone/{token}"
    provider = django_settings.JACKFIELD.zoiper_provider
    apps = []
    if _fetched_by_apps(where):
        ways = ((app, link_of(app, f"{where}/{app.file}", zoiper_provider=provider, token=token)) for app in APPS)
        apps = [(app.name, address) for app, address in ways if address]
    return render(
        request, "first_run/phone.html", {"line": found.line, "server": server(), "apps": apps, "shown": False}
    )


@public
def app_file(request: HttpRequest, token: str, slug: str) -> HttpResponse:
    """Answer with the file that an app sets itself up by, once."""
    return _given(request, by_slug(slug), token)


@public
def zoiper(request: HttpRequest) -> HttpResponse:
    """Answer Zoiper, which puts the token behind the address that the company has entered at Zoiper's service."""
    return _given(request, by_slug("zoiper"), request.GET.get("t", ""))


def _given(request: HttpRequest, app: App, token: str) -> HttpResponse:
    from jackfield.softphones import links

    found = links.find(token)
    if found is None:
        return HttpResponse("This link is not complete.\n", status=404, content_type="text/plain")
    if request.method != "GET":  # looking whether the file is there does not use the link up
        return HttpResponse(content_type=app.content_type, status=200 if request.method == "HEAD" else 405)
    if not links.take(found, by=app.slug, address=request.META.get("REMOTE_ADDR", "")):
        text = f"This link is {links.state(found)}. Ask for a new one.\n"
        return HttpResponse(text, status=404, content_type="text/plain")
    answer = HttpResponse(app.body(_softphone(found.line)), content_type=app.content_type)
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _softphone(line: Any) -> Softphone:
    from jackfield.company.models import General
    from jackfield.desk_phones.models import ProvisioningRules

    settings, secure = django_settings.JACKFIELD, secure_server()
    transport: Any = ProvisioningRules.current().remote_transport
    if transport == "tls" or not settings.sip_port:
        transport = "tls" if secure is not None or not settings.sip_port else "udp"
    plain = Server(host=_host(), port=settings.sip_port or settings.sip_tls_port)
    account = Account(
        number=line.extension.number,
        name=line.extension.name,
        username=line.sip_username,
        password=line.sip_password,
        server=secure if transport == "tls" and secure is not None else plain,
        transport=transport,
        srtp=line.srtp,
    )
    return Softphone(account, General.current().realm)


def test_call() -> tuple[bool, list[str]]:
    """Place a call between two built-in phones through the running system; return whether it went, and what happened.

    Takes three seconds. Raises nothing.
    """
    from jackfield import selftest
    from jackfield.control import ControlError

    settings = django_settings.JACKFIELD
    said: list[str] = []
    transport: Any = "UDP" if settings.sip_port else "TLS"
    try:
        report = asyncio.run(selftest.run(settings, selftest.Wishes(transport=transport, seconds=0.6), say=said.append))
    except (ControlError, OSError) as problem:
        return False, [str(problem)]
    return report.ok, [*said, report.problem] if report.problem else said
