"""The e-mail server, who is told what, and every notice with what has become of it."""

from __future__ import annotations

from collections.abc import Collection

from django.db import models

from jackfield.console import validation
from jackfield.console.fields import DataField
from jackfield.console.single import Single
from jackfield.notices.choices import Kind, Progress, Security
from jackfield.people.models import User

__all__ = ["Mail", "Notice", "Notices", "Preference"]


class Mail(Single):
    """The server that takes our e-mail. The password is stored readable, because we sign in with it."""

    host = models.CharField(max_length=253, blank=True, default="", validators=[validation.address])
    port = models.IntegerField(default=587, validators=[validation.Between(1, 65535)])
    security = models.CharField(max_length=20, choices=Security.choices, default=Security.STARTTLS)
    username = models.CharField(max_length=254, blank=True, default="", validators=[validation.one_line])
    password = models.CharField(max_length=254, blank=True, default="", validators=[validation.one_line])
    sender = models.CharField(max_length=254, blank=True, default="", validators=[validation.email])
    links = models.CharField(max_length=200, blank=True, default="", validators=[validation.web_origin])

    def __str__(self) -> str:
        return "the e-mail server"

    def check_together(self, unread: Collection[str] = ()) -> None:
        """Refuse a server without a sender. Raises `ValidationError`."""
        if self.host and not self.sender and "sender" not in unread:
            raise validation.wrong("sender", "must be given: the address that the messages come from")


class Notices(Single):
    """Who is told what."""

    recipients = DataField(tuple[str, ...], default=tuple, validators=[validation.emails])
    emergency_call = models.BooleanField(default=True)
    call_limit = models.BooleanField(default=True)
    unusual_call = models.BooleanField(default=True)
    trunk_down = models.BooleanField(default=True)
    router = models.BooleanField(default=True)
    system = models.BooleanField(default=True)
    disk_low = models.BooleanField(default=True)
    certificate = models.BooleanField(default=True)
    publish_failed = models.BooleanField(default=True)
    directory_failed = models.BooleanField(default=True)
    webhook_failed = models.BooleanField(default=True)
    missed_call = models.BooleanField(default=True)
    account = models.BooleanField(default=True)
    welcome = models.BooleanField(default=True)
    forgotten_password = models.BooleanField(default=True)

    def __str__(self) -> str:
        return "the notices"


class Preference(models.Model):
    """What a user wants to be told: his own affair, so no part of the company's configuration."""

    user = models.OneToOneField(User, models.CASCADE, primary_key=True, related_name="preference")
    missed_call = models.BooleanField(default=False)
    off = DataField(tuple[str, ...], default=tuple)  # other kinds, that he does not want

    def __str__(self) -> str:
        return f"what {self.user} wants to be told"


class Notice(models.Model):
    """One e-mail to one recipient. Times are seconds since 1970."""

    at = models.FloatField(db_index=True)
    kind = models.CharField(max_length=20, choices=Kind.choices)
    cause = models.CharField(max_length=200)  # what it is about, for "not more than one an hour"
    recipient = models.CharField(max_length=254, blank=True, default="")
    user = models.ForeignKey(User, models.CASCADE, null=True, blank=True, related_name="notices")
    """To whom a link by which a password is set is sent; None for every other kind."""
    language = models.CharField(max_length=35, blank=True, default="")
    subject = models.CharField(max_length=200)
    text = models.TextField()
    progress = models.CharField(max_length=20, choices=Progress.choices, default=Progress.WAITING)
    tries = models.IntegerField(default=0)
    next_try = models.FloatField(default=0)
    error = models.TextField(blank=True, default="")

    class Meta:
        ordering = ("-pk",)
        indexes = (
            models.Index(fields=("cause", "recipient", "at"), name="notice_by_cause"),
            models.Index(fields=("progress", "next_try"), name="notice_due"),
        )

    def __str__(self) -> str:
        return f"{self.subject} to {self.recipient}"
