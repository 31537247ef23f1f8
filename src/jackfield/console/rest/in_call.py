"""In the middle of a call: transfer, play, digits; for administrators in every call, for users in their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpResponse

from jackfield.console.rest import answers, bodies, problems, repeating, rows, schemas
from jackfield.console.rest.asking import ask
from jackfield.console.rest.operations import Asked, Operation, Parameter
from jackfield.console.rest.problems import Refusal
from jackfield.console.rest.who import author
from jackfield.console.web.own import in_progress, mine
from jackfield.contacts.numbers import House

__all__ = ["operations"]

MOST_TIMES = 100
MOST_DIGITS = 64


class Calls:
    """The operations on calls in progress below one address: all calls, or those of whoever asks."""

    def __init__(self, base: str, *, own: bool) -> None:
        self._base = base
        self._own = own

    def listing(self, asked: Asked) -> HttpResponse:
        """Answer with my calls in progress. Of the others in them no addresses are told."""
        numbers = in_progress.numbers_of(asked.request)
        found = [in_progress.shown_to_owner(row) for row in ask("calls") if in_progress.is_own(row, numbers)]
        return answers.json({"items": found, "next": None})

    def transfer(self, asked: Asked) -> HttpResponse:
        """Connect a party with another number, or with a party of another call."""
        return repeating.once(asked, self._transfer)

    def _transfer(self, asked: Asked) -> HttpResponse:
        given = bodies.checked(asked.request, TRANSFER)
        if bool(given.get("to")) == bool(given.get("call")):
            text = "Give either a number (to) or another call in progress (call)."
            raise Refusal(422, text, [{"field": "to", "message": text}])
        if self._own and given.get("to"):
            found = mine.snapshot()
            house = House(found.general.country, found.general.outside_prefix)
            given["to"] = house.dialled(given["to"], found.numbers)
        return self._told(asked, "transfer", given | {"dry_run": bool(asked.query["dry_run"])})

    def play(self, asked: Asked) -> HttpResponse:
        """Play a sound."""
        return repeating.once(asked, lambda asked: self._told(asked, "play", bodies.checked(asked.request, PLAY)))

    def stop(self, asked: Asked) -> HttpResponse:
        """Stop what is played."""
        return self._told(asked, "stop_play", {"party": asked.query["party"] or ""})

    def digits(self, asked: Asked) -> HttpResponse:
        """Send digits."""
        return repeating.once(asked, lambda asked: self._told(asked, "digits", bodies.checked(asked.request, DIGITS)))

    def _told(self, asked: Asked, verb: str, given: dict[str, Any]) -> HttpResponse:
        return answers.json(ask(verb, **self._which(asked), **given))

    def _which(self, asked: Asked) -> dict[str, Any]:
        """Say which call is meant, by whom, and on whose behalf. Raises `Refusal` (404)."""
        id = asked.path["id"]
        row = next((row for row in ask("calls") if row["id"] == id), None)
        by = {"by": author(asked.request).name}
        if not self._own and row is not None:
            return {"id": id, **by}
        extension = in_progress.own_extension(row, in_progress.numbers_of(asked.request)) if row is not None else ""
        if not extension:
            raise problems.missing(f"call {id[:80]} in progress{' in which you talk' if self._own else ''}")
        return {"id": id, "extension": extension, **by}

    def operations(self) -> list[Operation]:
        """Return them."""
        where: dict[str, Any] = {"area": "own", "group": "me"} if self._own else {"area": "overview", "group": "now"}
        of, which = ("own_", " of mine") if self._own else ("", "")

        def one(id: str, method: str, what: str, summary: str, run: Callable[..., Any], **more: Any) -> Operation:
            path = f"{self._base}/{{id}}/{what}"
            return Operation(id, method, path, summary=summary.format(which), run=run, **where, **more)

        whom = "whom I talk with" if self._own else "the one from outside, else the called one"
        found = [
            one(f"transfer_{of}call", "POST", "transfer", "Transfer a call{}", self.transfer, body=TRANSFER,
                parameters=(DRY_RUN,), answer=MOVED, repeatable=True, trial=MOVED,
                about=f"`party` is connected with the number `to`, or with a party of another `call`; the other one "
                      f"leaves when somebody has answered there. Without `party` it is {whom}. Answered at once: how "
                      f"it goes on is in the call's parties and journal. If nobody answers, both talk again. A caller "
                      f"who listens to a service (music, an announcement, an echo test, a queue) is connected as well; "
                      f"nobody leaves then, and it listens on if nobody answers."),
            one(f"play_in_{of}call", "POST", "play", "Play a sound in a call{}", self.play, body=PLAY, answer=PLAYED,
                repeatable=True,
                about="Who hears it does not hear the other meanwhile; the other goes on hearing him. Then both talk "
                      "as before; what a service was playing begins anew. In a call on hold nothing is played: 422."),
            one(f"stop_play_in_{of}call", "DELETE", "play", "Stop what is played in a call{}", self.stop,
                answer=STOPPED, parameters=(Parameter("party", "Only to this party."),)),
            one(f"send_digits_in_{of}call", "POST", "digits", "Send digits to a party of a call{}", self.digits,
                body=DIGITS, answer=SENT, repeatable=True,
                about=f"As its phone or line wants them. Without `party` to {whom}. The journal does not tell which."),
        ]  # fmt: skip
        if self._own:
            found.append(
                Operation("list_own_live_calls", "GET", self._base, summary="My calls in progress", run=self.listing,
                          answer=schemas.listed(rows.OWN_CALL), **where)
            )  # fmt: skip
        return found


DRY_RUN = Parameter("dry_run", "Do nothing, and answer who would be connected.", {"type": "boolean", "default": False})
_PARTY = {"type": "string", "maxLength": 100,
          "description": "Who: caller, callee, a number, a name, or the id of a leg."}  # fmt: skip
TRANSFER = schemas.body(
    {"to": {"type": "string", "maxLength": 60, "description": "A number of the dial plan, as it is dialled here."},
     "call": {"type": "string", "maxLength": 60, "description": "Instead: another call in progress."},
     "party": _PARTY | {"description": "Who is connected anew: caller, callee, a number, a name, the id of a leg."},
     "with_party": _PARTY | {"description": "Who of the other call; else whom the extension in both talks with."}}
)  # fmt: skip
PLAY = schemas.body(
    {"sound": {"type": "string", "minLength": 1, "maxLength": 200,
               "description": "Name of a sound, or a tone: tone:beep, tone:busy, …"},
     "party": _PARTY | {"description": "Who hears it; both, where nobody is named."},
     "times": {"type": "integer", "minimum": 0, "maximum": MOST_TIMES, "default": 1,
               "description": "How often; 0: until it is stopped."}},
    "sound",
)  # fmt: skip
DIGITS = schemas.body(
    {"digits": {"type": "string", "minLength": 1, "maxLength": MOST_DIGITS,
                "description": "0 to 9, *, #, A to D; a comma is a pause."},
     "party": _PARTY},
    "digits",
)  # fmt: skip
_LEGS: dict[str, Any] = {"type": "array", "items": rows.LEG}
_NOBODY_TOO = {**rows.LEG, "type": ["object", "null"],
               "description": "Who leaves; null where the party talked with nobody."}  # fmt: skip
MOVED = schemas.table({"id": "string", "party": rows.LEG, "leaves": _NOBODY_TOO, "to": "string", "call": "string"})
PLAYED = schemas.table({"id": "string", "sound": "string", "parties": _LEGS})
STOPPED = schemas.table({"id": "string", "parties": _LEGS})
SENT = schemas.table({"id": "string", "party": rows.LEG})


def operations() -> list[Operation]:
    """Return the operations on what goes on in calls."""
    return [*Calls("/live/calls", own=False).operations(), *Calls("/me/live/calls", own=True).operations()]
