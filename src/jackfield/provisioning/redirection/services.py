"""The services by name, and what is done by hand where a vendor's has no public API."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from jackfield.provisioning.redirection.gigaset import GigasetRedirection
from jackfield.provisioning.redirection.service import Account, Service
from jackfield.provisioning.redirection.snom import SnomSraps
from jackfield.provisioning.redirection.yealink import YealinkRps

__all__ = ["BY_HAND", "SERVICES", "Known"]


@dataclass(frozen=True, slots=True)
class Known:
    """A service that we speak to. `code`: what is asked for besides the MAC address; "" for nothing."""

    vendor: str  # folder of its templates
    open: Callable[[Account], Service]
    code: str = ""


SERVICES: dict[str, Known] = {
    "yealink": Known("yealink", YealinkRps),
    "snom": Known("snom", SnomSraps),
    "gigaset": Known("gigaset", GigasetRedirection, "the four digits or letters after the MAC address on the label"),
}

BY_HAND: dict[str, str] = {
    "grandstream": "GDMS, gdms.cloud: add the device with MAC address and serial number, then give its site a template "
    "with our address as Config Server Path (P237)",
    "polycom": "Poly Lens or Zero Touch Provisioning: add the device, with our address as its provisioning server",
    "fanvil": "FDPS, fdps.fanvil.com: add the MAC address, with our address as its server",
    "cisco": "Cisco EDOS: your reseller enters our address as the profile rule when the phone is ordered",
    "linksys": "Cisco RC units: your reseller enters our address as the profile rule when the phone is ordered",
}
"""By vendor: where its phones are entered by a person, with the one-time address from the phone's page."""
