"""Devices of the VPN. The fields are the snapshot's. Private keys of devices are never stored."""

from __future__ import annotations

from collections.abc import Collection

from django.db import models

from jackfield.console import network_validation, validation
from jackfield.console.fields import DataField

__all__ = ["VpnDevice"]


class VpnDevice(models.Model):
    """A phone, a person's device or a site's router that comes in by WireGuard."""

    name = models.CharField(max_length=60, unique=True, validators=[validation.one_line])
    public_key = models.CharField(max_length=44, validators=[network_validation.vpn_key])
    address = models.CharField(max_length=45, blank=True, default="", validators=[network_validation.vpn_address])
    networks = DataField(tuple[str, ...], default=tuple, validators=[network_validation.vpn_networks])
    enabled = models.BooleanField(default=True)

    natural_key_field = "name"

    class Meta:
        ordering = ("name",)
        verbose_name = "device of the VPN"
        verbose_name_plural = "devices of the VPN"

    def __str__(self) -> str:
        return f'the VPN device "{self.name}"'

    def check_together(self, unread: Collection[str] = ()) -> None:
        """Refuse a device without an address. Raises `ValidationError`."""
        if not self.address and "address" not in unread:
            raise validation.wrong("address", "is missing: give a free address of the VPN's network, such as 10.87.0.2")
