"""Applying a document: read, lay over the database, check, write; all of it or nothing."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.db import transaction

from jackfield.console.change import configuration_lock
from jackfield.console.declarative.checks import check
from jackfield.console.declarative.difference import Difference, DocumentError
from jackfield.console.declarative.document import load
from jackfield.console.declarative.merging import Item, Merge, merge
from jackfield.console.declarative.reading import read_document
from jackfield.console.declarative.sections import LINES, SECTIONS
from jackfield.numbers.plan import DialPlan

__all__ = ["apply"]


def apply(
    text: str, *, prune: bool = False, dry_run: bool = False, sounds: Collection[str] | None = None
) -> Difference:
    """Make the database's configuration be what the document says. See `jackfield.console.api.apply`.

    `sounds`: names of sounds that need no configuration; None: they are not looked at.
    Raises `DocumentError`; the database is then as it was.
    """
    document = read_document(load(text))
    with transaction.atomic():
        configuration_lock()
        before = DialPlan.current()
        merged = merge(document, prune=prune, dry_run=dry_run)
        problems, warnings = check(merged, before, sounds)
        if found := [*document.problems, *merged.problems, *problems]:
            raise DocumentError(found)
        if not dry_run:
            _write(merged)
    return Difference(tuple(merged.changes), tuple(warnings), applied=not dry_run)


def _write(merged: Merge) -> None:
    """Write what differs: removals first, from what refers to others to what others refer to; then the rest."""
    _delete(LINES.model(), merged.removed_lines)
    for name in reversed(SECTIONS):
        _delete(SECTIONS[name].model(), merged.removed.get(name, []))
    for name, items in merged.items.items():
        model = SECTIONS[name].model()
        model.objects.bulk_create([item.row for item in items if item.created], batch_size=500)
        _update([item for item in items if not item.created])
        if name == "extensions":
            _write_lines([line for item in items for line in item.lines])


def _write_lines(lines: list[Item]) -> None:
    renamed = [line.row for line in lines if not line.created and "sip_username" in line.changed]
    for row in renamed:  # two lines may swap their names, which no order of single updates could do
        type(row).objects.filter(pk=row.pk).update(sip_username=f"~{row.pk}")
    _update([line for line in lines if not line.created])
    LINES.model().objects.bulk_create([line.row for line in lines if line.created], batch_size=500)


def _update(items: list[Item]) -> None:
    for item in items:
        if item.changed:
            new = item.row._state.adding  # the general settings, which had defaults only
            item.row.save(force_insert=new, update_fields=None if new else sorted(item.changed))


def _delete(model: Any, rows: list[Any]) -> None:
    for start in range(0, len(rows), 500):
        model.objects.filter(pk__in=[row.pk for row in rows[start : start + 500]]).delete()
