"""What a request carries: read once, of limited size, JSON or text."""

from __future__ import annotations

from typing import Any

import msgspec
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest
from django.http.request import RawPostDataException, UnreadablePostError

from jackfield.console.rest.problems import Refusal

__all__ = ["mapping", "raw", "text"]

MOST_BYTES = 1 << 20
DEEPEST = 12


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
