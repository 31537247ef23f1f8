"""Half hours since 1970, by which the history is added up: every zone's days and hours are made of them."""

from __future__ import annotations

from typing import Any

from django.db.models import Func, IntegerField

__all__ = ["SLOT", "Slot"]

SLOT = 1800
"""Seconds."""


class Slot(Func):
    """The half hour of a time: whole half hours since 1970."""

    output_field = IntegerField()
    template = f"CAST(FLOOR(%(expressions)s / {SLOT}) AS INTEGER)"

    def as_sqlite(self, compiler: Any, connection: Any, **more: Any) -> Any:
        """FLOOR is a function in Python there, and CAST cuts off already."""
        return self.as_sql(compiler, connection, template=f"CAST(%(expressions)s / {SLOT} AS INTEGER)", **more)
