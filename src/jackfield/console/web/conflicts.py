"""Two people at the same form: what somebody else changed while it was open.

A form carries a digest of what it was opened with. When it is saved and the thing is not as that any more, the history
knows what it was then, so that what one changed and what the other changed can be told apart.
"""

from __future__ import annotations

import hmac
import json
from dataclasses import dataclass
from typing import Any

from django.db.models import Q
from django.utils.crypto import salted_hmac

from jackfield.changes.models import Item
from jackfield.console.declarative.merging import key_text, plain
from jackfield.console.declarative.section import Section
from jackfield.console.web import told

__all__ = ["Conflict", "Stale", "changed_since", "digest", "is_stale"]

LOOKED_AT = 100
"""Changes of the thing among which the one is looked for that the form was opened before."""


class Stale(Exception):
    """The thing is not as it was when the form was opened."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """What others changed meanwhile. `then`: the thing as the form was opened with it; None when nobody knows."""

    who: str
    at: float
    then: dict[str, Any] | None
    now: dict[str, Any]
    fields: tuple[told.ToldField, ...]


def digest(section: Section, row: Any) -> str:
    """Return what tells one state of a thing from another, and tells nothing else to whoever reads the page."""
    return _digest(plain(section, row))


def _digest(values: dict[str, Any]) -> str:
    text = json.dumps(values, sort_keys=True, ensure_ascii=False)
    return salted_hmac("jackfield.form", text, algorithm="sha256").hexdigest()[:32]


def is_stale(section: Section, row: Any, opened: str) -> bool:
    """Tell whether the thing is another than the form was opened with; a form that doesn't say is believed."""
    return bool(opened) and not hmac.compare_digest(opened.encode(), digest(section, row).encode())


def changed_since(section: Section, row: Any, opened: str) -> Conflict:
    """Return what was changed since a form was opened."""
    now, key = plain(section, row), key_text(section.key_of(row))
    items = Item.objects.filter(section=section.name).filter(Q(key=key) | Q(new_key=key))
    people: list[str] = []
    then, at = None, 0.0
    for item in items.select_related("revision").order_by("-pk")[:LOOKED_AT]:
        people.append(item.revision.author)
        at = at or item.revision.at
        if isinstance(item.before, dict) and _digest(item.before) == opened:
            then = item.before
            break
    else:
        people = people[:1]
    fields = [] if then is None else _fields(section, then, now)
    return Conflict(" and ".join(dict.fromkeys(people)) or "Somebody", at, then, now, tuple(fields))


def _fields(section: Section, then: dict[str, Any], now: dict[str, Any]) -> list[told.ToldField]:
    found = []
    for name in now:
        if then.get(name) == now[name]:
            continue
        known = section.fields.get(name)
        if known is None:
            found.append(told.ToldField(name, "Phones", "", "changed"))
        elif known.secret:
            found.append(told.ToldField(name, told.label(section.name, name), "", "", secret=True))
        else:
            old, new = (told.shown(section.name, name, values.get(name)) for values in (then, now))
            found.append(told.ToldField(name, told.label(section.name, name), old, new))
    return found
