"""What a section of the document is: its fields with their types, taken from the snapshot's dataclasses.

So the YAML, the models and the snapshot have the same names without being written three times; a test holds the models
to it. Each app describes its sections in its `schema.py`.
"""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

__all__ = ["Field", "Section", "fields_of"]


@dataclass(frozen=True)
class Field:
    """One field of a thing, by its name in the YAML, in the model and in the snapshot."""

    name: str
    type: Any
    default: Any = None
    required: bool = False
    secret: bool = False
    shown: bool = False  # exported even where it is the default
    generate: Callable[[], str] | None = None  # makes the value where a new thing has none
    reference: str = ""  # section whose thing it names; the model then has a foreign key
    lines: bool = False  # a list whose items have commas in them: one in each line of a form
    normalise: Callable[[Any], Any] | None = None  # other spellings that people use
    spelled: Callable[[Any], str] | None = None  # as people read it, where it is kept otherwise
    places: bool = False  # a list whose empty items keep their places, as keys of a phone do

    def of(self, row: Any) -> Any:
        """Return the value that the model instance `row` has."""
        value = getattr(row, self.name)
        if self.reference:
            return "" if value is None else getattr(value, value.natural_key_field)
        return value


@dataclass(frozen=True)
class Section:
    """A top-level key of the document, or the lines of an extension."""

    name: str
    thing: str  # one of them, in words
    data: type  # dataclass with the fields
    model: Callable[[], Any]  # returns the model; late, so that a section can be described without a database
    key: tuple[str, ...] = ()  # fields that say which thing it is; () for the one and only
    ordered: bool = False  # the order in the document means something
    without: frozenset[str] = frozenset()  # fields of `data` that are not in the document
    extra: tuple[Field, ...] = ()  # fields of the document that are not in `data`
    details: dict[str, dict[str, Any]] = dataclasses.field(default_factory=dict)  # more about single fields

    @cached_property
    def fields(self) -> dict[str, Field]:
        """Fields by name: the key first, then as the dataclass has them."""
        found = {field.name: field for field in fields_of(self.data) if field.name not in self.without}
        found |= {field.name: field for field in self.extra}
        found = {name: dataclasses.replace(field, **self.details.get(name, {})) for name, field in found.items()}
        return {name: found[name] for name in (*self.key, *found)}

    def key_of(self, row: Any) -> tuple[Any, ...]:
        """Return what the model instance `row` is known by."""
        return tuple(self.fields[name].of(row) for name in self.key)


def fields_of(data: type) -> list[Field]:
    """Return the fields of a dataclass with their resolved types."""
    hints = typing.get_type_hints(data)
    found = []
    for item in dataclasses.fields(data):
        default = item.default
        if item.default_factory is not dataclasses.MISSING:
            default = item.default_factory()
        required = default is dataclasses.MISSING
        found.append(Field(item.name, hints[item.name], None if required else default, required))
    return found
