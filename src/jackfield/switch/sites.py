"""Which site a phone belongs to. By hand wins; else it is told by the address from which the phone is seen.

A phone is at a site when it is seen from one of the site's public addresses, or comes from one of its networks itself
(over a VPN, or because the switch stands there too). The address that the phone has inside never decides alone, since
the same private networks are in use everywhere; it only tells sites apart that are seen from the same address.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jackfield.network.groups import EntryError, Host, Range, read_entry
from jackfield.switch.snapshot import Site

if TYPE_CHECKING:
    from jackfield.switch.contact import Contact
    from jackfield.switch.locations import Locations
    from jackfield.switch.snapshot import Extension, Line, Snapshot

__all__ = ["codecs_at", "host_names", "inside", "site_at", "site_by_address", "site_named", "site_of", "site_of_phone"]

REMEMBERED = 50_000
"""Pairs of addresses whose site is kept; then it is begun anew."""
_UNKNOWN = 1 << 129  # larger than any stretch of addresses
_NAME = "sites"  # of the table in `Snapshot.derived`


@dataclass(frozen=True, slots=True)
class _Place:
    """A site with its addresses as numbers."""

    site: Site
    inside: tuple[Range, ...]
    outside: tuple[Range, ...]


class _Table:
    """All sites of a snapshot by name, and those of the addresses that were asked for."""

    def __init__(self, snapshot: Snapshot) -> None:
        hosts = snapshot.hosts
        self.by_name = {site.name: site for site in snapshot.sites}
        self.places = [_Place(s, _ranges(s.networks, {}), _ranges(s.public_addresses, hosts)) for s in snapshot.sites]
        self.known: dict[tuple[str, str], Site | None] = {}


def host_names(snapshot: Snapshot) -> set[str]:
    """Return the names of hosts by which sites are recognised."""
    found = (_read(text) for site in snapshot.sites for text in site.public_addresses)
    return {entry.name for entry in found if isinstance(entry, Host)}


def site_of(snapshot: Snapshot, line: Line | str, source: str, local: str = "") -> Site | None:
    """Return the site of a phone of a line (or of the line with this SIP name); None when it is at none.

    `source`: address from which its packets come; `local`: its address by its own account, as in its Contact.
    """
    if not snapshot.sites:
        return None
    found = snapshot.lines.get(line if isinstance(line, str) else line.sip_username)
    by_hand = found[0].site if found is not None else ""
    table = _table(snapshot)
    if by_hand in table.by_name:
        return table.by_name[by_hand]
    return _by_address(table, source, local)


def site_of_phone(snapshot: Snapshot, contact: Contact) -> Site | None:
    """Return the site of a registered phone."""
    return site_of(snapshot, contact.username, contact.source[0], contact.host) if snapshot.sites else None


def site_at(snapshot: Snapshot, registrar: Locations, extension: Extension, line_name: str = "") -> str:
    """Return the name of the site at which an extension's phone is (that with the SIP name `line_name`); "" at none."""
    if not snapshot.sites:
        return ""
    lines = [line for line in extension.lines if line_name in ("", line.sip_username)]
    found = (site_of_phone(snapshot, contact) for line in lines for contact in registrar.contacts(line))
    site = next((one for one in found if one is not None), None) or site_named(snapshot, extension.site)
    return "" if site is None else site.name


def site_by_address(snapshot: Snapshot, source: str, local: str = "") -> Site | None:
    """Return the site that addresses tell, whatever is set by hand."""
    return _by_address(_table(snapshot), source, local) if snapshot.sites else None


def site_named(snapshot: Snapshot, name: str) -> Site | None:
    """Return the site with this name."""
    return _table(snapshot).by_name.get(name)


def codecs_at(site: Site, codecs: Sequence[str]) -> tuple[str, ...]:
    """Return the codecs of a line in the order of the site: those that the site names first, then its others."""
    return (*(name for name in site.codecs if name in codecs), *(name for name in codecs if name not in site.codecs))


def inside(address: str, site: Site) -> bool:
    """Say whether an address is one inside the site: in its networks, or a private one where it names none."""
    try:
        known = ipaddress.ip_address(address)
    except ValueError:
        return False
    if not site.networks:
        return known.is_private and not known.is_loopback
    ranges = (entry for entry in map(_read, site.networks) if isinstance(entry, Range))
    return any(one.version == known.version and one.low <= int(known) <= one.high for one in ranges)


def _table(snapshot: Snapshot) -> _Table:
    found = snapshot.derived.get(_NAME)
    if not isinstance(found, _Table):
        snapshot.derived[_NAME] = found = _Table(snapshot)
    return found


def _by_address(table: _Table, source: str, local: str) -> Site | None:
    key = source, local
    if key not in table.known:
        if len(table.known) >= REMEMBERED:
            table.known.clear()
        table.known[key] = _narrowest(table.places, source, local)
    return table.known[key]


def _narrowest(places: Iterable[_Place], source: str, local: str) -> Site | None:
    """Return the site with the smallest stretch of addresses that fits; of equal ones that which knows `local`."""
    seen_from, calls_itself = _read(source), _read(local)
    best: tuple[int, int] | None = None
    found = None
    for place in places:
        outside = _smallest(place.outside, seen_from)
        within = _smallest(place.inside, seen_from)
        sizes = [size for size in (outside, within) if size is not None]
        if not sizes:
            continue
        own = _smallest(place.inside, calls_itself)
        rank = min(sizes), own if own is not None else _UNKNOWN
        if best is None or rank < best:
            best, found = rank, place.site
    return found


def _smallest(ranges: tuple[Range, ...], address: Range | Host | None) -> int | None:
    """Return the size of the smallest of the ranges that holds an address; None when none does."""
    if not isinstance(address, Range):
        return None
    at = address.low
    sizes = [one.high - one.low for one in ranges if one.version == address.version and one.low <= at <= one.high]
    return min(sizes, default=None)


def _ranges(entries: Iterable[str], hosts: Mapping[str, tuple[str, ...]]) -> tuple[Range, ...]:
    found: list[Range] = []
    for text in entries:
        entry = _read(text)
        if isinstance(entry, Host):
            found += (known for known in map(_read, hosts.get(entry.name, ())) if isinstance(known, Range))
        elif entry is not None:
            found.append(entry)
    return tuple(found)


def _read(text: str) -> Range | Host | None:
    try:
        entry = read_entry(text)
    except EntryError:
        return None
    return entry if isinstance(entry, Range | Host) else None
