"""By which names phones may ask for us where a MAC address is all that they show.

A page on the Internet can have its own name stand for an address of our network all of a sudden (DNS rebinding), and
then reads what a browser behind our firewall may fetch. What it can't do is ask by an IP address or by a name of ours.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from jackfield.network.certificate_store import Store

if TYPE_CHECKING:
    from jackfield.console.provisioning.house import House
    from jackfield.settings import Settings

__all__ = ["is_inside", "strange"]

_HOST = re.compile(r"\[(?P<six>[0-9A-Fa-f:.]+)\](?::\d+)?|(?P<name>[^\s:/@]+)(?::\d+)?")
_INSIDE = (".local", ".home.arpa", ".internal", ".lan", ".home", ".localdomain", ".intranet", ".corp", ".fritz.box")
"""RFC 6762, RFC 8375, and names that nobody can register: only our own network gives them an address."""


def strange(house: House, host: str) -> str:
    """Return the name by which somebody asked (HTTP's Host) if it is none of ours; "" where it is one, or none."""
    if not host:
        return ""
    found = _HOST.fullmatch(host)
    name = (found["six"] or found["name"]).rstrip(".").lower() if found else host[:100]
    try:
        ipaddress.ip_address(name)
    except ValueError:
        pass
    else:
        return ""
    if found and is_inside(name):
        return ""
    known = {one.rstrip(".").lower() for one in _ours(house)}
    parent = "*." + name.partition(".")[2]  # RFC 9525 section 6.3: of a wildcard the first label alone differs
    return "" if name in known or parent in known else name


def is_inside(name: str) -> bool:
    """Tell whether a name means something in a network of somebody's own only."""
    return "." not in name or name.endswith(_INSIDE)


def _ours(house: House) -> list[str]:
    from jackfield.console.reached import by_hand

    rules, general = house.rules, house.general
    named = [rules.server, general.vpn_host, socket.gethostname(), *by_hand(house.settings)]
    return [*filter(None, named), *_in_certificate(house.settings)]


def _in_certificate(settings: Settings) -> tuple[str, ...]:
    pair = Store(settings.files.certificates, (settings.tls_certificate, settings.tls_key)).current()
    try:
        return _names_of(pair.certificate, pair.stamp())
    except (OSError, ValueError):
        return ()


@lru_cache(maxsize=2)
def _names_of(path: Path, stamp: tuple[int, ...]) -> tuple[str, ...]:
    """Return the names in a certificate's file (RFC 5280 section 4.2.1.6). `stamp`: another one when it has changed."""
    from cryptography import x509

    found = x509.load_pem_x509_certificates(path.read_bytes())[0]
    try:
        names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    return tuple(str(one) for one in names.get_values_for_type(x509.DNSName))
