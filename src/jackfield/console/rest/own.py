"""What belongs to whoever asks, as on the own pages: where calls go, his calls, his devices, his notices."""

from __future__ import annotations

from typing import Any

from django.conf import settings as django_settings
from django.http import HttpResponse

from jackfield.company.models import General
from jackfield.console import change, queries
from jackfield.console.change import Wish
from jackfield.console.declarative.difference import Difference
from jackfield.console.rest import answers, bodies, connecting, problems, repeating, schemas
from jackfield.console.rest.asking import ask
from jackfield.console.rest.operations import DRY_RUN, Asked, Operation, Parameter
from jackfield.console.rest.problems import Refusal
from jackfield.console.rest.who import author
from jackfield.console.web import notices
from jackfield.console.web.own import calling, devices, in_progress, mine, obstacles, rules
from jackfield.console.web.own.calls import PAGE, own_calls
from jackfield.console.web.own.sentences import sentence
from jackfield.contacts.numbers import House
from jackfield.notices.choices import Kind
from jackfield.notices.models import Notices, Preference
from jackfield.numbers.schema import new_password

__all__ = ["operations"]

FORWARDS = tuple(target.name for target in rules.TARGETS)
RULES = ("do_not_disturb", "call_waiting", "ring_time", *FORWARDS)


# --- where calls go --------------------------------------------------------------------------------------------------


def extensions(asked: Asked) -> HttpResponse:
    """Answer with my extensions, each with where its calls go."""
    return answers.json({"items": [_shown(asked, row) for row in mine.extensions(asked.request)], "next": None})


def extension(asked: Asked) -> HttpResponse:
    """Answer with one of them."""
    content = _shown(asked, _row(asked))
    return answers.json(content, headers={"ETag": answers.etag(content)})


def change_rules(asked: Asked) -> HttpResponse:
    """Say where the calls of one of my extensions go."""
    row, given = _row(asked), bodies.checked(asked.request, CHANGE)
    found = mine.snapshot()
    house = House(found.general.country, found.general.outside_prefix)
    for name in FORWARDS:
        if name in given:
            given[name] = house.dialled(given[name] or "", found.numbers)
    wrong = [
        {"field": name, "message": text}
        for name in FORWARDS
        if given.get(name) and given[name] != getattr(row, name)
        if (text := obstacles.of_sending_on(found, row, given[name]))
    ]
    if wrong:
        raise Refusal(422, wrong[0]["message"] if len(wrong) == 1 else "Several fields are not right.", wrong)

    def guard() -> None:
        if "If-Match" in asked.request.headers:
            answers.demand_match(asked.request, answers.etag(_shown(asked, _row(asked))))

    difference = _save(asked, row, given, guard)
    if asked.query["dry_run"]:
        return answers.json(difference.to_dict())
    content = _shown(asked, _row(asked))
    return answers.json(content, headers={"ETag": answers.etag(content)})


def _row(asked: Asked) -> Any:
    number = asked.path["number"]
    row = next((one for one in mine.extensions(asked.request) if one.number == number), None)
    if row is None:
        raise problems.missing(f"extension {number[:40]} of yours")
    return row


def _shown(asked: Asked, row: Any) -> dict[str, Any]:
    found = mine.snapshot()
    told = sentence(rules._rule(row, found), rules._say(asked.request, found, row))
    return {"number": row.number, "name": row.name, **{name: getattr(row, name) for name in RULES},
            "devices": len(row.lines.all()), "sentence": told}  # fmt: skip


def _save(asked: Asked, row: Any, values: dict[str, Any], guard: Any = None) -> Difference:
    """Change fields of an own extension that are its user's to change."""
    if row.user_id != asked.user.pk or not mine.CHANGEABLE.issuperset(values):
        raise ValueError("not one's own to change")
    wish = Wish("extensions", values, (row.number,))
    dry_run = bool(asked.query.get("dry_run"))
    who = author(asked.request)
    return change.save(django_settings.JACKFIELD, [wish], author=who, dry_run=dry_run, guard=guard)


# --- calls -----------------------------------------------------------------------------------------------------------


