"""The firewall's rules: the fields are the snapshot's, one for each service."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext as _

from jackfield.console import address_validation, validation
from jackfield.console.fields import DataField
from jackfield.console.single import Single
from jackfield.network.firewall.rules import AUTOMATIC, EVERYONE, INSIDE

__all__ = ["Firewall", "Guard", "automatic", "inside", "open_to"]


def automatic() -> tuple[str, ...]:
    """Return to whom a service is open while nobody has said anything."""
    return (AUTOMATIC,)


def inside() -> tuple[str, ...]:
    """Return who is never blocked while nobody has said anything."""
    return INSIDE


def open_to(values: Iterable[str]) -> None:
    """Accept `EVERYONE` or `AUTOMATIC` alone, or names of address groups, addresses, ranges and networks."""
    found = list(values)
    for alone in (AUTOMATIC, EVERYONE):
        if alone in found and len(found) > 1:
            text = _('"%(word)s" stands alone: take it or the others out')
            raise ValidationError(text % {"word": alone}, code="wrong")
    if any(not value.strip() for value in found):
        raise ValidationError(_("names nobody: give an address group, or an address"), code="wrong")
    if len(found) > address_validation.MOST:
        text = _("has more than %(most)d entries: make an address group of them")
        raise ValidationError(text % {"most": address_validation.MOST}, code="wrong")


def opening() -> Any:
    """Return the field of one service."""
    return DataField(tuple[str, ...], default=automatic, validators=[open_to])


class Guard(Single):
    """When somebody who guesses is blocked. See `network.guard.rules`."""

    enabled = models.BooleanField(default=True)
    tries = models.IntegerField(default=10, validators=[validation.Between(3, 1000)])
    window = models.IntegerField(default=60, validators=[validation.Between(10, 3600, "seconds")])
    minutes = models.IntegerField(default=5, validators=[validation.Between(1, 1440, "minutes")])
    longest_hours = models.IntegerField(default=24, validators=[validation.Between(1, 720, "hours")])
    never = DataField(tuple[str, ...], default=inside)

    class Meta:
        verbose_name = "guard"

    def __str__(self) -> str:
        return "the guard"


class Firewall(Single):
    """To whom each service is open. See `network.firewall.rules`."""

    sip = opening()
    sip_tls = opening()
    websocket = opening()
    audio = opening()
    own_pages = opening()
    administration = opening()
    api = opening()
    provisioning = opening()
    tftp = opening()
    dhcp = opening()
    ldap = opening()
    ldaps = opening()
    stun = opening()
    vpn = opening()
    metrics = opening()
    ssh = opening()
    other = opening()

    class Meta:
        verbose_name = "firewall"

    def __str__(self) -> str:
        return "the firewall"
