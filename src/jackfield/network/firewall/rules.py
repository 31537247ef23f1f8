"""To whom each service is open: what the configuration says, and what holds where it says nothing."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from jackfield.network.firewall.services import ServiceName
from jackfield.network.groups import LOCAL, VPN

__all__ = ["AUTOMATIC", "EVERYONE", "INSIDE", "SAID_NOTHING", "Firewall", "default"]

AUTOMATIC = "automatic"
"""Stands alone for what is sensible on this machine: see `default`."""
EVERYONE = "everyone"
"""Stands for all addresses, where otherwise the names of address groups stand."""
INSIDE = (LOCAL, VPN)
"""Who is in the house."""
_NEVER_OUTSIDE: Collection[ServiceName] = ("tftp", "dhcp", "ldap", "metrics")
"""What nobody on the Internet has any business with."""
_NOT_ON_THE_INTERNET: Collection[ServiceName] = ("administration", "api", "other")
"""What is closed to the Internet where the Internet reaches this machine by itself, until somebody opens it."""
_AUTOMATIC = (AUTOMATIC,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Firewall:
    """Each service with those to whom it is open.

    `EVERYONE`, `AUTOMATIC`, or names of address groups, single addresses, ranges and networks; () is nobody.
    """

    sip: tuple[str, ...] = _AUTOMATIC  # over UDP and TCP
    sip_tls: tuple[str, ...] = _AUTOMATIC
    websocket: tuple[str, ...] = _AUTOMATIC  # SIP over it, for browsers' phones of others
    audio: tuple[str, ...] = _AUTOMATIC  # RTP
    own_pages: tuple[str, ...] = _AUTOMATIC  # and Jackfield Phone
    administration: tuple[str, ...] = _AUTOMATIC
    api: tuple[str, ...] = _AUTOMATIC
    provisioning: tuple[str, ...] = _AUTOMATIC  # of phones, by HTTPS
    tftp: tuple[str, ...] = _AUTOMATIC
    dhcp: tuple[str, ...] = _AUTOMATIC
    ldap: tuple[str, ...] = _AUTOMATIC  # directory for phones
    ldaps: tuple[str, ...] = _AUTOMATIC  # over TLS
    stun: tuple[str, ...] = _AUTOMATIC  # and TURN
    vpn: tuple[str, ...] = _AUTOMATIC
    metrics: tuple[str, ...] = _AUTOMATIC
    ssh: tuple[str, ...] = _AUTOMATIC
    other: tuple[str, ...] = _AUTOMATIC  # everything else on this machine


SAID_NOTHING = Firewall()


def default(service: ServiceName, *, public: bool) -> tuple[str, ...]:
    """Return to whom a service is open when nobody says anything. `public`: the Internet reaches us by itself."""
    if service in _NEVER_OUTSIDE or (public and service in _NOT_ON_THE_INTERNET):
        return INSIDE
    return (EVERYONE,)
