"""What Django needs to know of this app."""

from django.apps import AppConfig


class SitesConfig(AppConfig):
    """Registers the app under its name."""

    name = "jackfield.sites"
    label = "sites"
    verbose_name = "Sites"
    default_auto_field = "django.db.models.BigAutoField"
