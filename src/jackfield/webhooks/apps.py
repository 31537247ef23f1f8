"""What Django needs to know of this app."""

from django.apps import AppConfig


class WebhooksConfig(AppConfig):
    """Registers the app under its name."""

    name = "jackfield.webhooks"
    label = "webhooks"
    verbose_name = "Webhooks"
    default_auto_field = "django.db.models.BigAutoField"
