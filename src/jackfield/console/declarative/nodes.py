"""Plain data (JSON, a form, a row of a table) as the tree that a YAML document is read into: one reader for all."""

from __future__ import annotations

from collections.abc import Mapping as Given
from typing import Any

from jackfield.console.declarative.document import Entry, Mapping, Node, Scalar, Sequence

__all__ = ["node", "tree"]


def tree(data: Given[str, Any], line: int = 0) -> Mapping:
    """Return the tree of a mapping of plain data; `line` is where it comes from, 0 where lines mean nothing."""
    found = node(data, line)
    assert isinstance(found, Mapping)
    return found


def node(value: Any, line: int = 0) -> Node:
    """Return the tree of None, text, numbers, truth values, lists and mappings of them."""
    if isinstance(value, Given):
        return Mapping(line, tuple(Entry(str(key), line, node(item, line)) for key, item in value.items()))
    if isinstance(value, list | tuple):
        return Sequence(line, tuple(node(item, line) for item in value))
    if value is None:
        return Scalar(line, "", plain=True)
    if isinstance(value, bool):
        return Scalar(line, "true" if value else "false", plain=True)
    return Scalar(line, str(value), plain=not isinstance(value, str))
