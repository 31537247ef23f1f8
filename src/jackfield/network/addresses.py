"""The addresses of this machine, as the kernel knows them."""

from __future__ import annotations

import contextlib
import ipaddress
import re
import socket
from collections.abc import Callable, Iterable
from pathlib import Path

__all__ = ["local_addresses", "reachable_addresses", "way_out"]

_LOCAL = re.compile(r"\|-- (?P<address>[0-9.]+)\n\s+/32 host LOCAL")


def local_addresses(proc: Path = Path("/proc")) -> list[str]:
    """Return every address of this machine, IPv4 first, loopback and link-local last. [] when /proc is not there."""
    found: set[str] = set()
    with contextlib.suppress(OSError):
        found.update(match["address"] for match in _LOCAL.finditer((proc / "net/fib_trie").read_text()))
    with contextlib.suppress(OSError):
        for line in (proc / "net/if_inet6").read_text().splitlines():
            found.add(str(ipaddress.IPv6Address(int(line.split()[0], 16))))
    return sorted(found, key=_order)


_SOMEWHERE = {4: "192.0.2.1", 6: "2001:db8::1"}
"""Addresses out on the Internet (RFC 5737, RFC 3849): our own towards them is the one that the default route uses."""


def way_out(version: int) -> str:
    """Return the address of ours that the default route uses; "" when there is no way out."""
    family = socket.AF_INET if version == 4 else socket.AF_INET6
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((_SOMEWHERE[version], 9))  # sends nothing
            return str(probe.getsockname()[0])
    except OSError:
        return ""


def reachable_addresses(
    bound: Iterable[str], proc: Path = Path("/proc"), first: Callable[[int], str] = way_out
) -> list[str]:
    """Return the addresses under which sockets bound to `bound` are reached: wildcards become what they stand for.

    Of a family the one that the default route uses comes first: most reach us by it, and few by a bridge or a VPN.
    """
    result: list[str] = []
    for address in bound:
        family = ipaddress.ip_address(address).version
        if ipaddress.ip_address(address).is_unspecified:
            known = [local for local in local_addresses(proc) if ipaddress.ip_address(local).version == family]
            outside = [a for a in known if not (ipaddress.ip_address(a).is_loopback or _link_local(a))]
            main = first(family)
            result += sorted(outside, key=lambda one, main=main: one != main) or known or [address]  # type: ignore[misc]
        else:
            result.append(address)
    return list(dict.fromkeys(result))


def _link_local(address: str) -> bool:
    return ipaddress.ip_address(address).is_link_local


def _order(address: str) -> tuple[bool, bool, int, int]:
    ip = ipaddress.ip_address(address)
    return ip.is_loopback, ip.is_link_local, ip.version, int(ip)
