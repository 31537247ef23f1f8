"""What was done with contacts: kept for a year, and taken back on demand."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from django.db import transaction

from jackfield.contacts.models import Contact, ContactChange, ContactNumber
from jackfield.contacts.numbers import House

__all__ = ["Item", "data", "keep", "undo"]

KEPT_SECONDS = 365 * 86400.0
TEXTS = ("name", "company", "email", "note")

Data = dict[str, Any]
Item = tuple[int, Data | None, Data | None]
"""Key of a contact, and how it was and is."""


def data(contact: Any) -> Data:
    """Return a stored contact as plain data, with its numbers in their order as `[kind, number]`."""
    found: Data = {name: getattr(contact, name) for name in TEXTS}
    return found | {"numbers": [[one.kind, one.number] for one in contact.numbers.all()]}


def keep(owner: Any, by: Any, items: Sequence[Item]) -> None:
    """Write down what was done with contacts of `owner` (None: the company's) by the user `by`, if anything was."""
    changed = [{"pk": pk, "before": before, "after": after} for pk, before, after in items if before != after]
    if not changed:
        return
    now = time.time()
    author = by.shown_name if by is not None else ""
    ContactChange.objects.create(at=now, owner=owner, author=author[:200], items=changed)
    ContactChange.objects.filter(owner=owner, at__lt=now - KEPT_SECONDS).delete()


def undo(change: ContactChange, by: Any, house: House) -> list[str]:
    """Take a change back, as far as nobody has changed the same contacts since; return the names of the others.

    What it made goes, what it removed returns, and what it changed is as before. Undoing is a change,
    too.
    """
    items: list[Item] = []
    left = []
    with transaction.atomic():
        locked = ContactChange.objects.select_for_update().get(pk=change.pk)
        if locked.undone:
            return []
        for item in locked.items:
            before, after = item["before"], item["after"]
            row = Contact.objects.filter(pk=item["pk"], owner=locked.owner).first()
            now = None if row is None else data(row)
            if now != after:
                left.append(str((after or before)["name"]))
                continue
            if before is None:
                row.delete()
                items.append((item["pk"], now, None))
                continue
            row = row or Contact(
                pk=item["pk"], owner=locked.owner
            )  # the same key: what was done before can be undone, too
            write(row, before, house)
            items.append((row.pk, now, data(row)))
        if items:
            ContactChange.objects.filter(pk=locked.pk).update(undone=True)
        keep(locked.owner, by, items)
    return left


def write(contact: Any, values: Data, house: House) -> None:
    """Make a contact be what plain data say."""
    for name in TEXTS:
        setattr(contact, name, values[name])
    contact.save()
    contact.numbers.all().delete()
    ContactNumber.objects.bulk_create(
        ContactNumber(contact=contact, position=place, kind=kind, number=number, known_as=house.known_as(number))
        for place, (kind, number) in enumerate(values["numbers"])
    )
