"""The firewall: names that must be there, nobody who shuts himself out unseen, and who else would be shut out."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping

from django.conf import settings as django_settings
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from jackfield.console import access
from jackfield.console.clients import Client, recent
from jackfield.console.declarative.address_checks import no_group
from jackfield.console.declarative.difference import Problem
from jackfield.console.declarative.merging import Item, Merge
from jackfield.network.firewall.policy import Policy, addresses_in, compiled, host_names, is_loopback
from jackfield.network.firewall.rules import AUTOMATIC, EVERYONE, Firewall
from jackfield.network.firewall.services import NAMES, ServiceName
from jackfield.network.groups import LOCAL, vpn_networks, with_vpn
from jackfield.network.host_names import HostNames
from jackfield.network.public_file import is_public
from jackfield.switch.snapshot import AddressGroup, General, Snapshot, VpnDevice

__all__ = ["check_firewall", "closed_to"]

PATIENCE = 3.0
"""Seconds for names of hosts on which it hangs whether somebody would shut himself out."""
SHOWN = 10
"""Clients of a service that are named."""


def check_firewall(merge: Merge, through: str, address: str) -> Iterator[Problem]:
    """Tell what is wrong with the firewall in the final state.

    `through`, `address`: by which way and from where somebody changes it, as `apply.Author` has it; "" for an address
    that does not matter.
    """
    own = {item.row.name: item.row.entries for item in merge.items["address_groups"]}
    general, devices = merge.items["settings"][0].row, (item.row for item in merge.items["vpn_devices"])
    groups = with_vpn(own, vpn_networks(general, devices))
    gone = {row.name for row in merge.removed.get("address_groups", ())}
    item = merge.items["firewall"][0]
    for service in NAMES:
        for index, word in enumerate(getattr(item.row, service)):
            if word not in groups and word not in (AUTOMATIC, EVERYONE, LOCAL) and addresses_in(word) is None:
                yield item.problem(service, no_group(word, groups, gone), f"[{index}]")
    if address and not is_loopback(address) and (touched := _touched(merge)):
        yield from _shut_out(merge, touched, "api" if through == "api" else "administration", address)


def closed_to(merge: Merge) -> Iterator[Problem]:
    """Warn of those who have come lately, and to whom it would be closed what they used: a rehearsal."""
    if not _touched(merge):
        return
    before, after = access.table().policy, _policy(merge)
    hit: dict[ServiceName, list[Client]] = {}
    for client in recent(django_settings.JACKFIELD):
        if before.allows(client.service, client.address) and not after.allows(client.service, client.address):
            hit.setdefault(client.service, []).append(client)
    item = merge.items["firewall"][0]
    for service, clients in hit.items():
        named = ", ".join(f"{one.who} ({one.address})" for one in clients[:SHOWN])
        text = ngettext(
            "this closes it to %(count)d who came in the last 7 days: %(named)s",
            "this closes it to %(count)d who came in the last 7 days: %(named)s",
            len(clients),
        ) % {"count": len(clients), "named": named + (" …" if len(clients) > SHOWN else "")}
        yield item.problem(service, text)


def _touched(merge: Merge) -> list[Item]:
    """Return what of the change can close something."""
    firewall, general = merge.items["firewall"][0], merge.items["settings"][0]
    networks = {"local_networks", "vpn", "vpn_network", "public_address"} & set(general.changed)
    found = [firewall] if firewall.changed else []
    found += [item for item in merge.items["address_groups"] if item.created or item.changed]
    found += [item for item in merge.items["vpn_devices"] if item.created or item.changed]
    return found + ([general] if networks else [])


def _shut_out(merge: Merge, touched: list[Item], service: ServiceName, address: str) -> Iterator[Problem]:
    """Refuse what would keep the one who does it from undoing it; as a trial it is possible all the same."""
    holds = _policy(merge)
    if holds.allows(service, address):
        return
    text = _(
        "you are at %(address)s, to which %(service)s would be closed (open to: %(open_to)s): this would shut you out "
        "yourself. Add your address first, or do this on the machine itself"
    )
    said = text % {"address": address, "service": NAMES[service], "open_to": holds.openings[service].words()}
    about = touched[0]
    field = {"firewall": service, "address_groups": "entries"}.get(about.section.name, "")
    yield dataclasses.replace(about.problem(field, said), shut_out=True)


def _policy(merge: Merge) -> Policy:
    wanted = _snapshot(merge)
    public = is_public(django_settings.JACKFIELD, wanted.general.public_address)
    return compiled(wanted, _hosts(wanted), public=public)


def _hosts(wanted: Snapshot) -> Mapping[str, tuple[str, ...]]:
    names = host_names(wanted)
    hosts = HostNames()
    if names:
        hosts.refresh(names, PATIENCE)
    return hosts.known


def _snapshot(merge: Merge) -> Snapshot:
    """Return the part of the configuration that the firewall stands on."""
    general, firewall = merge.items["settings"][0].row, merge.items["firewall"][0].row
    names = ("local_networks", "vpn", "vpn_network", "public_address")
    return Snapshot(
        general=General(**{name: getattr(general, name) for name in names}),
        address_groups=tuple(
            AddressGroup(name=item.row.name, entries=item.row.entries) for item in merge.items["address_groups"]
        ),
        vpn_devices=tuple(
            VpnDevice(name=row.name, public_key=row.public_key, networks=row.networks, enabled=row.enabled)
            for row in (item.row for item in merge.items["vpn_devices"])
        ),
        firewall=Firewall(**{name: getattr(firewall, name) for name in NAMES}),
    )
