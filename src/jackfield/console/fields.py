"""Model fields that hold the plain frozen data of the snapshot: tuples of text, rewriting rules, time ranges.

They are stored as JSON, and what one reads from a model is the very value that goes into the snapshot.
"""

from __future__ import annotations

from typing import Any

import msgspec
from django.core.exceptions import ValidationError
from django.db import models

__all__ = ["DataField"]


class DataField(models.JSONField):
    """A column for a value of type `kind`: anything that msgspec can turn into JSON and back.

    `kind` is no part of a migration: the column is JSON whatever it holds.
    """

    def __init__(self, kind: Any = None, **options: Any) -> None:
        self.kind = kind
        options.setdefault("blank", True)
        super().__init__(**options)

    def deconstruct(self) -> tuple[str, str, list[Any], dict[str, Any]]:
        """Describe the column to the migrations."""
        name, path, positional, named = super().deconstruct()
        return name, path, list(positional), dict(named)

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        """Return the frozen value for what the database holds."""
        found = super().from_db_value(value, expression, connection)
        return found if self.kind is None or found is None else msgspec.convert(found, self.kind)

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        """Return JSON for the database."""
        plain = value if value is None or hasattr(value, "as_sql") else msgspec.to_builtins(value)
        return super().get_db_prep_value(plain, connection, prepared)

    def to_python(self, value: Any) -> Any:
        """Return the frozen value for plain data, as a form gives it. Raises `ValidationError`."""
        if self.kind is None or value is None:
            return value
        try:
            return msgspec.convert(msgspec.to_builtins(value), self.kind)
        except msgspec.ValidationError as error:
            raise ValidationError(str(error)) from None

    def validate(self, value: Any, model_instance: Any) -> None:
        """Accept everything that `to_python` accepted."""

    def value_to_string(self, obj: Any) -> Any:
        """Return plain data, for Django's serialisers."""
        return msgspec.to_builtins(self.value_from_object(obj))
