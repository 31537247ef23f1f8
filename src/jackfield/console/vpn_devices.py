"""Devices of the VPN: making one with a key and an address, its files, and what is known of each.

A private key is made here, goes into the answer once, and is forgotten. A new one is made by removing the device and
making it again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from jackfield.console import change
from jackfield.console.change import Author, Wish
from jackfield.console.declarative.difference import DocumentError, Problem
from jackfield.console.reached import reached
from jackfield.network import turn, wireguard

if TYPE_CHECKING:
    from jackfield.settings import Settings

__all__ = ["Made", "Row", "make", "rows", "snippets"]


@dataclass(frozen=True, slots=True)
class Made:
    """A new device. `file`: WireGuard's configuration with the private key; `ours`: our end."""

    name: str
    address: str
    networks: tuple[str, ...]
    private_key: str
    server_key: str
    host: str
    port: int
    ours: str
    file: str

    @property
    def endpoint(self) -> str:
        """Where the device connects to."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Row:
    """A device with what is known of its tunnel. `handshake`: UTC seconds, 0 for never; bytes from and to it."""

    pk: int
    name: str
    address: str
    networks: tuple[str, ...]
    enabled: bool
    endpoint: str
    handshake: int
    received: int
    sent: int


def make(settings: Settings, name: str, networks: Sequence[str], *, author: Author) -> Made:
    """Make a device, and return it with its private key. Raises `DocumentError`."""
    from jackfield.company.models import General
    from jackfield.vpn.models import VpnDevice

    general = General.current()
    taken = VpnDevice.objects.values_list("address", flat=True)
    try:
        address = wireguard.free_address(general.vpn_network, list(taken))
    except ValueError as problem:
        raise DocumentError([Problem("vpn_devices[0].address", 0, str(problem))]) from None
    private = wireguard.new_key()
    values = {
        "name": name,
        "public_key": wireguard.public_key(private),
        "address": address,
        "networks": list(networks),
    }
    change.save(settings, [Wish("vpn_devices", values)], author=author)
    server_key = wireguard.public_key(turn.secret(settings.files.vpn_key, wireguard.new_key).decode())
    ours = wireguard.server_address(general.vpn_network).partition("/")[0]
    host = general.vpn_host or reached(settings)
    length = "/128" if ":" in ours else "/32"
    made = Made(name, address, tuple(networks), private, server_key, host, general.vpn_port, ours, "")
    peer = wireguard.Peer(server_key, (f"{ours}{length}",), made.endpoint, wireguard.KEEPALIVE)
    file = wireguard.Interface(private, (f"{address}{length}",), peers=(peer,)).file()
    return Made(name, address, tuple(networks), private, server_key, host, general.vpn_port, ours, file)


def rows(peers: Mapping[str, Mapping[str, Any]]) -> list[Row]:
    """Return the devices by name. `peers`: as the network process knows them, by public key."""
    from jackfield.vpn.models import VpnDevice

    found = []
    for one in VpnDevice.objects.all():
        peer = peers.get(one.public_key, {})
        known = (peer.get("endpoint", ""), peer.get("handshake", 0), peer.get("received", 0), peer.get("sent", 0))
        found.append(Row(one.pk, one.name, one.address, one.networks, one.enabled, *known))
    return found


def snippets(made: Made) -> list[tuple[str, str, str]]:
    """Return (router, words, what to paste) for a new device, by the routers' own manuals."""
    key = made.private_key
    length, ip = ("/128", "ipv6") if ":" in made.ours else ("/32", "ip")
    address, ours = f"{made.address}{length}", f"{made.ours}{length}"
    # Without networks behind it this system knows the router alone: its phones come by its address (NAT).
    zone = 0 if made.networks else 1  # of OpenWrt's own configuration: lan, and wan with NAT
    openwrt = "\n".join(
        [
            "uci set network.jackfield=interface",
            "uci set network.jackfield.proto='wireguard'",
            f"uci set network.jackfield.private_key='{key}'",
            f"uci add_list network.jackfield.addresses='{address}'",
            "uci add network wireguard_jackfield",
            f"uci set network.@wireguard_jackfield[-1].public_key='{made.server_key}'",
            f"uci set network.@wireguard_jackfield[-1].endpoint_host='{made.host}'",
            f"uci set network.@wireguard_jackfield[-1].endpoint_port='{made.port}'",
            f"uci set network.@wireguard_jackfield[-1].persistent_keepalive='{wireguard.KEEPALIVE}'",
            "uci set network.@wireguard_jackfield[-1].route_allowed_ips='1'",
            f"uci add_list network.@wireguard_jackfield[-1].allowed_ips='{ours}'",
            f"uci add_list firewall.@zone[{zone}].network='jackfield'",
            "uci commit && service network reload && service firewall restart",
        ]
    )
    mikrotik = "\n".join(
        [
            f'/interface/wireguard add name=jackfield private-key="{key}"',
            f'/interface/wireguard/peers add interface=jackfield public-key="{made.server_key}" '
            f"endpoint-address={made.host} endpoint-port={made.port} allowed-address={ours} "
            f"persistent-keepalive={wireguard.KEEPALIVE}s",
            f"/ip/address add address={address} network={made.ours} interface=jackfield"
            if ip == "ip"
            else f"/ipv6/address add address={address} advertise=no interface=jackfield",
            *([f"/ipv6/route add dst-address={ours} gateway=jackfield"] if ip == "ipv6" else []),
            *(
                []
                if made.networks
                else [f"/{ip}/firewall/nat add chain=srcnat out-interface=jackfield action=masquerade"]
            ),
        ]
    )
    sense = "\n".join(
        [
            f"Private key: {key}",
            f"Tunnel address: {address}",
            f"Peer public key: {made.server_key}",
            f"Endpoint: {made.host}, port {made.port}",
            f"Allowed IPs: {ours}",
            f"Keepalive: {wireguard.KEEPALIVE}",
        ]
    )
    return [
        ("OpenWrt", _("Needs the package luci-proto-wireguard. On its command line:"), openwrt),
        ("MikroTik RouterOS 7", _("In a terminal:"), mikrotik),
        (
            "FRITZ!Box",
            _("Internet > Permit access > VPN (WireGuard) > Add connection > import the file above."),
            "",
        ),
        (
            "OPNsense, pfSense",
            _("VPN > WireGuard: a tunnel and a peer with these, then a firewall rule that lets the phones out:"),
            sense,
        ),
    ]
