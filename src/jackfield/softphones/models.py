"""Links that set a softphone up: each works once, for a time, and can be taken back. Times are seconds since 1970."""

from __future__ import annotations

from django.db import models

__all__ = ["SetupLink"]


class SetupLink(models.Model):
    """A link for one line. What stands in the address is signed with the installation's own key (`links.token`), so
    nobody can make one from what is stored here.
    """

    line = models.ForeignKey("numbers.Line", models.CASCADE, related_name="setup_links")
    nonce = models.CharField(max_length=32)
    mark = models.CharField(max_length=16)
    """Of the line's name and password: with another password the link has ended."""
    made = models.FloatField()
    made_by = models.CharField(max_length=200, blank=True, default="")
    expires = models.FloatField()
    used = models.FloatField(null=True)
    used_by = models.CharField(max_length=20, blank=True, default="")
    """The app that fetched its file, or "page" where a person was shown what to type."""
    used_from = models.CharField(max_length=64, blank=True, default="")
    revoked = models.FloatField(null=True)

    class Meta:
        ordering = ("-made", "-pk")

    def __str__(self) -> str:
        return f"a set-up link of {self.line}"
