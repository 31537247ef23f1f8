"""By which name a phone at home or in another office reaches us, and what would keep it from doing so."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from jackfield.console import certificates, reached
from jackfield.console.provisioning.names import is_inside
from jackfield.network.outside import is_private

if TYPE_CHECKING:
    from jackfield.console.provisioning.house import House
    from jackfield.settings import Settings

__all__ = ["Doubt", "bare", "doubts", "name_elsewhere", "name_here"]


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why a phone elsewhere may not get through, and the page where that is mended."""

    text: str
    href: str
    page: str


def bare(host: str) -> str:
    """Return a name or address without its port and brackets ("[2001:db8::1]:8443")."""
    return re.sub(r":\d+$", "", host).strip("[]") if host.count(":") < 2 or host.startswith("[") else host


def name_elsewhere(house: House, host: str) -> str:
    """Return what phones elsewhere are told. `host`: by which an administrator reached us (HTTP's Host).

    His own name for us may be one of the office alone; then it is our address on the Internet, where one is known.
    """
    if house.rules.server:
        return str(house.rules.server)
    name = bare(host)
    if not _only_here(name):
        return name
    return next(iter([*reached.by_hand(house.settings), *reached.outside(house.settings)]), name)


def name_here(house: House, host: str) -> str:
    """Return what phones in the local networks are told: not "localhost", by which only this machine is meant."""
    if house.rules.server:
        return str(house.rules.server)
    name = bare(host)
    if name != "localhost" and not _is_loopback(name):
        return name
    return next(iter(reached.here(house.settings)), name)


def doubts(settings: Settings, name: str) -> list[Doubt]:
    """Return what speaks against a phone elsewhere reaching us by a name and trusting us."""
    found = []
    if _only_here(name):
        text = _(
            "%(name)s is reached from your own network only. Write the name or address by which phones elsewhere "
            "reach this system under Our name or address, before you make the address."
        )
        found.append(Doubt(text % {"name": name}, "/admin/provisioning/", _("Provisioning")))
    shown = certificates.in_use(settings)
    parent = "*." + name.partition(".")[2]
    if shown.chain != "trusted":
        text = _(
            "The certificate in use is known to no phone from the factory, and most phones then refuse to fetch. Take "
            "one of a known authority, or switch the check off in the phone: its pages call it trusted certificates."
        )
        found.append(Doubt(text, "/admin/certificates/", _("Certificates")))
    elif not {name.lower(), parent.lower()} & {one.lower() for one in shown.names}:
        text = _(
            "The certificate in use is for %(names)s and not for %(name)s: most phones refuse it. Write a name that it "
            "has under Our name or address."
        )
        told = {"names": ", ".join(shown.names) or "–", "name": name}
        found.append(Doubt(text % told, "/admin/provisioning/", _("Provisioning")))
    return found


def _only_here(name: str) -> bool:
    try:
        return is_private(name)
    except ValueError:
        return is_inside(name)


def _is_loopback(name: str) -> bool:
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
