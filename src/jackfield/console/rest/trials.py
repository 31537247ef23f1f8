"""Trying what is set: the e-mail server, a trunk, a call, the directory; messages that were sent; and the beginning."""

from __future__ import annotations

import dataclasses
import time
from typing import Any, get_args

from django.conf import settings as django_settings
from django.core.exceptions import ValidationError
from django.http import HttpResponse

from jackfield.company.models import General
from jackfield.console import first_run, importing, postman, queries, validation
from jackfield.console.presets import sorted_for
from jackfield.console.rest import answers, bodies, paging, schemas
from jackfield.console.rest.operations import DRY_RUN, Asked, Operation, Parameter
from jackfield.console.rest.problems import Refusal
from jackfield.console.trunk_test import try_trunk
from jackfield.console.web import overview
from jackfield.console.web.first_run import connecting
from jackfield.directory.person import DirectoryError
from jackfield.notices.choices import Kind, Progress
from jackfield.notices.models import Mail, Notice
from jackfield.switch.snapshot import TrunkKind

__all__ = ["operations"]

ELSEWHERE = frozenset(("hosts", "outbound_proxy", "transport", "verify_tls"))
"""Fields of a trunk that say to whom, and how safely, its password goes."""


def messages(asked: Asked) -> HttpResponse:
    """Answer with what was told to whom, the newest first."""
    rows = Notice.objects.all()
    for name in ("progress", "kind", "recipient"):
        if asked.query[name] is not None:
            rows = rows.filter(**{name: asked.query[name]})
    return paging.page(asked, rows, "-at", lambda found: [_message(row) for row in found])


def _message(row: Notice) -> dict[str, Any]:
    names = ("id", "kind", "recipient", "subject", "text", "progress", "tries", "error")
    return {"at": queries._time(row.at)} | {name: getattr(row, name) for name in names}


def try_mail(asked: Asked) -> HttpResponse:
    """Send a test message now, and answer what the server said."""
    recipient = bodies.checked(asked.request, MAIL)["recipient"].strip()
    try:
        validation.email(recipient)
    except ValidationError as problem:
        text = f"{problem.messages[0]}: give the address that the test message goes to."
        raise Refusal(422, text, [{"field": "recipient", "message": text}]) from None
    letter = postman.trial()
    try:
        postman.send(Mail.current(), recipient, letter)
    except postman.Undeliverable as problem:
        return answers.json({"ok": False, "text": f"The test message did not get away: {problem}."})
    Notice.objects.create(
        at=time.time(), kind=Kind.TEST, cause="test", recipient=recipient, subject=letter.subject,
        text="\n".join(letter.paragraphs), progress=Progress.SENT, tries=1,
    )  # fmt: skip
    return answers.json({"ok": True, "text": f"The server took the test message for {recipient}."})


def try_registration(asked: Asked) -> HttpResponse:
    """Register at a provider and take it back, or look whether it answers."""
    given = bodies.checked(asked.request, TRUNK)
    if "name" in given:
        if ELSEWHERE & given.keys() and "password" not in given:
            text = "Must be given: the saved one is shown to the servers alone that it was saved for."
            raise Refusal(422, text, [{"field": "password", "message": text}])
        given = _stored(given["name"]) | {name: value for name, value in given.items() if name != "name"}
    return answers.json(dataclasses.asdict(try_trunk(given)))


def _stored(name: str) -> dict[str, Any]:
    from jackfield.console.declarative.merging import plain
    from jackfield.console.declarative.sections import SECTIONS
    from jackfield.trunks.models import Trunk

    row = Trunk.objects.filter(name=name).first()
    if row is None:
        text = f'There is no trunk "{name[:100]}": leave the name out to try what is not saved yet.'
        raise Refusal(422, text, [{"field": "name", "message": text}])
    return plain(SECTIONS["trunks"], row)


def try_call(asked: Asked) -> HttpResponse:
    """Place a call between two built-in phones through the running system; it takes three seconds."""
    ok, said = connecting.test_call()
    return answers.json({"ok": ok, "text": "\n".join(said)})


def providers(asked: Asked) -> HttpResponse:
    """Answer with what a trunk to each well-known provider needs."""
    found = sorted_for(asked.query["country"] or General.current().country)
    items = [dataclasses.asdict(one) | {"trunk": dict(one.trunk or {})} for one in found]
    return answers.json({"items": items, "next": None})


# --- the directory ---------------------------------------------------------------------------------------------------


def look_at_directory(asked: Asked) -> HttpResponse:
    """Answer what an import would do."""
    return _directory(dry_run=True)


def import_directory(asked: Asked) -> HttpResponse:
    """Bring users in step with the directory now."""
    return _directory(dry_run=asked.query["dry_run"])


