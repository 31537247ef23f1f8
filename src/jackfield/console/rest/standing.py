"""What the installation has: its codecs, its languages, and how long it keeps what comes together by itself."""

from __future__ import annotations

import dataclasses
from typing import Any

from django.http import HttpResponse

from jackfield.console import queries
from jackfield.console.rest import answers, schemas
from jackfield.console.rest.operations import Asked, Operation
from jackfield.console.web import codecs, language_list, retention

__all__ = ["operations"]


def list_codecs(asked: Asked) -> HttpResponse:
    """Answer with the codecs, in the order in which new extensions have them."""
    return answers.json({"items": [dataclasses.asdict(one) for one in codecs.known()], "next": None})


def list_languages(asked: Asked) -> HttpResponse:
    """Answer with the languages, the company's first."""
    from jackfield.company.models import General

    found = language_list.spoken(General.current().language)
    return answers.json({"items": [dataclasses.asdict(one) for one in found], "next": None})


def list_retention(asked: Asked) -> HttpResponse:
    """Answer with what is kept and for how long."""
    from jackfield.company.models import General

    found = [
        {"name": one.name, "title": one.title, "how_long": one.how_long,
         "oldest": None if one.oldest is None else queries._time(one.oldest)}
        for one in retention.kept(General.current().keep_calls_days)
    ]  # fmt: skip
    return answers.json({"items": found, "next": None})


_AT = {"type": ["string", "null"], "format": "date-time"}
_CODEC = schemas.table(
    {"name": "string", "title": "string", "sounds": "string", "kbits": "string", "translated": "boolean",
     "missing": "string", "extensions": "integer", "trunks": "integer"}
)  # fmt: skip
_LANGUAGE = schemas.table(
    {"tag": "string", "name": "string", "pages": "boolean", "prompts": "integer", "own": "integer",
     "shipped": "boolean", "users": "integer", "extensions": "integer"}
)  # fmt: skip
_KEPT = schemas.table({"name": "string", "title": "string", "how_long": "string", "oldest": _AT})


def operations() -> list[Operation]:
    """Return the operations."""
    common: dict[str, Any] = {"area": "system", "group": "figures"}
    return [
        Operation("list_codecs", "GET", "/codecs", summary="The codecs, and who has them", run=list_codecs,
                  answer=schemas.listed(_CODEC), about="`translated`: into another where two parties have none in "
                  "common; `missing`: which library that needs here. Who has which is set at extensions, lines and "
                  "trunks, for many at once with change_several.", **common),
        Operation("list_languages", "GET", "/languages", summary="Languages of pages and announcements",
                  run=list_languages, answer=schemas.listed(_LANGUAGE),
                  about="The company's comes first; it is set with change_settings.", **common),
        Operation("list_retention", "GET", "/retention", summary="What is kept, and for how long", run=list_retention,
                  answer=schemas.listed(_KEPT), about="Of calls it is set with change_settings, as keep_calls_days.",
                  **common),
    ]  # fmt: skip
