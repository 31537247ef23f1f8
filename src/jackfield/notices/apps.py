"""What Django needs to know of this app."""

from django.apps import AppConfig


class NoticesConfig(AppConfig):
    """Registers the app under its name."""

    name = "jackfield.notices"
    label = "notices"
    verbose_name = "Notices"
    default_auto_field = "django.db.models.BigAutoField"
