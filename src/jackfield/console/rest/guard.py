"""Who is blocked; blocking and lifting."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse

from jackfield.console import queries
from jackfield.console.rest import answers, bodies, schemas
from jackfield.console.rest.operations import Asked, Operation
from jackfield.console.rest.problems import Refusal
from jackfield.console.web import guard as page
from jackfield.control import ControlError

__all__ = ["operations"]


def listed(asked: Asked) -> HttpResponse:
    """Answer who is blocked."""
    try:
        found = page.blocks()
    except ControlError as why:
        raise Refusal(503, str(why)) from None
    items = [
        {
            "source": one.source,
            "since": queries._time(one.since),
            "until": queries._time(one.until),
            "reason": one.reason,
            "evidence": list(one.evidence),
            "spared": list(one.spared),
            "times": one.times,
            "by_hand": one.by_hand,
        }
        for one in found
    ]
    return answers.json({"items": items, "next": None})


def block(asked: Asked) -> HttpResponse:
    """Block an address or network."""
    given = bodies.checked(asked.request, BLOCK)
    if problem := page.problem_with(given["source"], asked.request.META.get("REMOTE_ADDR", "")):
        raise Refusal(422, problem)
    try:
        page.block(given["source"], given["hours"], str(asked.user))
    except ControlError as why:
        raise Refusal(503, str(why)) from None
    return answers.json({"ok": True})


def lift(asked: Asked) -> HttpResponse:
    """Let a source be heard again."""
    try:
        lifted = page.lift(bodies.checked(asked.request, LIFT)["source"], str(asked.user))
    except ControlError as why:
        raise Refusal(503, str(why)) from None
    return answers.json({"ok": lifted})


# --- description -----------------------------------------------------------------------------------------------------

_AT = {"type": "string", "format": "date-time"}
_TEXTS = {"type": "array", "items": {"type": "string"}}
_BLOCK = schemas.table(
    {"source": "string", "since": _AT, "until": _AT, "reason": "string", "evidence": _TEXTS, "spared": _TEXTS,
     "times": "integer", "by_hand": "boolean"}
)  # fmt: skip
_OK = schemas.table({"ok": "boolean"})
_SOURCE = {"type": "string", "maxLength": 50}
BLOCK = schemas.body({"source": _SOURCE, "hours": {"type": "number", "minimum": 0.01, "maximum": page.LONGEST_HOURS}},
                     "source", "hours")  # fmt: skip
LIFT = schemas.body({"source": _SOURCE}, "source")


def operations() -> list[Operation]:
    """Return the operations of the guard."""
    common: dict[str, Any] = {"group": "guard"}
    return [
        Operation("list_blocks", "GET", "/guard/blocks", "safety", "Who is blocked", listed,
                  answer=schemas.listed(_BLOCK), **common),
        Operation("block_source", "POST", "/guard/blocks", "safety", "Block an address or network", block,
                  body=BLOCK, answer=_OK, **common),
        Operation("lift_block", "POST", "/guard/lift", "safety", "Let a source be heard again", lift,
                  body=LIFT, answer=_OK, about="`ok` is false where it was not blocked any more.", **common),
    ]  # fmt: skip
