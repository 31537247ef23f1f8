"""Several changes at once, all or none; the order of what is tried in turn; and what depends on a thing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from django.conf import settings as django_settings
from django.http import HttpResponse

from jackfield.console import change
from jackfield.console.change import Removal, Wish
from jackfield.console.declarative.difference import DocumentError, Problem
from jackfield.console.declarative.merging import key_text, stored
from jackfield.console.declarative.section import Section
from jackfield.console.declarative.sections import SECTIONS
from jackfield.console.rest import answers, bodies, door, repeating, schemas
from jackfield.console.rest.operations import DRY_RUN, Asked, Operation
from jackfield.console.rest.problems import Refusal
from jackfield.console.rest.things import Things, area_of
from jackfield.console.rest.who import author
from jackfield.console.web import uses
from jackfield.console.web.forms import sentence
from jackfield.console.web.rights import WRITE

__all__ = ["operations"]

MOST = 5000


def several(asked: Asked) -> HttpResponse:
    """Do all that is asked for, or nothing."""
    return repeating.once(asked, _several)


def _several(asked: Asked) -> HttpResponse:
    given = bodies.checked(asked.request, SEVERAL)["changes"]
    for section in dict.fromkeys(one["section"] for one in given):
        door.demand(asked.request, area_of(section), WRITE)
    wrong = [error for number, one in enumerate(given) for error in _misplaced(one, number)]
    if wrong:
        raise Refusal(422, "Some of these changes can't be read; nothing was changed.", wrong)
    wishes = [_wish(one) for one in given]
    try:
        difference = change.save(
            django_settings.JACKFIELD, wishes, author=author(asked.request), dry_run=asked.query["dry_run"]
        )
    except DocumentError as problem:
        found = [{"field": _place(one, wishes), "message": sentence(one.message)} for one in problem.problems]
        text = found[0]["message"] if len(found) == 1 else f"{len(found)} things are not right; nothing was changed."
        raise Refusal(422, text, found) from None
    return answers.json(difference.to_dict())


def _misplaced(one: dict[str, Any], number: int) -> list[dict[str, str]]:
    section, action = SECTIONS[one["section"]], one["action"]
    wanted = [] if action == "create" else list(section.key)
    key = one.get("key", [])
    parts = key if isinstance(key, list) else [key]
    if len(parts) != len(wanted) or not all(isinstance(part, str) for part in parts):
        text = f"Must be {', '.join(wanted)} as text." if wanted else "Must not be given here."
        return [{"field": f"changes[{number}].key", "message": text}]
    if not section.key and action != "change":
        text = "There is one of these: it can be changed alone."
        return [{"field": f"changes[{number}].action", "message": text}]
    return []


def _wish(one: dict[str, Any]) -> Wish | Removal:
    key = one.get("key", [])
    named = tuple(key) if isinstance(key, list) else (key,)
    if one["action"] == "remove":
        return Removal(one["section"], named)
    return Wish(one["section"], one.get("values", {}), named if one["action"] == "change" else None)


_PATH = re.compile(r"(\w+)\[(\d+)\]\.?(.*)", re.DOTALL)


def _place(problem: Problem, wishes: Sequence[Wish | Removal]) -> str:
    """Return where a problem stands in what was sent: `extensions[1].name` becomes `changes[4].values.name`."""
    found = _PATH.fullmatch(problem.path)
    if found:
        of_section = [number for number, one in enumerate(wishes)
                      if isinstance(one, Wish) and one.section == found[1]]  # fmt: skip
        if int(found[2]) < len(of_section):
            return f"changes[{of_section[int(found[2])]}].values" + (f".{found[3]}" if found[3] else "")
    return problem.path


# --- order -----------------------------------------------------------------------------------------------------------


class Order:
    """The order of one section: what is tried first stands first."""

    def __init__(self, section: Section) -> None:
        self.section = section

    def read(self, asked: Asked) -> HttpResponse:
        """Answer with the keys in their order."""
        return answers.json(self._now(), headers={"ETag": answers.etag(self._now())})

    def write(self, asked: Asked) -> HttpResponse:
        """Put all of them into another order."""
        keys = bodies.checked(asked.request, ORDER)["keys"]
        known = {key_text(self.section.key_of(row)): self.section.key_of(row) for row in stored(self.section)}
        if sorted(keys) != sorted(known):
            text = "Must name all of them, each once, as the list of now does."
            raise Refusal(422, text, [{"field": "keys", "message": text}])

        def guard() -> None:
            answers.demand_match(asked.request, answers.etag(self._now()))

        wishes = [Wish(self.section.name, {}, known[key]) for key in keys]
        difference = change.save(
            django_settings.JACKFIELD, wishes, author=author(asked.request), dry_run=asked.query["dry_run"], guard=guard
        )
        return answers.json(difference.to_dict())

    def _now(self) -> dict[str, Any]:
        return {"keys": [key_text(self.section.key_of(row)) for row in stored(self.section)]}

    def operations(self) -> list[Operation]:
        """Return both."""
        name = self.section.name
        many = name.replace("_", " ")
        common: dict[str, Any] = {"area": area_of(name), "group": "several", "path": f"/order/{name}"}
        return [
            Operation(f"get_order_of_{name}", "GET", summary=f"In which order the {many} stand", run=self.read,
                      answer=ORDER, **common),
            Operation(f"set_order_of_{name}", "PUT", summary=f"Put the {many} into another order", run=self.write,
                      parameters=(DRY_RUN,), body=ORDER, answer=schemas.DIFFERENCE, conditional=True, **common),
        ]  # fmt: skip


# --- what depends on a thing -----------------------------------------------------------------------------------------


class Uses:
    """Where the things of one section are named by others."""

    def __init__(self, section: Section) -> None:
        self.things = Things(section)

    def listing(self, asked: Asked) -> HttpResponse:
        """Answer with each field that names the thing."""
        row = self.things.row(self.things.key(asked))
        items = [
            {"section": one.section, "key": key_text(one.key), "field": one.field, "text": f"{one.thing}: {one.label}"}
            for one in uses.uses(self.things.section.name, row)
            if door.held(asked.request, area_of(one.section))
        ]
        return answers.json({"items": items, "next": None})

    def operation(self) -> Operation:
        """Return the one."""
        section = self.things.section
        return Operation(
            f"uses_of_{section.name}", "GET", f"/uses/{section.name}/{{{section.key[0]}}}", area_of(section.name),
            f"What depends on {'an' if section.thing[0] in 'aeiou' else 'a'} {section.thing}", self.listing,
            route=f"uses/{section.name}/<anything:key>", group="several", answer=schemas.listed(USE),
        )  # fmt: skip


# --- description -----------------------------------------------------------------------------------------------------

_KEY = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}],
        "description": "Number, name or login; of incoming numbers [trunk, number]."}  # fmt: skip
_CHANGE = schemas.body(
    {"section": {"type": "string", "enum": list(SECTIONS)},
     "action": {"type": "string", "enum": ["create", "change", "remove"]},
     "key": _KEY, "values": {"type": "object"}},
    "section", "action",
)  # fmt: skip
SEVERAL = schemas.body(
    {"changes": {"type": "array", "items": _CHANGE, "minItems": 1, "maxItems": MOST}}, "changes"
)  # fmt: skip
ORDER = schemas.body({"keys": {"type": "array", "items": {"type": "string"}}}, "keys")
USE = schemas.table(dict.fromkeys(("section", "key", "field", "text"), "string"))


def operations() -> list[Operation]:
    """Return them."""
    found = [
        Operation("change_several", "POST", "/several", "own", "Do several changes at once", several,
                  group="several", parameters=(DRY_RUN,), body=SEVERAL, answer=schemas.DIFFERENCE, repeatable=True,
                  scoped=False, about="All of them or none, as one change of the history. Each needs the right and the "
                  "scope of its own section; problems name their place, as changes[2].values.ring_time."),
    ]  # fmt: skip
    found += [one for section in SECTIONS.values() if section.ordered for one in Order(section).operations()]
    return [*found, *(Uses(SECTIONS[name]).operation() for name in uses.FIELDS if name in SECTIONS)]
