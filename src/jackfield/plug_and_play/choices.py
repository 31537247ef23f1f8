"""Vendors with a service that redirects their phones, and what became of a phone that was entered there."""

from django.db import models
from django.utils.translation import gettext_lazy as _

__all__ = ["Outcome", "Service"]


class Service(models.TextChoices):
    """A vendor's redirection service."""

    YEALINK = "yealink", "Yealink RPS"
    SNOM = "snom", "Snom SRAPS"
    GIGASET = "gigaset", "Gigaset"


class Outcome(models.TextChoices):
    """What became of it."""

    ENTERED = "entered", _("The vendor sends the phone to us")
    REMOVED = "removed", _("The vendor sends the phone to us no longer")
    FAILED = "failed", _("The vendor did not take it")
