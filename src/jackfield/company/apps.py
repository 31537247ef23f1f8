"""What Django needs to know of this app."""

from django.apps import AppConfig


class CompanyConfig(AppConfig):
    """Registers the app under its name."""

    name = "jackfield.company"
    label = "company"
    verbose_name = "Company and audio"
    default_auto_field = "django.db.models.BigAutoField"
