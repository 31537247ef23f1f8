"""The values that fields of numbers choose from, with their labels. The values are those of the snapshot."""

from django.db import models

__all__ = ["DtmfMode", "NatMode", "PermissionDefault", "RingStrategy", "ServiceKind", "SrtpMode"]


class NatMode(models.TextChoices):
    """Whether a phone sits behind a NAT."""

    AUTO = "auto", "Found out from its packets"
    ALWAYS = "always", "Yes"
    NEVER = "never", "No"


class SrtpMode(models.TextChoices):
    """Whether audio is encrypted."""

    OFF = "off", "Never"
    OFFERED = "offered", "When the phone can"
    REQUIRED = "required", "Always, or no call"


class DtmfMode(models.TextChoices):
    """How digits pressed during a call travel."""

    AUTO = "auto", "As negotiated"
    RFC4733 = "rfc4733", "RTP events (RFC 4733)"
    INFO = "info", "SIP INFO"
    INBAND = "inband", "Tones in the audio"


class RingStrategy(models.TextChoices):
    """Whom a ring group rings first."""

    ALL = "all", "All at once"
    ORDER = "order", "One after the other, in order"
    RANDOM = "random", "One after the other, in random order"
    LEAST_RECENT = "least_recent", "Whoever has had no call for the longest time first"


class PermissionDefault(models.TextChoices):
    """What holds for calls to the outside for which a permission has no rule."""

    ALLOW = "allow", "Allowed"
    DENY = "deny", "Not allowed"


class ServiceKind(models.TextChoices):
    """What a service number does."""

    ECHO = "echo", "Echo test"
    ANNOUNCEMENT = "announcement", "Announcement"
    MUSIC = "music", "Music on hold"
    TIME = "time", "Time of day"
    SCHEDULE = "schedule", "Opening hours"
    NIGHT = "night", "Night switch"
    PLUGIN = "plugin", "A destination of the company's own"
