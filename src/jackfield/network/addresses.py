"""The addresses of this machine, as the kernel knows them."""

from __future__ import annotations

import contextlib
import ipaddress
import re
from collections.abc import Iterable
from pathlib import Path

__all__ = ["local_addresses", "reachable_addresses"]

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


def reachable_addresses(bound: Iterable[str], proc: Path = Path("/proc")) -> list[str]:
    """Return the addresses under which sockets bound to `bound` are reached: wildcards become what they stand for."""
    result: list[str] = []
    for address in bound:
        family = ipaddress.ip_address(address).version
        if ipaddress.ip_address(address).is_unspecified:
            known = [local for local in local_addresses(proc) if ipaddress.ip_address(local).version == family]
            outside = [a for a in known if not (ipaddress.ip_address(a).is_loopback or _link_local(a))]
            result += outside or known or [address]
        else:
            result.append(address)
    return list(dict.fromkeys(result))


def _link_local(address: str) -> bool:
    return ipaddress.ip_address(address).is_link_local


def _order(address: str) -> tuple[bool, bool, int, int]:
    ip = ipaddress.ip_address(address)
    return ip.is_loopback, ip.is_link_local, ip.version, int(ip)
