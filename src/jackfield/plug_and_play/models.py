"""Plug and play, accounts at redirection services (configuration), and what became of phones there (state)."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Iterable
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext as _

from jackfield.console import validation
from jackfield.console.fields import DataField
from jackfield.console.single import Single
from jackfield.plug_and_play.choices import Outcome, Service

__all__ = ["PlugAndPlay", "Redirected", "Redirection"]


def ipv4(value: str) -> None:
    """Accept an IPv4 address. Raises `ValidationError`."""
    try:
        ipaddress.IPv4Address(value)
    except ValueError:
        text = _('"%(address)s" is no IPv4 address: write it as 192.0.2.10')
        raise ValidationError(text % {"address": value}, code="wrong") from None


def ipv4s(values: Iterable[str]) -> None:
    """Accept IPv4 addresses. Raises `ValidationError`."""
    for value in values:
        ipv4(value)


def address() -> Any:
    """Return a column for an IPv4 address, or none."""
    return models.CharField(max_length=15, blank=True, default="", validators=[ipv4])


class PlugAndPlay(Single):
    """By which ways phones of the local networks are answered."""

    tftp = models.BooleanField(default=True)
    multicast = models.BooleanField(default=True)
    ldap = models.BooleanField(default=True)
    dhcp = models.BooleanField(default=False)
    dhcp_interface = models.CharField(max_length=15, blank=True, default="", validators=[validation.one_line])
    dhcp_first = address()
    dhcp_last = address()
    dhcp_gateway = address()
    dhcp_name_servers = DataField(tuple[str, ...], default=tuple, validators=[ipv4s])
    dhcp_time_servers = DataField(tuple[str, ...], default=tuple, validators=[ipv4s])
    dhcp_hours = models.IntegerField(default=12, validators=[validation.Between(1, 8760, "hours")])
    dhcp_phones_only = models.BooleanField(default=True)

    class Meta:
        verbose_name = "plug and play"
        verbose_name_plural = "plug and play"

    def __str__(self) -> str:
        return "plug and play"

    def check_together(self, unread: Collection[str] = ()) -> None:
        """Refuse a DHCP server that has nothing to give. Raises `ValidationError`."""
        if not self.dhcp or "dhcp" in unread:
            return
        needed = {
            "dhcp_interface": _("say on which network card, as ip link names it"),
            "dhcp_first": _("say from which address on"),
            "dhcp_last": _("say up to which address"),
        }
        found = {name: text for name, text in needed.items() if not getattr(self, name) and name not in unread}
        if not found and not {"dhcp_first", "dhcp_last"} & set(unread):
            first, last = ipaddress.IPv4Address(self.dhcp_first), ipaddress.IPv4Address(self.dhcp_last)
            if first > last:
                text = _("it is before the first address, %(first)s: exchange them")
                found = {"dhcp_last": text % {"first": first}}
        if found:
            raise validation.all_wrong(found)


class Redirection(models.Model):
    """An account at a vendor's redirection service. The password is stored readable, because we sign in with it."""

    service = models.CharField(max_length=20, unique=True, choices=Service.choices)
    account = models.CharField(max_length=200, validators=[validation.one_line])
    password = models.CharField(max_length=300, validators=[validation.one_line])
    address = models.CharField(max_length=300, blank=True, default="", validators=[validation.web_address])

    class Meta:
        ordering = ("service",)
        verbose_name = "redirection service"

    def __str__(self) -> str:
        return f"the account at {self.get_service_display()}"

    def check_together(self, unread: Collection[str] = ()) -> None:
        """Accept any combination."""


class Redirected(models.Model):
    """The last that became of a phone at a vendor's service. `at`: seconds since 1970."""

    mac = models.CharField(max_length=12, unique=True)
    service = models.CharField(max_length=20, choices=Service.choices)
    outcome = models.CharField(max_length=20, choices=Outcome.choices)
    at = models.FloatField()
    by = models.CharField(max_length=150, blank=True, default="")
    detail = models.TextField(blank=True, default="")  # why it failed

    class Meta:
        ordering = ("-at",)

    def __str__(self) -> str:
        return f"{self.mac} at {self.get_service_display()}"
