"""Applying a document: read, lay over the database, check, write; all of it or nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import Any

from django.db import transaction

from jackfield.console.declarative.checks import check
from jackfield.console.declarative.difference import Difference, DocumentError
from jackfield.console.declarative.document import load
from jackfield.console.declarative.merging import Item, Merge, key_text, merge, plain
from jackfield.console.declarative.reading import Document, read_document
from jackfield.console.declarative.sections import LINES, SECTIONS
from jackfield.console.locking import configuration_lock, looking
from jackfield.numbers.plan import DialPlan

__all__ = ["Author", "apply", "change"]


@dataclass(frozen=True, slots=True)
class Author:
    """Who changes the configuration, and by which way: what its history tells."""

    name: str
    through: str  # "page", "api", "import", "document", "undo", "first run"
    user: Any = None  # `people.models.User`, or None for one who has no account here
    address: str = ""  # where the request came from
    undoes: int | None = None  # the revision that this one takes back
    scopes: tuple[str, ...] | None = None  # of the token that is used: then the user holds no more than they say
    trial: bool = False  # it takes itself back unless somebody keeps it: then one may shut himself out


COMMAND_LINE = Author("command line", "document")


def apply(
    text: str,
    *,
    prune: bool = False,
    dry_run: bool = False,
    sounds: Collection[str] | None = None,
    author: Author = COMMAND_LINE,
    guard: Callable[[], object] | None = None,
) -> Difference:
    """Make the database's configuration be what the document says. See `jackfield.console.api.apply`.

    `sounds`: names of sounds that need no configuration; None: they are not looked at.
    Raises `DocumentError`; the database is then as it was.
    """
    return change(read_document(load(text)), prune=prune, dry_run=dry_run, sounds=sounds, author=author, guard=guard)


def change(
    document: Document,
    *,
    prune: bool = False,
    dry_run: bool = False,
    sounds: Collection[str] | None = None,
    author: Author,
    guard: Callable[[], object] | None = None,
    then: Callable[[Merge], object] | None = None,
) -> Difference:
    """Do what an already read document wants, and keep it in the history. Everything that changes things ends here.

    `guard` is called once nobody else can change anything any more: what it raises stops the change.
    `then` is called with the final state once it is written, before anybody else may change it, if anything
    differs.
    Raises `DocumentError`; the database is then as it was.
    """
    with looking() if dry_run else transaction.atomic():
        if not dry_run:
            configuration_lock()
        if guard is not None:
            guard()
        before = DialPlan.current()
        merged = merge(document, prune=prune, dry_run=dry_run)
        problems, warnings = check(
            merged,
            before,
            sounds,
            author.user,
            author.scopes,
            through=author.through,
            address="" if author.trial else author.address,
        )
        if found := [*document.problems, *merged.problems, *problems]:
            raise DocumentError(found)
        difference = Difference(tuple(merged.changes), tuple(warnings), applied=not dry_run)
        if not dry_run:
            kept = _kept(merged)  # while what is removed can still be read
            _write(merged)
            if difference:
                gone = {row.pk for row in merged.removed.get("users", ())}  # who removes himself
                still_there = author.user is None or author.user.pk not in gone
                _remember(difference, kept, author if still_there else replace(author, user=None))
                if then is not None:
                    then(merged)
    return difference


def _kept(merged: Merge) -> list[dict[str, Any]]:
    """Return every thing that differs, as it was and as it will be."""
    found: list[dict[str, Any]] = []
    for name, rows in merged.removed.items():
        for row in rows:
            gone = key_text(SECTIONS[name].key_of(row))
            found.append({"section": name, "key": gone, "before": plain(SECTIONS[name], row), "after": None})
    for name, items in merged.items.items():
        section = SECTIONS[name]
        for item in items:
            if not (item.created or item.fields or any(line.created or line.fields for line in item.lines) or item.cut):
                continue
            after = plain(section, item.row, [line.row for line in item.lines])
            key = key_text(section.key_of(item.row))
            old = key if item.before is None else key_text([item.before[part] for part in section.key])
            new = key if key != old else ""
            found.append({"section": name, "key": old, "new_key": new, "before": item.before, "after": after})
    for name, order in merged.orders.items():
        found.append({"section": name, "key": "", "before": order[0], "after": order[1]})
    return found


def _remember(difference: Difference, kept: list[dict[str, Any]], author: Author) -> None:
    from jackfield.changes.models import Item, Revision
    from jackfield.webhooks import outbox

    revision = Revision.objects.create(
        at=time.time(),
        user=author.user,
        author=author.name,
        through=author.through,
        address=author.address,
        undoes_id=author.undoes,
        summary=difference.to_dict(),
    )
    Item.objects.bulk_create([Item(revision=revision, **one) for one in kept], batch_size=500)
    outbox.configuration(revision)


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
    _keep_owners(merged)


def _keep_owners(merged: Merge) -> None:
    """Write down whose extension a number is from now on: its calls of before are not his."""
    from jackfield.history import ownership

    items = merged.items["extensions"]
    gone = {row.number for row in merged.removed.get("extensions", ())}
    gone |= {item.before["number"] for item in items if item.before is not None and "number" in item.changed}
    owned = {item.row.number: item.row.user_id for item in items if item.created or item.changed & {"number", "user"}}
    if gone or owned:
        ownership.changed(time.time(), gone - owned.keys(), owned)


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
