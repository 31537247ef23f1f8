"""The one door through which the configuration is changed."""

from __future__ import annotations

__all__ = ["configuration_lock"]


def configuration_lock() -> None:
    """Let nobody else change or publish the configuration until the transaction ends.

    SQLite's transactions begin by taking the write lock anyway; PostgreSQL locks one row that all who change ask for.
    """
    from jackfield.company.models import State

    if not State.objects.select_for_update().filter(key="configuration").exists():
        State.objects.get_or_create(key="configuration")
        State.objects.select_for_update().get(key="configuration")
