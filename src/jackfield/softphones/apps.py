"""What Django needs to know of this app."""

from django.apps import AppConfig


class SoftphonesConfig(AppConfig):
    """Registers the app under its name."""

    name = "jackfield.softphones"
    label = "softphones"
    verbose_name = "Softphones"
    default_auto_field = "django.db.models.BigAutoField"
