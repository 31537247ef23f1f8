"""Only one at a time changes the configuration."""

from __future__ import annotations

__all__ = ["configuration_lock"]


def configuration_lock() -> None:
    """Let nobody else change or publish the configuration until the transaction ends.

    SQLite's transactions begin by taking the write lock anyway; PostgreSQL locks one row that all who change ask for.
    """
    from jackfield.company.models import State

    row = State.objects.select_for_update().filter(key="configuration")
    if not list(row):
        State.objects.get_or_create(key="configuration")
        list(row.all())
