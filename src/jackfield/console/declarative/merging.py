"""The document's wishes laid over what the database holds. Nothing is written here: rows are changed in memory.

The outcome is the final state of every section, for the checks, and the list of changes, for the reader and the writer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from jackfield.console.declarative.difference import Change, FieldChange, Problem
from jackfield.console.declarative.reading import Document, Wanted
from jackfield.console.declarative.section import Field, Section
from jackfield.console.declarative.sections import LINES, SECTIONS
from jackfield.console.declarative.values import suggestion, written
from jackfield.numbers.plan import DialPlan

__all__ = ["Item", "Merge", "key_text", "merge", "merge_order", "plain", "stored"]

GENERATED = "(generated)"


@dataclass(slots=True, eq=False)
class Item:
    """One thing of the final state."""

    section: Section
    row: Any
    wanted: Wanted | None = None
    created: bool = False
    changed: set[str] = field(default_factory=set)  # columns to write
    fields: list[FieldChange] = field(default_factory=list)
    lines: list[Item] = field(default_factory=list)  # of an extension, in order
    cut: bool = False  # lines of it are removed
    before: dict[str, Any] | None = None  # as `plain` gives it; None for one that is created, or that nobody names

    @property
    def name(self) -> str:
        """What it is known by, in one word."""
        return " ".join(str(part) for part in self.section.key_of(self.row) if part != "")

    def problem(self, name: str, message: str, below: str = "") -> Problem:
        """Return a problem with a field, at its place in the document if it stands there."""
        if self.wanted is not None:
            return self.wanted.problem(name, message, below)
        return Problem(f"{self.section.name} {self.name}.{name}".rstrip("."), 0, message)


@dataclass(slots=True)
class Merge:
    """The final state, and how it comes about."""

    items: dict[str, list[Item]] = field(default_factory=dict)
    removed: dict[str, list[Any]] = field(default_factory=dict)  # rows
    removed_lines: list[Any] = field(default_factory=list)
    orders: dict[str, tuple[list[Any], list[Any]]] = field(default_factory=dict)  # keys of a section, before and after
    changes: list[Change] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def changed(self, section: str) -> bool:
        """Tell whether anything of a section differs."""
        return any(change.section == section for change in self.changes)


def stored(section: Section) -> list[Any]:
    """Return the rows of a section as the database has them, in order, with what they refer to."""
    model = section.model()
    if not section.key:
        return [model.current()]
    references = [name for name, known in section.fields.items() if known.reference]
    rows = model.objects.select_related(*references) if references else model.objects.all()
    found = list(rows)
    if section.name == "extensions":
        _read_lines(found)
    return found


def _read_lines(extensions: list[Any]) -> None:
    """Give each extension its lines. Django's prefetch makes a query object for each: 100 ms with 2,000."""
    by_key = {row.pk: row for row in extensions}
    for row in extensions:
        row.known_lines = []
    for line in LINES.model().objects.all():
        if line.extension_id in by_key:
            line.extension = by_key[line.extension_id]
            line.extension.known_lines.append(line)


def plain(section: Section, row: Any, lines: Sequence[Any] | None = None) -> dict[str, Any]:
    """Return a thing as the document has it, secrets too: every field, an extension's lines as a list.

    `lines`: rows to take instead of those that the database has.
    """
    found = {known.name: _written(known.of(row)) for known in section.fields.values()}
    if section.name == "extensions":
        found["lines"] = [plain(LINES, line) for line in (row.all_lines() if lines is None else lines)]
    return found


def _written(value: Any) -> Any:
    return None if value is None else written(value)


def merge(document: Document, *, prune: bool, dry_run: bool) -> Merge:
    """Lay `document` over the database's content."""
    result = Merge()
    for section in SECTIONS.values():
        rows = stored(section)
        if section.name in document.sections or section.name in document.removed:
            layer = _Layer(section, rows, prune, dry_run, result)
            layer.lay(document.sections.get(section.name, []), document.removed.get(section.name, []))
        else:
            result.items[section.name] = [_untouched(section, row) for row in rows]
    return result


def merge_order(old: Sequence[Any], mentioned: Sequence[Any]) -> list[Any]:
    """Return everything in the order of `mentioned`; what is only in `old` stays behind what it stood behind."""
    named = {id(item) for item in mentioned}
    head: list[Any] = []
    behind: dict[int, list[Any]] = {}
    place = head
    for item in old:
        if id(item) in named:
            place = behind.setdefault(id(item), [])
        else:
            place.append(item)
    return head + [found for item in mentioned for found in (item, *behind.get(id(item), ()))]


