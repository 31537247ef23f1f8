"""Groups of addresses: which there are, and whether an address is in one, within a microsecond.

An entry of a group is an address, a range, a network, the name of a host, or another group:

    192.0.2.7    192.0.2.10-192.0.2.20    10.0.0.0/8    10.0.0.0/255.0.0.0    2001:db8::/32    home.example.com
    group: Branches

Pure: names of hosts are looked up elsewhere (`names_in` says which), and what they stand for is given in.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

__all__ = [
    "LOCAL",
    "VPN",
    "Addresses",
    "EntryError",
    "Host",
    "Nested",
    "Range",
    "addresses_of",
    "groups_of",
    "loop_in",
    "names_in",
    "ranges_of",
    "read_entry",
    "vpn_networks",
    "with_vpn",
]

LOCAL = "local networks"
"""The group that is always there: the company's own networks, by its general settings."""
VPN = "VPN"
"""The group of whoever comes in by the VPN, where it is switched on and the company has no group of this name."""
_HOST = re.compile(r"(?=.{1,253}$)([A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.)*[A-Za-z][A-Za-z0-9-]{0,62}\.?")
_NUMERIC = re.compile(r"[0-9./ -]+|[0-9A-Fa-f.:/% -]*:[0-9A-Fa-f.:/% -]*")
_MAPPED = 0xFFFF << 32
"""IPv4 addresses within IPv6 (RFC 4291 section 2.5.5.2)."""


class EntryError(ValueError):
    """An entry that can't be read. `kind`: "address", "network", "order", "families", "name", "empty"."""

    def __init__(self, kind: Literal["address", "network", "order", "families", "name", "empty"]) -> None:
        super().__init__(kind)
        self.kind = kind


@dataclass(frozen=True, slots=True)
class Range:
    """Addresses from `low` to `high`, both included, as numbers. `version` is 4 or 6."""

    version: int
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Host:
    """A name, for the addresses that it has at the time."""

    name: str


@dataclass(frozen=True, slots=True)
class Nested:
    """All of another group."""

    group: str


def read_entry(text: str) -> Range | Host | Nested:
    """Read one entry. Raises `EntryError`."""
    text = text.strip()
    if not text:
        raise EntryError("empty")
    head, colon, rest = text.partition(":")
    if colon and head.strip().lower() == "group":
        if not rest.strip():
            raise EntryError("empty")
        return Nested(rest.strip())
    if "/" in text:
        return _network(text)
    first, dash, last = text.partition("-")
    if dash and _NUMERIC.fullmatch(text):
        low, high = _address(first), _address(last)
        if low.version != high.version:
            raise EntryError("families")
        if low.low > high.low:
            raise EntryError("order")
        return Range(low.version, low.low, high.low)
    if _NUMERIC.fullmatch(text):
        return _address(text)
    if not _HOST.fullmatch(text):
        raise EntryError("name")
    return Host(text.rstrip(".").lower())


def _address(text: str) -> Range:
    try:
        found = ipaddress.ip_address(text.strip().removeprefix("[").removesuffix("]"))
    except ValueError:
        raise EntryError("address") from None
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    return Range(found.version, int(found), int(found))


def _network(text: str) -> Range:
    try:
        found = ipaddress.ip_network(text.replace(" ", ""), strict=False)
    except ValueError:
        raise EntryError("network") from None
    return Range(found.version, int(found.network_address), int(found.broadcast_address))


class Addresses:
    """A set of addresses, fixed once made: sorted, without overlap, so that a look-up is one bisection."""

    __slots__ = ("_high4", "_high6", "_low4", "_low6")

    def __init__(self, ranges: Iterable[Range] = ()) -> None:
        found = list(ranges)
        self._low4, self._high4 = _merged(one for one in found if one.version == 4)
        self._low6, self._high6 = _merged(one for one in found if one.version == 6)

    def __contains__(self, address: str) -> bool:
        """Tell whether an IP literal is in it; what is none is not."""
        try:
            if ":" not in address:
                number, low, high = int.from_bytes(socket.inet_pton(socket.AF_INET, address)), self._low4, self._high4
            else:
                number = int.from_bytes(socket.inet_pton(socket.AF_INET6, address.partition("%")[0]))
                low, high = self._low6, self._high6
                if number >> 32 == 0xFFFF:
                    number, low, high = number - _MAPPED, self._low4, self._high4
        except (OSError, ValueError):
            return False
        at = bisect_right(low, number) - 1
        return at >= 0 and number <= high[at]

    def stretches(self, version: int) -> Iterator[tuple[int, int]]:
        """Give the addresses of IPv4 or IPv6 (`version` 4 or 6) from the lowest up: first and last of each stretch."""
        low, high = (self._low4, self._high4) if version == 4 else (self._low6, self._high6)
        return zip(low, high, strict=True)

    def __len__(self) -> int:
        """How many stretches it has."""
        return len(self._low4) + len(self._low6)