def _directory(*, dry_run: bool) -> HttpResponse:
    from jackfield.directory.models import Directory

    config = Directory.current()
    if not config.hosts or not config.base:
        raise Refusal(422, "No directory is set: give its servers and where people are, with PATCH /directory.")
    if not dry_run and not config.enabled:
        raise Refusal(422, "The directory is switched off: enable it first, or look with dry_run=1.")
    try:
        outcome = importing.bring_in_step(django_settings.JACKFIELD, dry_run=dry_run)
    except DirectoryError as problem:
        raise Refusal(422, f"{problem}".rstrip(".") + ".") from None
    return answers.json({"applied": not dry_run, **dataclasses.asdict(outcome)})


# --- the beginning ---------------------------------------------------------------------------------------------------


def beginning(asked: Asked) -> HttpResponse:
    """Answer whether the first run is over, and what a new system still needs."""
    from jackfield.console.web.live import switch_says

    state, _ = switch_says("live")
    steps = overview.first_steps(state or {"calls": [], "trunks": [], "registered": 0})
    content = {
        "administrator": first_run.administrator_exists(),
        "steps": [{"text": one.text, "why": one.why, "page": one.href, "done": one.done} for one in steps],
    }
    return answers.json(content)


# --- description -----------------------------------------------------------------------------------------------------

_TEXTS = {"type": "array", "items": {"type": "string"}}
_AT = {"type": "string", "format": "date-time"}
_LONG = {"type": "string", "maxLength": 254}
MAIL = schemas.body({"recipient": _LONG}, "recipient")
TRUNK = schemas.body(
    dict.fromkeys(("name", "username", "auth_username", "domain", "outbound_proxy"), _LONG)
    | {"hosts": {"type": "array", "items": _LONG, "maxItems": 20}, "password": _LONG | {"writeOnly": True},
       "kind": {"type": "string", "enum": list(get_args(TrunkKind))}, "verify_tls": {"type": "boolean"},
       "transport": {"type": "string", "enum": ["", "udp", "tcp", "tls"]}}
)  # fmt: skip
OUTCOME = schemas.table({"ok": "boolean", "text": "string"})
SEEN_AS = schemas.table({"ok": "boolean", "text": "string", "seen_as": "string"})
_MESSAGE = schemas.table(
    {"id": "integer", "at": _AT, "tries": "integer", "progress": {"type": "string", "enum": list(Progress.values)},
     **dict.fromkeys(("kind", "recipient", "subject", "text", "error"), "string")}
)  # fmt: skip
_PRESET = schemas.table(
    {"key": "string", "name": "string", "countries": _TEXTS, "note": "string", "username": "string", "ask": _TEXTS,
     "trunk": "object"}
)  # fmt: skip
_IMPORT = schemas.table(
    {"applied": "boolean", "seen": "integer", **dict.fromkeys(("created", "changed", "disabled", "problems"), _TEXTS)}
)  # fmt: skip
_STEP = schemas.table({"text": "string", "why": "string", "page": "string", "done": "boolean"})
_BEGINNING = schemas.table({"administrator": "boolean", "steps": {"type": "array", "items": _STEP}})


def operations() -> list[Operation]:
    """Return the operations that try things."""
    common: dict[str, Any] = {"group": "trials"}
    of_messages = (
        Parameter("progress", "What has become of it.", {"type": "string", "enum": list(Progress.values)}),
        Parameter("kind", "Of this kind.", {"type": "string", "enum": list(Kind.values)}),
        Parameter("recipient", "To this address."),
        *paging.PARAMETERS,
    )
    country = Parameter("country", "As DE; the company's, where it is left out.")
    return [
        Operation("list_messages", "GET", "/messages", "system", "Messages that were sent or wait", messages,
                  parameters=of_messages, answer=schemas.listed(_MESSAGE), **common),
        Operation("try_mail", "POST", "/trials/mail", "system", "Send a test message", try_mail, body=MAIL,
                  answer=OUTCOME, about="By the e-mail server that is set; ok says whether it took the message.",
                  **common),
        Operation("try_trunk", "POST", "/trials/trunk", "lines", "Try a trunk before it is saved", try_registration,
                  body=TRUNK, answer=SEEN_AS, about="Registers at the provider and takes it back: at most 12 seconds. "
                  "With a name, the saved trunk of that name, with what is given in its place.", **common),
        Operation("try_call", "POST", "/trials/call", "system", "Place a test call", try_call, answer=OUTCOME,
                  about="Between two built-in phones through the running system: three seconds.", **common),
        Operation("list_providers", "GET", "/providers", "lines", "What a trunk to each well-known provider needs",
                  providers, parameters=(country,), answer=schemas.listed(_PRESET),
                  about="Those of the country come first. `ask` names what the customer must know besides.", **common),
        Operation("look_at_directory", "GET", "/directory/people", "system", "What an import of the directory would do",
                  look_at_directory, answer=_IMPORT, **common),
        Operation("import_directory", "POST", "/directory/people", "system", "Import from the directory now",
                  import_directory, parameters=(DRY_RUN,), answer=_IMPORT, trial=_IMPORT, **common),
        Operation("get_beginning", "GET", "/first-run", "system", "What a new system still needs", beginning,
                  answer=_BEGINNING, **common),
    ]  # fmt: skip
