"""Sites: places with phones. The fields are the snapshot's."""

from __future__ import annotations

from collections.abc import Collection

from django.db import models

from jackfield.console import address_validation, validation
from jackfield.console.fields import DataField
from jackfield.sites.choices import Layer

__all__ = ["Site"]

KBITS = [validation.Between(0, 10_000_000, "kbit/s")]


class Site(models.Model):
    """A place with phones: an office, a branch, a home."""

    name = models.CharField(max_length=60, unique=True, validators=[validation.one_line])
    networks = DataField(tuple[str, ...], default=tuple, validators=[validation.networks])
    public_addresses = DataField(tuple[str, ...], default=tuple, validators=[address_validation.places])
    bandwidth_up = models.IntegerField(default=0, validators=KBITS)
    bandwidth_down = models.IntegerField(default=0, validators=KBITS)
    layer = models.CharField(max_length=20, choices=Layer.choices, default=Layer.IP)
    codecs = DataField(tuple[str, ...], default=tuple, validators=[validation.codecs])
    time_zone = models.CharField(max_length=64, blank=True, default="", validators=[validation.time_zone])
    language = models.CharField(max_length=35, blank=True, default="", validators=[validation.language])
    country = models.CharField(max_length=2, blank=True, default="", validators=[validation.country])
    caller_id = models.CharField(max_length=31, blank=True, default="", validators=[validation.caller_id])
    emergency_address = models.CharField(max_length=300, blank=True, default="", validators=[validation.one_line])
    direct_media = models.BooleanField(default=True)

    natural_key_field = "name"

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return f'the site "{self.name}"'

    def check_together(self, unread: Collection[str] = ()) -> None:
        """Accept any combination."""
