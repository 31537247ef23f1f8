"""What is to be on in the local networks, as the database says now."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jackfield.provisioning.catalogue import vendors
from jackfield.provisioning.dhcp import Offer, Serving, offers, problems
from jackfield.provisioning.dhcp_server import addresses_by_interface
from jackfield.switch.snapshot import Snapshot

if TYPE_CHECKING:
    from jackfield.settings import Settings

__all__ = ["Wanted", "folder_at", "read"]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be on. `by_mac`: phones of the local networks get their configuration at all."""

    by_mac: bool
    tftp: bool
    multicast: bool
    ldap: bool
    dhcp: Serving | None = None
    dhcp_wrong: tuple[str, ...] = ()  # why DHCP can't be as it is set
    offers: tuple[Offer, ...] = ()


def read(settings: Settings) -> Wanted:
    """Read it from the database."""
    from jackfield.company.models import General
    from jackfield.console.provisioning.house import House
    from jackfield.desk_phones.models import ProvisioningRules
    from jackfield.plug_and_play.models import PlugAndPlay

    row = PlugAndPlay.current()
    by_mac = House(settings, General.current(), ProvisioningRules.current(), Snapshot(), {}).by_mac
    if not row.dhcp:
        return Wanted(by_mac, row.tftp, row.multicast, row.ldap)
    ours = addresses_by_interface()
    here = ipaddress.IPv4Interface(ours.get(row.dhcp_interface, "192.0.2.1/24"))
    serving = Serving(
        interface=row.dhcp_interface,
        first=row.dhcp_first,
        last=row.dhcp_last,
        netmask=str(here.netmask),
        gateway=row.dhcp_gateway,
        name_servers=row.dhcp_name_servers,
        time_servers=row.dhcp_time_servers,
        hours=row.dhcp_hours,
        phones_only=row.dhcp_phones_only,
    )
    told = offers(vendors().values(), folder_at(settings, str(here.ip)), str(here.ip))
    return Wanted(by_mac, row.tftp, row.multicast, row.ldap, serving, tuple(problems(serving, ours)), tuple(told))


def folder_at(settings: Settings, address: str) -> str:
    """Return the address of the phones' files at one of our addresses, as phones of the local networks ask for them."""
    from jackfield.console.provisioning.house import web_port

    return f"http://{address}:{web_port(settings)}/provision/"
