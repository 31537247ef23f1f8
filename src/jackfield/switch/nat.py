"""Is there a NAT between a phone and us? Told from where its packets come and what it says its address is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING

from jackfield.sip.flow import DEFAULT_PORTS, Address
from jackfield.switch.snapshot import NatMode

if TYPE_CHECKING:
    from jackfield.sip.headers import Via
    from jackfield.sip.uri import Uri

__all__ = ["SET", "behind_nat", "inside", "is_address", "reason_of", "same_address"]

SET = "set so for this line"


@lru_cache(maxsize=4096)
def _canonical(host: str) -> str:
    """Return an IP literal in one spelling, "" for a name. IPv4 inside IPv6 is IPv4."""
    try:
        address = ip_address(host.strip("[]").partition("%")[0])
    except ValueError:
        return ""
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)


def is_address(host: str) -> bool:
    """Say if a host is an IP literal rather than a name."""
    return _canonical(host) != ""


def same_address(one: str, other: str) -> bool:
    """Say if two IP literals are one address, however they are spelt."""
    return one == other or (_canonical(one) == _canonical(other) != "")


def inside(networks: Sequence[str]) -> Callable[[str], bool]:
    """Return what says if an address is in one of the networks; cached, since every message asks."""
    parsed = [ip_network(network, strict=False) for network in networks]

    @lru_cache(maxsize=4096)
    def is_inside(host: str) -> bool:
        try:
            address = ip_address(host)
        except ValueError:
            return False
        return any(address in network for network in parsed if network.version == address.version)

    return is_inside


def reason_of(transport: str, source: Address, contact: Uri, via: Via, mode: NatMode, *, proxied: bool = False) -> str:
    """Return why a phone is taken to be behind a NAT, in plain words; "" when it is not.

    `source`: where its REGISTER came from; `via`: its top Via, as it came; `proxied`: another server stands between
    (Path or further Vias), whose address says nothing of the phone.
    """
    if mode == "never":
        return ""
    if mode == "always":
        return SET
    if proxied:
        return ""
    if transport in ("WS", "WSS"):
        return "a browser knows no address of its own (RFC 7118)"
    if is_address(contact.host) and not same_address(contact.host, source[0]):
        return f"its Contact says {contact.host}, its packets come from {source[0]}"
    if is_address(via.host) and not same_address(via.host, source[0]):
        return f"its Via says {via.host}, its packets come from {source[0]}"
    # A NAT or an application gateway that mended the addresses only: the port still tells.
    if transport == "UDP" and "rport" in via.params and (via.port or DEFAULT_PORTS["UDP"]) != source[1]:
        return f"its Via says port {via.port or DEFAULT_PORTS['UDP']}, its packets come from port {source[1]}"
    return ""


def behind_nat(mode: NatMode, signalled: str, source: str) -> bool:
    """Say if audio may come from elsewhere than signalled: `signalled` is the host in c=, `source` that of the SIP."""
    if mode != "auto":
        return mode == "always"
    return is_address(signalled) and not same_address(signalled, source)
