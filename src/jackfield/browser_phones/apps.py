"""What Django needs to know of this app."""

from django.apps import AppConfig


class BrowserPhonesConfig(AppConfig):
    """Registers the app under its name."""

    name = "jackfield.browser_phones"
    label = "browser_phones"
    verbose_name = "Phones in browsers"
    default_auto_field = "django.db.models.BigAutoField"
