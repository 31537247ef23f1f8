"""Tokens by which programs use the API, and the answers that they were given to requests that may come twice."""

from __future__ import annotations

from typing import Any

from django.db import models

__all__ = ["KeptAnswer", "Token"]


class Token(models.Model):
    """What a program shows instead of a password. Only its SHA-256 is kept, so it can be shown once only."""

    user = models.ForeignKey("people.User", models.CASCADE, related_name="tokens")
    name = models.CharField(max_length=60)
    digest = models.CharField(max_length=64, unique=True)
    begins = models.CharField(max_length=12)  # its first letters: people recognise it by them
    scopes: Any = models.JSONField(default=list)  # "people:read", "lines:write"; never more than the user's role
    made = models.FloatField(default=0)  # seconds since 1970
    expires = models.FloatField(null=True, blank=True)  # None: never
    used = models.FloatField(null=True, blank=True)
    address = models.CharField(max_length=64, blank=True, default="")  # from which it was used last

    def __str__(self) -> str:
        return f'the token "{self.name}"'


class KeptAnswer(models.Model):
    """The answer to a request with an Idempotency-Key: whoever sends it again gets the same, and nothing is done."""

    key = models.CharField(max_length=64, primary_key=True)  # SHA-256 of the user and the key
    request = models.CharField(max_length=64)  # SHA-256 of what was asked
    at = models.FloatField(db_index=True)  # seconds since 1970
    status = models.IntegerField(default=0)  # 0: being worked on
    headers: Any = models.JSONField(default=dict)
    content = models.TextField(blank=True, default="")

    def __str__(self) -> str:
        return f"the answer {self.key}"
