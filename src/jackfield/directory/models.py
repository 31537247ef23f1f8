"""Where the directory is, and which of its people is which user here."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.db import models

from jackfield.console import validation
from jackfield.console.fields import DataField
from jackfield.console.single import Single
from jackfield.directory.choices import Kind, Security
from jackfield.people.models import User

__all__ = ["Directory", "Entry", "Identity", "OpenId"]


def text(length: int = 500) -> Any:
    """Return a column for one line of text."""
    return models.CharField(max_length=length, blank=True, default="", validators=[validation.one_line])


class Directory(Single):
    """Where the directory is. The password is stored readable, because we sign in with it."""

    enabled = models.BooleanField(default=False)
    kind = models.CharField(max_length=20, choices=Kind.choices, default=Kind.ACTIVE_DIRECTORY)
    hosts = DataField(tuple[str, ...], default=tuple, validators=[validation.hosts])
    security = models.CharField(max_length=20, choices=Security.choices, default=Security.TLS)
    certificate = text()
    bind_name = text()
    bind_password = text(200)
    base = text()
    filter = text()
    groups = DataField(tuple[str, ...], default=tuple)
    login_attribute = text(60)
    number_attribute = text(60)
    role = models.CharField(max_length=60, default="user")
    group_roles = DataField(dict[str, str], default=dict)
    minutes = models.IntegerField(default=15, validators=[validation.Between(1, 1440, "minutes")])

    def __str__(self) -> str:
        return "the directory"

    def check_together(self, unread: Collection[str] = ()) -> None:
        """Refuse a directory in use without what it needs. Raises `ValidationError`."""
        needed = {"hosts": "the directory's server", "base": "the DN below which people are, as dc=example,dc=com"}
        self.need_when_enabled(needed, unread)


class Entry(models.Model):
    """A person of the directory who is a user here: known by the directory's own id, whatever his name becomes."""

    user = models.OneToOneField(User, models.CASCADE, primary_key=True, related_name="entry")
    uid = models.CharField(max_length=80, unique=True)
    dn = models.TextField()
    disabled = models.BooleanField(default=False)  # by the directory: only then may the directory enable it again
    role = models.CharField(max_length=60, default="")  # that a group of the directory gave, and takes with it
    number = text(100)  # as the directory had it last: when it changes there, the extension moves

    def __str__(self) -> str:
        return str(self.dn)


class OpenId(Single):
    """Another server at which people sign in. The secret is stored readable, because we show it to that server."""

    enabled = models.BooleanField(default=False)
    name = text(60)
    issuer = models.CharField(max_length=300, blank=True, default="", validators=[validation.web_address])
    client_id = text(200)
    client_secret = text(300)
    domains = DataField(tuple[str, ...], default=tuple, validators=[validation.hosts])
    create_users = models.BooleanField(default=False)
    role = models.CharField(max_length=60, default="user")

    def __str__(self) -> str:
        return "the OpenID Connect server"

    def check_together(self, unread: Collection[str] = ()) -> None:
        """Refuse one in use without what it needs. Raises `ValidationError`."""
        needed = {"issuer": "the server's https address", "client_id": "what the server knows us by"}
        self.need_when_enabled(needed, unread)


class Identity(models.Model):
    """Who of an OpenID Connect server is which user here: known by the server's own word for him, for ever."""

    user = models.ForeignKey(User, models.CASCADE, related_name="identities")
    issuer = models.CharField(max_length=300)
    subject = models.CharField(max_length=255)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("issuer", "subject"), name="identity_once"),)

    def __str__(self) -> str:
        return f"{self.subject} of {self.issuer}"
