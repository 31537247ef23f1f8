"""Under which address others reach this system: as it is set, or as it was found."""

from __future__ import annotations

import ipaddress

from jackfield.network import outside as addresses_outside
from jackfield.network import public_file
from jackfield.network.addresses import reachable_addresses
from jackfield.settings import Settings

__all__ = ["by_hand", "here", "outside", "reached"]


def by_hand(settings: Settings) -> list[str]:
    """Return the addresses and names that an administrator has set: of the company first, then of the machine."""
    from jackfield.company.models import General

    try:
        company = addresses_outside.read(General.current().public_address)
    except ValueError:  # from before it was checked so
        company = ()
    return list(dict.fromkeys((*(one.address for one in company), *settings.public_addresses)))


def outside(settings: Settings) -> list[str]:
    """Return our addresses on the Internet, IPv4 first; [] while none is known."""
    return public_file.load(settings.files.public_addresses).addresses() or list(settings.public_addresses)


def here(settings: Settings) -> list[str]:
    """Return our addresses in the networks that this machine is in, IPv4 first; without those of the machine alone."""
    found = [*reachable_addresses(settings.console_hosts), *reachable_addresses(settings.hosts)]
    return [one for one in dict.fromkeys(found) if not ipaddress.ip_address(one).is_loopback]


def reached(settings: Settings) -> str:
    """Return the address that phones and browsers elsewhere use: the public one, or else the first of ours."""
    return next(iter([*outside(settings), *reachable_addresses(settings.hosts), "127.0.0.1"]))
