"""The values that fields of notices choose from, with their labels."""

from django.db import models

__all__ = ["Kind", "Progress", "Security"]


class Security(models.TextChoices):
    """How the connection to the e-mail server is protected."""

    STARTTLS = "starttls", "STARTTLS (port 587)"
    TLS = "tls", "TLS from the start (port 465)"
    NONE = "none", "None (only inside the house)"


class Kind(models.TextChoices):
    """What a notice is about."""

    TRUNK_DOWN = "trunk_down", "A trunk can't be used"
    SYSTEM = "system", "A part of the system does not work"
    DISK_LOW = "disk_low", "The disk is nearly full"
    CERTIFICATE = "certificate", "The certificate ends soon"
    MISSED_CALL = "missed_call", "Missed call"
    WELCOME = "welcome", "Welcome"
    TEST = "test", "Test"


class Progress(models.TextChoices):
    """What has become of a notice."""

    WAITING = "waiting", "Waiting"
    SENT = "sent", "Sent"
    FAILED = "failed", "Given up"
