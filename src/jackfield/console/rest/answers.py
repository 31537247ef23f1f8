"""Answers of the API: JSON, with the mark of its version where it has one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import salted_hmac

from jackfield.console.rest.problems import Refusal

__all__ = ["demand_match", "etag", "json", "unchanged"]


def json(content: Any, status: int = 200, *, headers: Mapping[str, str] | None = None) -> HttpResponse:
    """Return an answer in JSON."""
    encoded = msgspec.json.encode(content, enc_hook=str)
    return HttpResponse(encoded, status=status, content_type="application/json", headers=headers)


def etag(content: Any) -> str:
    """Return the mark of a version. Keyed: it is made from secrets too, which nobody is to guess from it."""
    return f'"{salted_hmac("jackfield.rest", msgspec.json.encode(content)).hexdigest()[:24]}"'


def unchanged(request: HttpRequest, mark: str) -> bool:
    """Tell whether the one who asks has this version already (If-None-Match)."""
    given = request.headers.get("If-None-Match", "")
    return bool(given) and (given.strip() == "*" or mark in _marks(given))


def demand_match(request: HttpRequest, mark: str | None) -> None:
    """Raise `Refusal` (412) unless the version is one that If-Match allows. `mark`: None where there is nothing."""
    given = request.headers.get("If-Match")
    if given is None or (given.strip() == "*" and mark is not None) or (mark is not None and mark in _marks(given)):
        return
    raise Refusal(412, "Somebody has changed this since you read it: read it again, then change it.")


def _marks(given: str) -> list[str]:
    return [part.strip().removeprefix("W/") for part in given.split(",")]