def _untouched(section: Section, row: Any) -> Item:
    item = Item(section, row)
    if section.name == "extensions":
        item.lines = [Item(LINES, line) for line in row.all_lines()]
    return item


class _Layer:
    """Lays the wishes for one section over its rows."""

    def __init__(self, section: Section, rows: list[Any], prune: bool, dry_run: bool, result: Merge) -> None:
        self.section, self.rows, self.prune, self.dry_run, self.result = section, rows, prune, dry_run, result
        self.known = {section.key_of(row): row for row in rows}

    def lay(self, wishes: list[Wanted], unwanted: Sequence[tuple[Any, ...]] = ()) -> None:
        section, result = self.section, self.result
        items: dict[int, Item] = {}
        mentioned = []
        for wanted in wishes:
            row = self._row(wanted)
            item = Item(section, section.model()() if row is None else row, wanted, created=row is None)
            if row is not None:
                item.before = plain(section, row)
            self._fill(item, wanted)
            if section.name == "extensions":
                self._lay_lines(item, wanted)
            items[id(item.row)] = item
            mentioned.append(item.row)
        gone = self._going(unwanted)
        if self.prune and section.key:
            gone |= {id(row): row for row in self.rows if id(row) not in items}
        for row in gone.values():
            result.removed.setdefault(section.name, []).append(row)
            result.changes.append(Change("remove", section.name, _untouched(section, row).name))
        rows = merge_order([row for row in self.rows if id(row) not in gone], mentioned)
        result.items[section.name] = [items.get(id(row)) or _untouched(section, row) for row in rows]
        for item in items.values():
            self._report(item)
        if section.ordered:
            self._reorder(section, self.rows, result.items[section.name])

    def _row(self, wanted: Wanted) -> Any:
        """Return the row that a wish is about; None for a new one."""
        row = self.known.get(wanted.key if wanted.about is None else wanted.about)
        if wanted.about is not None and row is None:
            message = f"{self.section.thing} {key_text(wanted.about)} is not there any more: somebody removed it"
            self.result.problems.append(wanted.problem("", message))
        elif row is not None and wanted.fresh:
            message = f"there is already {row}"
            if self.section.key == ("number",):
                message = DialPlan.current().clash(wanted.values["number"]) or message
            self.result.problems.append(wanted.problem(self.section.key[-1], message))
        other = self.known.get(wanted.key)
        if wanted.about is not None and other is not None and other is not row:
            message = f"is already that of {other}"
            self.result.problems.append(wanted.problem(self.section.key[-1], message))
        return row

    def _going(self, unwanted: Sequence[tuple[Any, ...]]) -> dict[int, Any]:
        found = {}
        for key in unwanted:
            row = self.known.get(key)
            if row is None:
                message = f"{self.section.thing} {key_text(key)} is not there any more"
                self.result.problems.append(Problem(self.section.name, 0, message))
            else:
                found[id(row)] = row
        return found

    def _report(self, item: Item) -> None:
        if item.created:
            self.result.changes.append(Change("create", self.section.name, item.name, tuple(item.fields)))
        elif item.fields:
            self.result.changes.append(Change("change", self.section.name, item.name, tuple(item.fields)))
        for line in item.lines:
            name = f"{item.name}/{GENERATED if _made_up(line, self.dry_run) else line.name}"
            if line.created:
                self.result.changes.append(Change("create", "lines", name, tuple(line.fields)))
            elif line.fields:
                self.result.changes.append(Change("change", "lines", name, tuple(line.fields)))

    def _fill(self, item: Item, wanted: Wanted) -> None:
        """Give the row the values that are wanted; where it's new, generate what is missing."""
        for known in item.section.fields.values():
            if known.name in wanted.values:
                self._set(item, known, wanted.values[known.name])
            elif item.created and known.generate is not None:
                self._set(item, known, known.generate(), generated=True)
            elif self.prune and not item.created and not (known.secret or known.generate or known.required):
                self._set(item, known, known.default)

    def _set(self, item: Item, known: Field, value: Any, *, generated: bool = False) -> None:
        old = known.of(item.row)
        if old == value:
            return
        if known.reference:
            setattr(item.row, known.name, self._target(item, known, value))
        else:
            setattr(item.row, known.name, value)
        item.changed.add(known.name)
        if item.created and known.name in item.section.key and not generated:
            return  # the key is in the change's own name
        shown = GENERATED if generated and self.dry_run else written(value)
        before = None if item.created else written(old)
        item.fields.append(
            FieldChange(known.name, None, None, True) if known.secret else FieldChange(known.name, before, shown)
        )

    def _target(self, item: Item, known: Field, value: str) -> Any:
        if not value:
            return None
        names = {found.name: found.row for found in self.result.items[known.reference]}
        if value not in names:
            thing = SECTIONS[known.reference].thing
            hint = suggestion(value, names) if names else f'add it under "{known.reference}"'
            self.result.problems.append(item.problem(known.name, f'there is no {thing} "{value}"; {hint}'))
        return names.get(value)

    def _reorder(self, section: Section, old: list[Any], items: list[Item]) -> None:
        kept = {id(item.row) for item in items if not item.created}
        before = [section.key_of(row) for row in old if id(row) in kept]
        after = [section.key_of(item.row) for item in items if not item.created]
        if before != after:
            order = FieldChange("order", list(map(key_text, before)), list(map(key_text, after)))
            self.result.changes.append(Change("change", section.name, "", (order,)))
            self.result.orders[section.name] = [list(key) for key in before], [list(key) for key in after]
        _number(items)

    def _lay_lines(self, item: Item, wanted: Wanted) -> None:
        rows = [] if item.created else list(item.row.all_lines())
        wishes = wanted.lines
        if wishes is None:
            if rows and not self.prune:
                item.lines = [Item(LINES, row) for row in rows]
                return
            wishes = [Wanted(LINES, wanted.path, wanted.line, first=True)] if item.created or self.prune else []
        matched = _match(wishes, rows)
        taken = {id(row) for row in matched if row is not None}
        lines = []
        for wish, row in zip(wishes, matched, strict=True):
            line = Item(LINES, LINES.model()(extension=item.row) if row is None else row, wish, created=row is None)
            self._fill(line, wish)
            lines.append(line)
        left = [row for row in rows if id(row) not in taken]
        whole = self.prune or wanted.whole_lines
        if whole:
            self.result.removed_lines += left
            item.cut = bool(left)
            for row in left:
                self.result.changes.append(Change("remove", "lines", f"{item.name}/{row.sip_username}"))
        by_row = {id(line.row): line for line in lines}
        order = merge_order([row for row in rows if not whole or id(row) in taken], [line.row for line in lines])
        item.lines = [by_row.get(id(row)) or Item(LINES, row) for row in order]
        before = [row for row in rows if id(row) in {id(found) for found in order}]
        if before != [row for row in order if id(row) in {id(found) for found in before}]:
            names = [line.name for line in item.lines]
            item.fields.append(FieldChange("lines", [row.sip_username for row in rows], names))
        _number(item.lines)


