"""What becomes of a message to a webhook."""

from django.db import models
from django.utils.translation import gettext_lazy as _

__all__ = ["Progress"]


class Progress(models.TextChoices):
    """Where a message stands."""

    WAITING = "waiting", _("Waiting")
    DELIVERED = "delivered", _("Delivered")
    GIVEN_UP = "given_up", _("Given up")
