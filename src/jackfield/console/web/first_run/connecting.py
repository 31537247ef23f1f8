"""Connecting the first phones: what to enter, QR codes that lead to it, and a test call.

There is no format of a QR code that all softphones read. So the code leads to a page of ours which the phone's own
browser opens: with what to copy, and a link that sets up Linphone by itself. Another one is for Linphone's scanner,
which wants the address of its configuration file. The links hold for a day, and end when the SIP password is another.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
import ipaddress
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape

from django.conf import settings as django_settings
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from markupsafe import Markup

from jackfield.console import own_door
from jackfield.console.certificates import store
from jackfield.console.links import address_for_users
from jackfield.console.reached import by_hand
from jackfield.console.web import errors
from jackfield.console.web.rights import public
from jackfield.network.addresses import reachable_addresses

__all__ = ["Card", "card", "cards", "linphone", "phone_page", "public_addresses", "test_call"]

SALT = "jackfield.phone"
LINK_SECONDS = 86400
MOST = 60


@dataclass(frozen=True, slots=True)
class Card:
    """What a person needs for one phone. `code`, `linphone`: QR codes as SVG; "" where no phone could open them."""

    number: str
    name: str
    server: str
    sip_username: str
    sip_password: str
    link: str = ""
    code: str = ""
    linphone: str = ""


def public_addresses() -> list[str]:
    """Return the addresses of this machine that the internet reaches: where no router is between."""
    settings = django_settings.JACKFIELD
    if settings.public_addresses:
        return list(settings.public_addresses)
    return [one for one in reachable_addresses(settings.hosts) if ipaddress.ip_address(one).is_global]


def server() -> str:
    """Return what a phone is told as its server."""
    settings = django_settings.JACKFIELD
    host = [*by_hand(settings), *reachable_addresses(settings.hosts)][0]
    port = settings.sip_port or settings.sip_tls_port
    host = f"[{host}]" if ":" in host else host
    return host if port == 5060 else f"{host}:{port}"


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
    return [_card(line, where, at) for line in lines.order_by("extension__number", "position")[:MOST]]


def card(request: HttpRequest, line: Any) -> Card:
    """Return the card of one line."""
    return _card(line, base(request), server())


def _card(line: Any, where: str, at: str) -> Card:
    link = f"{where}/phone/{_token(line)}" if where else ""
    return Card(
        line.extension.number,
        line.extension.name,
        at,
        line.sip_username,
        line.sip_password,
        link,
        _code(link) if link else "",
        _code(f"{link}/linphone.xml") if link and _fetched_by_apps(link) else "",
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


def _token(line: Any) -> str:
    return signing.dumps([line.pk, _mark(line)], salt=SALT, compress=True)


def _mark(line: Any) -> str:
    return hashlib.sha256(f"{line.sip_username}:{line.sip_password}".encode()).hexdigest()[:16]


def _line(token: str) -> Any:
    from jackfield.numbers.models import Line

    try:
        pk, mark = signing.loads(token, salt=SALT, max_age=LINK_SECONDS)
    except (signing.BadSignature, ValueError, TypeError):
        return None
    line = Line.objects.select_related("extension").filter(pk=pk).first()
    return line if line is not None and _mark(line) == mark else None


@public
def phone_page(request: HttpRequest, token: str) -> HttpResponse:
    """Show on a phone what to enter into its app."""
    line = _line(token)
    if line is None:
        return errors.missing(request, _("This link is older than a day, or the phone's password was changed since."))
    # "linphone-config:" is the scheme that Linphone's apps open themselves for.
    link = f"{request.scheme}://{request.get_host()}/phone/{token}/linphone.xml"
    opens = _fetched_by_apps(link)
    context = {"line": line, "server": server(), "linphone": f"linphone-config:{link}" if opens else ""}
    return render(request, "first_run/phone.html", context)


@public
def linphone(request: HttpRequest, token: str) -> HttpResponse:
    """Answer with the configuration as Linphone reads it (its "remote provisioning")."""
    line = _line(token)
    if line is None:
        return HttpResponse("This link is older than a day.\n", status=404, content_type="text/plain")
    return HttpResponse(_linphone(line), content_type="application/xml; charset=utf-8")


def _linphone(line: Any) -> str:
    from jackfield.company.models import General

    at = server()
    host = at.rpartition(":")[0] if at.rpartition(":")[2].isdecimal() and at.count(":") == 1 else at
    name = line.extension.name.replace('"', "").replace("\\", "")
    sections = {
        "sip": {"default_proxy": "0"},
        "auth_info_0": {
            "username": line.sip_username,
            "passwd": line.sip_password,
            "realm": General.current().realm,
            "domain": host,
        },
        "proxy_0": {
            "reg_proxy": f"<sip:{at};transport=udp>",
            "reg_identity": f'"{name}" <sip:{line.sip_username}@{host}>',
            "reg_sendregister": "1",
            "reg_expires": "300",
            "publish": "0",
        },
    }
    parts = ['<?xml version="1.0" encoding="UTF-8"?>', '<config xmlns="http://www.linphone.org/xsds/lpconfig.xsd">']
    for section, entries in sections.items():
        parts.append(f'  <section name="{section}">')
        parts += [f'    <entry name="{key}" overwrite="true">{escape(text)}</entry>' for key, text in entries.items()]
        parts.append("  </section>")
    return "\n".join([*parts, "</config>", ""])


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
