"""Address groups: names that must be there, groups that hold themselves, and nobody who shuts himself out."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence

from django.utils.translation import gettext as _

from jackfield.console.declarative.difference import Problem
from jackfield.console.declarative.merging import Item, Merge
from jackfield.console.declarative.values import suggestion
from jackfield.network.groups import (
    LOCAL,
    EntryError,
    Nested,
    addresses_of,
    loop_in,
    names_in,
    read_entry,
    vpn_networks,
    with_vpn,
)
from jackfield.network.host_names import HostNames

__all__ = ["check_addresses", "is_loopback"]

PATIENCE = 3.0
"""Seconds for names of hosts on which it hangs whether somebody would shut himself out."""


def check_addresses(merge: Merge, through: str = "", address: str = "") -> Iterator[Problem]:
    """Tell what is wrong with address groups in the final state, and with what names one.

    `through`, `address`: by which way and from where somebody changes it, as `apply.Author` has it.
    """
    items = merge.items["address_groups"]
    own = {item.row.name: item.row.entries for item in items}
    general, devices = merge.items["settings"][0].row, (item.row for item in merge.items["vpn_devices"])
    groups = with_vpn(own, vpn_networks(general, devices))
    gone = {row.name for row in merge.removed.get("address_groups", ())}
    for item, field in _naming(merge):
        name = getattr(item.row, field)
        if name and name != LOCAL and name not in groups:
            yield item.problem(field, _missing(name, groups, gone))
    for item in items:
        for index, entry in enumerate(item.row.entries):
            name = _nested(entry)
            if name and name != LOCAL and name not in groups:
                yield item.problem("entries", _missing(name, groups, gone), f"[{index}]")
    if loop := loop_in(groups):
        way = " → ".join(loop)
        for item in items:
            if item.row.name in loop and (item.created or item.changed):
                text = _("the groups hold each other in a circle, %(way)s: take one of them out")
                yield item.problem("entries", text % {"way": way})
        return
    yield from _shut_out(merge, groups, through, address)


def _naming(merge: Merge) -> Iterator[tuple[Item, str]]:
    for extension in merge.items["extensions"]:
        yield extension, "phones_from"
        for line in extension.lines:
            yield line, "phones_from"
    for field in ("administration_from", "api_from"):
        yield merge.items["sign_in"][0], field


def _nested(entry: str) -> str:
    try:
        found = read_entry(entry)
    except EntryError:
        return ""
    return found.group if isinstance(found, Nested) else ""


def _missing(name: str, groups: dict[str, Sequence[str]], gone: set[str]) -> str:
    if name in gone:
        text: str = _('the address group "%(name)s" is to be removed, but is used here: change this, or keep it')
        return text % {"name": name}
    other: str = _('there is no address group "%(name)s"; %(hint)s')
    return other % {"name": name, "hint": suggestion(name, [*groups, LOCAL])}


def _shut_out(merge: Merge, groups: dict[str, Sequence[str]], through: str, address: str) -> Iterator[Problem]:
    """Refuse what would keep the one who does it from undoing it."""
    field = "api_from" if through == "api" else "administration_from"
    rules, general = merge.items["sign_in"][0], merge.items["settings"][0]
    name = getattr(rules.row, field)
    if not name or not address or is_loopback(address):
        return
    touched = [item for item in merge.items["address_groups"] if item.created or item.changed]
    touched += [item for item in merge.items["vpn_devices"] if item.created or item.changed]
    networks = {"local_networks", "vpn", "vpn_network"} & set(general.changed)
    if field not in rules.changed and not touched and not networks:
        return
    hosts = HostNames()
    hosts.refresh(names_in(name, groups), PATIENCE)
    if address in addresses_of(name, groups, general.row.local_networks, hosts.known):
        return
    text = _(
        'you are at %(address)s, which is not in "%(name)s": this would shut you out yourself. Put your address into '
        "that group first, or do this on the machine itself"
    )
    said = text % {"address": address, "name": name}
    if field in rules.changed or not touched:
        yield rules.problem(field, said)
    else:
        yield touched[0].problem("entries", said)


def is_loopback(address: str) -> bool:
    """Tell whether an address is this machine's own, from which nobody is ever shut out."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(found, "ipv4_mapped", None)
    return bool((mapped or found).is_loopback)
