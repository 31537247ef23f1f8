"""Webhooks, how each stands, and every message to them: the outbox and the log of deliveries are one table.

Times are seconds since 1970.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext as _

from jackfield.console import validation
from jackfield.console.fields import DataField
from jackfield.webhooks import kinds, signing
from jackfield.webhooks.address import web_address
from jackfield.webhooks.choices import Progress

__all__ = ["OLD_SECRET_SECONDS", "Delivery", "Standing", "Webhook"]

OLD_SECRET_SECONDS = 86400.0
"""How long what is sent is signed with the secret of before too."""


def everything() -> tuple[str, ...]:
    """Return what chooses all kinds of events."""
    return ("*",)


def name_in_an_address(value: str) -> None:
    """Accept a name that can be part of an address. Raises `ValidationError`."""
    validation.one_line(value)
    if "/" in value:
        raise ValidationError(_("leave / out of the name: it is part of addresses of the API"), code="wrong")


def numbers(values: Iterable[str]) -> None:
    """Accept numbers of the dial plan. Raises `ValidationError`."""
    for value in values:
        validation.number(value)


class Webhook(models.Model):
    """A program that is told. The secret is stored readable, because we sign with it."""

    name = models.CharField(max_length=100, unique=True, validators=[name_in_an_address])
    address = models.CharField(max_length=500, validators=[web_address])
    secret = models.CharField(max_length=120, validators=[signing.secret])
    events = DataField(tuple[str, ...], default=everything, validators=[kinds.patterns])
    numbers = DataField(tuple[str, ...], default=tuple, validators=[numbers])
    enabled = models.BooleanField(default=True)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return f'the webhook "{self.name}"'

    def check_together(self, unread: Collection[str] = ()) -> None:
        """Refuse one that is told of nothing. Raises `ValidationError`."""
        if not self.events and "events" not in unread:
            raise validation.wrong("events", _("must be given: * for all, or the kinds that are wanted"))

    def clean(self) -> None:
        """Do the same for a form."""
        self.check_together()

    def wants(self, kind: str, about: Collection[str] = ()) -> bool:
        """Tell whether it is to be told of a kind; `about`: the numbers that the event has to do with, if any."""
        return kinds.chosen(self.events, kind) and (not self.numbers or not about or bool({*self.numbers} & {*about}))

    def save(self, *, update_fields: Iterable[str] | None = None, **more: Any) -> None:
        """Write it. A secret that goes stays valid for a day; another address begins without the faults of the old."""
        changed = None if update_fields is None else set(update_fields)
        if self.pk is not None and (changed is None or changed & {"secret", "address", "enabled"}):
            before = Webhook.objects.filter(pk=self.pk).first()
            values: dict[str, Any] = {}
            if before is not None and before.secret != self.secret:
                values = {"old_secret": before.secret, "old_until": time.time() + OLD_SECRET_SECONDS}
            if before is not None and (before.address, before.enabled) != (self.address, self.enabled):
                values |= {"failing_since": None, "error": ""}
            if values:
                Standing.objects.update_or_create(webhook_id=self.pk, defaults=values)
        super().save(update_fields=update_fields, **more)


class Standing(models.Model):
    """How a webhook stands: what is no part of the configuration. Made when there is something to say."""

    webhook = models.OneToOneField(Webhook, models.CASCADE, primary_key=True, related_name="standing")
    old_secret = models.CharField(max_length=120, blank=True, default="")
    old_until = models.FloatField(default=0)
    failing_since = models.FloatField(null=True, blank=True)  # None while its address answers as it should
    error = models.TextField(blank=True, default="")  # of the last try that failed, while it fails
    left_out = models.IntegerField(default=0)  # live events that were never queued, since too many waited

    def __str__(self) -> str:
        return f"how {self.webhook} stands"


class Delivery(models.Model):
    """One message to one webhook: waiting in the outbox, or done with and kept for the log."""

    # No constraint of the database: call records must not be refused because somebody removes a webhook meanwhile.
    webhook = models.ForeignKey(Webhook, models.CASCADE, related_name="deliveries", db_index=False, db_constraint=False)
    message = models.CharField(max_length=64)  # the header webhook-id: stays the same however often it is sent
    kind = models.CharField(max_length=40)
    about = models.CharField(max_length=200, blank=True, default="")  # id of the call, the phone, …
    at = models.FloatField()  # when it happened
    queued = models.FloatField()  # since when it is to be delivered; anew when somebody sends it again
    body = models.TextField(blank=True, default="")  # "" until the first try for call records: they are read then
    progress = models.CharField(max_length=20, choices=Progress.choices, default=Progress.WAITING)
    tries = models.IntegerField(default=0)
    next_try = models.FloatField(default=0)
    tried = models.FloatField(null=True, blank=True)  # the last time
    status = models.IntegerField(default=0)  # of HTTP; 0: there was no answer
    seconds = models.FloatField(null=True, blank=True)  # that the answer took
    answer = models.TextField(blank=True, default="")  # its beginning
    error = models.TextField(blank=True, default="")  # why it was no success

    class Meta:
        ordering = ("-pk",)
        constraints = (models.UniqueConstraint(fields=("webhook", "message"), name="delivery_once"),)
        indexes = (
            models.Index(fields=("webhook", "progress", "next_try"), name="delivery_due"),
            models.Index(fields=("webhook", "kind", "about"), name="delivery_about"),
        )

    def __str__(self) -> str:
        return f"{self.kind} to {self.webhook_id}"
