"""What Django needs to know of this app."""

from django.apps import AppConfig


class PlugAndPlayConfig(AppConfig):
    """Registers the app under its name."""

    name = "jackfield.plug_and_play"
    label = "plug_and_play"
    verbose_name = "Plug and play"
    default_auto_field = "django.db.models.BigAutoField"
