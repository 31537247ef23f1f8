"""The values that fields of the company choose from, with their labels. The values are those of the snapshot."""

from django.db import models

__all__ = ["DigestMode"]


class DigestMode(models.TextChoices):
    """With which algorithms phones are asked for their password (RFC 7616, RFC 8760)."""

    AUTO = "auto", "What the phone knows"
    MD5 = "md5", "MD5 only"
    SHA256 = "sha256", "SHA-256 only"
    BOTH = "both", "Both, SHA-256 first"
