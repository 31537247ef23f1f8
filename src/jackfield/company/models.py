"""General settings, sounds, and what the installation remembers about itself."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.db import models
from django.utils.translation import gettext as _

from jackfield.company.choices import DigestMode
from jackfield.console import address_validation, hours_validation, network_validation, validation
from jackfield.console.fields import DataField
from jackfield.console.single import Single
from jackfield.network.groups import LOCAL
from jackfield.switch import snapshot

__all__ = ["AddressGroup", "General", "Holidays", "Sound", "State", "TimeRange"]


def default_networks() -> tuple[str, ...]:
    """Return the networks that count as local when nothing else is said."""
    return snapshot.General().local_networks


class General(Single):
    """What holds for everything. There is one row, made when it is first asked for; the fields are the snapshot's."""

    company = models.CharField(max_length=100, blank=True, default="", validators=[validation.one_line])
    country = models.CharField(max_length=2, default="US", validators=[validation.country])
    language = models.CharField(max_length=35, default="en", validators=[validation.language])
    time_zone = models.CharField(max_length=64, default="UTC", validators=[validation.time_zone])
    realm = models.CharField(max_length=100, default="jackfield", validators=[validation.realm])
    digest = models.CharField(max_length=20, choices=DigestMode.choices, default=DigestMode.AUTO)
    outside_prefix = models.CharField(max_length=10, blank=True, default="9", validators=[validation.prefix])
    first_number = models.CharField(max_length=20, default="101", validators=[validation.number])
    ring_time = models.FloatField(default=25.0, validators=[validation.Between(1, 600, "seconds")])
    register_min = models.IntegerField(default=60, validators=[validation.Between(10, 86400, "seconds")])
    register_max = models.IntegerField(default=3600, validators=[validation.Between(30, 86400, "seconds")])
    register_default = models.IntegerField(default=300, validators=[validation.Between(10, 86400, "seconds")])
    qualify_interval = models.FloatField(default=30.0, validators=[validation.Between(5, 3600, "seconds")])
    qualify_all = models.BooleanField(default=False)
    session_expires = models.IntegerField(default=1800, validators=[validation.Between(90, 86400, "seconds")])
    max_hops = models.IntegerField(default=10, validators=[validation.Between(1, 70)])
    max_call_minutes = models.IntegerField(default=0, validators=[validation.Between(0, 10080, "minutes")])
    music = models.CharField(max_length=100, default="default", validators=[validation.one_line])
    public_address = models.CharField(
        max_length=253, blank=True, default="", validators=[network_validation.public_addresses]
    )
    local_networks = DataField(tuple[str, ...], default=default_networks, validators=[validation.networks])
    anonymous_calls = models.BooleanField(default=True)
    drain_seconds = models.IntegerField(default=300, validators=[validation.Between(0, 86400, "seconds")])
    stun_servers = DataField(tuple[str, ...], default=tuple, validators=[network_validation.stun_servers])
    turn = models.BooleanField(default=False)
    vpn = models.BooleanField(default=False)
    vpn_network = models.CharField(max_length=43, default="10.87.0.0/24", validators=[network_validation.vpn_network])
    vpn_port = models.IntegerField(default=51820, validators=[validation.Between(1, 65535)])
    vpn_host = models.CharField(max_length=253, blank=True, default="", validators=[validation.address])
    keep_calls_days = models.IntegerField(default=365, validators=[validation.Between(0, 36500, "days")])
    """How long calls stay in the history; 0 keeps them for ever."""

    class Meta:
        verbose_name = "general settings"
        verbose_name_plural = "general settings"

    def __str__(self) -> str:
        return "the general settings"

    def check_together(self, unread: Collection[str] = ()) -> None:
        """Check what one field can't tell alone. Raises `ValidationError`."""
        if {"register_min", "register_max"} & set(unread):
            return  # of which the value is not known
        if not self.register_min <= self.register_default <= self.register_max:
            raise validation.wrong(
                "register_default",
                f"{self.register_default} does not lie between register_min {self.register_min} "
                f"and register_max {self.register_max}",
            )


class Sound(models.Model):
    """A prompt or music, as a file that the media process plays."""

    name = models.CharField(max_length=100, validators=[validation.one_line])
    path = models.CharField(max_length=1000, validators=[validation.one_line])
    language = models.CharField(max_length=35, blank=True, default="", validators=[validation.language])

    class Meta:
        ordering = ("name", "language")
        constraints = (models.UniqueConstraint(fields=("name", "language"), name="sound_once_per_language"),)

    def __str__(self) -> str:
        return f'the sound "{self.name}"'

    def check_together(self, unread: Collection[str] = ()) -> None:
        """Accept any combination."""


class Holidays(models.Model):
    """A list of days, such as the public holidays of a country."""

    name = models.CharField(max_length=100, unique=True, validators=[validation.one_line])
    dates = DataField(tuple[snapshot.Day, ...], default=tuple, validators=[hours_validation.days])

    class Meta:
        ordering = ("name",)
        verbose_name = "list of holidays"
        verbose_name_plural = "lists of holidays"

    def __str__(self) -> str:
        return f'the list of holidays "{self.name}"'

    def check_together(self, unread: Collection[str] = ()) -> None:
        """Accept any combination."""


class TimeRange(models.Model):
    """Hours by which others open and close."""

    name = models.CharField(max_length=100, unique=True, validators=[validation.one_line])
    weekly = DataField(tuple[snapshot.WeeklyHours, ...], default=tuple, validators=[hours_validation.weekly])
    dates = DataField(tuple[snapshot.DatedHours, ...], default=tuple, validators=[hours_validation.dated])
    also_on = DataField(tuple[str, ...], default=tuple)
    except_on = DataField(tuple[str, ...], default=tuple)

    natural_key_field = "name"

    class Meta:
        ordering = ("name",)
        verbose_name = "time range"

    def __str__(self) -> str:
        return f'the time range "{self.name}"'

    def check_together(self, unread: Collection[str] = ()) -> None:
        """Refuse a time range that could never be open. Raises `ValidationError`."""
        if not (self.weekly or self.dates or self.also_on) and not {"weekly", "dates", "also_on"} & set(unread):
            raise validation.wrong("weekly", "must have hours: of the week, of single dates, or days of holidays")


class AddressGroup(models.Model):
    """Addresses that others name: where phones may connect from, who may administer."""

    name = models.CharField(max_length=60, unique=True, validators=[validation.one_line])
    entries = DataField(tuple[str, ...], default=tuple, validators=[address_validation.entries])

    class Meta:
        ordering = ("name",)
        verbose_name = "address group"

    def __str__(self) -> str:
        return f'the address group "{self.name}"'

    def check_together(self, unread: Collection[str] = ()) -> None:
        """Refuse the name of the group that is always there. Raises `ValidationError`."""
        if "name" not in unread and self.name.strip().lower() == LOCAL:
            text = _('"%(name)s" is always there, by the general settings: give this group another name')
            raise validation.wrong("name", text % {"name": self.name})


class State(models.Model):
    """What the installation remembers about itself, by name: the tables' fingerprint, the published snapshot."""

    key = models.CharField(max_length=50, primary_key=True)
    value: Any = models.JSONField(default=dict)

    def __str__(self) -> str:
        return f"what is known of {self.key}"
