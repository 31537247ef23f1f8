"""The values that fields of the directory choose from, with their labels."""

from django.db import models

__all__ = ["Kind", "Security"]


class Kind(models.TextChoices):
    """Which directory it is: how people, groups and those who are disabled are told."""

    ACTIVE_DIRECTORY = "active_directory", "Microsoft Active Directory"
    OPENLDAP = "openldap", "OpenLDAP and others"


class Security(models.TextChoices):
    """How the connection is protected."""

    TLS = "tls", "LDAPS (port 636)"
    STARTTLS = "starttls", "STARTTLS (port 389)"
    NONE = "none", "None (passwords can be read on the way)"
