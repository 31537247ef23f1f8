"""What is chosen for desk phones, and what can be wrong with one."""

from django.db import models
from django.utils.translation import gettext_lazy as _

__all__ = ["Answered", "KeyKind", "NewExtensions", "Provisioning", "Transport", "Trouble", "Way"]


class Provisioning(models.TextChoices):
    """Whether phones are given their configuration at all."""

    AUTO = "auto", _("Unless this machine has a public address")
    ON = "on", _("Yes")
    OFF = "off", _("No")


class NewExtensions(models.TextChoices):
    """Whether a phone that nobody has entered gets an extension by itself."""

    LOCAL = "local", _("In the local networks")
    NEVER = "never", _("Never: it is listed, and somebody takes it in")


class Transport(models.TextChoices):
    """How a phone reaches the system."""

    UDP = "udp", "UDP"
    TCP = "tcp", "TCP"
    TLS = "tls", "TLS"


class KeyKind(models.TextChoices):
    """What a key of a phone does."""

    NONE = "none", _("Nothing")
    LINE = "line", _("Line")
    BLF = "blf", _("Lamp (BLF)")
    SPEED_DIAL = "speed_dial", _("Speed dial")
    PARK = "park", _("Park")
    PICKUP = "pickup", _("Pick up")
    VOICEMAIL = "voicemail", _("Voicemail")
    FORWARD = "forward", _("Forward")


class Way(models.TextChoices):
    """How a phone asks for its configuration."""

    HTTPS = "https", "HTTPS"
    HTTP = "http", "HTTP"
    TFTP = "tftp", "TFTP"
    PNP = "pnp", _("Plug and play")


class Trouble(models.TextChoices):
    """What went wrong with a request for a configuration."""

    USED = "used", _("a one-time address was used again")
    EXPIRED = "expired", _("a one-time address was used after it had expired")
    UNKNOWN_SECRET = "unknown_secret", _("an address was asked for that was never given out")
    CREDENTIALS = "credentials", _("without the phone's own password, or with a wrong one")
    OUTSIDE = "outside", _("from outside the local networks by a way that is not secure there")
    SWITCHED_OFF = "switched_off", _("while provisioning is switched off")
    LOOP = "loop", _("too often in a short time")
    STOLEN = "stolen", _("a one-time address was used for another phone")
    TRICK = "trick", _("a name that no phone asks for")
    NAME = "name", _("by a name that is none of this system")
    TWO_PLACES = "two_places", _("two phones ask with one MAC address")
    TEMPLATE = "template", _("the template has an error")
    NOTHING = "nothing", _("a file that its model does not have")


class Answered(models.TextChoices):
    """What became of a phone that was told to fetch its configuration."""

    WAITING = "waiting", _("is to be told")
    TOLD = "told", _("was told")
    UNREACHABLE = "unreachable", _("could not be reached")
    REFUSED = "refused", _("refused")
    FETCHED = "fetched", _("has fetched")
