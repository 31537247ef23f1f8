"""The app of contacts, for Django."""

from django.apps import AppConfig

__all__ = ["ContactsConfig"]


class ContactsConfig(AppConfig):
    """Says where the models are."""

    name = "jackfield.contacts"
    label = "contacts"
