"""What Django needs to know of this app."""

from django.apps import AppConfig


class TrunksConfig(AppConfig):
    """Registers the app under its name."""

    name = "jackfield.trunks"
    label = "trunks"
    verbose_name = "Trunks, incoming and outgoing calls, emergency numbers"
    default_auto_field = "django.db.models.BigAutoField"