def calls(asked: Asked) -> HttpResponse:
    """Answer with my calls, the newest first."""
    before = asked.query["cursor"]
    try:
        at = None if not before else float(before)
    except ValueError:
        at = float("nan")
    if at is not None and not 0 <= at < 1e11:
        text = "Is not one of this list: take it from the page before."
        raise Refusal(400, f"The cursor can't be used. {text}", [{"field": "cursor", "message": text}])
    numbers = [row.number for row in mine.extensions(asked.request)]
    search = (asked.query["q"] or "")[:100]
    found = own_calls(numbers, asked.user, General.current(), search=search, missed=asked.query["missed"], before=at)
    more, found = len(found) > PAGE, found[:PAGE]
    items = [
        {"started": queries._time(one.started)}
        | {name: getattr(one, name) for name in ("id", "kind", "number", "shown", "name", "detail")}
        for one in found
    ]
    return answers.json({"items": items, "next": repr(found[-1].started) if more else None})


def call(asked: Asked) -> HttpResponse:
    """Ring my phones, then call a number as if it had been dialled there."""
    return repeating.once(asked, _call)


def _call(asked: Asked) -> HttpResponse:
    given = bodies.checked(asked.request, CALL)
    numbers = [row.number for row in mine.extensions(asked.request)]
    own = given.get("from") or next(iter(numbers), "")
    if own not in numbers:
        text = "Must be one of your own extensions." if numbers else "No extension is yours, so no phone can ring."
        raise Refusal(422, text, [{"field": "from", "message": text}])
    found = mine.snapshot()
    house = House(found.general.country, found.general.outside_prefix)
    wanted = {
        "from": own,
        "to": house.dialled(given["to"], found.numbers),
        "name": given.get("name", ""),
        "user": asked.user.login,
        "by": author(asked.request).name,
    }
    started = ask("originate", missing=False, **wanted)
    return answers.json(started, 201, headers={"Location": f"{asked.request.path}/{started['id']}"})


def call_state(asked: Asked) -> HttpResponse:
    """Answer how far a call is that was asked for here."""
    return answers.json(calling._state(asked.request, asked.path["id"]))


def hang_up(asked: Asked) -> HttpResponse:
    """End one of my calls in progress; where it only rings at my phones, decline it there."""
    numbers, id = in_progress.numbers_of(asked.request), asked.path["id"]
    row = next((row for row in ask("calls") if row["id"] == id and in_progress.is_own(row, numbers)), None)
    if row is None:
        raise problems.missing(f"call {id[:80]} in progress in which you take part")
    extension = in_progress.part_of(row, numbers)
    ask("hangup", missing=True, id=id, by=author(asked.request).name, extension=extension)
    return HttpResponse(status=204)


# --- devices ---------------------------------------------------------------------------------------------------------


def devices_of(asked: Asked) -> HttpResponse:
    """Answer with my devices, each with where it is registered."""
    try:
        phones = ask("registrations")
    except Refusal:
        phones = None  # the switch does not run: nobody knows
    items = []
    for row in mine.extensions(asked.request):
        for line in row.lines.all():
            there = None if phones is None else [one for one in phones if one["sip_username"] == line.sip_username]
            items.append(_device(asked, line) | {"registered": there})
    return answers.json({"items": items, "next": None})


def _device(asked: Asked, line: Any, *, secrets: bool = False) -> dict[str, Any]:
    return {"id": line.pk, **connecting.facts(asked.request, line, secrets=secrets)}


def add_device(asked: Asked) -> HttpResponse:
    """Add a device; its password is in this answer alone."""
    return repeating.once(asked, _add_device)


def _add_device(asked: Asked) -> HttpResponse:
    given = bodies.checked(asked.request, DEVICE)
    rows = {row.number: row for row in mine.extensions(asked.request)}
    row = rows.get(given.get("extension") or next(iter(rows), ""))
    if row is None:
        text = "Must be one of your own extensions."
        raise Refusal(422, text, [{"field": "extension", "message": text}])
    if sum(len(one.lines.all()) for one in rows.values()) >= devices.MOST:
        raise Refusal(422, f"You have {devices.MOST} devices, which is as many as fit. Remove one first.")
    before = {line.pk for line in row.lines.all()}
    _save(asked, row, {"lines": [*devices._kept(row), {"name": given.get("name") or "Phone"}]})
    fresh = mine.extension(asked.request, row.pk)
    line = next(line for line in fresh.lines.all() if line.pk not in before)
    return answers.json(_device(asked, line, secrets=True), 201)


def renew_device(asked: Asked) -> HttpResponse:
    """Give a device another password, and answer with it this once."""
    row, line = _changeable_line(asked)
    lines = [
        one | ({"sip_password": new_password()} if one["sip_username"] == line.sip_username else {})
        for one in devices._kept(row)
    ]
    _save(asked, row, {"lines": lines})
    return answers.json(_device(asked, _own_line(asked)[1], secrets=True))