def key_text(key: Sequence[Any]) -> str:
    """Return a key for people: its parts in one line."""
    return " ".join(str(part) for part in key if part) or "(any)"


def _number(items: list[Item]) -> None:
    for position, item in enumerate(items):
        if item.row.position != position:
            item.row.position = position
            item.changed.add("position")


def _match(wishes: list[Wanted], rows: list[Any]) -> list[Any]:
    """Return for each wished line the row that it is about, or None for a new one.

    A SIP name says which; then the line's own name; then the place in the list. A line on the extension itself is its
    first one, so another SIP name there renames it.
    """
    found: list[Any] = [None] * len(wishes)
    free = {row.sip_username: row for row in rows}
    for index, wish in enumerate(wishes):
        found[index] = free.pop(wish.values.get("sip_username", ""), None)
    for index, wish in enumerate(wishes):
        name = wish.values.get("name", "")
        if found[index] is None and name and "sip_username" not in wish.values:
            found[index] = next((row for row in free.values() if row.name == name), None)
            if found[index] is not None:
                del free[found[index].sip_username]
    for index, wish in enumerate(wishes):
        by_place = wish.first or not ("sip_username" in wish.values or wish.values.get("name"))
        if found[index] is None and by_place and index < len(rows):
            found[index] = free.pop(rows[index].sip_username, None)
    return found


def _made_up(line: Item, dry_run: bool) -> bool:
    return dry_run and line.created and line.wanted is not None and "sip_username" not in line.wanted.values
