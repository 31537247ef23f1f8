"""The house's numbers: all of them in order, who has one, which is free; and finding anything by its name."""

from __future__ import annotations

import copy
from typing import Any

from django.http import HttpResponse

from jackfield.console.rest import answers, door, paging, schemas
from jackfield.console.rest.operations import Asked, Operation, Parameter
from jackfield.console.web import find as finding
from jackfield.console.web.rights import AREAS
from jackfield.console.web.screens import SCREENS
from jackfield.console.web.things import proposed_number
from jackfield.console.web.whatif import KINDS, Entry, Free, entries, with_gaps
from jackfield.numbers.plan import DialPlan

__all__ = ["operations"]

PROPOSED = tuple(name for name, screen in SCREENS.items()
                 if screen.area == "people" and "number" in screen.section.fields)  # fmt: skip


def dial_plan(asked: Asked) -> HttpResponse:
    """Answer with every number of the house in order; without a search, with what is free between them."""
    from jackfield.company.models import General

    found: list[Entry | Free] = list(entries())
    search, kind = (asked.query["q"] or "").casefold(), asked.query["kind"]
    if search or kind:
        found = [
            one
            for one in found
            if isinstance(one, Entry)
            and kind in (None, one.section)
            and (one.number.startswith(search) or search in one.name.casefold())
        ]
    elif asked.query["free"]:
        found = list(with_gaps([one for one in found if isinstance(one, Entry)], len(General.current().first_number)))
    return paging.page_of(asked, [_told(one) for one in found])


def _told(one: Entry | Free) -> dict[str, Any]:
    if isinstance(one, Free):
        return {"free": True, "number": one.first, "last": one.last, "count": one.count}
    names = ("number", "section", "name", "prefix", "note")
    return {"free": False} | {name: getattr(one, name) for name in names}


def number(asked: Asked) -> HttpResponse:
    """Answer whether a number is free, who has it, and which is the next free one."""
    wanted = asked.path["number"][:50]
    plan = DialPlan.current()
    clash = plan.clash(wanted)
    found = {
        "number": wanted,
        "free": not clash,
        "owner": plan.numbers.get(wanted, ""),
        "text": f"{clash[0].upper()}{clash[1:]}." if clash else "",
        "next": plan.next_free(wanted),
    }
    return answers.json(found)


def next_number(asked: Asked) -> HttpResponse:
    """Answer with the next free number for a thing of a kind."""
    start = asked.query["start"]
    found = DialPlan.current().next_free(start) if start else proposed_number(SCREENS[asked.query["section"]])
    return answers.json({"number": found})


def find(asked: Asked) -> HttpResponse:
    """Answer with whatever is called so: things, settings, pages and actions, the best first."""
    user = copy.copy(asked.user)  # as far as the token lets him see
    user.known_levels = (user.role, {area: door.held(asked.request, area) for area in AREAS})
    found = finding.everything(user, (asked.query["q"] or "")[:100].strip())
    names = ("kind", "title", "detail", "address")
    return answers.json({"items": [{name: getattr(one, name) for name in names} for one in found], "next": None})


_ENTRY = schemas.table(
    {"free": "boolean", "number": "string", "last": "string", "count": "integer", "name": "string", "note": "string",
     "section": {"type": "string", "enum": list(KINDS)}, "prefix": "boolean"}
)  # fmt: skip
_NUMBER = schemas.table({"number": "string", "free": "boolean", "owner": "string", "text": "string", "next": "string"})
_FOUND = schemas.table(
    {"kind": {"type": "string", "enum": ["thing", "action", "page", "setting"]}, "title": "string", "detail": "string",
     "address": {"type": "string", "description": "Of the page, below this server."}}
)  # fmt: skip


def operations() -> list[Operation]:
    """Return the operations on the house's numbers."""
    common: dict[str, Any] = {"area": "people", "group": "numbers"}
    free = Parameter("free", "With the free ones between.", {"type": "boolean", "default": True})
    kinds = Parameter("kind", "Only of this section.", {"type": "string", "enum": list(KINDS)})
    section = Parameter("section", "For what.", {"type": "string", "enum": list(PROPOSED), "default": "extensions"})
    return [
        Operation("dial_plan", "GET", "/dial-plan", summary="All numbers of the house in order", run=dial_plan,
                  parameters=(Parameter("q", "Search: the beginning of a number or part of a name."), kinds, free,
                              *paging.PARAMETERS),
                  answer=schemas.listed(_ENTRY), **common),
        Operation("get_number", "GET", "/numbers/{number}", summary="Who has a number, or whether it is free",
                  run=number, answer=_NUMBER, **common),
        Operation("next_number", "GET", "/next-number", summary="The next free number", run=next_number,
                  parameters=(section, Parameter("start", "This one, if it is free, or the next upwards.")),
                  answer=schemas.table({"number": "string"}), **common),
        Operation("find", "GET", "/find", "overview", "Find anything by what people call it", find, group="numbers",
                  parameters=(Parameter("q", "Words that are in it."),), answer=schemas.listed(_FOUND)),
    ]  # fmt: skip
