"""What Django needs to know of this app."""

from django.apps import AppConfig


class PeopleConfig(AppConfig):
    """Registers the app under its name."""

    name = "jackfield.people"
    label = "people"
    verbose_name = "Users"
    default_auto_field = "django.db.models.BigAutoField"
