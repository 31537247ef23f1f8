"""Who may see what by his address: the local networks of the company, and what the firewall's table says."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING

import msgspec

from jackfield.network.firewall.table import Table
from jackfield.switch import snapshot

if TYPE_CHECKING:
    from jackfield.settings import Settings

__all__ = ["is_local", "is_within", "table"]

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class _General(msgspec.Struct):
    local_networks: tuple[str, ...] = snapshot.General().local_networks


class _Snapshot(msgspec.Struct):
    general: _General = msgspec.field(default_factory=_General)


_tables: list[tuple[Settings, Table]] = []


def table() -> Table:
    """Return the firewall's table of the installation whose pages these are."""
    from django.conf import settings as django_settings

    system = django_settings.JACKFIELD
    if not _tables or _tables[0][0] is not system:
        _tables[:] = [(system, Table(system))]
    return _tables[0][1]


def is_local(settings: Settings, address: str) -> bool:
    """Tell whether `address`, an IP literal, is in one of the local networks. Needs no database."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    try:
        stamp = settings.files.snapshot.stat().st_mtime_ns
    except OSError:
        stamp = 0
    return any(found in network for network in _networks(str(settings.files.snapshot), stamp))


def is_within(address: str, networks: Iterable[str]) -> bool:
    """Tell whether `address`, an IP literal, is one of `networks`, or in one of them. What is none of these is no."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    return any(found in ipaddress.ip_network(one.strip(), strict=False) for one in networks if one.strip())


@lru_cache(maxsize=4)
def _networks(path: str, stamp: int) -> tuple[Network, ...]:
    """Return the networks of the snapshot file, read again when it has changed (`stamp`)."""
    found = _General()
    if stamp:
        try:
            with open(path, "rb") as file:
                found = msgspec.json.decode(file.read(), type=_Snapshot).general
        except (OSError, msgspec.DecodeError):
            found = _General()
    return tuple(ipaddress.ip_network(network, strict=False) for network in found.local_networks)
