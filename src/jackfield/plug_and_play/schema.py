"""Plug and play and the vendors' redirection services in the YAML document."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from jackfield.console.declarative.section import Section

__all__ = ["SECTIONS", "PlugAndPlayData", "RedirectionData"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlugAndPlayData:
    """By which ways phones of the local networks are answered. Addresses are IPv4."""

    tftp: bool = True
    multicast: bool = True  # SIP SUBSCRIBE for ua-profile on 224.0.1.75
    ldap: bool = True  # the directory for phones
    dhcp: bool = False
    dhcp_interface: str = ""  # name of the network card
    dhcp_first: str = ""  # first address that is given
    dhcp_last: str = ""
    dhcp_gateway: str = ""  # the router; "" means none
    dhcp_name_servers: tuple[str, ...] = ()
    dhcp_time_servers: tuple[str, ...] = ()
    dhcp_hours: int = 12  # that an address may be kept
    dhcp_phones_only: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class RedirectionData:
    """An account at a vendor's redirection service."""

    service: Literal["yealink", "snom", "gigaset"]
    account: str  # name, or the key's id
    password: str  # or the key's secret
    address: str = ""  # of the service's API; "" means the vendor's own


def _plug_and_play() -> Any:
    from jackfield.plug_and_play.models import PlugAndPlay

    return PlugAndPlay


def _redirection() -> Any:
    from jackfield.plug_and_play.models import Redirection

    return Redirection


SECTIONS = (
    Section("plug_and_play", "plug and play", PlugAndPlayData, _plug_and_play),
    Section(
        "redirections",
        "redirection service",
        RedirectionData,
        _redirection,
        key=("service",),
        details={"password": {"secret": True}},
    ),
)
