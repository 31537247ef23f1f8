"""Forms over the sections of the configuration: from a row to fields, from what a browser sends to plain data.

A form is made from the types of the section's fields, as the YAML reader is; what it sends back is plain data by the
same names, so that the same reader and the same checks judge it, and their problems find their way to the field.
Names are written as `time_ranges.0.start`.
"""

from __future__ import annotations

import dataclasses
import re
import types
import typing
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Union

from django.http import QueryDict

from jackfield.console.declarative.difference import Problem
from jackfield.console.declarative.section import Field, fields_of
from jackfield.console.declarative.values import written

__all__ = ["FormField", "Words", "by_field", "field_kind", "form_field", "posted", "posted_fields"]


@dataclass(frozen=True, slots=True)
class Words:
    """What a field is called and what it is for, and how it is shown where its type does not say it."""

    label: str
    help: str = ""
    unit: str = ""
    choices: tuple[tuple[str, str], ...] = ()  # value and label
    suggestions: str = ""  # name of a list that a browser proposes from: "numbers", "trunks", "users", "sounds"
    wide: bool = False
    kind: str = ""  # of the field, where its type does not say it: "date"
    zero: str = ""  # what 0 means, for lists


@dataclass(slots=True)
class FormField:
    """One field on a page. `kind`: text, password, number, truth, choice, list, codecs, group, rows, pairs, date."""

    name: str
    label: str
    kind: str
    value: Any = None
    help: str = ""
    unit: str = ""
    required: bool = False
    choices: Sequence[tuple[str, str]] = ()
    suggestions: str = ""
    wide: bool = False
    optional: bool = False  # a group that may be absent: a box beside its title says whether it is there
    problems: list[str] = field(default_factory=list)
    parts: list[FormField] = field(default_factory=list)  # of a group
    rows: list[list[FormField]] = field(default_factory=list)  # of rows; the last one is empty, for a new row
    places: bool = False  # rows are numbered: each stands for the place that it is at

    @property
    def id(self) -> str:
        """Return the id of the element."""
        return "f-" + self.name.replace(".", "-")

    def all(self) -> Iterable[FormField]:
        """Return this field and all below it."""
        yield self
        for part in (*self.parts, *(cell for row in self.rows for cell in row)):
            yield from part.all()


def form_field(
    known: Field,
    value: Any,
    words: Words,
    *,
    name: str = "",
    problems: dict[str, list[str]] | None = None,
    inner: typing.Mapping[str, Words] | None = None,
) -> FormField:
    """Return the field that shows `value` (as the row has it). `inner`: words of what lies below it."""
    name, found, inner = name or known.name, problems or {}, inner or {}
    kind, optional = _without_none(known.type)
    made = FormField(
        name,
        words.label,
        _kind(known, kind, words),
        value,
        help=words.help,
        unit=words.unit,
        required=known.required and not known.generate,
        choices=words.choices,
        suggestions=words.suggestions,
        wide=words.wide,
        problems=list(found.get(name, ())),
        places=known.places,
    )
    if known.lines:
        made.kind, made.value = "pairs", "\n".join(value or ())
    if made.kind in ("list", "codecs") or known.lines:
        made.value = made.value if known.lines else list(value or ())
        made.problems += [text for key, texts in found.items() if key.startswith(f"{name}.") for text in texts]
    elif made.kind == "choice" and not made.choices:
        made.choices = [(choice, choice.replace("_", " ").capitalize() or "–") for choice in typing.get_args(kind)]
    elif made.kind == "choice" and (value or "") not in dict(made.choices):  # else a browser takes the first one
        made.choices = [(value or "", value or "–"), *made.choices]
    elif made.kind == "password":
        made.value = ""  # never in a page
    elif made.kind == "pairs" and not known.lines:
        made.value = "\n".join(f"{key}: {item}" for key, item in (value or {}).items())
    elif made.kind == "number" and isinstance(value, float) and value.is_integer():
        made.value = int(value)
    elif made.kind == "group":
        made.optional = optional
        made.parts = _parts(kind, value, name, found, inner)
    elif known.spelled is not None and value:
        made.value = known.spelled(value)
    elif made.kind == "rows":
        (of,) = {part for part in typing.get_args(kind) if part is not Ellipsis}
        for number, item in enumerate([*(value or ()), None]):
            made.rows.append(_parts(of, item, f"{name}.{number}", found, inner))
        for part in made.rows[-1]:
            part.required = False  # nobody must fill in the row that is offered for one more
    return made


def _parts(
    data: type, value: Any, name: str, problems: dict[str, list[str]], inner: typing.Mapping[str, Words]
) -> list[FormField]:
    found = []
    for known in fields_of(data):
        shown = known.default if value is None else getattr(value, known.name)
        words = inner.get(known.name) or Words(known.name.replace("_", " ").capitalize())
        found.append(form_field(known, shown, words, name=f"{name}.{known.name}", problems=problems, inner=inner))
    return found


