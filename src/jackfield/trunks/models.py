"""Trunks, incoming and outgoing calls, emergency numbers. The fields are those of the snapshot, by the same names."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.db import models

from jackfield.console import validation
from jackfield.console.fields import DataField
from jackfield.numbers.choices import DtmfMode, NatMode, SrtpMode
from jackfield.numbers.models import Numbered, choice_field, hours_field, name_field, number_field, target_field
from jackfield.switch import snapshot
from jackfield.trunks.choices import CallerIdHeader, InternationalFormat, Transport, TrunkKind

__all__ = ["EmergencyNumber", "Inbound", "Outbound", "Trunk"]


def default_codecs() -> tuple[str, ...]:
    """Return the codecs of a trunk for which nothing is said: G.711 first, which every provider takes."""
    return snapshot.Trunk(name="").codecs


def thing_name_field() -> Any:
    """Return a column for the name by which other things refer to this one."""
    return models.CharField(max_length=100, unique=True, validators=[validation.one_line])


def rewrite_field() -> Any:
    """Return a column for a rule that changes a number; the default changes nothing."""
    return DataField(snapshot.Rewrite, default=snapshot.Rewrite, validators=[validation.rewrite])


def optional_rewrite_field() -> Any:
    """Return a column for a rule that changes a number, or for no rule."""
    return DataField(snapshot.Rewrite | None, null=True, default=None, validators=[validation.rewrite])


def caller_id_field() -> Any:
    """Return a column for a number to be shown to those who are called."""
    return models.CharField(max_length=31, blank=True, default="", validators=[validation.caller_id])


class Trunk(models.Model):
    """A way to the outside. The password is stored readable, because the switch signs in with it."""

    position = models.IntegerField(default=0)
    name = thing_name_field()
    kind = choice_field(TrunkKind, TrunkKind.REGISTER)
    hosts = DataField(tuple[str, ...], default=tuple, validators=[validation.hosts])
    transport = models.CharField(max_length=20, choices=Transport.choices, blank=True, default="")
    domain = models.CharField(max_length=253, blank=True, default="", validators=[validation.host])
    username = name_field()
    auth_username = name_field()
    password = models.CharField(max_length=200, blank=True, default="", validators=[validation.one_line])
    outbound_proxy = models.CharField(max_length=300, blank=True, default="", validators=[validation.proxy])
    register_expires = models.IntegerField(default=600, validators=[validation.Between(30, 86400, "seconds")])
    qualify_interval = models.FloatField(default=60.0, validators=[validation.Between(0, 86400, "seconds")])
    answer_timeout = models.FloatField(default=6.0, validators=[validation.Between(0.5, 32, "seconds")])
    sources = DataField(tuple[str, ...], default=tuple, validators=[validation.networks])
    codecs = DataField(tuple[str, ...], default=default_codecs, validators=[validation.codecs])
    srtp = choice_field(SrtpMode, SrtpMode.OFF)
    verify_tls = models.BooleanField(default=True)
    dtmf = choice_field(DtmfMode, DtmfMode.AUTO)
    max_calls = models.IntegerField(default=0, validators=[validation.Between(0, 100000)])
    caller_id = caller_id_field()
    caller_id_in = choice_field(CallerIdHeader, CallerIdHeader.ASSERTED)
    from_user = name_field()
    trust_identity = models.BooleanField(default=True)
    international_format = choice_field(InternationalFormat, InternationalFormat.AS_DIALLED)
    out_called = rewrite_field()
    out_calling = rewrite_field()
    in_calling = optional_rewrite_field()
    behind_nat = choice_field(NatMode, NatMode.AUTO)
    outside_calls = models.BooleanField(default=False)
    enabled = models.BooleanField(default=True)

    natural_key_field = "name"

    class Meta:
        ordering = ("position", "pk")

    def __str__(self) -> str:
        return f'the trunk "{self.name}"'

    def check_together(self, unread: Collection[str] = ()) -> None:
        """Check that there is what the kind needs, without the database. Raises `ValidationError` with all that is not.

        Of the fields `unread` the value is not known: what hangs on them can't be told.
        """
        registers = self.kind == TrunkKind.REGISTER
        found = {}
        if not self.codecs:
            found["codecs"] = "must have at least one codec, or no call could have audio"
        if registers and not self.username and "kind" not in unread:
            found["username"] = f'must be given: {self} registers; set kind to "address" if it does not'
        if not self.hosts and (registers or not self.sources) and not {"kind", "sources"} & set(unread):
            found["hosts"] = f"must be given: {self} needs the provider's domain or address"
        if found:
            raise validation.all_wrong(found)

    def clean(self) -> None:
        """Do the same for a form."""
        self.check_together()


class Inbound(models.Model):
    """What a called number of a trunk leads to. The first rule that matches, by position, wins."""

    position = models.IntegerField(default=0)
    trunk = models.ForeignKey(Trunk, models.PROTECT, null=True, blank=True, related_name="inbound")
    number = models.CharField(max_length=64, blank=True, default="", validators=[validation.inbound_number])
    rewrite = rewrite_field()
    target = target_field()
    calling = optional_rewrite_field()
    hours = hours_field("inbound")
    closed_target = target_field()
    name = name_field()

    class Meta:
        ordering = ("position", "pk")
        verbose_name = "incoming number"

    def check_together(self, unread: Collection[str] = ()) -> None:
        """Refuse hours without a number for the time outside of them, and the other way round.

        Raises `ValidationError`.
        """
        if {"hours", "closed_target"} & set(unread):
            return
        if self.hours is not None and not self.closed_target:
            raise validation.wrong("closed_target", f"must be given: where do calls go outside of {self.hours}?")
        if self.closed_target and self.hours is None:
            raise validation.wrong(
                "hours", f"must be given: outside of which hours do calls go to {self.closed_target}?"
            )

    def __str__(self) -> str:
        return f"the incoming number {self.number or '(any)'} of {self.trunk or 'any trunk'}"


class Outbound(models.Model):
    """A route to the outside: numbers that begin with `prefix` go to `trunks`, the first that works."""

    name = thing_name_field()
    prefix = models.CharField(max_length=21, blank=True, default="", validators=[validation.prefix])
    strip = models.IntegerField(null=True, blank=True, default=None, validators=[validation.Between(0, 20, "digits")])
    prepend = models.CharField(max_length=21, blank=True, default="", validators=[validation.prefix])
    trunks = DataField(tuple[str, ...], default=tuple)
    caller_id = caller_id_field()
    max_calls = models.IntegerField(default=0, validators=[validation.Between(0, 100000)])
    min_digits = models.IntegerField(default=1, validators=[validation.Between(0, 30, "digits")])
    hours = hours_field("outbound")
    enabled = models.BooleanField(default=True)

    class Meta:
        ordering = ("name",)
        verbose_name = "outgoing route"

    def __str__(self) -> str:
        return f'the outgoing route "{self.name}"'

    def check_together(self, unread: Collection[str] = ()) -> None:
        """Refuse a route without trunks. Raises `ValidationError`."""
        if self.enabled and not self.trunks and "enabled" not in unread:
            raise validation.wrong("trunks", f"must name at least one trunk: {self} leads to none")

    def clean(self) -> None:
        """Refuse a prefix that a number or another route has. Raises `ValidationError`."""
        from jackfield.numbers import plan

        self.check_together()
        if clash := plan.DialPlan.current(besides=self).prefix_clash(self.prefix):
            raise validation.wrong("prefix", clash)


class EmergencyNumber(Numbered):
    """A number that nothing may block."""

    number = number_field()
    name = name_field()
    trunks = DataField(tuple[str, ...], default=tuple)
    sent_as = caller_id_field()

    class Meta:
        ordering = ("number",)
        verbose_name = "emergency number"
