"""What is typed into somebody else's DHCP server, so that it tells phones where their configuration is."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from jackfield.provisioning.dhcp import ADDRESSES, BOOT_FILE, TFTP_NAME, VENDOR_OWN, Offer

__all__ = ["SERVERS", "Server", "text"]

_NAMES = {TFTP_NAME: "tftp-server-name", BOOT_FILE: "boot-file-name"}


@dataclass(frozen=True, slots=True)
class Server:
    """A DHCP server that people have, and how its configuration is written."""

    name: str
    where: str
    """Where the text goes."""
    write: Callable[[Sequence[Offer]], str]


def text(server: str, several: Iterable[Offer]) -> str:
    """Return the text for a server of `SERVERS`. Raises `KeyError`."""
    return SERVERS[server].write(list(several))


def _pairs(prefix: str) -> str:
    return ":".join(prefix[at : at + 2] for at in range(0, len(prefix), 2))


def _encapsulated(offer: Offer) -> bytes:
    """Return option 43 with the options within it (RFC 2132 section 8.4)."""
    return b"".join(bytes((code, len(text))) + text.encode() for code, text in offer.inside.items())


def _dnsmasq(several: Sequence[Offer]) -> str:
    lines = []
    for offer in several:
        tag = f"tag:{offer.vendor}," if offer.vendor else ""
        lines.append(f"# {offer.name or 'all other phones'}")
        lines += [f"dhcp-mac=set:{offer.vendor},{_pairs(prefix)}:*:*:*" for prefix in offer.prefixes]
        for code, value in offer.options.items():
            lines.append(f"dhcp-option={tag}{code}," + (value if code in ADDRESSES else f'"{value}"'))
        lines += [f'dhcp-option={tag}encap:43,{code},"{value}"' for code, value in offer.inside.items()]
    return "\n".join(lines) + "\n"


def _isc(several: Sequence[Offer]) -> str:
    """Write for ISC dhcpd (dhcpd.conf(5), dhcp-options(5))."""
    known = {TFTP_NAME: "tftp-server-name", BOOT_FILE: "bootfile-name", 150: "jf-tftp-addresses"}
    codes = sorted({code for offer in several for code in offer.options if code not in known and code != VENDOR_OWN})
    lines = ["option jf-tftp-addresses code 150 = array of ip-address;"]
    lines += [f"option jf-url-{code} code {code} = text;" for code in codes]
    for offer in several:
        if offer.vendor:
            tests = [f"substring(hardware, 1, 3) = {_bare(prefix)}" for prefix in offer.prefixes]
            lines += [f'class "jf-{offer.vendor}" {{', f"  match if {' or '.join(tests)};"]
        lines += [f"{'  ' if offer.vendor else ''}{line}" for line in _isc_options(offer, known)]
        lines += ["}"] if offer.vendor else []
    return "\n".join(lines) + "\n"


def _bare(prefix: str) -> str:
    return ":".join(part.lstrip("0") or "0" for part in _pairs(prefix).split(":"))


def _isc_options(offer: Offer, known: dict[int, str]) -> list[str]:
    lines = []
    for code, value in offer.options.items():
        if code == VENDOR_OWN:
            raw = value.encode().hex(":")
            lines.append(f"option vendor-encapsulated-options {raw};")
        elif code in ADDRESSES:
            lines.append(f"option {known[code]} {value};")
        else:
            lines.append(f'option {known.get(code, f"jf-url-{code}")} "{value}";')
    if offer.inside:
        lines.append(f"option vendor-encapsulated-options {_encapsulated(offer).hex(':')};")
    return lines


def _kea(several: Sequence[Offer]) -> str:
    """Write for Kea (Administrator Reference Manual, "Client Classification", "DHCPv4 Private Options")."""
    codes = sorted({code for offer in several for code in offer.options if code not in (TFTP_NAME, BOOT_FILE, 43)})
    definitions = [
        {"name": f"jf-{code}", "code": code, "type": "ipv4-address", "array": True}
        if code in ADDRESSES
        else {"name": f"jf-{code}", "code": code, "type": "string"}
        for code in codes
    ]
    classes = []
    for offer in several:
        if not offer.vendor:
            continue
        test = " or ".join(f"substring(pkt4.mac,0,3) == 0x{prefix}" for prefix in offer.prefixes)
        one: dict[str, object] = {"name": f"jf-{offer.vendor}", "test": test, "option-data": _kea_options(offer)}
        if VENDOR_OWN in offer.options or offer.inside:
            one["option-def"] = [{"name": "vendor-encapsulated-options", "code": VENDOR_OWN, "type": "binary"}]
        classes.append(one)
    others = [option for offer in several if not offer.vendor for option in _kea_options(offer)]
    parts = {"option-def": definitions, "client-classes": classes, "option-data": others}
    return json.dumps({"Dhcp4": parts}, indent=2) + "\n"


def _kea_options(offer: Offer) -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    for code, value in offer.options.items():
        if code == VENDOR_OWN:
            found.append(_kea_raw(value.encode()))
        else:
            found.append({"name": _NAMES.get(code, f"jf-{code}"), "code": code, "data": value.replace(",", "\\,")})
    return [*found, _kea_raw(_encapsulated(offer))] if offer.inside else found


def _kea_raw(value: bytes) -> dict[str, object]:
    return {"name": "vendor-encapsulated-options", "code": VENDOR_OWN, "csv-format": False, "data": value.hex()}


def _windows(several: Sequence[Offer]) -> str:
    """Write for Windows Server, as commands of PowerShell (module DhcpServer); `$scope` is the phones' network."""
    codes = {code for offer in several for code in offer.options} - {TFTP_NAME, BOOT_FILE, VENDOR_OWN}
    lines = ['$scope = "192.0.2.0"  # the scope of your phones']
    for code in sorted(codes):
        kind = "IPv4Address" if code in ADDRESSES else "String"
        many = " -MultiValued" if code in ADDRESSES else ""
        lines.append(f'Add-DhcpServerv4OptionDefinition -OptionId {code} -Name "Phones {code}" -Type {kind}{many}')
    for offer in several:
        policy = ""
        if offer.vendor:
            policy = f' -PolicyName "{offer.name}"'
            macs = ",".join(f'"{prefix.upper()}*"' for prefix in offer.prefixes)
            lines.append(
                f'Add-DhcpServerv4Policy -ScopeId $scope -Name "{offer.name}" -Condition OR -MacAddress EQ,{macs}'
            )
        for code, value in offer.options.items():
            shown = ",".join(f"0x{octet:02x}" for octet in value.encode()) if code == VENDOR_OWN else f"'{value}'"
            lines.append(f"Set-DhcpServerv4OptionValue -ScopeId $scope{policy} -OptionId {code} -Value {shown}")
        if offer.inside:
            octets = ",".join(f"0x{octet:02x}" for octet in _encapsulated(offer))
            lines.append(f"Set-DhcpServerv4OptionValue -ScopeId $scope{policy} -OptionId {VENDOR_OWN} -Value {octets}")
    return "\n".join(lines) + "\n"


