"""The values that fields of contacts choose from, with their labels."""

from django.db import models

__all__ = ["Kind"]


class Kind(models.TextChoices):
    """Where a number rings."""

    WORK = "work", "Work"
    MOBILE = "mobile", "Mobile"
    HOME = "home", "Home"
    FAX = "fax", "Fax"
    OTHER = "other", "Other"
