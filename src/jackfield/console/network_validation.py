"""What addresses, servers and networks of this machine's surroundings must be like, with words that say the mend.

As in `validation`: it takes the value of a field and raises Django's `ValidationError`.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable
from typing import Any

from django.core.exceptions import ValidationError

from jackfield.console import validation
from jackfield.network import outside, wireguard
from jackfield.network.stun_client import read_server

__all__ = ["public_addresses", "stun_servers", "vpn_address", "vpn_key", "vpn_network", "vpn_networks"]

MOST_SERVERS = 8
LARGEST_POOL, SMALLEST_POOL = 65_536, 4


def _saying(read: Callable[[str], Any], value: str) -> Any:
    try:
        return read(value)
    except ValueError as problem:
        raise ValidationError(str(problem), code="wrong") from None


def public_addresses(value: str) -> None:
    """Accept addresses as `network.outside` reads them."""
    for one in _saying(outside.read, value):
        if not outside.is_literal(one.address):
            validation.address(one.address)


def stun_servers(values: Iterable[str]) -> None:
    """Accept servers, each with or without a port."""
    found = list(values)
    if len(found) > MOST_SERVERS:
        raise ValidationError(f"has {len(found)} servers: {MOST_SERVERS} are enough, two are needed", code="wrong")
    for value in found:
        _saying(read_server, value)


def vpn_network(value: str) -> None:
    """Accept the network from which the VPN's addresses are taken."""
    network = _network(value)
    if not SMALLEST_POOL <= network.num_addresses <= LARGEST_POOL and network.version == 4:
        raise ValidationError(f'"{value}" should have from 4 to 65536 addresses, such as 10.87.0.0/24', code="wrong")
    if not outside.is_private(str(network.network_address)):
        raise ValidationError(
            f'"{value}" belongs to others on the Internet: take a private network such as 10.87.0.0/24', code="wrong"
        )


def vpn_networks(values: Iterable[str]) -> None:
    """Accept networks behind a device of the VPN."""
    for value in values:
        if not _network(value).prefixlen:
            raise ValidationError(
                f'"{value}" is the whole Internet: give the networks of the site, such as 192.168.1.0/24', code="wrong"
            )


def _network(value: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    try:
        return ipaddress.ip_network(value)
    except ValueError as problem:
        mend = ""
        if "host bits" in str(problem):
            mend = f": {ipaddress.ip_network(value, strict=False)} is meant, maybe"
        raise ValidationError(f'"{value}" is no network{mend or ": write it as 10.87.0.0/24"}', code="wrong") from None


def vpn_key(value: str) -> None:
    """Accept a public key of WireGuard."""
    _saying(wireguard.read_key, value)


def vpn_address(value: str) -> None:
    """Accept an address of a device."""
    if not outside.is_literal(value):
        raise ValidationError(
            f'"{value}" is no address: write one of the VPN\'s network, such as 10.87.0.2', code="wrong"
        )
