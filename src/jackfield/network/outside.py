"""Our addresses as they are seen from outside: how they are written down, and which one a party is told.

    203.0.113.5                  behind a router: this stands for every address of ours that is private
    203.0.113.5, 2001:db8::5     one for each family
    10.0.1.5=203.0.113.5         this address of ours is that one outside: where there are several
    phone.example.com            whatever this name stands for at the time

Pure: names are looked up elsewhere. Ports are the same on both sides (docs/decisions/addresses-behind-nat.md).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address, ip_network

__all__ = ["Outside", "Telling", "is_literal", "is_private", "is_routable", "read", "resolved", "told"]

_PRIVATE = tuple(
    ip_network(text)
    for text in (
        "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16",  # RFC 1918
        "100.64.0.0/10",  # RFC 6598: behind the provider's NAT
        "127.0.0.0/8", "169.254.0.0/16", "0.0.0.0/8",
        "fc00::/7", "fe80::/10", "::1/128", "::/128",
    )
)  # fmt: skip
"""Not `is_private` of the standard library, for which the documentation's networks are private too."""


@dataclass(frozen=True, slots=True)
class Outside:
    """`address`: an IP literal, or a host's name. `inside`: the address of ours behind it; "": any of its family."""

    address: str
    inside: str = ""


def read(text: str) -> tuple[Outside, ...]:
    """Read what stands in a setting, with commas between. Raises `ValueError` with the mend."""
    found = [_read_one(part.strip()) for part in text.split(",") if part.strip()]
    plain = [(ip_address(one.address).version if is_literal(one.address) else 0) for one in found if not one.inside]
    if len(plain) != len(set(plain)):
        raise ValueError(
            f'"{text}" gives two addresses of one family: say which address of this machine is behind each, '
            "such as 10.0.1.5=203.0.113.5,10.0.2.5=203.0.113.6"
        )
    return tuple(found)


def _read_one(text: str) -> Outside:
    inside, equals, address = (part.strip() for part in text.rpartition("="))
    address = address.removeprefix("[").removesuffix("]")
    inside = inside.removeprefix("[").removesuffix("]")
    if equals and not is_literal(inside):
        raise ValueError(f'"{inside}" is no IP address: before "=" stands one of this machine, such as 10.0.1.5')
    if not address or (any(char in address for char in " /:") and not is_literal(address)):
        raise ValueError(f'"{address}" is neither an IP address nor a host name')
    if is_literal(address):
        address = str(ip_address(address))
        if ip_address(address).is_unspecified:
            raise ValueError(f'"{address}" stands for every address: give the one that is seen from outside')
    elif not any(char.isalpha() for char in address):
        raise ValueError(f'"{address}" is no IP address: give one such as 203.0.113.5')
    if inside and is_literal(address) and ip_address(inside).version != ip_address(address).version:
        raise ValueError(f'"{text}" joins IPv4 and IPv6: both sides must be of one family')
    return Outside(address, str(ip_address(inside)) if inside else "")


def is_literal(text: str) -> bool:
    """Tell an IP literal from a name."""
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def resolved(known: Iterable[Outside], names: Mapping[str, Sequence[str]]) -> tuple[Outside, ...]:
    """Return the same with addresses for names; a name that is not known is left out."""
    found: list[Outside] = []
    for one in known:
        if is_literal(one.address):
            found.append(one)
            continue
        seen: set[int] = set()
        for address in names.get(one.address, ()):
            version = ip_address(address).version
            if version not in seen and (not one.inside or ip_address(one.inside).version == version):
                seen.add(version)
                found.append(Outside(address, one.inside))
    return tuple(found)


def is_private(address: str) -> bool:
    """Tell whether an address means nothing on the Internet, so that there is a NAT if it is reached from there."""
    ip = ip_address(address)
    mapped = getattr(ip, "ipv4_mapped", None) or ip
    return any(mapped in network for network in _PRIVATE if network.version == mapped.version)


def is_routable(address: str) -> bool:
    """Tell whether an address can be reached from elsewhere as it is."""
    return not is_private(address) and not ip_address(address).is_multicast


def told(known: Sequence[Outside], ours: str) -> str | None:
    """Return what a party outside is told in place of our address towards it; None: that one itself.

    A routable address of ours stays as it is, also where another interface is behind a router.
    """
    for one in known:
        if one.inside and one.inside == ours:
            return one.address
    if not is_private(ours):
        return None
    version = ip_address(ours).version
    for one in known:
        if not one.inside and ip_address(one.address).version == version:
            return one.address
    return None


class Telling:
    """`told` for each message: remembers its answers, and knows who is inside."""

    def __init__(self, known: Sequence[Outside], is_local: Callable[[str], bool]) -> None:
        self.known = tuple(known)
        self._is_local = is_local
        self._told = lru_cache(maxsize=256)(lambda ours: told(self.known, ours))

    def __call__(self, ours: str, remote: str) -> str | None:
        """Return what this party is told in place of `ours`; None: `ours` itself."""
        if not self.known or self._is_local(remote):
            return None
        return self._told(ours)
