"""What Django needs to know of this app."""

from django.apps import AppConfig


class LimitsConfig(AppConfig):
    """Registers the app under its name."""

    name = "jackfield.limits"
    label = "limits"
    verbose_name = "Limits on calls"
    default_auto_field = "django.db.models.BigAutoField"
