"""What was: the calls with their legs, journal and SIP messages; and what was changed, to be looked at and undone."""

from __future__ import annotations

import base64
from typing import Any

from django.conf import settings as django_settings
from django.db.models import Q
from django.http import HttpResponse

from jackfield.changes.models import Revision
from jackfield.console import change, queries
from jackfield.console.declarative.sections import SECTIONS
from jackfield.console.rest import answers, door, paging, problems, repeating, schemas
from jackfield.console.rest.asking import ask
from jackfield.console.rest.operations import DRY_RUN, Asked, Operation, Parameter
from jackfield.console.rest.problems import Refusal
from jackfield.console.rest.things import area_of
from jackfield.console.rest.who import author
from jackfield.console.web.rights import READ, WRITE
from jackfield.history.choices import Direction, Outcome
from jackfield.history.models import Call

__all__ = ["RECORD", "operations"]

TIME = {"type": "string", "format": "date-time"}


def calls(asked: Asked) -> HttpResponse:
    """Answer with calls, the newest first."""
    query, found = asked.query, Call.objects.all()
    for name, lookup in FILTERS.items():
        if query[name] is not None:
            found = found.filter(**{lookup: query[name]})
    if query["number"]:
        number = query["number"]
        found = found.filter(Q(caller_number=number) | Q(called_number=number) | Q(dialed=number))
    if query["trunk"]:
        found = found.filter(Q(caller_trunk=query["trunk"]) | Q(called_trunk=query["trunk"]))
    return paging.page(asked, found, "-started", lambda rows: [queries.summary(row) for row in rows])


FILTERS = {
    "since": "started__gte", "until": "started__lt", "caller": "caller_number", "called": "called_number",
    "direction": "direction", "outcome": "outcome", "extension": "caller_extension",
}  # fmt: skip


def call(asked: Asked) -> HttpResponse:
    """Answer with one call and all that is known of it."""
    row = _call(asked)
    found = queries.call(row.id)
    if found is None:  # removed meanwhile
        raise problems.missing(f"call {row.id}")
    return answers.json(found)


def ladder(asked: Asked) -> HttpResponse:
    """Answer with the SIP messages of a call as a drawing in text."""
    return HttpResponse(_trace(asked, "ladder"), content_type="text/plain; charset=utf-8")


def pcap(asked: Asked) -> HttpResponse:
    """Answer with the SIP messages of a call as Wireshark reads them; with the keys of its audio, so not for all."""
    content = base64.b64decode(_trace(asked, "pcap"))
    name = "".join(letter for letter in asked.path["id"] if letter.isalnum())
    headers = {"Content-Disposition": f'attachment; filename="call-{name}.pcap"'}
    return HttpResponse(content, content_type="application/vnd.tcpdump.pcap", headers=headers)


def _call(asked: Asked) -> Call:
    id = asked.path["id"]
    row = None if "\0" in id else Call.objects.filter(id=id).first()
    if row is None:
        raise problems.missing(f"call {id[:80]}")
    return row


def _trace(asked: Asked, form: str) -> str:
    row = _call(asked)
    return str(ask("trace", missing=True, call=row.id, format=form))


# --- changes of the configuration ------------------------------------------------------------------------------------


def changes(asked: Asked) -> HttpResponse:
    """Answer with what was changed, the newest first."""
    query, found = asked.query, Revision.objects.all()
    for name, lookup in {"since": "at__gte", "until": "at__lt", "author": "author", "through": "through"}.items():
        if query[name] is not None:
            found = found.filter(**{lookup: query[name]})
    for name in ("section", "key"):
        if query[name] is not None:
            found = found.filter(**{f"items__{name}": query[name]}).distinct()
    return paging.page(asked, found, "-at", lambda rows: [_revision(asked, row) for row in rows])


def one_change(asked: Asked) -> HttpResponse:
    """Answer with one change."""
    return answers.json(_revision(asked, _found(asked)))


def undo(asked: Asked) -> HttpResponse:
    """Take a change back."""
    return repeating.once(asked, _undo)


def _undo(asked: Asked) -> HttpResponse:
    revision = _found(asked)
    for section in sorted(set(revision.items.values_list("section", flat=True))):
        if section not in SECTIONS:
            raise Refusal(409, f"There is no section {section} any more, so this can't be undone.")
        if door.held(asked.request, area_of(section)) < WRITE:
            raise Refusal(422, f"This change is about {section} too, which you may not change.")
    who = author(asked.request, undoes=revision.pk)
    return answers.json(
        change.undo(django_settings.JACKFIELD, revision, author=who, dry_run=asked.query["dry_run"]).to_dict()
    )


def _found(asked: Asked) -> Revision:
    id = asked.path["id"]
    row = Revision.objects.filter(pk=id).first() if id < 2**63 else None
    if row is None:
        raise problems.missing(f"change {id}")
    return row


