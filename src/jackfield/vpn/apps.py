"""What Django needs to know of this app."""

from django.apps import AppConfig


class VpnConfig(AppConfig):
    """Registers the app under its name."""

    name = "jackfield.vpn"
    label = "vpn"
    verbose_name = "VPN"
    default_auto_field = "django.db.models.BigAutoField"