def _merged(ranges: Iterable[Range]) -> tuple[list[int], list[int]]:
    lows: list[int] = []
    highs: list[int] = []
    for one in sorted(ranges, key=lambda each: each.low):
        if lows and one.low <= highs[-1] + 1:
            highs[-1] = max(highs[-1], one.high)
        else:
            lows.append(one.low)
            highs.append(one.high)
    return lows, highs


def addresses_of(
    name: str, groups: Mapping[str, Sequence[str]], local: Sequence[str], hosts: Mapping[str, Sequence[str]]
) -> Addresses:
    """Return the addresses of a group; none for one that there is not.

    `groups`: entries by name; `local`: the networks behind `LOCAL`; `hosts`: what names stand for, as far as known.
    """
    return Addresses(ranges_of(name, groups, local, hosts))


def ranges_of(
    name: str, groups: Mapping[str, Sequence[str]], local: Sequence[str], hosts: Mapping[str, Sequence[str]]
) -> list[Range]:
    """Return the same as stretches of addresses, which may overlap."""
    found: list[Range] = []
    for entry in _entries(name, groups, local):
        if isinstance(entry, Range):
            found.append(entry)
        elif isinstance(entry, Host):
            found += [_address(address) for address in hosts.get(entry.name, ())]
    return found


def with_vpn(groups: Mapping[str, Sequence[str]], networks: Sequence[str]) -> dict[str, Sequence[str]]:
    """Return the groups with that of the VPN."""
    return {VPN: networks, **groups}


def groups_of(snapshot: Any) -> dict[str, Sequence[str]]:
    """Return the entries of all groups of a snapshot by name, with that of the VPN."""
    entries = {group.name: group.entries for group in snapshot.address_groups}
    return with_vpn(entries, vpn_networks(snapshot.general, snapshot.vpn_devices))


def vpn_networks(general: Any, devices: Iterable[Any]) -> tuple[str, ...]:
    """Return the networks of the VPN: its own, and those behind its devices; () while it is switched off.

    general, devices: as the snapshot or the database has them.
    """
    if not general.vpn:
        return ()
    behind = (network for device in devices if device.enabled for network in device.networks)
    return tuple(dict.fromkeys((general.vpn_network, *behind)))


def names_in(name: str, groups: Mapping[str, Sequence[str]]) -> set[str]:
    """Return the names of hosts that a group stands on, nested ones included."""
    return {entry.name for entry in _entries(name, groups, ()) if isinstance(entry, Host)}


def _entries(name: str, groups: Mapping[str, Sequence[str]], local: Sequence[str]) -> Iterator[Range | Host]:
    """Give the entries of a group and of those in it. What can't be read is left out, and a loop ends."""
    seen, waiting = {name}, [name]
    while waiting:
        group = waiting.pop()
        for text in local if group == LOCAL else groups.get(group, ()):
            try:
                entry = read_entry(text)
            except EntryError:
                continue
            if not isinstance(entry, Nested):
                yield entry
            elif entry.group not in seen:
                seen.add(entry.group)
                waiting.append(entry.group)


def loop_in(groups: Mapping[str, Sequence[str]]) -> list[str]:
    """Return a way by which a group comes back to itself, ["A", "B", "A"]; [] when there is none."""
    done: set[str] = set()
    for start in groups:
        way: list[str] = []
        if found := _walk(start, groups, way, done):
            return found
    return []


def _walk(name: str, groups: Mapping[str, Sequence[str]], way: list[str], done: set[str]) -> list[str]:
    if name in way:
        return [*way[way.index(name) :], name]
    if name in done:
        return []
    way.append(name)
    for text in groups.get(name, ()):
        try:
            entry = read_entry(text)
        except EntryError:
            continue
        if isinstance(entry, Nested) and (found := _walk(entry.group, groups, way, done)):
            return found
    way.pop()
    done.add(name)
    return []
