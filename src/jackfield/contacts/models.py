"""Contacts with their numbers, and what people have marked as favourites.

They are no configuration: the switch does not know them, and they are not in the YAML document.
"""

from __future__ import annotations

from typing import Any

from django.db import models

from jackfield.console import validation
from jackfield.contacts.choices import Kind
from jackfield.numbers.models import Extension
from jackfield.people.models import User

__all__ = ["Contact", "ContactChange", "ContactNumber", "Favourite"]


class Contact(models.Model):
    """Somebody outside the house, or a firm."""

    owner = models.ForeignKey(User, models.CASCADE, null=True, blank=True, related_name="contacts")
    """Whose contact it is; None: the company's, for everybody."""
    name = models.CharField(max_length=100, validators=[validation.one_line])
    company = models.CharField(max_length=100, blank=True, default="", validators=[validation.one_line])
    email = models.CharField(max_length=254, blank=True, default="", validators=[validation.email])
    note = models.CharField(max_length=1000, blank=True, default="")

    class Meta:
        ordering = ("name", "pk")
        indexes = (models.Index(fields=("owner", "name"), name="contact_by_owner"),)

    def __str__(self) -> str:
        return f'the contact "{self.name}"'


class ContactNumber(models.Model):
    """One number of a contact."""

    contact = models.ForeignKey(Contact, models.CASCADE, related_name="numbers")
    position = models.SmallIntegerField(default=0)
    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.WORK)
    number = models.CharField(max_length=40)
    """As somebody wrote it."""
    known_as = models.CharField(max_length=40, db_index=True)
    """By which callers are recognised: the international form, or for what is no public number the bare digits."""

    class Meta:
        ordering = ("position", "pk")

    def __str__(self) -> str:
        return str(self.number)


class ContactChange(models.Model):
    """What was done with contacts at once: one that was saved or removed, or a file that was brought in.

    They have a history of their own beside that of the configuration: people's own contacts are nobody else's business.
    """

    at = models.FloatField(db_index=True)  # seconds since 1970
    owner = models.ForeignKey(User, models.CASCADE, null=True, blank=True, related_name="contact_changes")
    """Whose contacts they are; None: the company's."""
    author = models.CharField(max_length=200, blank=True, default="")
    items: Any = models.JSONField(default=list)
    """A list of `{"pk", "before", "after"}`: the contact with its numbers, None where there was or is none."""
    undone = models.BooleanField(default=False)

    class Meta:
        ordering = ("-pk",)
        indexes = (models.Index(fields=("owner", "at"), name="contact_change_by_owner"),)

    def __str__(self) -> str:
        return f"a change of contacts by {self.author}"


class Favourite(models.Model):
    """What a person wants on top: a contact, or a colleague's extension."""

    user = models.ForeignKey(User, models.CASCADE, related_name="favourites")
    contact = models.ForeignKey(Contact, models.CASCADE, null=True, blank=True, related_name="favourites")
    extension = models.ForeignKey(Extension, models.CASCADE, null=True, blank=True, related_name="favourites")

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("user", "contact"), name="favourite_contact_once"),
            models.UniqueConstraint(fields=("user", "extension"), name="favourite_extension_once"),
        )

    def __str__(self) -> str:
        return f"a favourite of {self.user}"
