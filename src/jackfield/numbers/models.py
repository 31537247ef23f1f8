"""Extensions with their lines and permissions, ring groups, services, speed dials. The fields are the snapshot's."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from django.db import models

from jackfield.company.models import TimeRange
from jackfield.console import hours_validation, validation
from jackfield.console.fields import DataField
from jackfield.numbers.choices import DtmfMode, NatMode, PermissionDefault, RingStrategy, ServiceKind, SrtpMode
from jackfield.people.models import User
from jackfield.sites.models import Site
from jackfield.switch import snapshot

__all__ = ["Extension", "Line", "Permission", "RingGroup", "Service", "SpeedDial"]

SECONDS = [validation.Between(1, 3600, "seconds")]


def default_codecs() -> tuple[str, ...]:
    """Return the codecs of an extension for which nothing is said."""
    return snapshot.DEFAULT_CODECS


def number_field() -> Any:
    """Return a column for a number of the dial plan, which nothing else of the same table has."""
    return models.CharField(max_length=20, unique=True, validators=[validation.number])


def name_field() -> Any:
    """Return a column for what people call a thing."""
    return models.CharField(max_length=100, blank=True, default="", validators=[validation.one_line])


def target_field() -> Any:
    """Return a column for a number to go to, or nothing."""
    return models.CharField(max_length=41, blank=True, default="", validators=[validation.target])


def choice_field(choices: Any, default: Any) -> Any:
    """Return a column for one of `choices`."""
    return models.CharField(max_length=20, choices=choices.choices, default=default)


def hours_field(plural: str) -> Any:
    """Return a column for a time range, or nothing. Removing one that is in use is refused before it comes to this."""
    return models.ForeignKey(TimeRange, models.SET_NULL, null=True, blank=True, default=None, related_name=plural)


class Permission(models.Model):
    """What an extension may call."""

    name = models.CharField(max_length=100, unique=True, validators=[validation.one_line])
    default = choice_field(PermissionDefault, PermissionDefault.ALLOW)
    rules = DataField(tuple[snapshot.PermissionRule, ...], default=tuple, validators=[hours_validation.rules])

    natural_key_field = "name"

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return f'the permission "{self.name}"'

    def check_together(self, unread: Collection[str] = ()) -> None:
        """Accept any combination."""


class Numbered(models.Model):
    """Whatever owns a number of the dial plan. `clean()` refuses a number that something else has."""

    class Meta:
        abstract = True

    def check_together(self, unread: Collection[str] = ()) -> None:
        """Check what one field can't tell alone, without the database. Raises `ValidationError`.

        Of the fields `unread` the value is not known: what hangs on them can't be told.
        """

    def clean(self) -> None:
        """Refuse a number that is taken, and propose a free one. Raises `ValidationError`."""
        from jackfield.numbers import plan

        self.check_together()
        if self.number and (clash := plan.DialPlan.current(besides=self).clash(self.number)):
            raise validation.wrong("number", clash)

    def __str__(self) -> str:
        name = f' "{self.name}"' if self.name else ""
        return f"the {self._meta.verbose_name} {self.number}{name}"


class Extension(Numbered):
    """A person's or a room's number with the phones that ring for it."""

    number = number_field()
    name = name_field()
    user = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="extensions")
    phones_from = name_field()
    codecs = DataField(tuple[str, ...], default=default_codecs, validators=[validation.codecs])
    language = models.CharField(max_length=35, blank=True, default="", validators=[validation.language])
    caller_id = models.CharField(max_length=31, blank=True, default="", validators=[validation.caller_id])
    caller_id_name = name_field()
    anonymous = models.BooleanField(default=False)
    ring_time = models.FloatField(null=True, blank=True, default=None, validators=SECONDS)
    do_not_disturb = models.BooleanField(default=False)
    call_waiting = models.BooleanField(default=True)
    max_calls = models.IntegerField(default=4, validators=[validation.Between(1, 100)])
    forward_always = target_field()
    forward_busy = target_field()
    forward_no_answer = target_field()
    forward_unreachable = target_field()
    hours = hours_field("extensions")
    forward_closed = target_field()
    outside_calls = models.BooleanField(default=True)
    permission = models.ForeignKey(
        Permission, models.SET_NULL, null=True, blank=True, default=None, related_name="extensions"
    )
    site = models.ForeignKey(Site, models.SET_NULL, null=True, blank=True, default=None, related_name="extensions")
    enabled = models.BooleanField(default=True)

    known_lines: list[Any] | None = None
    """The lines, where they were read for all extensions at once."""

    class Meta:
        ordering = ("number",)

    def all_lines(self) -> list[Any]:
        """Return the lines in order, without asking the database for those that are known."""
        return list(self.lines.all()) if self.known_lines is None else self.known_lines

    def check_together(self, unread: Collection[str] = ()) -> None:
        """Refuse one that could agree on no codec, or never knows when it is closed. Raises `ValidationError`."""
        found = {}
        if not self.codecs:
            found["codecs"] = "must have at least one codec, or no call could have audio"
        if self.forward_closed and self.hours is None and "hours" not in unread:
            found["hours"] = f"must be given: calls go to {self.forward_closed} outside of a time range"
        if found:
            raise validation.all_wrong(found)


class Line(models.Model):
    """One registration of an extension: a phone with its own SIP name and password.

    The password is stored readable, because phones are configured with it; the snapshot has only its digests.
    """

    extension = models.ForeignKey(Extension, models.CASCADE, related_name="lines")
    position = models.IntegerField(default=0)
    sip_username = models.CharField(max_length=64, unique=True, validators=[validation.sip_username])
    sip_password = models.CharField(max_length=128, validators=[validation.sip_password])
    previous_password = models.CharField(max_length=128, blank=True, default="")
    """What counts too until the phone has used `sip_password`: it was given a new one with its configuration."""
    name = name_field()
    codecs = DataField(tuple[str, ...], default=tuple, validators=[validation.codecs])
    behind_nat = choice_field(NatMode, NatMode.AUTO)
    srtp = choice_field(SrtpMode, SrtpMode.OFFERED)
    dtmf = choice_field(DtmfMode, DtmfMode.AUTO)
    max_contacts = models.IntegerField(default=5, validators=[validation.Between(1, 50)])
    phones_from = name_field()

    class Meta:
        ordering = ("position", "pk")

    def __str__(self) -> str:
        return f"the line {self.sip_username}"

    def save(self, *, update_fields: Iterable[str] | None = None, **more: Any) -> None:
        """Write it. A password that somebody sets ends the one before at once."""
        if update_fields is not None and "sip_password" in update_fields:
            self.previous_password = ""
            update_fields = {*update_fields, "previous_password"}
        super().save(update_fields=update_fields, **more)

    def check_together(self, unread: Collection[str] = ()) -> None:
        """Accept any combination."""


class RingGroup(Numbered):
    """One number that rings many."""

    number = number_field()
    name = name_field()
    members = DataField(tuple[str, ...], default=tuple, validators=[validation.targets])
    strategy = choice_field(RingStrategy, RingStrategy.ALL)
    step_time = models.FloatField(default=20.0, validators=SECONDS)
    fallback = target_field()
    caller_id_prefix = name_field()
    obey_forwards = models.BooleanField(default=False)

    class Meta:
        ordering = ("number",)
        verbose_name = "ring group"


class Service(Numbered):
    """A number with a built-in function, or a destination written in Python by the company."""

    number = number_field()
    kind = choice_field(ServiceKind, "")
    name = name_field()
    sound = name_field()
    repeat = models.IntegerField(default=1, validators=[validation.Between(1, 100, "times")])
    then = target_field()
    time_ranges = DataField(tuple[snapshot.TimeRange, ...], default=tuple, validators=[validation.time_ranges])
    open_target = target_field()
    closed_target = target_field()
    hours = hours_field("services")
    until_change = models.BooleanField(default=False)
    plugin = name_field()
    options = DataField(dict[str, str], default=dict)

    class Meta:
        ordering = ("number",)

    def check_together(self, unread: Collection[str] = ()) -> None:
        """Check that there is what the kind needs. Raises `ValidationError`."""
        needs = {"announcement": "sound", "schedule": "time_ranges", "night": "hours", "plugin": "plugin"}.get(
            self.kind
        )
        if self.kind == "schedule" and (self.hours is not None or "hours" in unread):
            return
        if needs and not getattr(self, needs) and needs not in unread:
            raise validation.wrong(needs, f"must be given: a service of kind {self.kind} needs it")


class SpeedDial(Numbered):
    """A short number of the house for a long one."""

    number = number_field()
    target = models.CharField(max_length=41, validators=[validation.target])
    name = name_field()
    everybody = models.BooleanField(default=False)

    class Meta:
        ordering = ("number",)
        verbose_name = "speed dial"