def remove_device(asked: Asked) -> HttpResponse:
    """Remove a device: it can't call any more from now on."""
    row, line = _changeable_line(asked)
    _save(asked, row, {"lines": [one for one in devices._kept(row) if one["sip_username"] != line.sip_username]})
    return HttpResponse(status=204)


def device_code(asked: Asked) -> HttpResponse:
    """Answer with the QR code that sets a device of mine up; who may only read does not get it."""
    return connecting.code_of(asked.request, _own_line(asked)[1], asked.query["code"])


def device_links(asked: Asked) -> HttpResponse:
    """Answer with the links that set a device of mine up, and how each stands; never with a link itself."""
    return connecting.links_of(_own_line(asked)[1])


def revoke_device_link(asked: Asked) -> HttpResponse:
    """Take such a link back."""
    return connecting.taken_back(_own_line(asked)[1], asked.path["link"])


def _own_line(asked: Asked) -> tuple[Any, Any]:
    row, line = devices._found(asked.request, asked.path["id"])
    if line is None:
        raise problems.missing(f"device {asked.path['id']} of yours")
    return row, line


def _changeable_line(asked: Asked) -> tuple[Any, Any]:
    row, line = _own_line(asked)
    if refusal := devices.desk_phone_refusal(row, line):
        raise Refusal(409, refusal)
    return row, line


# --- what I am told, and in which language ---------------------------------------------------------------------------


def preferences(asked: Asked) -> HttpResponse:
    """Answer in which language I am spoken to, and what I want to be told."""
    return answers.json(_preferences(asked.user))


def change_preferences(asked: Asked) -> HttpResponse:
    """Change it."""
    given = bodies.checked(asked.request, PREFERENCES)
    if "language" in given:  # everybody has this right over himself, whatever his role
        wish = Wish("users", {"language": given["language"]}, (asked.user.login,))
        change.save(django_settings.JACKFIELD, [wish], author=author(asked.request))
        asked.user.language = given["language"]
    told = given.get("told", {})
    if told:
        row, kinds = _preference(asked.user), [str(kind) for kind in _kinds(asked.user)]
        if wrong := [{"field": f"told.{name[:100]}", "message": f"Known here: {', '.join(kinds)}."}
                     for name in told if name not in kinds]:  # fmt: skip
            raise Refusal(422, "Some of this nobody can be told of.", wrong)
        row.missed_call = told.get(str(Kind.MISSED_CALL), row.missed_call)
        refused = {name for name, wanted in told.items() if not wanted and name != Kind.MISSED_CALL}
        setattr(row, "off", tuple(sorted({*row.off} - told.keys() | refused)))  # noqa: B010 - a field of data
        row.save()
    return answers.json(_preferences(asked.user))


def _preferences(user: Any) -> dict[str, Any]:
    row = _preference(user)
    return {"language": user.language, "told": {str(kind): notices._wanted(row, kind) for kind in _kinds(user)}}


def _preference(user: Any) -> Preference:
    return Preference.objects.filter(user=user).first() or Preference(user=user)


def _kinds(user: Any) -> list[Any]:
    return notices._kinds(user, Notices.current())


# --- description -----------------------------------------------------------------------------------------------------

PREFERENCES = schemas.body(
    {"language": {"type": "string", "maxLength": 35},
     "told": {"type": "object", "additionalProperties": {"type": "boolean"}}}
)  # fmt: skip
_NUMBER = {"type": "string", "maxLength": 60}
_FIELDS: dict[str, Any] = {
    "do_not_disturb": "boolean", "call_waiting": "boolean",
    "ring_time": {"type": ["number", "null"], "minimum": 0, "maximum": 3600},
    **{name: {"type": ["string", "null"], "maxLength": 60} for name in FORWARDS},
}  # fmt: skip
CHANGE = schemas.body(_FIELDS)
SHOWN = schemas.table(
    {"number": "string", "name": "string", **_FIELDS, "devices": "integer",
     "sentence": {"type": "string", "description": "Where calls go, in words."}}
)  # fmt: skip
CALL = schemas.body({"to": _NUMBER | {"minLength": 1}, "from": _NUMBER, "name": {"type": "string", "maxLength": 100}},
                    "to")  # fmt: skip
