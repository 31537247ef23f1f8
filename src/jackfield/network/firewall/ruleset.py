"""The firewall as nftables has it (nft(8)): one table of our own as one transaction, which touches no other table.

What others read first is fast and short: audio, then SIP, then all else, one to three rules for each stretch of ports.
A packet that our table accepts still goes through the tables of others; one that it drops does not.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from jackfield.network.firewall.policy import Policy
from jackfield.network.firewall.services import NAMES, OTHER, Service, ServiceName
from jackfield.network.groups import Addresses

__all__ = ["Door", "blocking", "doors", "lifting", "removal", "script"]

PRIORITY = -5
"""Before the usual filters of others (0), so that what we drop costs them nothing."""
_FIRST: Sequence[ServiceName] = ("audio", "sip", "sip_tls")
BLOCKED4, NETWORKS4, BLOCKED6 = "blocked4", "blocked_networks4", "blocked6"
"""Sets of sources from which no SIP is taken, each for its time. Addresses in a set of their own are found at once."""
_GUARDED: frozenset[ServiceName] = frozenset(("sip", "sip_tls", "websocket"))
_ANSWERS = "ct direction reply ct state established accept"
"""Answers to what this machine began itself: a provider's, a mail server's, an answer of DNS."""
_NEEDED = (
    "meta l4proto { icmp, ipv6-icmp } accept",  # without them IPv6 does not work, and paths with small MTUs neither
    "udp dport { 68, 546 } accept",  # this machine's own address by DHCP
)
_UNSPECIFIED = "0.0.0.0"  # noqa: S104 - whoever asks for an address by DHCP has none yet


@dataclass(frozen=True, slots=True)
class Door:
    """A stretch of ports behind which the same services are."""

    kind: Literal["udp", "tcp"]
    first: int
    last: int
    services: tuple[ServiceName, ...]

    @property
    def ports(self) -> str:
        """The ports as nft writes them: "5060", "10000-20000"."""
        return str(self.first) if self.first == self.last else f"{self.first}-{self.last}"


def doors(services: Iterable[Service]) -> list[Door]:
    """Cut the ports of all services into stretches without overlap; those with audio and SIP come first."""
    found: list[Door] = []
    known = [(ports, service.name) for service in services for ports in service.ports]
    for kind in ("udp", "tcp"):
        of_kind = [(ports.first, ports.last, name) for ports, name in known if ports.kind == kind]
        edges = sorted({edge for first, last, _ in of_kind for edge in (first, last + 1)})
        for first, after in pairwise(edges):
            names = tuple(dict.fromkeys(name for low, high, name in of_kind if low <= first and after - 1 <= high))
            if names:
                found.append(Door("udp" if kind == "udp" else "tcp", first, after - 1, names))
    order = list(dict.fromkeys((*_FIRST, *NAMES)))
    return sorted(found, key=lambda door: (min(order.index(name) for name in door.services), door.kind, door.first))


def script(table: str, policy: Policy, services: Iterable[Service]) -> str:
    """Return what `nft -f` reads to make the table as the policy wants it, in place of the one before.

    table: its name, of letters, digits and "_". All families of addresses are in it (`inet`).
    """
    rules = "\n".join(f"        {rule}" for rule in _rules(policy, services))
    return (
        f"add table inet {table}\n"
        f"delete table inet {table}\n"
        f"table inet {table} {{\n"
        f"    set {BLOCKED4} {{ type ipv4_addr; flags timeout; }}\n"
        f"    set {NETWORKS4} {{ type ipv4_addr; flags interval, timeout; }}\n"
        f"    set {BLOCKED6} {{ type ipv6_addr; flags interval, timeout; }}\n"
        f"    chain input {{\n"
        f"        type filter hook input priority {PRIORITY}; policy accept;\n"
        f"{rules}\n"
        f"    }}\n"
        f"}}\n"
    )


def blocking(table: str, blocks: Iterable[tuple[str, float]]) -> str:
    """Return what `nft -f` reads to have SIP dropped from these sources, for so many seconds each."""
    by_set: dict[str, list[str]] = {}
    for source, seconds in blocks:
        name = BLOCKED6 if ":" in source else NETWORKS4 if "/" in source else BLOCKED4
        by_set.setdefault(name, []).append(f"{source} timeout {max(1, int(seconds))}s")
    return "".join(f"add element inet {table} {name} {{ {', '.join(found)} }}\n" for name, found in by_set.items())


def lifting(table: str, source: str) -> str:
    """Return what `nft -f` reads to have SIP taken from a source again; it fails where that is not blocked."""
    name = BLOCKED6 if ":" in source else NETWORKS4 if "/" in source else BLOCKED4
    return f"delete element inet {table} {name} {{ {source} }}\n"


def removal(table: str) -> str:
    """Return what `nft -f` reads to take the table away, also when it is not there."""
    return f"add table inet {table}\ndelete table inet {table}\n"


def _rules(policy: Policy, services: Iterable[Service]) -> Iterator[str]:
    yield 'iif "lo" accept'
    asked = False
    for door in doors(services):
        known = [policy.addresses(name) for name in door.services]
        match = f"{door.kind} dport {door.ports}"
        comment = f'comment "{", ".join(door.services)}"'
        if _GUARDED & set(door.services):
            for family, name in (("ip", BLOCKED4), ("ip", NETWORKS4), ("ip6", BLOCKED6)):
                yield f"{match} {family} saddr @{name} drop"
        if None in known:
            yield f"{match} accept {comment}"
            continue
        if not asked:
            yield _ANSWERS
            asked = True
        if "dhcp" in door.services and any(known):
            yield f"{match} ip saddr {_UNSPECIFIED} accept"
        for one in known:
            yield from _from(match, one)
        yield f"{match} drop {comment}"
    if policy.restricts(OTHER):
        if not asked:
            yield _ANSWERS
        yield from _NEEDED
        yield from _from("", policy.addresses(OTHER))
        yield f'drop comment "{OTHER}"'


def _from(match: str, addresses: Addresses | None) -> Iterator[str]:
    """Give the rules that let these addresses in."""
    for version, family in ((4, "ip"), (6, "ip6")):
        stretches = () if addresses is None else addresses.stretches(version)
        elements = ", ".join(_element(low, high, version) for low, high in stretches)
        if elements:
            yield f"{match} {family} saddr {{ {elements} }} accept".strip()


def _element(low: int, high: int, version: int) -> str:
    make = ipaddress.IPv4Address if version == 4 else ipaddress.IPv6Address
    size = high - low + 1
    bits = (size - 1).bit_length()
    if size == 1:
        return str(make(low))
    if size == 1 << bits and low % size == 0:
        return f"{make(low)}/{(32 if version == 4 else 128) - bits}"
    return f"{make(low)}-{make(high)}"
