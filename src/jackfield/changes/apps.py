"""The app of the configuration's history, for Django."""

from django.apps import AppConfig

__all__ = ["ChangesConfig"]


class ChangesConfig(AppConfig):
    """Says where the models are."""

    name = "jackfield.changes"
    label = "changes"
