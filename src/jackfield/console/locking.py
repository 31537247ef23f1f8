"""Only one at a time changes the configuration; who only looks holds up nobody."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["configuration_lock", "looking"]


@contextmanager
def looking() -> Iterator[None]:
    """Give one state of the configuration for the time of the block, in which nothing may be written.

    What would change is found out in it: for a table of thousands of rows that takes seconds on a busy machine, and
    SQLite's transactions, which begin with the write lock, would let nobody else write meanwhile.
    """
    from django.db import connection, transaction

    known: Any = connection
    with_lock = getattr(known, "transaction_mode", None)
    if connection.vendor == "sqlite" and not connection.in_atomic_block:
        known.transaction_mode = "DEFERRED"
    try:
        with transaction.atomic():
            known.transaction_mode = with_lock
            if connection.vendor == "postgresql" and len(connection.savepoint_ids) == 0:
                with connection.cursor() as cursor:
                    cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            yield
    finally:
        known.transaction_mode = with_lock


def configuration_lock() -> None:
    """Let nobody else change or publish the configuration until the transaction ends.

    SQLite's transactions begin by taking the write lock anyway; PostgreSQL locks one row that all who change ask for.
    """
    from jackfield.company.models import State

    row = State.objects.select_for_update().filter(key="configuration")
    if not list(row):
        State.objects.get_or_create(key="configuration")
        list(row.all())
