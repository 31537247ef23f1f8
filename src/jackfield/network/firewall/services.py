"""The services that the firewall opens and closes, and the ports behind each.

Several services can share a port: the administration, the API and the provisioning of phones are all web pages. The
kernel lets somebody in to a port to whom any of its services is open; the program behind it asks for the one in hand.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from jackfield.network.addresses import local_addresses

if TYPE_CHECKING:
    from jackfield.settings import Settings
    from jackfield.switch.snapshot import General

__all__ = ["NAMES", "OTHER", "Ports", "Service", "ServiceName", "services", "ssh_ports"]

ServiceName = Literal[
    "sip", "sip_tls", "websocket", "audio", "own_pages", "administration", "api", "provisioning", "tftp", "dhcp",
    "ldap", "ldaps", "stun", "vpn", "metrics", "ssh", "other",
]  # fmt: skip
NAMES: dict[ServiceName, str] = {
    "sip": "SIP over UDP and TCP",
    "sip_tls": "SIP over TLS",
    "websocket": "SIP over WebSocket",
    "audio": "audio of calls (RTP)",
    "own_pages": "people's own pages and Jackfield Phone",
    "administration": "administration",
    "api": "API",
    "provisioning": "configurations for phones by HTTPS",
    "tftp": "configurations for phones by TFTP",
    "dhcp": "DHCP",
    "ldap": "directory for phones (LDAP)",
    "ldaps": "directory for phones over TLS",
    "stun": "STUN and TURN",
    "vpn": "VPN (WireGuard)",
    "metrics": "metrics",
    "ssh": "SSH",
    "other": "everything else on this machine",
}
"""What each service is, in words, in the order in which they are shown."""
OTHER: ServiceName = "other"
"""All ports that no service of ours has."""
_DHCP = 67
_SSH = 22
_TURN_TLS = 5349
_WEB = (80, 443)


@dataclass(frozen=True, slots=True, order=True)
class Ports:
    """Ports from `first` to `last`, both included."""

    kind: Literal["udp", "tcp"]
    first: int
    last: int

    def __str__(self) -> str:
        return f"{self.kind.upper()} {self.first}" + (f"-{self.last}" if self.last != self.first else "")


@dataclass(frozen=True, slots=True)
class Service:
    """One service with its ports; without any it is switched off, but for `OTHER`."""

    name: ServiceName
    ports: tuple[Ports, ...]


def services(settings: Settings, general: General) -> tuple[Service, ...]:
    """Return every service with the ports that it has by the machine's settings."""
    stun = settings.stun_base
    low, _, high = settings.turn_ports.partition("-")
    relaying = (Ports("udp", int(low), int(high)), *_tcp(stun, _TURN_TLS)) if general.turn and stun else ()
    found: dict[ServiceName, tuple[Ports, ...]] = {
        "sip": (*_udp(settings.sip_port), *_tcp(settings.sip_port)),
        "sip_tls": _tcp(settings.sip_tls_port),
        "websocket": _tcp(settings.sip_ws_port, settings.sip_wss_port),
        "audio": (Ports("udp", *settings.rtp_range),),
        "own_pages": _tcp(settings.own_port, *(_WEB if _behind_own_proxy(settings) else ())),
        "administration": _tcp(settings.console_port),
        "api": _tcp(settings.console_port),
        "provisioning": _tcp(settings.own_port or settings.console_port),
        "tftp": _udp(settings.tftp_port),
        "dhcp": _udp(_DHCP),
        "ldap": _tcp(settings.ldap_port),
        "ldaps": _tcp(settings.ldaps_port),
        "stun": (*_udp(stun, stun + 1 if stun else 0), *relaying),
        "vpn": _udp(general.vpn_port if general.vpn else 0),
        "metrics": _tcp(settings.console_port),
        "ssh": _tcp(*ssh_ports()),
        "other": (),
    }
    return tuple(Service(name, found[name]) for name in NAMES)


def _behind_own_proxy(settings: Settings) -> bool:
    """Tell whether a reverse proxy of this machine hands our pages on: then people come by its ports."""
    ours = {"127.0.0.1", "::1", *local_addresses()}
    known = [ip_network(one) for one in settings.trusted_proxies.split(",") if one]
    return any(ip_address(address) in one for one in known for address in ours)


def ssh_ports(folder: Path = Path("/etc/ssh")) -> tuple[int, ...]:
    """Return the ports of SSH by the files of its server (sshd_config(5), `Port`); 22 where they say nothing."""
    found: list[int] = []
    for path in (folder / "sshd_config", *sorted(folder.glob("sshd_config.d/*.conf"))):
        try:
            lines = path.read_text(errors="replace").splitlines()
        except OSError:
            continue
        for line in lines:
            word, _, rest = line.strip().partition(" ")
            if word.lower() == "port" and rest.strip().isdecimal() and 0 < int(rest) < 65536:
                found.append(int(rest))
    return tuple(dict.fromkeys(found)) or (_SSH,)


def _udp(*ports: int) -> tuple[Ports, ...]:
    return tuple(Ports("udp", port, port) for port in dict.fromkeys(ports) if port)


def _tcp(*ports: int) -> tuple[Ports, ...]:
    return tuple(Ports("tcp", port, port) for port in dict.fromkeys(ports) if port)
