"""What is: calls in progress, phones, trunks, health, who asks; and what would happen if somebody dialled."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import msgspec
from asgiref.sync import async_to_sync
from django.conf import settings as django_settings
from django.http import HttpResponse, StreamingHttpResponse

from jackfield import __version__
from jackfield.console import live, monitoring, queries, views
from jackfield.console.rest import answers, bodies, door, problems, repeating, rows, schemas
from jackfield.console.rest.asking import ask
from jackfield.console.rest.operations import Asked, Operation, Parameter
from jackfield.console.rest.who import author
from jackfield.console.web.live import let_thread_go
from jackfield.console.web.rights import AREAS, READ
from jackfield.numbers.models import Extension

__all__ = ["operations"]

LONGEST_STREAM = 600.0
"""Seconds after which listeners have to come back, with a token that is still good. Browsers do so by themselves."""
CALLED = {
    "from": "The extension whose phones ring first.",
    "to": "What is dialled there then.",
    "name": "Whom the phones show besides the number, where the dial plan knows none.",
    "line": "Ring only the phones with this SIP name.",
}
LONGEST_TEXT = 100
AREA_OF = {"call": "overview", "trunk": "lines", "phone": "phones", "registered": "phones", "switch": "overview"}
"""What somebody must be allowed to read to hear of events of a kind (up to the dot)."""


def calls(asked: Asked) -> HttpResponse:
    """Answer with the calls in progress."""
    return answers.json({"items": ask("calls"), "next": None})


def call(asked: Asked) -> HttpResponse:
    """Answer with one call in progress."""
    return answers.json(_call(asked))


def hang_up(asked: Asked) -> HttpResponse:
    """End a call."""
    ask("hangup", missing=True, id=_call(asked)["id"], by=author(asked.request).name)
    return HttpResponse(status=204)


def originate(asked: Asked) -> HttpResponse:
    """Ring the phones of an extension, then call a number as if it had been dialled there."""
    return repeating.once(asked, _originate)


def _originate(asked: Asked) -> HttpResponse:
    given = bodies.mapping(asked.request)
    wrong = [
        {"field": name[:100], "message": f"This is not known here; known: {', '.join(CALLED)}."}
        if name not in CALLED
        else {"field": name, "message": f"Must be text of at most {LONGEST_TEXT} characters."}
        for name, value in given.items()
        if name not in CALLED or not isinstance(value, str) or len(value) > LONGEST_TEXT
    ]
    wrong += [{"field": name, "message": "Must be given."} for name in ("from", "to") if not given.get(name)]
    if wrong:
        raise problems.of_fields(422, wrong)
    if not Extension.objects.filter(number=given["from"]).exists():
        text = f'There is no extension "{given["from"]}".'
        raise problems.of_fields(422, [{"field": "from", "message": text}])
    who = author(asked.request).name
    found = ask("originate", **given, user=asked.user.login, by=who)
    return answers.json(found, 201, headers={"Location": f"{asked.request.path}/{found['id']}"})


def _call(asked: Asked) -> dict[str, Any]:
    id = asked.path["id"]
    found: dict[str, Any] | None = next((row for row in ask("calls") if row["id"] == id), None)
    if found is None:
        raise problems.missing(f"call {id[:80]} in progress")
    return found


def registrations(asked: Asked) -> HttpResponse:
    """Answer with the phones that are registered."""
    found, wanted = ask("registrations"), asked.query["extension"]
    return answers.json({"items": [row for row in found if wanted in (None, row["extension"])], "next": None})


def prove(asked: Asked) -> HttpResponse:
    """Ring a registered phone, to find out whether it hears and is heard."""
    return repeating.once(asked, _prove)


def _prove(asked: Asked) -> HttpResponse:
    given = bodies.checked(asked.request, _PROVE)
    found = ask("prove", **given, by=author(asked.request).name)
    return answers.json(found, 201, headers={"Location": f"/api/v1/live/calls/{found['id']}"})


def trunks(asked: Asked) -> HttpResponse:
    """Answer with the state of each trunk."""
    return answers.json({"items": ask("trunks"), "next": None})


def health(asked: Asked) -> HttpResponse:
    """Answer how the system is."""
    found = monitoring.health(async_to_sync(monitoring.observe)(django_settings.JACKFIELD, views.importer))
    return answers.json(found)


def route(asked: Asked) -> HttpResponse:
    """Answer what would happen."""
    query = asked.query
    if wrong := [{"field": name, "message": "Must be given."} for name in ("from", "to") if not query[name]]:
        raise problems.of_fields(400, wrong)
    more = {"at": query["at"]} if query["at"] else {}
    return answers.json(ask("route", **more, **{"from": query["from"], "to": query["to"]}))


def me(asked: Asked) -> HttpResponse:
    """Answer who asks, and what he may do."""
    token = getattr(asked.request, "token", None)
    found = {
        "login": asked.user.login,
        "name": asked.user.shown_name,
        "role": asked.user.role,
        "areas": {area: door.held(asked.request, area).name.lower() for area in AREAS},
        "token": None if token is None else _token(token),
        "version": __version__,
    }
    return answers.json(found)


def _token(token: Any) -> dict[str, Any]:
    return {"name": token.name, "scopes": token.scopes, "expires": queries._time(token.expires)}


def events(asked: Asked) -> HttpResponse:
    """Tell of what happens, as it happens (server-sent events)."""
    heard = {kind for kind, area in AREA_OF.items() if door.held(asked.request, area) >= READ}
    if asked.query["kinds"]:
        heard &= {kind.strip() for kind in asked.query["kinds"].split(",")}
    headers = {"X-Accel-Buffering": "no", "Cache-Control": "no-store"}
    told = _told(heard, asked.request.headers.get("Last-Event-ID", ""))
    return StreamingHttpResponse(told, content_type="text/event-stream", headers=headers)


async def _told(heard: set[str], after: str) -> AsyncIterator[bytes]:
    let_thread_go()
    yield b"retry: 2000\n\n"
    hub, heard = live.hub(), heard | {"stream"}
    async for batch in hub.events(until=LONGEST_STREAM, after=after):
        told = [event for event in batch if event.kind.partition(".")[0] in heard]
        if told and told[0].kind == "stream":  # a state that was cut off in the middle is no place to go on from
            marks = [None] * (len(told) - 1) + [hub.mark(told[0])]
        else:
            marks = [hub.mark(event) for event in told]
        yield b"".join(map(_line, told, marks)) or b": still here\n\n"


def _line(event: live.Event, mark: str | None) -> bytes:
    data = msgspec.json.encode(event.data, enc_hook=str)
    id = b"" if mark is None else b"id: %s\n" % mark.encode()
    return b"%sevent: %s\ndata: %s\n\n" % (id, event.kind.encode(), data)


_NEW_CALL: dict[str, Any] = {
    "type": "object",
    "properties": {
        name: {"type": "string", "description": about, "maxLength": LONGEST_TEXT} for name, about in CALLED.items()
    },
    "required": ["from", "to"],
    "additionalProperties": False,
}
_PROVE = schemas.body(
    {
        "extension": {"type": "string", "description": "Whose phone.", "maxLength": LONGEST_TEXT},
        "line": {"type": "string", "description": "Its SIP name, where there are several.", "maxLength": LONGEST_TEXT},
        "address": {"type": "string", "description": "Where it registered from.", "maxLength": LONGEST_TEXT},
    },
    "extension",
)
_SIDE = schemas.table({"number": "string", "name": "string"})
_HEALTH = schemas.table({"status": {"type": "string", "enum": ["ok", "degraded", "failing"]}, "version": "string",
                         "reasons": {"type": "array", "items": {"type": "string"}}, "checks": "object"})  # fmt: skip
_TOKEN = {
    "type": ["object", "null"],
    "description": "The token that asks; null for a browser that is signed in.",
    "properties": {
        "name": {"type": "string"},
        "scopes": {"type": "array", "items": {"type": "string"}},
        "expires": {"type": ["string", "null"], "format": "date-time"},
    },
}
_AREAS = {"type": "object", "additionalProperties": {"type": "string", "enum": ["nothing", "read", "write"]},
          "description": "What may be done in each area."}  # fmt: skip
_ME = schemas.table(dict.fromkeys(("login", "name", "role", "version"), "string") | {"areas": _AREAS, "token": _TOKEN})
_WHAT_IF = schemas.table({"dialed": "string", "number": "string", "through": {"type": "array"},
                          "trace": {"type": "array"}, "leads_to": {"type": ["object", "null"]},
                          "refused": {"type": ["object", "null"]},
                          "caller_shown": _SIDE})  # fmt: skip


def operations() -> list[Operation]:
    """Return the operations of the present."""
    now: dict[str, Any] = {"group": "now"}
    asks = (
        Parameter("from", "Who calls: an extension, trunk:NAME:NUMBER or anonymous."),
        Parameter("to", "What is dialled."),
        Parameter("at", "When, as 2026-11-22T14:30 in the company's time zone; now, where it is left out."),
    )
    kinds = Parameter("kinds", f"Only these, with commas between: {', '.join(AREA_OF)}.")
    return [
        Operation("me", "GET", "/me", "own", "Who I am and what I may do", me, answer=_ME, scoped=False, **now),
        Operation("list_live_calls", "GET", "/live/calls", "overview", "Calls in progress", calls,
                  answer=schemas.listed(rows.CALL), **now),
        Operation("originate", "POST", "/live/calls", "overview", "Ring an extension and call a number from there",
                  originate, status=201, body=_NEW_CALL, answer=schemas.table({"id": "string"}), repeatable=True,
                  about="Nothing is dialled before somebody has answered one of the phones.", **now),
        Operation("get_live_call", "GET", "/live/calls/{id}", "overview", "One call in progress", call,
                  answer=rows.CALL, **now),
        Operation("hang_up", "DELETE", "/live/calls/{id}", "overview", "Hang up a call", hang_up, status=204, **now),
        Operation("list_registrations", "GET", "/live/registrations", "phones", "Phones that are registered",
                  registrations, parameters=(Parameter("extension", "Only those of this number."),),
                  answer=schemas.listed(rows.PHONE), **now),
        Operation("prove_phone", "POST", "/live/registrations/prove", "phones", "Find out whether a phone hears",
                  prove, status=201, body=_PROVE, repeatable=True,
                  answer=schemas.table({"id": "string", "phone": "string", "sip_username": "string"}),
                  about="Rings it, lets it answer by itself where it can, and asks for a key where it reports nothing. "
                        "What is found stands beside the phone (`verdict`, `says`) once it is over.", **now),
        Operation("list_trunk_states", "GET", "/live/trunks", "lines", "State of each trunk", trunks,
                  answer=schemas.listed(rows.TRUNK), **now),
        Operation("health", "GET", "/health", "overview", "How the system is", health, answer=_HEALTH, **now),
        Operation("what_if", "GET", "/route", "lines", "What would happen if somebody dialled", route, parameters=asks,
                  answer=_WHAT_IF, **now),
        Operation("events", "GET", "/events", "overview", "What happens, as it happens", events, parameters=(kinds,),
                  answer={"type": "string"}, answer_type="text/event-stream",
                  about="Server-sent events: `stream` first; with `resumed` false the state of now follows, and what "
                        "one knew before counts no more; with true, what was missed since `Last-Event-ID`. Then each "
                        "change. Kinds: switch; call.started, call.changed, call.ended; trunk.changed, trunk.removed; "
                        "phone.registered, phone.changed, phone.gone; registered. The connection ends after ten "
                        "minutes, and when one reads too slowly: come back with the last id.", **now),
    ]  # fmt: skip
