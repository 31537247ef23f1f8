"""What Django needs to know of this app."""

from django.apps import AppConfig


class DeskPhonesConfig(AppConfig):
    """Registers the app under its name."""

    name = "jackfield.desk_phones"
    label = "desk_phones"
    verbose_name = "Desk phones"
    default_auto_field = "django.db.models.BigAutoField"
