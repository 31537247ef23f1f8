"""Plug and play: what is on in the local networks, who asked there, and what to tell somebody else's DHCP server."""

from __future__ import annotations

import asyncio
import ipaddress
import time
from dataclasses import dataclass
from typing import Any

from django.conf import settings as django_settings
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from jackfield.company.models import General
from jackfield.console.lan import keeper, redirecting, wanted
from jackfield.console.provisioning.elsewhere import doubts, name_elsewhere
from jackfield.console.provisioning.house import House
from jackfield.console.web import errors, saving
from jackfield.console.web.rights import gate
from jackfield.desk_phones.models import Asked, DeskPhone, ProvisioningRules
from jackfield.network.addresses import reachable_addresses
from jackfield.plug_and_play.choices import Outcome
from jackfield.plug_and_play.models import PlugAndPlay, Redirected, Redirection
from jackfield.provisioning.catalogue import vendors
from jackfield.provisioning.dhcp import offers
from jackfield.provisioning.dhcp_probe import probe
from jackfield.provisioning.dhcp_server import addresses_by_interface
from jackfield.provisioning.dhcp_texts import SERVERS, text
from jackfield.provisioning.redirection.services import BY_HAND, SERVICES
from jackfield.provisioning.requests import spelled_mac

__all__ = ["enter", "look", "look_for_servers", "now", "our_addresses", "remove", "urls", "vendors_page"]

DAYS = 7
MOST = 50
PAGE = 50
LOOK_SECONDS = 8.0
TFTP_WORDS = {
    "outside": gettext_lazy("from outside the local networks: not answered"),
    "crowded": gettext_lazy("too many at once from there: it asks again"),
    "wrong": gettext_lazy("refused"),
    "window": gettext_lazy("wanted too much at once"),
    "stopped": gettext_lazy("went away in the middle"),
}


@dataclass(frozen=True, slots=True)
class Way:
    """One way by which phones find us, for the page."""

    name: str
    about: str
    kind: str  # of its chip: good, bad, ""
    state: str
    why: str = ""


@gate("phones")
def now(request: HttpRequest) -> HttpResponse:
    """Show what is on, who asked, and the text for a DHCP server that is there already."""
    settings, row = django_settings.JACKFIELD, PlugAndPlay.current()
    server = request.GET.get("server", "")
    server = server if server in SERVERS else "dnsmasq"
    ours = our_addresses()
    chosen = request.GET.get("address", "")
    address = chosen if chosen in ours else next(iter(ours), "192.0.2.1")
    found = keeper.current
    phones = {one.mac: one for one in DeskPhone.objects.all()} if found is not None else {}
    context = {
        "running": found is not None,
        "row": row,
        "ways": _ways(settings, row),
        "dhcp": None if found is None else found.dhcp,
        "dhcp_wrong": () if found is None else found.dhcp_wrong,
        "leases": [] if found is None else [(one, phones.get(one.mac.replace(":", ""))) for one in found.dhcp.leases()],
        "events": [] if found is None else list(reversed(found.dhcp.events))[:MOST],
        "tftp": [] if found is None else [(one, TFTP_WORDS[one.kind]) for one in found.tftp_events[:MOST]],
        "by_mac": wanted.read(settings).by_mac,
        "enabled": ProvisioningRules.current().enabled,
        "asked": Asked.objects.filter(local=True, last__gte=time.time() - DAYS * 86400)[:MOST],
        "fetched": DeskPhone.objects.filter(standing__last_fetch__gte=time.time() - DAYS * 86400)
        .select_related("standing")
        .order_by("-standing__last_fetch")[:MOST],
        "servers": SERVERS,
        "server": server,
        "addresses": ours,
        "address": address,
        "text": text(server, offers(vendors().values(), wanted.folder_at(settings, address), address)),
        "cards": addresses_by_interface(),
        "zone": General.current().time_zone,
        "spelled": spelled_mac,
    }
    return render(request, "plug_and_play/now.html", context)


def our_addresses() -> list[str]:
    """Return our IPv4 addresses at which phones may reach us."""
    found = reachable_addresses(django_settings.JACKFIELD.hosts)
    return [one for one in found if ipaddress.ip_address(one).version == 4]


