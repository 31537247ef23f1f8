"""From what is written in the document to the value that a field holds, by the field's type."""

from __future__ import annotations

import difflib
import math
import types
import typing
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Literal, TypeVar, Union

from jackfield.console.declarative.document import Mapping, Node, Scalar, Sequence
from jackfield.console.declarative.section import fields_of

__all__ = ["Refused", "read", "suggestion", "written"]

T = TypeVar("T")

LISTED, NAMED = 40, 10
"""So many names are listed in a message (a thing has as many fields); of more, only the first."""

_TRUE, _FALSE = frozenset({"true", "yes", "on"}), frozenset({"false", "no", "off"})


class Refused(Exception):
    """The value does not fit. `line` is where, `path` what lies below the field's own path (`[1].start`).

    `others`: what else is wrong in the same list or mapping.
    """

    def __init__(self, line: int, message: str, path: str = "", others: Iterable[Refused] = ()) -> None:
        super().__init__(message)
        self.line, self.message, self.path, self.others = line, message, path, tuple(others)

    def below(self, path: str) -> Iterator[Refused]:
        """Give this and the others, as they are called from one level further up."""
        for one in (self, *self.others):
            yield Refused(one.line, one.message, path + one.path)


def read(node: Node, kind: Any, default: Any = None) -> Any:
    """Return the value of type `kind` that `node` holds; `default` when nothing is written. Raises `Refused`."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if isinstance(node, Scalar) and node.empty:
        return default
    if origin in (Union, types.UnionType):  # only "X | None" occurs
        return read(node, next(part for part in arguments if part is not type(None)))
    if origin is tuple:
        return _list(node, arguments[0])
    if origin is Literal:
        return _choice(node, arguments)
    if origin is dict:
        return _texts(node)
    if kind in _SCALARS:
        return _SCALARS[kind](_scalar(node))
    return _data(node, kind)


def suggestion(word: str, known: Iterable[str]) -> str:
    """Return `did you mean "…"?` where one of `known` is near, else a list of them, of many the first."""
    names = list(known)
    close = difflib.get_close_matches(word.lower(), names, 1, 0.6)
    if close:
        return f'did you mean "{close[0]}"?'
    more = f" and {len(names) - NAMED} more" if len(names) > LISTED else ""
    return f"known: {', '.join(names[:NAMED] if more else names)}{more}"


def written(value: Any) -> Any:
    """Return what `read` reads as `value`: plain text, numbers, lists and mappings, defaults inside left out."""
    if isinstance(value, tuple):
        return [written(item) for item in value]
    if hasattr(value, "__dataclass_fields__"):
        fields = [(field, getattr(value, field.name)) for field in fields_of(type(value))]
        return {field.name: written(item) for field, item in fields if field.required or item != field.default}
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return dict(value) if isinstance(value, dict) else str(value) if isinstance(value, str) else value


def _scalar(node: Node) -> Scalar:
    if isinstance(node, Scalar):
        return node
    raise Refused(node.line, f"must be a single value, not a {'list' if isinstance(node, Sequence) else 'mapping'}")


def _text(node: Scalar) -> str:
    if "\0" in node.text:
        raise Refused(node.line, "has a NUL character: remove it")
    return node.text


def _truth(node: Scalar) -> bool:
    word = node.text.lower()
    if word in _TRUE or word in _FALSE:
        return word in _TRUE
    raise Refused(node.line, f'"{node.text}" must be true or false')


def _whole(node: Scalar) -> int:
    try:
        value = int(node.text.replace("_", "x"), 10)
    except ValueError:
        raise Refused(node.line, f'"{node.text}" must be a whole number') from None
    if abs(value) > 2_000_000_000:
        raise Refused(node.line, f"{node.text} is too large")
    return value


def _real(node: Scalar) -> float:
    try:
        value = float(node.text.replace("_", "x"))
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise Refused(node.line, f'"{node.text}" must be a number')
    return value


_SCALARS: dict[Any, Callable[[Scalar], Any]] = {str: _text, bool: _truth, int: _whole, float: _real}


def _choice(node: Node, choices: tuple[str, ...]) -> str:
    text = _scalar(node).text
    if text in choices:
        return text
    if text.lower() in choices:
        return text.lower()
    if text.lower() in _FALSE | _TRUE:  # behind_nat: yes
        for word in ("always", "required") if text.lower() in _TRUE else ("never", "off"):
            if word in choices:
                return word
    shown = [choice or '""' for choice in choices]
    raise Refused(node.line, f'"{text}" is not known here; {suggestion(text, shown)}')


def _list(node: Node, kind: Any) -> tuple[Any, ...]:
    if isinstance(node, Scalar) and (kind is str or typing.get_origin(kind) is Literal):  # "codecs: pcma, pcmu"
        parts = [part.strip() for part in node.text.split(",")]
        found = _Parts()
        return tuple(found.all([found.read("", Scalar(node.line, part, plain=False), kind) for part in parts if part]))
    if not isinstance(node, Sequence):
        raise Refused(node.line, 'must be a list, as in "[a, b]" or with "- " before each')
    found = _Parts()
    return tuple(found.all([found.read(f"[{index}]", item, kind) for index, item in enumerate(node.items)]))


class _Parts:
    """Reads the parts of a list or mapping, and tells of all that are wrong at once."""

    def __init__(self) -> None:
        self.refused: list[Refused] = []

    def read(self, path: str, node: Node, kind: Any, default: Any = None) -> Any:
        """Return the value of one part; None where it is wrong, which `all` will tell."""
        try:
            if default is None and isinstance(node, Scalar) and node.empty:
                raise Refused(node.line, "is empty")
            return read(node, kind, default)
        except Refused as refused:
            self.refused += refused.below(path)
            return None

    def all(self, parts: T) -> T:
        """Return the parts when every one could be read. Raises `Refused`."""
        if self.refused:
            first, *others = self.refused
            raise Refused(first.line, first.message, first.path, others)
        return parts


def _texts(node: Node) -> dict[str, str]:
    if not isinstance(node, Mapping):
        raise Refused(node.line, 'must be a mapping, as in "{colour: red}"')
    found = _Parts()
    return found.all({entry.key: found.read(f".{entry.key}", entry.value, str, "") for entry in node.entries})


def _data(node: Node, kind: Any) -> Any:
    if not isinstance(node, Mapping):
        raise Refused(node.line, f"must be a mapping with {', '.join(field.name for field in fields_of(kind))}")
    known = {field.name: field for field in fields_of(kind)}
    found, given = _Parts(), {}
    for entry in node.entries:
        field = known.get(entry.key)
        if field is None:
            message = f'"{entry.key}" is not known here; {suggestion(entry.key, known)}'
            found.refused.append(Refused(entry.line, message, f".{entry.key}"))
        else:
            given[entry.key] = found.read(f".{entry.key}", entry.value, field.type, field.default)
    for field in known.values():
        if field.required and field.name not in given:
            found.refused.append(Refused(node.line, f"{field.name} must be given"))
    return kind(**found.all(given))