DEVICE = schemas.body({"extension": _NUMBER, "name": {"type": "string", "maxLength": 100}})
_DEVICE = schemas.table(
    {"id": "integer", **connecting.FACTS["properties"], "registered": {"type": ["array", "null"]}}
)  # fmt: skip
_AT = {"type": "string", "format": "date-time"}
_CALL = schemas.table(
    {"id": "string", "started": _AT, "kind": {"type": "string", "enum": ["out", "in", "missed", "elsewhere"]},
     **dict.fromkeys(("number", "shown", "name", "detail"), "string")}
)  # fmt: skip
_STATE = schemas.table({"words": "string", "over": "boolean", "to": "string", "talking": "boolean"})


def operations() -> list[Operation]:
    """Return the operations on what is one's own."""
    me: dict[str, Any] = {"area": "own", "group": "me"}
    one = me | {"path": "/me/extensions/{number}"}
    device = me | {"path": "/me/devices/{id}", "route": "me/devices/<int:id>"}
    live = me | {"path": "/me/live/calls/{id}"}
    missed = Parameter("missed", "Only those that I have missed.", {"type": "boolean", "default": False})
    cursor = Parameter("cursor", "Where to go on: `next` of the page before.")
    return [
        Operation("list_own_extensions", "GET", "/me/extensions", summary="Where my calls go", run=extensions,
                  answer=schemas.listed(SHOWN), **me),
        Operation("get_own_extension", "GET", summary="Where the calls of an extension of mine go", run=extension,
                  answer=SHOWN, **one),
        Operation("change_own_extension", "PATCH", summary="Say where they go, or that I am not to be disturbed",
                  run=change_rules, parameters=(DRY_RUN,), body=CHANGE, answer=SHOWN, conditional=True,
                  about="Numbers as they are dialled here, or as +49…; null or empty for none.", **one),
        Operation("list_own_calls", "GET", "/me/calls", summary="My calls, the newest first", run=calls,
                  parameters=(Parameter("q", "Search: part of a number or a name."), missed, cursor),
                  answer=schemas.listed(_CALL), **me),
        Operation("call_from_own_phone", "POST", "/me/live/calls", summary="Ring my phones, then call a number",
                  run=call, body=CALL, status=201, answer=schemas.table({"id": "string"}), repeatable=True, **me),
        Operation("get_own_call", "GET", summary="How far a call of mine is", run=call_state, answer=_STATE, **live),
        Operation("hang_up_own_call", "DELETE", summary="Hang up a call of mine", run=hang_up, status=204,
                  about="Whether I called or was called. One that rings at my phones is declined there: it goes on "
                        "where others ring too, or where my busy calls go.", **live),
        Operation("list_own_devices", "GET", "/me/devices", summary="My devices", run=devices_of,
                  answer=schemas.listed(_DEVICE), **me),
        Operation("add_own_device", "POST", "/me/devices", summary="Add a device", run=add_device, body=DEVICE,
                  status=201, answer=_DEVICE, repeatable=True, about="Its password is in this answer alone.", **me),
        Operation("remove_own_device", "DELETE", summary="Remove a device of mine", run=remove_device, status=204,
                  **device),
        Operation("renew_own_device", "POST", "/me/devices/{id}/password", route="me/devices/<int:id>/password",
                  summary="Give a device of mine another password", run=renew_device, answer=_DEVICE, **me),
        Operation("own_device_code", "GET", "/me/devices/{id}/code", route="me/devices/<int:id>/code",
                  summary="The QR code that sets a device of mine up", run=device_code, parameters=(connecting.CODE,),
                  answer={"type": "string"}, answer_type="image/svg+xml",
                  about="It holds the password: only with the scope own:write.", write=True, **me),
        Operation("list_own_setup_links", "GET", "/me/devices/{id}/links", route="me/devices/<int:id>/links",
                  summary="The links that set a device of mine up", run=device_links,
                  answer=schemas.listed(connecting.LINK), **me),
        Operation("revoke_own_setup_link", "POST", "/me/devices/{id}/links/{link}/revoke",
                  route="me/devices/<int:id>/links/<int:link>/revoke", summary="Take such a link back",
                  run=revoke_device_link, answer=connecting.LINK, **me),
        Operation("get_preferences", "GET", "/me/preferences", summary="My language, and what I want to be told",
                  run=preferences, answer=PREFERENCES, **me),
        Operation("change_preferences", "PATCH", "/me/preferences", summary="Change my language, or what I am told",
                  run=change_preferences, body=PREFERENCES, answer=PREFERENCES, **me),
    ]  # fmt: skip
