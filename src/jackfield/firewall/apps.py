"""What Django needs to know of this app."""

from django.apps import AppConfig


class FirewallConfig(AppConfig):
    """Registers the app under its name."""

    name = "jackfield.firewall"
    label = "firewall"
    verbose_name = "Firewall"
    default_auto_field = "django.db.models.BigAutoField"
