"""What a DHCP server tells phones, and the configuration of dnsmasq that does so. Reads and writes nothing.

Each vendor's phones look at other options, and read the same one in other ways (sources at `_OPTIONS`): that is said
here once, for our own server and for the texts for somebody else's (`dhcp_texts`).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from jackfield.provisioning.catalogue import Vendor

__all__ = ["Lease", "Offer", "Serving", "configuration", "leases", "offers", "problems"]

Options = Mapping[int, str]
"""Text of an option by its number. Those in `ADDRESSES` hold addresses instead."""
ADDRESSES = frozenset((3, 6, 42, 150))
TFTP_NAME, BOOT_FILE, VENDOR_OWN = 66, 67, 43


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """What our own DHCP server is to do. Addresses are IPv4."""

    interface: str
    first: str
    last: str
    netmask: str
    gateway: str = ""  # "" means none: phones then stay in their network
    name_servers: tuple[str, ...] = ()
    time_servers: tuple[str, ...] = ()
    hours: int = 12
    phones_only: bool = True


@dataclass(frozen=True, slots=True)
class Offer:
    """What the phones of one vendor are told; `vendor` "" is for all others."""

    vendor: str
    name: str
    prefixes: tuple[str, ...]  # of MAC addresses: six hex digits
    classes: tuple[str, ...]  # what their vendor class (option 60) has in it
    options: Options
    inside: Options = field(default_factory=dict)
    """Options within option 43 (RFC 2132 section 8.4)."""


@dataclass(frozen=True, slots=True)
class Lease:
    """An address that was given."""

    until: float  # seconds since 1970; 0 for ever
    mac: str
    address: str
    name: str


_CLASSES = {
    "snom": ("snom",), "yealink": ("yealink", "Yealink"), "grandstream": ("Grandstream",), "fanvil": ("Fanvil",),
    "gigaset": ("Gigaset",), "polycom": ("Polycom",), "linksys": ("LINKSYS", "Linksys", "SPA"), "cisco": ("CP-",),
}  # fmt: skip

# Snom: service.snom.com, "DHCP Options" (66 and 67 are joined, also within 43). Yealink: Auto Provisioning Guide, "DHCP
# option" (66 an address; 43 the same). Cisco SPA: Provisioning Guide, "DHCP options" (66 and 150 TFTP; 159, 160 an
# address). Polycom: UC Software Administrator Guide, "DHCP option" (160, then 66). Grandstream: DHCP Options Guide.
# Fanvil: Auto Provisioning Guide. Gigaset: wiki, "DHCP" (114, then 66).
_OPTIONS: dict[str, Callable[[str], Options]] = {
    "snom": lambda url: {TFTP_NAME: _origin(url), BOOT_FILE: url.removeprefix(_origin(url))},
    "yealink": lambda url: {TFTP_NAME: url, VENDOR_OWN: url},
    "fanvil": lambda url: {TFTP_NAME: url, VENDOR_OWN: url},
    "grandstream": lambda url: {TFTP_NAME: url},
    "polycom": lambda url: {160: url, TFTP_NAME: url},
    "gigaset": lambda url: {114: url, TFTP_NAME: url},
}
_CISCO = frozenset(("linksys", "cisco"))


def _any(url: str) -> Options:
    return {TFTP_NAME: url}


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def offers(vendors: Iterable[Vendor], url: str, address: str) -> list[Offer]:
    """Return what the phones of each vendor are told, and last what all others are.

    `url`: our folder of their files, "http://192.0.2.1:4021/provision/". `address`: ours, for TFTP.
    """
    found = []
    for vendor in (one for one in vendors if one.mac_prefixes):
        typed = next((model.provisioning_url for model in vendor.models if model.provisioning_url), "{url}")
        whole = typed.format(url=url, mac="")
        if vendor.folder in _CISCO:
            options: Options = {TFTP_NAME: address, 150: address, 160: whole}
        else:
            options = {150: address, **_OPTIONS.get(vendor.folder, _any)(whole)}
        inside = {code: text for code, text in options.items() if code in (TFTP_NAME, BOOT_FILE)}
        found.append(
            Offer(
                vendor.folder,
                vendor.name,
                vendor.mac_prefixes,
                _CLASSES.get(vendor.folder, (vendor.name,)),
                options,
                inside if vendor.folder == "snom" else {},
            )
        )
    return [*found, Offer("", "", (), (), {TFTP_NAME: address, 150: address})]


def problems(serving: Serving, ours: Mapping[str, str]) -> list[str]:
    """Return what is wrong with a wish, in sentences. `ours`: our own addresses with prefix, by the network card."""
    if not serving.interface:
        return ["choose the network card on whose network the phones are"]
    if serving.interface not in ours:
        known = ", ".join(sorted(ours)) or "none"
        return [f'there is no network card "{serving.interface}" with an IPv4 address; there is: {known}']
    own = ipaddress.IPv4Interface(ours[serving.interface])
    found = []
    addresses = {}
    for name, text in (("first address", serving.first), ("last address", serving.last), ("router", serving.gateway)):
        try:
            if text or name != "router":
                addresses[name] = ipaddress.IPv4Address(text)
        except ValueError:
            found.append(
                f'{name}: "{text}" is no IPv4 address; write it as {own.network[10 % own.network.num_addresses]}'
            )
    for name, address in addresses.items():
        if address not in own.network:
            found.append(f"{name}: {address} is not in {own.network}, the network of {serving.interface}")
    first, last = addresses.get("first address"), addresses.get("last address")
    if first is not None and last is not None and not found:
        if first > last:
            found.append(f"the first address comes first: {last} to {first}")
        elif first <= own.ip <= last:
            found.append(f"{own.ip} is this machine's own address: leave it out of {first} to {last}")
        elif first == own.network.network_address or last == own.network.broadcast_address:
            found.append(f"{first} to {last}: the first and the last address of {own.network} belong to nobody")
    return found


def configuration(serving: Serving, several: Iterable[Offer], lease_file: str, *, privileged: bool) -> str:
    """Return dnsmasq's configuration: DHCP on one network card, no name server, nothing else.

    `privileged`: it is started by root, and gives that away; else it broadcasts what it can't send to a machine that
    has no address yet.
    """
    lines = [
        "port=0",  # no name server
        "no-resolv",
        "no-hosts",
        f"interface={serving.interface}",
        "except-interface=lo",
        "bind-dynamic",
        f"dhcp-range={serving.first},{serving.last},{serving.netmask},{serving.hours}h",
        f"dhcp-leasefile={lease_file}",
        "dhcp-lease-max=1000",
        "log-dhcp",
        "log-facility=-",
        *(["user=nobody"] if privileged else ["dhcp-broadcast", "no-ping"]),
        _option((), 3, serving.gateway),
        _option((), 6, ",".join(serving.name_servers)),
    ]
    if serving.time_servers:
        lines.append(_option((), 42, ",".join(serving.time_servers)))
    for offer in several:
        tags = (offer.vendor,) if offer.vendor else ()
        for prefix in offer.prefixes:
            pairs = ":".join(prefix[at : at + 2] for at in range(0, 6, 2))
            lines.append(f"dhcp-mac=set:{offer.vendor},{pairs}:*:*:*")
        lines += [f"dhcp-vendorclass=set:{offer.vendor},{text}" for text in offer.classes]
        if offer.vendor:
            lines.append(f"tag-if=set:phone,tag:{offer.vendor}")
        lines += [_option(tags, code, text) for code, text in offer.options.items()]
        lines += [_option(tags, code, text, within=VENDOR_OWN) for code, text in offer.inside.items()]
    if serving.phones_only:
        lines.append("dhcp-ignore=tag:!phone")
    return "\n".join(lines) + "\n"


def _option(tags: Iterable[str], code: int, text: str, *, within: int = 0) -> str:
    before = "".join(f"tag:{tag}," for tag in tags) + (f"encap:{within}," if within else "")
    if not text:
        return f"dhcp-option={before}{code}"  # said to be empty: by itself it would name this machine
    plain = "".join(sign for sign in text if sign.isascii() and sign.isprintable() and sign not in '"\\')
    return f"dhcp-option={before}{code},{plain}" if code in ADDRESSES else f'dhcp-option={before}{code},"{plain}"'


def leases(text: str) -> list[Lease]:
    """Read dnsmasq's file of leases; lines that are none are left out."""
    found = []
    for line in text.splitlines():
        parts = line.split()
        if len(parts) >= 4 and parts[0].isdecimal() and parts[2].count(".") == 3:
            found.append(Lease(float(parts[0]), parts[1].lower(), parts[2], "" if parts[3] == "*" else parts[3]))
    return sorted(found, key=lambda lease: ipaddress.IPv4Address(lease.address))
