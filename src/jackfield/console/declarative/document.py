"""YAML text as a tree that remembers its lines.

The tree keeps scalars as they were written: what they mean depends on the field. `number: 0201` stays "0201",
`start: 08:30` stays "08:30", `country: NO` stays "NO", which YAML 1.1 would make 129, 510 and false.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from jackfield.console.declarative.difference import DocumentError, Problem

__all__ = ["Entry", "Mapping", "Node", "Scalar", "Sequence", "load"]

MAX_BYTES = 32 << 20
MAX_NODES = 2_000_000  # anchors that multiply themselves end here
MAX_DEPTH = 20

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Scalar:
    """A single value. `plain` tells that it was written without quotes, so `true` is a truth value and ~ nothing."""

    line: int
    text: str
    plain: bool

    @property
    def empty(self) -> bool:
        """Whether nothing was written: `name:` or `name: ~`."""
        return self.plain and self.text in ("", "~", "null", "Null", "NULL")


@dataclass(frozen=True, slots=True)
class Sequence:
    """A list."""

    line: int
    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """One `key: value` of a mapping."""

    key: str
    line: int
    value: Node


@dataclass(frozen=True, slots=True)
class Mapping:
    """Keys with values; every key is there once."""

    line: int
    entries: tuple[Entry, ...]


Node = Scalar | Sequence | Mapping


def load(text: str) -> Mapping:
    """Read a document. Raises `DocumentError` when it is not YAML, or not a mapping."""
    if len(text) > MAX_BYTES:
        raise DocumentError([Problem("", 0, f"the document is larger than {MAX_BYTES >> 20} MB: split it")])
    builder = _Builder(yaml.parse(text, Loader=_Loader))
    try:
        tree = builder.document()
    except DocumentError:
        raise
    except yaml.YAMLError as error:
        raise DocumentError([_syntax(error, text)]) from None
    except ValueError as error:
        raise DocumentError([Problem("", 0, f"the document can't be read as YAML: {error}")]) from None
    if builder.problems:
        raise DocumentError(builder.problems)
    if tree is None or (isinstance(tree, Scalar) and tree.empty):
        return Mapping(1, ())
    if not isinstance(tree, Mapping):
        raise DocumentError([Problem("", tree.line, 'the document must have keys at its top, such as "extensions:"')])
    return tree


def _syntax(error: yaml.YAMLError, text: str) -> Problem:
    mark, begun = getattr(error, "problem_mark", None), getattr(error, "context_mark", None)
    reason = getattr(error, "problem", None) or str(error).splitlines()[0]
    context = getattr(error, "context", None) or ""
    if context and begun is not None and mark is not None and begun.line < mark.line:
        context += f" that begins in line {begun.line + 1}"
    line = min(mark.line, text.rstrip().count("\n")) + 1 if mark else 0  # what is missing may be so at the end
    return Problem("", line, f"not YAML: {reason}{f' ({context})' if context else ''}")


class _Builder:
    """Builds the tree from the parser's events, and collects what is wrong with its form.

    Not from PyYAML's own tree: composing that is recursive in C, so deep nesting would end the process.
    """

    def __init__(self, events: Iterator[Any]) -> None:
        self.problems: list[Problem] = []
        self._events = events
        self._anchors: dict[str, tuple[Node | None, int]] = {}  # None: not complete yet
        self._size = 0  # nodes, those behind aliases counted each time

    def document(self) -> Node | None:
        """Return the root; None for an empty stream. Raises `yaml.YAMLError`, `DocumentError`."""
        next(self._events)  # the start of the stream
        if not isinstance(next(self._events), yaml.DocumentStartEvent):
            return None
        root = self._node(next(self._events), "", 0)
        next(self._events)  # the end of the document
        more = next(self._events)
        if not isinstance(more, yaml.StreamEndEvent):
            self.problems.append(Problem("", more.start_mark.line + 1, "a second document begins here: use one only"))
        return root

    def _node(self, event: Any, path: str, depth: int) -> Node:
        line, anchor = event.start_mark.line + 1, event.anchor
        if isinstance(event, yaml.AliasEvent):
            found, size = self._anchors.get(anchor, (None, 0))
            self._grow(size, path, line)
            if found is None:
                raise DocumentError([Problem(path, line, f"*{anchor} names nothing that stands before it")])
            return found
        before = self._size
        self._grow(1 if depth <= MAX_DEPTH else MAX_NODES, path, line)
        if anchor:
            self._anchors[anchor] = (None, 0)
        node: Node
        if isinstance(event, yaml.ScalarEvent):
            node = Scalar(line, event.value, plain=event.implicit[0])
        elif isinstance(event, yaml.SequenceStartEvent):
            node = Sequence(line, tuple(self._items(path, depth)))
        else:
            node = self._mapping(line, path, depth)
        if anchor:
            self._anchors[anchor] = (node, self._size - before)
        return node

    def _grow(self, size: int, path: str, line: int) -> None:
        self._size += size
        if self._size >= MAX_NODES:
            raise DocumentError([Problem(path, line, "the document is nested too deeply or repeats itself too often")])

    def _items(self, path: str, depth: int) -> Iterator[Node]:
        index = 0
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            yield self._node(event, f"{path}[{index}]", depth + 1)
            index += 1

    def _mapping(self, line: int, path: str, depth: int) -> Mapping:
        own: dict[str, Entry] = {}
        merged: dict[str, Entry] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            place = event.start_mark.line + 1
            key = self._node(event, path, depth + 1)
            name = key.text if isinstance(key, Scalar) else ""
            inner = f"{path}.{name}".lstrip(".")
            value = self._node(next(self._events), inner, depth + 1)
            if not isinstance(key, Scalar):
                self.problems.append(Problem(path, place, "a key must be a word"))
            elif name == "<<" and key.plain:
                merged = self._merge(value, path) | merged
            elif name in own:
                self.problems.append(Problem(inner, place, f"is given twice, first in line {own[name].line}"))
            else:
                own[name] = Entry(name, place, value)
        return Mapping(line, tuple((merged | own).values()))

    def _merge(self, value: Node, path: str) -> dict[str, Entry]:
        """Return what `<<: *anchor` brings in; of several, the first that has a key counts (YAML 1.1 merge)."""
        found: dict[str, Entry] = {}
        for source in value.items if isinstance(value, Sequence) else (value,):
            if isinstance(source, Mapping):
                found = {entry.key: entry for entry in source.entries} | found
            else:
                self.problems.append(Problem(path, source.line, "<< must be given a mapping"))
        return found
