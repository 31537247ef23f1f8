"""The door through which single things of the configuration are changed: by pages, by the API, by tables.

All of them say what they want as plain data, by the names of the YAML document. So the one reader, the one merge and
the one set of checks serve everybody, and every change is kept and can be undone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jackfield.console.declarative.apply import Author, change
from jackfield.console.declarative.difference import Difference, DocumentError, Problem
from jackfield.console.declarative.merging import Merge, key_text
from jackfield.console.declarative.nodes import tree
from jackfield.console.declarative.reading import Document, read_thing
from jackfield.console.declarative.sections import SECTIONS

if TYPE_CHECKING:
    from jackfield.changes.models import Revision
    from jackfield.settings import Settings

__all__ = ["Author", "Removal", "Wish", "save", "undo", "undoing"]


@dataclass(frozen=True, slots=True)
class Wish:
    """One thing as it is to be: plain values by field; what is not mentioned stays, or gets its default.

    `about`: the key of the thing that is meant, as it is now; None for a new one. `line`: where the wish stands in a
    table, for the problems. An extension's `lines`, where given, are all that it is to have.
    """

    section: str
    values: Mapping[str, Any]
    about: tuple[Any, ...] | None = None
    line: int = 0


@dataclass(frozen=True, slots=True)
class Removal:
    """One thing that is to go, named by its key."""

    section: str
    key: tuple[Any, ...]


def save(
    settings: Settings,
    wishes: Sequence[Wish | Removal],
    *,
    author: Author,
    dry_run: bool = False,
    guard: Callable[[], object] | None = None,
) -> Difference:
    """Do all that is wished or nothing, keep it in the history, and publish it to the switch.

    `dry_run` changes nothing and returns what would. `guard` is called once nobody else can change anything any more:
    what it raises stops the change. Raises `DocumentError` with every problem; their paths begin with
    the section and the number of the wish within it: `extensions[0].ring_time`. Raises `DatabaseAway`.
    """
    from jackfield.console import publish, sounds
    from jackfield.console.database import database_errors

    written: list[int] = []  # version of the snapshot

    def put(merged: Merge) -> None:
        rows = {name: [item.row for item in items] for name, items in merged.items.items()}
        if merged.changed("sounds") or sounds.wanting(settings, publish.languages(rows)):
            return  # files must be converted first
        for item in merged.items["extensions"]:
            item.row.known_lines = [line.row for line in item.lines]
        snapshot, new = publish.put(settings, rows)
        written.append(snapshot.version if new else 0)

    with database_errors(settings):
        document, known = _document(wishes), sounds.names(settings)
        difference = change(document, dry_run=dry_run, sounds=known, author=author, guard=guard, then=put)
    if written and written[0]:
        publish.tell(settings, written[0])
    elif difference and not dry_run and not written:
        publish.publish(settings)
    return difference


def undo(settings: Settings, revision: Revision, *, author: Author, dry_run: bool = False) -> Difference:
    """Take a revision back: what it made goes, what it removed returns, and changed fields get their old values.

    What others have changed since in other fields of the same things stays. Raises `DocumentError` when a thing or a
    field is no longer as the revision left it, and names the one; `DatabaseAway`.
    """
    return save(settings, undoing(revision), author=author, dry_run=dry_run)


def undoing(revision: Revision) -> list[Wish | Removal]:
    """Return what takes a revision back. Raises `DocumentError` when something is no longer as the revision left it."""
    from jackfield.console.declarative.merging import plain, stored

    wishes: list[Wish | Removal] = []
    problems: list[Problem] = []
    rows: dict[str, dict[str, Any]] = {}
    for item in revision.items.all():
        section = SECTIONS[item.section]
        if item.section not in rows:
            rows[item.section] = {key_text(section.key_of(row)): row for row in stored(section)}
        if isinstance(item.before, list):  # of an order
            wishes += [Wish(item.section, {}, about=tuple(key)) for key in item.before]
            continue
        key = item.new_key or item.key
        row = rows[item.section].get(key)
        now = None if row is None else plain(section, row)
        if item.before is None:  # it was created
            if now is not None:
                wishes.append(Removal(item.section, section.key_of(row)))
            else:
                problems.append(_problem(item, f"{section.thing} {key} is gone already"))
        elif item.after is None:  # it was removed
            wishes.append(Wish(item.section, item.before))
        elif now is None:
            problems.append(_problem(item, f"{section.thing} {key} is not there any more"))
        else:
            changed = [name for name, value in item.after.items() if item.before.get(name) != value]
            if stale := [name for name in changed if now.get(name) != item.after[name]]:
                names = ", ".join(stale)
                problems.append(
                    _problem(item, f"{section.thing} {key} was changed again since ({names}): undo that first")
                )
            wishes.append(Wish(item.section, {name: item.before.get(name) for name in changed}, section.key_of(row)))
    if problems:
        raise DocumentError(problems)
    return wishes


def _problem(item: Any, text: str) -> Problem:
    return Problem(f"{item.section} {item.key}".strip(), 0, text)


def _document(wishes: Sequence[Wish | Removal]) -> Document:
    document = Document({}, [])
    for wish in wishes:
        if isinstance(wish, Removal):
            document.removed.setdefault(wish.section, []).append(wish.key)
            continue
        section = SECTIONS[wish.section]
        place = document.sections.setdefault(section.name, [])
        values = dict(wish.values)
        if wish.about is not None:  # the reader wants the whole key
            values = dict(zip(section.key, wish.about, strict=True)) | values
        wanted = read_thing(section, tree(values, wish.line), f"{section.name}[{len(place)}]", document.problems)
        wanted.about, wanted.fresh = wish.about, wish.about is None and bool(section.key)
        wanted.whole_lines = "lines" in values
        place.append(wanted)
    return document
