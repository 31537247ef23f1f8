"""The firewall's one table: may this address use that service? Asked by every program, and compiled for the kernel.

policy = compiled(snapshot, hosts, public=True)
policy.allows("administration", "203.0.113.5")        False
policy.verdict("administration", "203.0.113.5").why    "the administration is open to the local networks and VPN …"
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jackfield.network.firewall.rules import AUTOMATIC, EVERYONE, INSIDE, default
from jackfield.network.firewall.services import NAMES, ServiceName
from jackfield.network.groups import (
    LOCAL,
    Addresses,
    EntryError,
    Range,
    groups_of,
    names_in,
    ranges_of,
    read_entry,
)

if TYPE_CHECKING:
    from jackfield.switch.snapshot import Snapshot

__all__ = ["Opening", "Policy", "Verdict", "addresses_in", "compiled", "host_names", "is_loopback"]


@dataclass(frozen=True, slots=True)
class Opening:
    """To whom one service is open.

    open_to: names of groups, addresses, ranges and networks as they were written; ranges: what they stand for.
    """

    open_to: tuple[str, ...]
    automatic: bool
    """Nobody has said anything else."""
    ranges: tuple[Range, ...] = ()
    missing: tuple[str, ...] = ()
    """Groups that are named and that there are not (any more)."""

    @property
    def everyone(self) -> bool:
        """Whether nobody is kept out."""
        return EVERYONE in self.open_to

    def words(self) -> str:
        """Return to whom it is open, "local networks, VPN"."""
        return ", ".join(self.open_to) or "nobody"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether an address may use a service. `why` and `mend` are sentences for an administrator."""

    allowed: bool
    why: str
    mend: str = ""


class Policy:
    """Openings of all services, ready to be asked for each packet: a look-up is one bisection, or none at all."""

    __slots__ = ("_addresses", "openings", "panic")

    def __init__(self, openings: Mapping[ServiceName, Opening], *, panic: bool = False) -> None:
        self.openings = openings
        self.panic = panic
        self._addresses = {name: None if one.everyone else Addresses(one.ranges) for name, one in openings.items()}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Policy) and (self.openings, self.panic) == (other.openings, other.panic)

    def __hash__(self) -> int:
        return hash(tuple(self.openings.items()))

    def addresses(self, service: ServiceName) -> Addresses | None:
        """Return who may use a service; None is everyone."""
        return self._addresses[service]

    def restricts(self, service: ServiceName) -> bool:
        """Tell whether there is anybody who may not use a service."""
        return self._addresses[service] is not None

    def allows(self, service: ServiceName, address: str) -> bool:
        """Tell whether an address, an IP literal, may use a service. The machine itself always may."""
        known = self._addresses[service]
        return known is None or address in known or is_loopback(address)

    def verdict(self, service: ServiceName, address: str) -> Verdict:
        """Say whether an address may use a service, why, and what to do about it."""
        what, opening = NAMES[service], self.openings[service]
        if is_loopback(address):
            return Verdict(True, f"{address} is this machine itself, to which nothing is closed")
        if opening.everyone:
            return Verdict(True, f"{what}: open to everyone")
        by = " (automatic)" if opening.automatic else ""
        if self.panic:
            by = " alone as long as there is panic"
        if self.allows(service, address):
            return Verdict(True, f"{what}: open to {opening.words()}{by}, and {address} is among them")
        return Verdict(
            False,
            f"{what}: open to {opening.words()}{by}, and {address} is not among them",
            "to end it: jackfield firewall panic --end"
            if self.panic
            else f"to open it: jackfield firewall open {service} {address}",
        )


def is_loopback(address: str) -> bool:
    """Tell whether an IP literal is the machine itself."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return (mapped or found).is_loopback


def compiled(snapshot: Snapshot, hosts: Mapping[str, Sequence[str]], *, public: bool, panic: bool = False) -> Policy:
    """Compile the firewall of a configuration.

    hosts: addresses of the names in address groups, as far as known; public: the Internet reaches us by itself;
    panic: all is closed but to the local networks and the VPN, whatever the configuration says.
    """
    groups = groups_of(snapshot)
    openings: dict[ServiceName, Opening] = {}
    for name in NAMES:
        words: tuple[str, ...] = getattr(snapshot.firewall, name)
        automatic = AUTOMATIC in words
        if panic:
            words = INSIDE
        elif automatic:
            words = default(name, public=public)
        found: list[Range] = []
        missing: list[str] = []
        for word in words:
            if word in groups or word == LOCAL:
                found += ranges_of(word, groups, snapshot.general.local_networks, hosts)
            elif (one := addresses_in(word)) is not None:
                found.append(one)
            elif word != EVERYONE:
                missing.append(word)
        openings[name] = Opening(words, automatic, tuple(found), tuple(missing))
    return Policy(openings, panic=panic)


def addresses_in(text: str) -> Range | None:
    """Return what an entry without a group stands for: an address, a range, a network; None for a name."""
    try:
        found = read_entry(text)
    except EntryError:
        return None
    return found if isinstance(found, Range) else None


def host_names(snapshot: Snapshot) -> set[str]:
    """Return the names of hosts that the firewall of a configuration stands on."""
    groups = groups_of(snapshot)
    return {
        host for service in NAMES for word in getattr(snapshot.firewall, service) for host in names_in(word, groups)
    }
