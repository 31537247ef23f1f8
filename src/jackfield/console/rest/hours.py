"""The night switch by the API: which time ranges are open now, one switched by hand; and public holidays."""

from __future__ import annotations

import datetime
from typing import Any

from django.http import HttpResponse

from jackfield.company.models import General
from jackfield.console import holiday_calendars
from jackfield.console.rest import answers, bodies, schemas
from jackfield.console.rest.asking import ask
from jackfield.console.rest.operations import Asked, Operation, Parameter
from jackfield.console.rest.problems import Refusal, of_fields
from jackfield.console.rest.who import author

__all__ = ["operations"]

STATES = ["open", "closed", "automatic"]
LONGEST = 40
"""Characters of a time."""


def ranges(asked: Asked) -> HttpResponse:
    """Answer with every time range as it is now."""
    return answers.json({"items": ask("time_ranges"), "next": None})


def switch(asked: Asked) -> HttpResponse:
    """Open or close a time range by hand, or let it go by its hours again."""
    given = bodies.mapping(asked.request)
    wrong = [{"field": name[:100], "message": "This is not known here; known: state, until."}
             for name in given if name not in ("state", "until")]  # fmt: skip
    state, until = given.get("state"), given.get("until")
    if state not in STATES:
        wrong.append({"field": "state", "message": f"Must be one of: {', '.join(STATES)}."})
    if until is not None and (not isinstance(until, str) or len(until) > LONGEST):
        wrong.append({"field": "until", "message": "Must be a time as 2026-11-23T18:00, or change."})
    if wrong:
        raise of_fields(422, wrong)
    name = asked.path["name"]
    if name not in [one["name"] for one in ask("time_ranges")]:
        raise Refusal(404, "There is no such time range.")
    return answers.json(ask("switch_hours", name=name, state=state, until=until, by=author(asked.request).name))


def holidays(asked: Asked) -> HttpResponse:
    """Answer with the public holidays of a country, to be put into a list."""
    query = asked.query
    first = query["first"] or datetime.date.today().year
    country, language = asked.path["country"], General.current().language
    try:
        found = holiday_calendars.public_holidays(
            country, query["region"] or "", first, query["last"] or first, query["language"] or language
        )
    except ValueError as problem:
        raise Refusal(404, f"There are no such holidays: {str(problem)[:200]}.") from None
    return answers.json({"items": [{"first": day.first, "name": day.name} for day in found], "next": None})


_RANGE = schemas.table(
    {"name": "string", "open": "boolean", "why": "string", "state": {"type": "string", "enum": STATES},
     "until": {"type": ["number", "null"]}, "by": "string", "open_by_hours": "boolean",
     "next_change": {"type": ["number", "null"]}}
)  # fmt: skip
_DAY = schemas.table({"first": "string", "name": "string"})
_SWITCH = {
    "type": "object",
    "required": ["state"],
    "properties": {
        "state": {"type": "string", "enum": STATES},
        "until": {
            "type": ["string", "null"],
            "maxLength": LONGEST,
            "description": "A time as 2026-11-23T18:00 (the company's zone), or change: until the hours change by "
            "themselves. Left out: until it is switched back.",
        },
    },
    "additionalProperties": False,
}


def operations() -> list[Operation]:
    """Return the operations of the night switch."""
    now: dict[str, Any] = {"group": "now"}
    year = {"type": "integer", "minimum": 1970, "maximum": 2200}
    asked = (
        Parameter("region", "A part of the country (ISO 3166-2), such as BY."),
        Parameter("first", "From this year; this one, where it is left out.", year),
        Parameter("last", f"To this year, {holiday_calendars.MOST_YEARS} at most.", year),
        Parameter("language", "Of the names; the company's, where it is left out."),
    )
    return [
        Operation("list_hours", "GET", "/live/hours", "overview", "Which time ranges are open now", ranges,
                  answer=schemas.listed(_RANGE), **now),
        Operation("switch_hours", "PUT", "/live/hours/{name}", "overview", "Open or close a time range by hand",
                  switch, route="/live/hours/<path:name>", body=_SWITCH, answer=_RANGE, **now),
        Operation("public_holidays", "GET", "/public_holidays/{country}", "system", "Public holidays of a country",
                  holidays, parameters=asked, answer=schemas.listed(_DAY),
                  group="configuration", about="As they are written into a list of holidays."),
    ]  # fmt: skip