def _revision(asked: Asked, row: Revision) -> dict[str, Any]:
    """Return a change as it is told: without what belongs to areas that the one who asks may not read."""
    every = row.summary.get("changes", [])
    seen = [one for one in every if door.held(asked.request, _area(one["section"])) >= READ]
    return {
        "id": row.pk,
        "at": queries._time(row.at),
        "author": row.author,
        "through": row.through,
        "address": row.address,
        "undoes": row.undoes_id,
        "changes": seen,
        "hidden": len(every) - len(seen),
    }


def _area(section: str) -> str:
    return area_of("extensions" if section == "lines" else section)


# --- description -----------------------------------------------------------------------------------------------------

_PARTY = schemas.table(dict.fromkeys(("number", "name", "extension", "trunk"), "string"))
_AT = {"type": ["string", "null"], "format": "date-time"}
_SECONDS = {"type": ["number", "null"], "description": "Seconds."}
_SUMMARY: dict[str, Any] = {
    "id": "string", "started": TIME, "ringing": _AT, "answered": _AT, "ended": _AT, "duration": _SECONDS,
    "talked": _SECONDS, "caller": _PARTY, "called": _PARTY, "dialed": "string", "direction": "string",
    "outcome": "string", "hung_up_by": "string", "sip_status": "integer", "q850": "integer", "reason": "string",
}  # fmt: skip
_CALL = schemas.table(_SUMMARY)
RECORD = schemas.table(
    _SUMMARY | {"boot": "string", "snapshot_version": "integer", "legs": {"type": "array", "items": {"type": "object"}},
                "journal": {"type": "array", "items": schemas.table({"at": TIME, "text": "string", "link": "string"})}}
)  # fmt: skip
_REVISION = schemas.table(
    {"id": "integer", "at": TIME, "author": "string", "through": "string", "address": "string",
     "undoes": {"type": ["integer", "null"], "description": "The change that this one took back."},
     "changes": schemas.DIFFERENCE["properties"]["changes"],
     "hidden": {"type": "integer", "description": "How many more there are, in areas that you may not read."}}
)  # fmt: skip
_SPAN = (
    Parameter("since", "Only from this time on.", TIME),
    Parameter("until", "Only before this time.", TIME),
)


def operations() -> list[Operation]:
    """Return the operations of history."""
    of_calls = (
        *_SPAN,
        Parameter("number", "Caller's, called or dialled number."),
        Parameter("caller", "Caller's number."),
        Parameter("called", "Called number."),
        Parameter("extension", "Number of the extension that called."),
        Parameter("trunk", "Name of the trunk that carried it."),
        Parameter("direction", "Which way.", {"type": "string", "enum": [str(one) for one in Direction.values]}),
        Parameter("outcome", "How it ended.", {"type": "string", "enum": [str(one) for one in Outcome.values]}),
        *paging.PARAMETERS,
    )
    of_changes = (
        *_SPAN,
        Parameter("author", "By whom."),
        Parameter("through", "By which way: page, api, import, document."),
        Parameter("section", "Of what.", {"type": "string", "enum": list(SECTIONS)}),
        Parameter("key", "The number or name of what was changed."),
        *paging.PARAMETERS,
    )
    in_history: dict[str, Any] = {"area": "history", "group": "calls"}
    of_change: dict[str, Any] = {"area": "history", "group": "changes"}
    return [
        Operation("list_calls", "GET", "/calls", summary="Calls, the newest first", run=calls, parameters=of_calls,
                  answer=schemas.listed(_CALL), **in_history),
        Operation("get_call", "GET", "/calls/{id}", summary="One call with its legs and its journal", run=call,
                  answer=RECORD, **in_history),
        Operation("get_call_ladder", "GET", "/calls/{id}/ladder", summary="The SIP messages of a call, drawn",
                  run=ladder, answer={"type": "string"}, answer_type="text/plain",
                  about="Kept for the last few megabytes of messages only: ask soon after the call.", **in_history),
        Operation("get_call_pcap", "GET", "/calls/{id}/pcap", summary="The SIP messages of a call, for Wireshark",
                  run=pcap, answer={}, answer_type="application/vnd.tcpdump.pcap",
                  about="They hold the keys of the audio: for those who may write here.", write=True, **in_history),
        Operation("list_changes", "GET", "/changes", summary="What was changed, the newest first", run=changes,
                  parameters=of_changes, answer=schemas.listed(_REVISION), **of_change),
        Operation("get_change", "GET", "/changes/{id}", route="changes/<int:id>", summary="One change", run=one_change,
                  answer=_REVISION, **of_change),
        Operation("undo_change", "POST", "/changes/{id}/undo", route="changes/<int:id>/undo", summary="Undo a change",
                  run=undo, parameters=(DRY_RUN,), answer=schemas.DIFFERENCE, repeatable=True, **of_change),
    ]  # fmt: skip
