"""The values that fields of notices choose from, with their labels."""

from django.db import models
from django.utils.translation import gettext_lazy as _

__all__ = ["FOR_ADMINISTRATORS", "FOR_ONESELF", "LINKS", "Kind", "Progress", "Security"]


class Security(models.TextChoices):
    """How the connection to the e-mail server is protected."""

    STARTTLS = "starttls", _("STARTTLS (port 587)")
    TLS = "tls", _("TLS from the start (port 465)")
    NONE = "none", _("None (only inside the house)")


class Kind(models.TextChoices):
    """What a notice is about. But for a test, the company's settings have a field of this name that switches it off.

    One more for administrators: a line here, one each in `schema.py` and `models.py` with its migration, and a call of
    `watching.tell` where it happens, or an `Alert` in `watching.alerts` for what lasts. Pages, webhooks and everybody's
    own choice follow.
    """

    EMERGENCY_CALL = "emergency_call", _("Somebody dialled an emergency number")
    CALL_LIMIT = "call_limit", _("A limit on outgoing calls is reached, or a call was refused by it")
    UNUSUAL_CALL = "unusual_call", _("Calls of an extension are unlike those before")
    TRUNK_DOWN = "trunk_down", _("A trunk can't be used")
    ROUTER = "router", _("A router stands in the way of phones")
    SYSTEM = "system", _("A part of the system does not work")
    DISK_LOW = "disk_low", _("The disk is nearly full")
    CERTIFICATE = "certificate", _("The certificate ends soon")
    PUBLISH_FAILED = "publish_failed", _("The configuration can't be published")
    DIRECTORY_FAILED = "directory_failed", _("The directory can't be imported")
    WEBHOOK_FAILED = "webhook_failed", _("A webhook is given up")
    MISSED_CALL = "missed_call", _("Missed call")
    ACCOUNT = "account", _("How somebody signs in has changed")
    WELCOME = "welcome", _("Welcome")
    FORGOTTEN_PASSWORD = "forgotten_password", _("Forgotten password")
    TEST = "test", _("Test")


FOR_ONESELF = (Kind.MISSED_CALL, Kind.ACCOUNT)
"""What people are told of their own affairs, and may switch off."""
LINKS = (Kind.WELCOME, Kind.FORGOTTEN_PASSWORD)
"""What holds a link by which a password is set: it is written when it is sent, and kept nowhere."""
FOR_ADMINISTRATORS = tuple(kind for kind in Kind.__members__.values() if kind not in (*FOR_ONESELF, *LINKS, Kind.TEST))
"""What those are told who look after the system: a new kind is one of these."""


class Progress(models.TextChoices):
    """What has become of a notice."""

    WAITING = "waiting", _("Waiting")
    SENT = "sent", _("Sent")
    FAILED = "failed", _("Given up")
