"""YAML text as a tree that remembers its lines.

The tree keeps scalars as they were written: what they mean depends on the field. `number: 0201` stays "0201",
`start: 08:30` stays "08:30", `country: NO` stays "NO", which YAML 1.1 would make 129, 510 and false.
"""

from __future__ import annotations

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
    try:
        loader = _Loader(text)
        try:
            root = loader.get_single_node()
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        raise DocumentError([_syntax(error)]) from None
    except (ValueError, RecursionError) as error:
        raise DocumentError([Problem("", 0, f"the document can't be read as YAML: {error}")]) from None
    if root is None:
        return Mapping(1, ())
    reader = _Reader()
    tree = reader.node(root, "", 0)
    if not isinstance(tree, Mapping):
        reader.problems.append(Problem("", tree.line, 'the document must have keys at its top, such as "extensions:"'))
    if reader.problems:
        raise DocumentError(reader.problems)
    assert isinstance(tree, Mapping)
    return tree


def _syntax(error: yaml.YAMLError) -> Problem:
    mark = getattr(error, "problem_mark", None)
    reason = getattr(error, "problem", None) or str(error).splitlines()[0]
    context = getattr(error, "context", None)
    return Problem("", mark.line + 1 if mark else 0, f"not YAML: {reason}{f' ({context})' if context else ''}")


class _Reader:
    """Turns YAML's nodes into ours and collects what's wrong with their form."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.seen = 0

    def node(self, node: Any, path: str, depth: int) -> Node:
        line = node.start_mark.line + 1
        self.seen += 1
        if depth > MAX_DEPTH or self.seen > MAX_NODES:
            raise DocumentError([Problem(path, line, "the document is nested too deeply or repeats itself too often")])
        if isinstance(node, yaml.ScalarNode):
            return Scalar(line, node.value, plain=node.style is None)
        if isinstance(node, yaml.SequenceNode):
            return Sequence(
                line, tuple(self.node(item, f"{path}[{n}]", depth + 1) for n, item in enumerate(node.value))
            )
        own: dict[str, Entry] = {}
        merged: dict[str, Entry] = {}
        for key, value in node.value:
            place = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                self.problems.append(Problem(path, place, "a key must be a word"))
            elif key.tag == "tag:yaml.org,2002:merge":
                merged |= self._merge(value, path, depth)
            elif key.value in own:
                where = f"{path}.{key.value}".lstrip(".")
                self.problems.append(Problem(where, place, f"is given twice, first in line {own[key.value].line}"))
            else:
                inner = f"{path}.{key.value}".lstrip(".")
                own[key.value] = Entry(key.value, place, self.node(value, inner, depth + 1))
        return Mapping(line, tuple((merged | own).values()))

    def _merge(self, value: Any, path: str, depth: int) -> dict[str, Entry]:
        """Return what `<<: *anchor` brings in; of several, the first that has a key counts (YAML 1.1 merge)."""
        found: dict[str, Entry] = {}
        for source in value.value if isinstance(value, yaml.SequenceNode) else [value]:
            tree = self.node(source, path, depth + 1)
            if isinstance(tree, Mapping):
                found = {entry.key: entry for entry in tree.entries} | found
            else:
                self.problems.append(Problem(path, tree.line, "<< must be given a mapping"))
        return found
