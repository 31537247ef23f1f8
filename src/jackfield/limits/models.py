"""Limits on outgoing calls. The fields are the snapshot's."""

from __future__ import annotations

from collections.abc import Collection

from django.db import models

from jackfield.company.models import TimeRange
from jackfield.console import limit_validation, validation
from jackfield.console.fields import DataField
from jackfield.limits.choices import Action, AppliesTo, Per, When
from jackfield.switch.limits.data import LimitKind

__all__ = ["CallLimit"]

COUNT = [validation.Between(0, 1_000_000)]
MINUTES = [validation.Between(0, 1_000_000, "minutes")]
MONEY = [validation.Between(0, 1_000_000_000)]
NUMBERS = (
    "calls_per_hour", "calls_at_once", "minutes_per_day", "minutes_per_call", "money_per_hour", "money_per_day",
    "money_per_month",
)  # fmt: skip


class CallLimit(models.Model):
    """A rule. The position says in which order they are looked at."""

    position = models.PositiveIntegerField(default=0, db_index=True)
    name = models.CharField(max_length=60, unique=True, validators=[validation.one_line])
    enabled = models.BooleanField(default=True)
    applies_to = models.CharField(max_length=20, choices=AppliesTo.choices, default=AppliesTo.ALL)
    kinds = DataField(tuple[LimitKind, ...], default=tuple)
    countries = DataField(tuple[str, ...], default=tuple, validators=[limit_validation.countries])
    prefixes = DataField(tuple[str, ...], default=tuple, validators=[limit_validation.prefixes])
    opened = DataField(tuple[str, ...], default=tuple, validators=[limit_validation.opened])
    per = models.CharField(max_length=20, choices=Per.choices, default=Per.SYSTEM)
    only = DataField(tuple[str, ...], default=tuple)
    hours = models.ForeignKey(
        TimeRange, models.SET_NULL, null=True, blank=True, default=None, related_name="call_limits"
    )
    when = models.CharField(max_length=20, choices=When.choices, default=When.INSIDE)
    always = models.BooleanField(default=False)
    calls_per_hour = models.IntegerField(default=0, validators=COUNT)
    calls_at_once = models.IntegerField(default=0, validators=COUNT)
    minutes_per_day = models.IntegerField(default=0, validators=MINUTES)
    minutes_per_call = models.IntegerField(default=0, validators=MINUTES)
    money_per_hour = models.FloatField(default=0.0, validators=MONEY)
    money_per_day = models.FloatField(default=0.0, validators=MONEY)
    money_per_month = models.FloatField(default=0.0, validators=MONEY)
    action = models.CharField(max_length=20, choices=Action.choices, default=Action.BLOCK)
    pin = models.CharField(max_length=12, blank=True, default="", validators=[limit_validation.pin])

    natural_key_field = "name"

    class Meta:
        ordering = ("position", "name")
        verbose_name = "limit on calls"
        verbose_name_plural = "limits on calls"

    def __str__(self) -> str:
        return f'the limit "{self.name}"'

    def check_together(self, unread: Collection[str] = ()) -> None:
        """Check what one field can't tell alone. Raises `ValidationError`."""
        wrong = {}
        listed = {"kinds", "countries", "prefixes"}
        if self.applies_to != AppliesTo.ALL and not (self.kinds or self.countries or self.prefixes):
            wrong["applies_to"] = "needs a list: of kinds of numbers, countries or beginnings of numbers"
        if self.applies_to == AppliesTo.ALL and (self.kinds or self.countries or self.prefixes):
            wrong["applies_to"] = 'says all, but something is listed: choose "listed" or "except", or empty the lists'
        if not self.always and not any(getattr(self, name) for name in NUMBERS):
            wrong["calls_per_hour"] = "nothing is limited: give a number of calls, minutes or money, or close it wholly"
        if self.action == Action.PIN and not self.pin:
            wrong["pin"] = "must be given, since callers are asked for it"
        if self.only and self.per == Per.SYSTEM:
            wrong["only"] = "names some only, but the whole system is counted together: count each of them by itself"
        found = {
            field: text
            for field, text in wrong.items()
            if not {field} & set(unread) and not (field == "applies_to" and listed & set(unread))
        }
        if found:
            raise validation.all_wrong(found)
