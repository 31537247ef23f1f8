"""The values that fields of trunks choose from, with their labels. The values are those of the snapshot."""

from django.db import models

__all__ = ["CallerIdHeader", "InternationalFormat", "Transport", "TrunkKind"]


class TrunkKind(models.TextChoices):
    """How the other side knows us."""

    REGISTER = "register", "Provider with a user name and password"
    ADDRESS = "address", "Provider that knows our address"
    PEER = "peer", "Another PBX"


class Transport(models.TextChoices):
    """How SIP travels to the other side."""

    ANY = "", "As its DNS says, else UDP"
    UDP = "udp", "UDP"
    TCP = "tcp", "TCP"
    TLS = "tls", "TLS"


class CallerIdHeader(models.TextChoices):
    """Where the number of the caller is put in outgoing calls."""

    FROM = "from", "From"
    ASSERTED = "p-asserted-identity", "P-Asserted-Identity"
    REMOTE_PARTY = "remote-party-id", "Remote-Party-ID"


class InternationalFormat(models.TextChoices):
    """How called numbers are written for the other side."""

    AS_DIALLED = "as_dialled", "As dialled"
    E164 = "e164", "With the country code (E.164)"
    E164_PLUS = "e164_plus", "With + and the country code"
    NATIONAL = "national", "As inside the country"
