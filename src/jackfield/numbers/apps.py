"""What Django needs to know of this app."""

from django.apps import AppConfig


class NumbersConfig(AppConfig):
    """Registers the app under its name."""

    name = "jackfield.numbers"
    label = "numbers"
    verbose_name = "Extensions, ring groups, services"
    default_auto_field = "django.db.models.BigAutoField"
