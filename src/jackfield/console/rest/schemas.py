"""JSON Schema of what is configured, from the sections' fields: the document of the API writes no field twice."""

from __future__ import annotations

import dataclasses
import re
import types
import typing
from collections.abc import Mapping
from typing import Any, Literal, Union

from jackfield.console.declarative.reading import FIRST_LINE
from jackfield.console.declarative.section import Field, Section, fields_of
from jackfield.console.declarative.sections import LINES, SECTIONS
from jackfield.console.declarative.values import written
from jackfield.console.web.words import ROLES, words

__all__ = [
    "DIFFERENCE",
    "PROBLEM",
    "body",
    "components",
    "listed",
    "name_of",
    "of_new",
    "of_section",
    "of_type",
    "reference",
    "table",
]

Schema = dict[str, Any]

_MESSAGES: Schema = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {
            "field": {"type": "string"},
            "message": {"type": "string"},
            "line": {"type": "integer", "description": "Of a document: the line that it stands in."},
        },
        "required": ["field", "message"],
    },
}
WARNINGS: Schema = _MESSAGES | {"description": "What is doubtful. Only in answers to changes.", "readOnly": True}

PROBLEM: Schema = {
    "type": "object",
    "description": "What went wrong (RFC 9457).",
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What happened, and the mend."},
        "errors": _MESSAGES | {"description": "Each field that is wrong."},
    },
    "required": ["type", "title", "status", "detail"],
}

DIFFERENCE: Schema = {
    "type": "object",
    "description": "What was changed, or would be. Of secrets no value is told.",
    "properties": {
        "applied": {"type": "boolean"},
        "counts": {"type": "object", "additionalProperties": {"type": "integer"}},
        "changes": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "action": {"type": "string", "enum": ["create", "change", "remove"]},
                    "section": {"type": "string"},
                    "key": {"type": "string"},
                    "fields": {
                        "type": "array",
                        "description": "What differs, with the value before and after; of secrets neither.",
                        "items": {
                            "type": "object",
                            "properties": {"name": {"type": "string"}, "old": {}, "new": {}},
                            "required": ["name"],
                        },
                    },
                },
                "required": ["action", "section", "key", "fields"],
            },
        },
        "warnings": {
            "type": "array",
            "description": "What is doubtful, though it is done.",
            "items": {
                "type": "object",
                "properties": {"path": {"type": "string"}, "message": {"type": "string"}, "line": {"type": "integer"}},
            },
        },
    },
    "required": ["applied", "counts", "changes", "warnings"],
}


def of_type(kind: Any) -> Schema:
    """Return the schema of a type as the snapshot's dataclasses have them."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (Union, types.UnionType):
        inner = of_type(next(part for part in arguments if part is not type(None)))
        if set(inner) == {"type"}:
            return {"type": [inner["type"], "null"]}
        return {"anyOf": [inner, {"type": "null"}]}
    if origin is tuple:
        return {"type": "array", "items": of_type(arguments[0])}
    if origin is Literal:
        return {"type": "string", "enum": list(arguments)}
    if origin is dict:
        return {"type": "object", "additionalProperties": {"type": "string"}}
    if kind in _PLAIN:
        return {"type": _PLAIN[kind]}
    if dataclasses.is_dataclass(kind):
        known = fields_of(typing.cast(type, kind))
        return {
            "type": "object",
            "properties": {one.name: of_type(one.type) | _default(one) for one in known},
            "required": [one.name for one in known if one.required],
            "additionalProperties": False,
        }
    return {}


_PLAIN: Mapping[Any, str] = {str: "string", bool: "boolean", int: "integer", float: "number"}


def _default(known: Field) -> Schema:
    if known.required or known.default is None:
        return {}
    return {"default": written(known.default)}


def _field(section: Section, known: Field) -> Schema:
    found = of_type(known.type) | _default(known)
    said = words(section, known.name)
    label = f"{said.label} ({said.unit})" if said.unit else said.label
    found["description"] = " ".join(part for part in (f"{label}.", said.help) if part)
    if (section.name, known.name) in ROLES:
        found["description"] += " A role built in (none, user, reader, telephony, administrator), or the name of one."
    elif found.get("type") == "string" and said.choices and not known.reference:
        found.setdefault("enum", [value for value, _ in said.choices])
        if known.default is not None and known.default not in found["enum"]:
            found["enum"] = [known.default, *found["enum"]]
    if known.secret:
        found["writeOnly"] = True
    if known.reference:
        found["description"] += f" The key of one of the {known.reference.replace('_', ' ')}."
    return found


def of_section(section: Section, *, changing: bool = False) -> Schema:
    """Return the schema of a thing. `changing`: nothing must be given; else what a new one needs."""
    properties = {known.name: _field(section, known) for known in section.fields.values()}
    if section.name == "extensions":
        line = of_section(LINES, changing=True)
        line["description"] = "A phone: what it signs in with. Left out, SIP name and password are made."
        about = "All its phones, the first one first. Given, they are all that it is to have."
        properties["lines"] = {"type": "array", "items": line, "description": about}
        if changing:
            properties |= {name: _field(LINES, LINES.fields[name]) for name in FIRST_LINE}
    needed = [known.name for known in section.fields.values() if known.required and known.generate is None]
    if not changing and section is not LINES:
        properties["warnings"] = WARNINGS
    found: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
    if needed and not changing:
        found["required"] = needed
    return found


def of_new(section: Section) -> Schema:
    """Return the schema of a thing that is to be made."""
    return of_section(section, changing=True) | {"required": of_section(section).get("required", [])}


def components() -> Schema:
    """Return the schemas of all sections by name: each thing, what changes one, and what makes one."""
    found = {}
    for section in SECTIONS.values():
        found[name_of(section)] = of_section(section)
        found[f"{name_of(section)}Change"] = of_section(section, changing=True)
        if section.key:
            found[f"New{name_of(section)}"] = of_new(section)
    return found


def name_of(section: Section) -> str:
    """Return what the schema of a thing is called: "RingGroup"."""
    words_of_it = section.name if not section.key else section.thing
    return "".join(word.capitalize() for word in re.findall(r"[a-z0-9]+", words_of_it.lower()))


def reference(name: str) -> Schema:
    """Return the schema that stands in for one of the components."""
    return {"$ref": f"#/components/schemas/{name}"}


def table(properties: Mapping[str, Any]) -> Schema:
    """Return the schema of an object from names and types: "string", or a whole schema."""
    return {
        "type": "object",
        "properties": {
            name: dict(kind) if isinstance(kind, Mapping) else {"type": kind} for name, kind in properties.items()
        },
    }


def body(properties: Mapping[str, Any], *required: str) -> Schema:
    """Return the schema of what a request carries: these fields, no others, `required` among them."""
    return table(properties) | {"required": list(required), "additionalProperties": False}


def listed(item: Mapping[str, Any]) -> Schema:
    """Return the schema of one page of a list."""
    return {
        "type": "object",
        "properties": {
            "items": {"type": "array", "items": dict(item)},
            "next": {"type": ["string", "null"], "description": "Cursor of the next page; null on the last."},
            "count": {"type": "integer", "description": "How many there are in all, if asked for."},
        },
        "required": ["items", "next"],
    }
