"""From the document's tree to what is wanted: things with typed values, every problem collected on the way."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from jackfield.console.declarative.difference import Problem
from jackfield.console.declarative.document import Entry, Mapping, Node, Scalar, Sequence
from jackfield.console.declarative.section import Field, Section
from jackfield.console.declarative.sections import LINES, SECTIONS
from jackfield.console.declarative.values import Refused, read, suggestion

__all__ = ["Document", "Wanted", "read_document", "read_thing"]

MOVED = {
    ("sign_in", "administration_from"): 'it is the firewall\'s now: "firewall: {administration: [GROUP]}"',
    ("sign_in", "api_from"): 'it is the firewall\'s now: "firewall: {api: [GROUP]}"',
}
"""Fields of documents that were written before something moved, by section and name: where it is now."""

FIRST_LINE = tuple(name for name in LINES.fields if name not in ("name", "codecs", "phones_from"))
"""Fields of the first line that may stand on the extension itself; the other two are the extension's own."""


@dataclass(slots=True)
class Wanted:
    """One thing that the document names. Only what it mentions is in `values`.

    `about`, `fresh` and `whole_lines` are for those who change single things; a YAML document never says them.
    """

    section: Section
    path: str
    line: int
    values: dict[str, Any] = field(default_factory=dict)
    written_in: dict[str, int] = field(default_factory=dict)  # line of each value
    lines: list[Wanted] | None = None  # of an extension; None when nothing is said about them
    refused: set[str] = field(default_factory=set)  # fields whose value could not be read
    first: bool = False  # a line that is given on the extension itself, and is therefore its first one
    about: tuple[Any, ...] | None = None  # what the thing is known by until now, when that may change
    fresh: bool = False  # is to be created: one that is there already is not meant
    whole_lines: bool = False  # `lines` are all that the extension is to have

    @property
    def key(self) -> tuple[Any, ...]:
        """What the thing is known by."""
        return tuple(self.values.get(name, self.section.fields[name].default) for name in self.section.key)

    def problem(self, name: str, message: str, below: str = "") -> Problem:
        """Return a problem with the field `name`, or with the whole thing when it is ""."""
        path = f"{self.path}.{name}{below}" if name else self.path
        return Problem(path, self.written_in.get(name, self.line), message)


@dataclass(slots=True)
class Document:
    """What the document wants, by section. Sections that it does not have are not in it."""

    sections: dict[str, list[Wanted]]
    problems: list[Problem]
    removed: dict[str, list[tuple[Any, ...]]] = field(default_factory=dict)  # keys of what is to go, by section


def read_document(tree: Mapping) -> Document:
    """Read the whole tree. Problems are collected in the result; what could be read is there nevertheless."""
    found = Document({}, [])
    for entry in tree.entries:
        section = SECTIONS.get(entry.key)
        if section is None:
            message = f'"{entry.key}" is no section; {suggestion(entry.key, SECTIONS)}'
            found.problems.append(Problem(entry.key, entry.line, message))
        elif not section.key:
            found.sections[section.name] = [read_thing(section, entry.value, entry.key, found.problems)]
        else:
            found.sections[section.name] = _things(section, entry, found.problems)
    return found


def _things(section: Section, entry: Entry, problems: list[Problem]) -> list[Wanted]:
    if isinstance(entry.value, Scalar) and entry.value.empty:
        return []
    if not isinstance(entry.value, Sequence):
        problems.append(Problem(entry.key, entry.line, f'must be a list: put "- " before each {section.thing}'))
        return []
    wanted: list[Wanted] = []
    first: dict[tuple[Any, ...], Wanted] = {}
    for index, node in enumerate(entry.value.items):
        thing = read_thing(section, node, f"{entry.key}[{index}]", problems)
        if any(section.fields[name].required and not thing.values.get(name) for name in section.key):
            continue  # reported by _thing; without a key there is nothing to compare it with
        if before := first.get(thing.key):
            shown = " ".join(str(part) for part in thing.key if part) or "(any)"
            message = f"{section.thing} {shown} is in the document twice, first in line {before.line}"
            problems.append(thing.problem("", message))
            continue
        first[thing.key] = thing
        wanted.append(thing)
    return wanted


def read_thing(section: Section, node: Node, path: str, problems: list[Problem]) -> Wanted:
    """Read one thing of a section that stands at `path`; what is wrong with it goes to `problems`."""
    wanted = Wanted(section, path, node.line)
    if isinstance(node, Scalar) and node.empty and not section.key:
        return wanted
    if not isinstance(node, Mapping):
        problems.append(wanted.problem("", f"must be a mapping, as in {{{', '.join(section.key or ('company',))}: …}}"))
        return wanted
    direct = Wanted(LINES, path, node.line, first=True)
    more: list[Wanted] | None = None
    for entry in node.entries:
        if section.name == "extensions" and entry.key == "lines":
            more = _lines(entry, f"{path}.lines", problems)
        elif section.name == "extensions" and entry.key in FIRST_LINE:
            _value(direct, LINES.fields[entry.key], entry, problems)
        elif entry.key in section.fields:
            _value(wanted, section.fields[entry.key], entry, problems)
        else:
            known = [*section.fields, *((*FIRST_LINE, "lines") if section.name == "extensions" else ())]
            instead = MOVED.get((section.name, entry.key)) or suggestion(entry.key, known)
            message = f'"{entry.key}" is not known here; {instead}'
            problems.append(Problem(f"{path}.{entry.key}", entry.line, message))
    for name in section.key:
        needed = section.fields[name]
        if needed.required and needed.generate is None and name not in wanted.written_in:
            problems.append(wanted.problem(name, "must be given"))
    if direct.written_in or more is not None:
        wanted.lines = [*([direct] if direct.written_in else []), *(more or [])]
    return wanted


def _lines(entry: Entry, path: str, problems: list[Problem]) -> list[Wanted]:
    if isinstance(entry.value, Scalar) and entry.value.empty:
        return []
    if not isinstance(entry.value, Sequence):
        problems.append(Problem(path, entry.line, 'must be a list: put "- " before each line'))
        return []
    return [read_thing(LINES, item, f"{path}[{index}]", problems) for index, item in enumerate(entry.value.items)]


def _value(wanted: Wanted, known: Field, entry: Entry, problems: list[Problem]) -> None:
    wanted.written_in[known.name] = entry.line
    empty = isinstance(entry.value, Scalar) and entry.value.empty
    if empty and known.generate is not None:
        return  # "sip_password:" with nothing behind it asks for a generated one
    if empty and known.required:
        problems.append(wanted.problem(known.name, "must be given"))
        return
    try:
        value = read(entry.value, known.type, known.default)
    except Refused as refused:
        for one in refused.below(f"{wanted.path}.{known.name}"):
            problems.append(Problem(one.path, one.line, one.message))
        wanted.refused.add(known.name)
        return
    if known.required and value == "":
        problems.append(wanted.problem(known.name, "must be given"))
        return
    wanted.values[known.name] = known.normalise(value) if known.normalise else value
