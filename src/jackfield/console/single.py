"""What there is one of: a model with one row, made when it is first saved."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Self

from django.db import models

from jackfield.console import validation

__all__ = ["Single"]


class Single(models.Model):
    """A model with one row at most."""

    class Meta:  # noqa: D106 - as in the models
        abstract = True

    @classmethod
    def current(cls) -> Self:
        """Return the one row; unsaved, with the defaults, when there is none yet."""
        found: Self | None = cls.objects.filter(pk=1).first()
        return found or cls(pk=1)

    def check_together(self, unread: Collection[str] = ()) -> None:
        """Accept any combination."""

    def clean(self) -> None:
        """Do the same for a form."""
        self.check_together()

    def need_when_enabled(self, needed: Mapping[str, str], unread: Collection[str]) -> None:
        """Refuse what is in use without what it needs: fields, with what each is. Raises `ValidationError`."""
        if not self.enabled or "enabled" in unread:
            return
        found = {
            name: f"must be given: {what}"
            for name, what in needed.items()
            if not getattr(self, name) and name not in unread
        }
        if found:
            raise validation.all_wrong(found)
