"""The values that fields of users choose from, with their labels."""

from django.db import models

__all__ = ["Role"]


class Role(models.TextChoices):
    """What a user may do in the console. `jackfield.console.web.rights` says what each role holds."""

    NONE = "none", "May not sign in"
    USER = "user", "Own pages only"
    READER = "reader", "Administration, reading only"
    TELEPHONY = "telephony", "Administration of telephony"
    ADMINISTRATOR = "administrator", "Full administration"
