"""The history of the configuration: a revision for each time that somebody saved, with all that it touched."""

from __future__ import annotations

from typing import Any

from django.db import models

from jackfield.people.models import User

__all__ = ["Item", "Revision"]


class Revision(models.Model):
    """One change as its author thinks of it: a form saved, a document applied, a table imported."""

    at = models.FloatField(db_index=True)  # seconds since 1970, as all of the history
    user = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="revisions")
    author = models.CharField(max_length=200)  # stays when the user is removed
    through = models.CharField(max_length=20)  # "page", "api", "import", "document", "undo", "first run"
    address = models.CharField(max_length=64, blank=True, default="")
    undoes = models.ForeignKey("self", models.SET_NULL, null=True, blank=True, related_name="undone_by")
    summary: Any = models.JSONField(default=dict)  # `Difference.to_dict()`: in words and without secrets

    class Meta:
        ordering = ("-pk",)

    def __str__(self) -> str:
        return f"change {self.pk} by {self.author}"


class Item(models.Model):
    """One thing before and after a revision, whole and with its secrets: what undoing needs. Never shown as it is."""

    revision = models.ForeignKey(Revision, models.CASCADE, related_name="items")
    section = models.CharField(max_length=40)
    key = models.CharField(max_length=300)  # what it was known by: shown, and searched for
    new_key = models.CharField(max_length=300, blank=True, default="")  # where that was changed
    before: Any = models.JSONField(null=True)  # None: it was created
    after: Any = models.JSONField(null=True)  # None: it was removed

    class Meta:
        ordering = ("pk",)
        indexes = (
            models.Index(fields=("section", "key"), name="item_by_key"),
            models.Index(fields=("section", "new_key"), name="item_by_new_key"),
        )

    def __str__(self) -> str:
        return f"{self.section} {self.key}"