def _mikrotik(several: Sequence[Offer]) -> str:
    """Write for RouterOS 7.4 and later, which tells phones by their vendor class (option 60)."""
    lines = []
    for offer in several:
        name = f"jf-{offer.vendor or 'others'}"
        values = [
            (code, f"s'{value}'" if code not in ADDRESSES else f"'{value}'") for code, value in offer.options.items()
        ]
        if offer.inside:
            values.append((VENDOR_OWN, f"0x{_encapsulated(offer).hex()}"))
        for code, value in values:
            lines.append(
                f'/ip dhcp-server option add name={name}-{code} code={code} value="{value.replace("$", chr(92) + "$")}"'
            )
        options = ",".join(f"{name}-{code}" for code, _ in values)
        lines.append(f"/ip dhcp-server option sets add name={name} options={options}")
        lines += [
            f"/ip dhcp-server matcher add name={name}-{number} server=all code=60 value={text} option-set={name}"
            for number, text in enumerate(offer.classes, 1)
        ]
    lines.append("/ip dhcp-server network set [find] dhcp-option-set=jf-others")
    return "\n".join(lines) + "\n"


def _openwrt(several: Sequence[Offer]) -> str:
    """Write for OpenWrt: `/etc/config/dhcp`, which becomes dnsmasq's configuration."""
    lines = []
    for offer in several:
        if not offer.vendor:
            continue
        for prefix in offer.prefixes:
            lines += [
                "config mac",
                f"\toption mac '{_pairs(prefix)}:*:*:*'",
                f"\toption networkid '{offer.vendor}'",
                "",
            ]
        lines.append(f"config tag '{offer.vendor}'")
        lines += [f"\tlist dhcp_option '{code},{value}'" for code, value in offer.options.items()]
        lines += [f"\tlist dhcp_option 'encap:43,{code},{value}'" for code, value in offer.inside.items()]
        lines.append("")
    others = next(offer for offer in several if not offer.vendor)
    lines.append("# in the section config dhcp 'lan':")
    lines += [f"\tlist dhcp_option '{code},{value}'" for code, value in others.options.items()]
    return "\n".join(lines) + "\n"


def _fritzbox(several: Sequence[Offer]) -> str:
    """Say that a FRITZ!Box has no such options, and what goes without them."""
    url = next((value for offer in several for code, value in offer.options.items() if value.startswith("http")), "")
    return (
        "A FRITZ!Box can't be given DHCP options for phones. What goes without them:\n"
        "- phones of Snom, Yealink, Fanvil and others ask the network by themselves (plug and play by SIP)\n"
        f"- type the address into the phone: {url}\n"
        "- or switch its DHCP server off (Home Network > Network > Network Settings > IPv4 Settings), and ours on\n"
    )


SERVERS = {
    "dnsmasq": Server("dnsmasq, Pi-hole", "/etc/dnsmasq.d/phones.conf", _dnsmasq),
    "isc": Server("ISC dhcpd", "/etc/dhcp/dhcpd.conf, before the subnets", _isc),
    "kea": Server("Kea, OPNsense", "kea-dhcp4.conf: add these to what stands in Dhcp4", _kea),
    "windows": Server("Windows Server", "PowerShell, as administrator of the DHCP server", _windows),
    "mikrotik": Server("MikroTik", "terminal of RouterOS 7.4 or later", _mikrotik),
    "openwrt": Server("OpenWrt", "/etc/config/dhcp, then: service dnsmasq restart", _openwrt),
    "fritzbox": Server("FRITZ!Box", "", _fritzbox),
}
