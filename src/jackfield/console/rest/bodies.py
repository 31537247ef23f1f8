"""What a request carries: read once, of limited size, JSON or text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest
from django.http.request import RawPostDataException, UnreadablePostError

from jackfield.console.rest.problems import Refusal, of_fields

__all__ = ["checked", "mapping", "raw", "text"]

MOST_BYTES = 1 << 20
DEEPEST = 12
LONGEST_TEXT = 10_000
MOST_ITEMS = 10_000


def raw(request: HttpRequest, most: int = MOST_BYTES) -> bytes:
    """Return the body. Raises `Refusal` (413) when it is longer than `most` bytes."""
    try:
        length = int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        length = 0
    try:
        body = request.body if length <= most else None
    except RequestDataTooBig:
        body = None
    except RawPostDataException:  # read as a form already, in search of the token against forgery
        raise Refusal(415, "Forms are not taken here: send Content-Type: application/json.") from None
    except UnreadablePostError:
        raise Refusal(400, "The request ended before all of it had come.") from None
    if body is None or len(body) > most:
        raise Refusal(413, f"The request is larger than {most >> 10} kB: send less at once.")
    return bytes(body)


def text(request: HttpRequest, most: int = MOST_BYTES) -> str:
    """Return the body as text. Raises `Refusal`."""
    try:
        return raw(request, most).decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        raise Refusal(400, f"The text is not UTF-8: see byte {problem.start}.") from None


def mapping(request: HttpRequest) -> dict[str, Any]:
    """Return the JSON object that the body is. Raises `Refusal`: 400, 413, 415, 422."""
    body = raw(request)
    kind = (request.content_type or "").lower()
    if kind not in ("application/json", "application/merge-patch+json", "") and body:
        raise Refusal(415, f'"{kind[:80]}" is not known here: send Content-Type: application/json.')
    if not body.strip():
        raise Refusal(400, "The request has no content: send a JSON object, at least {}.")
    try:
        found = msgspec.json.decode(body)
        _demand_shallow(found)
    except (msgspec.DecodeError, UnicodeDecodeError) as problem:
        raise Refusal(400, f"This is not JSON: {problem}.") from None
    except RecursionError:
        raise Refusal(400, "The content is nested too deeply.") from None
    if not isinstance(found, dict):
        raise Refusal(422, 'A JSON object is wanted, as in {"name": "…"}.')
    return found


def _demand_shallow(content: Any) -> None:
    level = [content]
    for _ in range(DEEPEST):
        level = [
            inner
            for one in level
            if isinstance(one, dict | list)
            for inner in (one.values() if isinstance(one, dict) else one)
        ]
        if not level:
            return
    raise RecursionError


def checked(request: HttpRequest, schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the JSON object, once it is as its schema says: `type`, `required`, `enum`, bounds, and nothing else.

    Raises `Refusal`: as `mapping` does, and 422 naming every field that is not right.
    """
    given = mapping(request)
    if wrong := [{"field": field, "message": text} for field, text in _wrong(given, schema, "")]:
        raise of_fields(422, wrong)
    return given


_KINDS: Mapping[str, tuple[type, str]] = {
    "string": (str, "text"), "boolean": (bool, "true or false"), "integer": (int, "a whole number"),
    "number": (float, "a number"), "array": (list, "a list"), "object": (dict, "an object"),
}  # fmt: skip


def _wrong(value: Any, schema: Mapping[str, Any], field: str) -> Iterator[tuple[str, str]]:
    kinds = schema.get("type", ())
    kinds = (kinds,) if isinstance(kinds, str) else kinds
    if kinds and not any(_is(value, kind) for kind in kinds):
        yield field, f"Must be {' or '.join(_KINDS[kind][1] if kind != 'null' else 'null' for kind in kinds)}."
    elif isinstance(value, str):
        if "\0" in value or not _encodes(value):
            yield field, "Has characters that can't be kept: leave NUL out."
        elif "enum" in schema and value not in schema["enum"]:
            yield field, f"Must be one of: {', '.join(one or '(nothing)' for one in schema['enum'])}."
        elif not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", LONGEST_TEXT):
            yield (
                field,
                f"Must have {schema.get('minLength', 0)} to {schema.get('maxLength', LONGEST_TEXT)} characters.",
            )
    elif isinstance(value, int | float) and not isinstance(value, bool):
        if not schema.get("minimum", -(2**53)) <= value <= schema.get("maximum", 2**53):
            yield field, f"Must be from {schema.get('minimum', -(2**53))} to {schema.get('maximum', 2**53)}."
    elif isinstance(value, list):
        if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", MOST_ITEMS):
            yield field, f"Must have {schema.get('minItems', 0)} to {schema.get('maxItems', MOST_ITEMS)} entries."
            return
        for number, item in enumerate(value):
            yield from _wrong(item, schema.get("items", {}), f"{field}[{number}]")
    elif isinstance(value, dict):
        yield from _wrong_members(value, schema, field)


def _wrong_members(value: dict[str, Any], schema: Mapping[str, Any], field: str) -> Iterator[tuple[str, str]]:
    known, dot = schema.get("properties", {}), f"{field}." if field else ""
    for name in schema.get("required", ()):
        if name not in value:
            yield f"{dot}{name}", "Must be given."
    for name, inner in value.items():
        if name in known:
            yield from _wrong(inner, known[name], f"{dot}{name}")
        elif schema.get("additionalProperties", True) is False:
            yield f"{dot}{name[:100]}", f"This is not known here; known: {', '.join(known)}."
        else:
            others = schema.get("additionalProperties", {})
            yield from _wrong(inner, others if isinstance(others, Mapping) else {}, f"{dot}{name[:100]}")


def _is(value: Any, kind: str) -> bool:
    if kind == "null":
        return value is None
    if isinstance(value, bool):
        return kind == "boolean"
    return isinstance(value, _KINDS[kind][0]) or (kind == "number" and isinstance(value, int))


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
