"""The values that fields of limits choose from, with their labels."""

from django.db import models
from django.utils.translation import gettext_lazy as _

__all__ = ["Action", "AppliesTo", "Kind", "Per", "When"]


class AppliesTo(models.TextChoices):
    """To which calls a rule applies."""

    ALL = "all", _("All outgoing calls")
    LISTED = "listed", _("Those listed here")
    EXCEPT = "except", _("All except those listed here")


class Kind(models.TextChoices):
    """Kinds of outside numbers."""

    INTERNATIONAL = "international", _("Calls abroad")
    PREMIUM = "premium", _("Premium-rate numbers, of all countries, and satellites")
    MOBILE = "mobile", _("Mobile phones of the company's country")
    NATIONAL = "national", _("Other numbers of the company's country")
    FREE = "free", _("Free numbers")


class Per(models.TextChoices):
    """What has a count of its own."""

    SYSTEM = "system", _("The whole system together")
    USER = "user", _("Each user")
    EXTENSION = "extension", _("Each extension")
    TRUNK = "trunk", _("Each trunk")
    SITE = "site", _("Each site")


class When(models.TextChoices):
    """On which side of a time range a rule counts."""

    INSIDE = "inside", _("While it is open")
    OUTSIDE = "outside", _("While it is closed")


class Action(models.TextChoices):
    """What happens when a limit is reached."""

    WARN = "warn", _("Tell the administrator, and let calls through")
    PIN = "pin", _("Ask the caller for a PIN")
    ASK = "ask", _("Ask the user to approve the call, on the own pages or another phone")
    BLOCK = "block", _("Block")
    END = "end", _("Block, and end all calls of this rule")
