"""What went wrong, as RFC 9457 (problem+json) has it, with the field and the mend."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

import msgspec
from django.http import HttpResponse

from jackfield.console.declarative.difference import Problem
from jackfield.console.web.forms import sentence

__all__ = ["Refusal", "answer", "errors", "missing", "of_document", "of_fields"]

Errors = list[dict[str, Any]]


class Refusal(Exception):
    """A request that is not done. `errors`: `{"field", "message"}` of each field that is wrong."""

    def __init__(
        self,
        status: int,
        detail: str,
        errors: Iterable[dict[str, Any]] = (),
        *,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status, self.detail, self.errors, self.headers = status, detail, list(errors), dict(headers or {})


def of_fields(status: int, wrong: Errors, several: str = "Several fields are not right.") -> Refusal:
    """Return the refusal for fields or parameters that are not right; the detail names the one, or says `several`."""
    field, message = wrong[0]["field"], wrong[0]["message"]
    return Refusal(status, several if len(wrong) > 1 else f"{field}: {message}" if field else message, wrong)


def missing(what: str) -> Refusal:
    """Return the refusal for something that is not there."""
    return Refusal(404, f"There is no {what}.")


def answer(refusal: Refusal) -> HttpResponse:
    """Return the answer that tells of a refusal."""
    content: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(refusal.status).phrase,
        "status": refusal.status,
        "detail": refusal.detail,
    }
    if refusal.errors:
        content["errors"] = refusal.errors
    return HttpResponse(
        msgspec.json.encode(content),
        status=refusal.status,
        content_type="application/problem+json",
        headers=refusal.headers,
    )


def of_document(problems: Iterable[Problem]) -> Refusal:
    """Return the refusal for what the configuration's reader or its checks found: 409 if all is that it has changed."""
    found = errors(problems)
    detail = found[0]["message"] if len(found) == 1 else f"{len(found)} things are not right; nothing was changed."
    return Refusal(422, detail, found)


def errors(problems: Iterable[Problem]) -> Errors:
    """Return problems by field: `extensions[0].lines[1].srtp` of a single thing becomes `lines[1].srtp`."""
    return [
        {"field": re.sub(r"^\w+(\[0\])?\.", "", problem.path, count=1), "message": sentence(problem.message)}
        for problem in problems
    ]
