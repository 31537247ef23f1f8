"""The values that fields of contacts choose from, with their labels."""

from django.db import models
from django.utils.translation import gettext_lazy

__all__ = ["Kind"]


class Kind(models.TextChoices):
    """Where a number rings."""

    WORK = "work", gettext_lazy("Work")
    MOBILE = "mobile", gettext_lazy("Mobile")
    HOME = "home", gettext_lazy("Home")
    FAX = "fax", gettext_lazy("Fax")
    OTHER = "other", gettext_lazy("Other")
