"""What Django needs to know of this app."""

from django.apps import AppConfig


class HistoryConfig(AppConfig):
    """Registers the app under its name."""

    name = "jackfield.history"
    label = "history"
    verbose_name = "Calls"
    default_auto_field = "django.db.models.BigAutoField"
