"""The VPN: devices with addresses of its network, no two with one address, key or network."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from django.utils.translation import gettext as _

from jackfield.console.declarative.difference import Problem
from jackfield.console.declarative.merging import Item, Merge
from jackfield.network.wireguard import free_address, server_address

__all__ = ["check_vpn"]

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def check_vpn(merge: Merge) -> Iterator[Problem]:
    """Tell what is wrong with the devices of the VPN in the final state."""
    items = merge.items["vpn_devices"]
    try:
        pool = ipaddress.ip_network(merge.items["settings"][0].row.vpn_network)
    except ValueError:
        return  # which is told at the field
    ours = ipaddress.ip_interface(server_address(str(pool))).ip
    seen: dict[tuple[str, object], str] = {}
    networks: list[tuple[Network, str]] = []
    for item in items:
        row = item.row
        try:
            address = ipaddress.ip_address(row.address)
            behind = [ipaddress.ip_network(one) for one in row.networks]
        except ValueError:
            continue
        if address not in pool or address == ours:
            text = _('%(address)s is not free in the network %(network)s of the VPN: give such as "%(free)s"')
            taken = [one.row.address for one in items if one is not item and _is_address(one.row.address)]
            values = {"address": address, "network": pool, "free": _free(str(pool), taken)}
            yield item.problem("address", text % values)
        for field, value in (("address", address), ("public_key", row.public_key)):
            if other := seen.get((field, value)):
                text = _('the device "%(name)s" has the same: each has its own')
                yield item.problem(field, text % {"name": other})
            seen.setdefault((field, value), row.name)
        yield from _overlapping(item, behind, pool, networks)
        networks += [(one, row.name) for one in behind]


def _overlapping(
    item: Item, behind: list[Network], pool: Network, others: list[tuple[Network, str]]
) -> Iterator[Problem]:
    for index, network in enumerate(behind):
        if network.overlaps(pool):
            text = _("%(network)s overlaps the VPN's own network %(pool)s")
            yield item.problem("networks", text % {"network": network, "pool": pool}, f"[{index}]")
        for other, name in others:
            if network.overlaps(other):
                text = _(
                    '%(network)s overlaps %(other)s behind "%(name)s": packets could go to one of them only. Two sites '
                    "with the same network need other addresses at one of them"
                )
                values = {"network": network, "other": other, "name": name}
                yield item.problem("networks", text % values, f"[{index}]")


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _free(pool: str, taken: list[str]) -> str:
    try:
        return free_address(pool, taken)
    except ValueError:
        return ""
