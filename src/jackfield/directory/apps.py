"""What Django needs to know of this app."""

from django.apps import AppConfig


class DirectoryConfig(AppConfig):
    """Registers the app under its name."""

    name = "jackfield.directory"
    label = "directory"
    verbose_name = "Directory"
    default_auto_field = "django.db.models.BigAutoField"
