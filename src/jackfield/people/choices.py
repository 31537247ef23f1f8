"""The values that fields of users choose from, with their labels."""

from django.db import models

__all__ = ["Role"]


class Role(models.TextChoices):
    """What a user may do in the console."""

    USER = "user", "Uses the phones"
    ADMINISTRATOR = "administrator", "Administers the system"