def _without_none(kind: Any) -> tuple[Any, bool]:
    if typing.get_origin(kind) in (Union, types.UnionType):
        return next(part for part in typing.get_args(kind) if part is not type(None)), True
    return kind, False


def field_kind(known: Field, words: Words) -> str:
    """Return how a field is shown: see `FormField`."""
    return "pairs" if known.lines else _kind(known, _without_none(known.type)[0], words)


def _kind(known: Field, kind: Any, words: Words) -> str:
    if words.kind:
        return words.kind
    origin = typing.get_origin(kind)
    if origin is tuple:
        of = typing.get_args(kind)[0]
        if dataclasses.is_dataclass(of):
            return "rows"
        return "codecs" if words.choices or typing.get_origin(of) is Literal else "list"
    if origin is dict:
        return "pairs"
    if dataclasses.is_dataclass(kind):
        return "group"
    if origin is Literal or words.choices:
        return "choice"
    if kind is bool:
        return "truth"
    if kind in (int, float):
        return "number"
    return "password" if known.secret else "text"


def posted_fields(fields: Iterable[Field], data: QueryDict, *, prefix: str = "") -> dict[str, Any]:
    """Return the plain data of several fields. What the form did not have, and a secret that was left empty,
    are not in it: they stay as they are."""
    found = {}
    for known in fields:
        value = posted(known, data, prefix + known.name)
        single = _without_none(known.type)[0] in (str, int, float) or typing.get_origin(known.type) is Literal
        if (known.secret and not value) or (single and prefix + known.name not in data):
            continue
        found[known.name] = value
    return found


def posted(known: Field, data: QueryDict, name: str) -> Any:
    """Return the plain data of one field, as the YAML document would have it; None where nothing was filled in."""
    kind, optional = _without_none(known.type)
    origin = typing.get_origin(kind)
    if origin is tuple:
        of = typing.get_args(kind)[0]
        if dataclasses.is_dataclass(of):
            return _posted_rows(typing.cast(type, of), data, name, known.places)
        between = r"\n" if known.lines else r"[,\n]"
        return [part.strip() for text in data.getlist(name) for part in re.split(between, text) if part.strip()]
    if origin is dict:
        return dict(_pair(line) for line in data.get(name, "").splitlines() if line.strip())
    if dataclasses.is_dataclass(kind):
        return None if optional and name not in data else _posted_data(typing.cast(type, kind), data, name)
    if kind is bool:
        return name in data
    text = str(data.get(name, "")).strip()
    return text if kind is str or origin is Literal or text else None


def _posted_data(kind: type, data: QueryDict, name: str) -> dict[str, Any]:
    values = {known.name: posted(known, data, f"{name}.{known.name}") for known in fields_of(kind)}
    return {key: value for key, value in values.items() if value not in (None, "", [], {}, False)}


def _posted_rows(kind: type, data: QueryDict, name: str, places: bool) -> list[dict[str, Any]]:
    numbers = sorted({int(found[1]) for key in data if (found := re.match(rf"{re.escape(name)}\.(\d{{1,4}})\.", key))})
    kept = [number for number in numbers if f"{name}.{number}.remove" not in data]
    rows = [_posted_data(kind, data, f"{name}.{number}") for number in kept]
    defaults = {known.name: written(known.default) for known in fields_of(kind) if not known.required}
    filled = [any(str(value) != str(defaults.get(key)) for key, value in row.items()) for row in rows]
    last = max((number for number, one in enumerate(filled) if one), default=-1)
    return [row for number, row in enumerate(rows) if filled[number] or (places and number < last)]


def _pair(line: str) -> tuple[str, str]:
    key, _, value = line.partition(":")
    return key.strip(), value.strip()


def by_field(problems: Iterable[Problem], prefix: str) -> tuple[dict[str, list[str]], list[str]]:
    """Sort problems to the fields below `prefix` (`extensions[0]`), and those that belong to none as texts."""
    found: dict[str, list[str]] = {}
    rest = []
    for problem in problems:
        if problem.path.startswith(f"{prefix}."):
            name = re.sub(r"\[(\d+)\]", r".\1", problem.path[len(prefix) + 1 :])
            found.setdefault(name, []).append(sentence(problem.message))
        else:
            inner = problem.path if problem.path not in ("", prefix) else ""
            rest.append(sentence(f"{inner}: {problem.message}" if inner else problem.message))
    return found, rest


def sentence(text: str) -> str:
    """Return a message as a sentence of its own."""
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "?", "!")) else text + "."