def _ways(settings: Any, row: Any) -> list[Way]:
    by_mac = wanted.read(settings).by_mac
    states = {} if keeper.current is None else keeper.current.states
    without = "" if by_mac else _("Nothing is given for a MAC address alone now, see above.")
    known = [
        (
            "tftp",
            _("TFTP"),
            _("Phones fetch files, UDP port %(port)d") % {"port": settings.tftp_port},
            row.tftp,
            without,
        ),
        ("multicast", _("Plug and play by SIP"), _("Phones ask 224.0.1.75, UDP port 5060"), row.multicast, without),
        ("ldap", _("Directory by LDAP"), _("TCP port %(port)d") % {"port": settings.ldap_port}, row.ldap, ""),
        (
            "ldaps",
            _("Directory by LDAP over TLS"),
            _("TCP port %(port)d") % {"port": settings.ldaps_port},
            row.ldap,
            "",
        ),
    ]
    found = []
    for name, title, about, wished, why in known:
        state = states.get(name, keeper.OFF)
        if state.on:
            found.append(Way(title, about, "good", _("on")))
        elif state.wrong:
            found.append(Way(title, about, "bad", _("can't be opened"), f"{state.why}: {state.mend}"))
        else:
            found.append(Way(title, about, "", _("off"), (why or state.why) if wished else _("It is switched off.")))
    return found


@gate("phones", write=True)
def look(request: HttpRequest) -> HttpResponse:
    """Ask now whether there is a DHCP server on a network."""
    if request.method == "POST":
        card = request.POST.get("card", "")
        if card not in addresses_by_interface():
            saving.notify(request, [("bad", _("There is no such network card any more."))])
        else:
            saving.notify(request, [look_for_servers(card)])
    return redirect("/admin/plug_and_play/now")


def look_for_servers(card: str) -> tuple[str, str]:
    """Return what kind of notice, and what it says: which DHCP servers answer on a network card's network."""
    try:
        found = asyncio.run(probe(card))
    except OSError as problem:
        return "bad", _("It can't be found out: %(why)s. The right to low ports is needed.") % {
            "why": problem.strerror or str(problem)
        }
    ours = [one for one in found if one in our_addresses()]
    if found and found == ours:
        return "good", _("On %(card)s our own DHCP server answers, and no other one.") % {"card": card}
    if found:
        values = {"servers": ", ".join(found), "card": card}
        return "warning", _("On %(card)s these DHCP servers answer: %(servers)s.") % values
    return "good", _("On %(card)s no DHCP server answers.") % {"card": card}


@gate("phones")
def vendors_page(request: HttpRequest) -> HttpResponse:
    """List the phones whose vendors can be asked to send them to us, and how those stand there."""
    house = House.read(django_settings.JACKFIELD)
    wanted_vendors = {known.vendor for known in SERVICES.values()}
    slugs = [model.slug for name in wanted_vendors if name in vendors() for model in vendors()[name].models]
    page = Paginator(DeskPhone.objects.filter(model__in=slugs), PAGE).get_page(request.GET.get("page"))
    accounts = set(Redirection.objects.values_list("service", flat=True))
    states = {row.mac: row for row in Redirected.objects.filter(mac__in=[phone.mac for phone in page.object_list])}
    rows = [
        (phone, service, states.get(phone.mac), service in accounts, SERVICES[service].code)
        for phone in page.object_list
        if (service := redirecting.service_of(phone))
    ]
    context = {
        "page": page,
        "rows": rows,
        "doubts": doubts(django_settings.JACKFIELD, name_elsewhere(house, request.get_host())),
        "by_hand": {vendors()[name].name: said for name, said in BY_HAND.items() if name in vendors()},
        "spelled": spelled_mac,
        "zone": General.current().time_zone,
    }
    return render(request, "plug_and_play/vendors.html", context)


@gate("phones", write=True)
def enter(request: HttpRequest, mac: str) -> HttpResponse:
    """Have a phone's vendor send it to us."""
    return _change(request, mac, entering=True)


@gate("phones", write=True)
def remove(request: HttpRequest, mac: str) -> HttpResponse:
    """Have a phone's vendor send it to us no longer."""
    return _change(request, mac, entering=False)


def _change(request: HttpRequest, mac: str, *, entering: bool) -> HttpResponse:
    phone = DeskPhone.objects.filter(mac=mac).first()
    if phone is None:
        return errors.missing(request, _("This phone is not there any more: somebody removed it."))
    if request.method == "POST":
        code, by = request.POST.get("code", "")[:20], saving.author(request).name
        if entering:
            host = request.get_host()
            row = redirecting.enter(django_settings.JACKFIELD, phone, code=code, by=by, host=host)
        else:
            row = redirecting.remove(phone, code=code, by=by)
        said = row.detail if row.outcome == Outcome.FAILED else row.get_outcome_display()
        saving.notify(request, [("bad" if row.outcome == Outcome.FAILED else "good", f"{spelled_mac(mac)}: {said}.")])
    return redirect("/admin/plug_and_play/vendors")


def urls() -> list[Any]:
    """Return the addresses of these pages."""
    return [
        path("admin/plug_and_play/now", now),
        path("admin/plug_and_play/look", look),
        path("admin/plug_and_play/vendors", vendors_page),
        path("admin/plug_and_play/vendors/<str:mac>/enter", enter),
        path("admin/plug_and_play/vendors/<str:mac>/remove", remove),
    ]
