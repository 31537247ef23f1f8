"""Webhooks beyond their settings: what was delivered, sending again, a test, another secret."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any

import msgspec
from django.conf import settings as django_settings
from django.http import HttpResponse

from jackfield.console import change, queries
from jackfield.console.change import Wish
from jackfield.console.rest import answers, bodies, paging, problems, repeating, schemas
from jackfield.console.rest.operations import Asked, Operation, Parameter
from jackfield.console.rest.problems import Refusal
from jackfield.console.rest.who import author
from jackfield.console.webhooks.courier import try_out
from jackfield.webhooks import outbox, signing
from jackfield.webhooks.choices import Progress
from jackfield.webhooks.kinds import KINDS, TEST
from jackfield.webhooks.models import OLD_SECRET_SECONDS, Delivery, Webhook

__all__ = ["operations"]

TIME = {"type": "string", "format": "date-time"}


def listing(asked: Asked) -> HttpResponse:
    """Answer with messages to a webhook, the newest first."""
    query, rows = asked.query, Delivery.objects.filter(webhook=_hook(asked)).defer("body", "answer")
    for name, lookup in {"since": "at__gte", "until": "at__lt", "progress": "progress", "kind": "kind"}.items():
        if query[name] is not None:
            rows = rows.filter(**{lookup: query[name]})
    return paging.page(asked, rows, "-at", lambda found: list(map(_shown, found)))


def one(asked: Asked) -> HttpResponse:
    """Answer with one message: what is sent, and what came back."""
    return answers.json(_whole(_delivery(asked)))


def replay_one(asked: Asked) -> HttpResponse:
    """Send one message again."""
    return repeating.once(asked, _replay_one)


def _replay_one(asked: Asked) -> HttpResponse:
    row = _delivery(asked)
    outbox.queue_again(Delivery.objects.filter(pk=row.pk), time.time())
    return answers.json({"count": 1}, 202)


def replay(asked: Asked) -> HttpResponse:
    """Send again what was given up since a time."""
    return repeating.once(asked, _replay)


def _replay(asked: Asked) -> HttpResponse:
    hook, given = _hook(asked), bodies.checked(asked.request, _REPLAY)
    rows = Delivery.objects.filter(webhook=hook, progress=given.get("progress", Progress.GIVEN_UP))
    rows = rows.filter(at__gte=_time(given["since"]))
    return answers.json({"count": outbox.queue_again(rows, time.time())}, 202)


def _time(text: str) -> float:
    try:
        at = datetime.fromisoformat(text)
        if at.tzinfo is None:
            raise ValueError
        return at.timestamp()
    except (ValueError, OverflowError):
        said = "Must be a time with its zone, as in 2026-11-22T14:30:00Z."
        raise Refusal(422, said, [{"field": "since", "message": said}]) from None


def test(asked: Asked) -> HttpResponse:
    """Send a test event now, and answer what came of it."""
    return answers.json(_whole(try_out(_hook(asked), time.time())))


def rotate(asked: Asked) -> HttpResponse:
    """Make a new secret, and answer with it this once."""
    return repeating.once(asked, _rotate)


def _rotate(asked: Asked) -> HttpResponse:
    hook, secret = _hook(asked), signing.new_secret()
    wish = Wish("webhooks", {"secret": secret}, (hook.name,))
    change.save(django_settings.JACKFIELD, [wish], author=author(asked.request))
    return answers.json({"secret": secret, "old_until": queries._time(time.time() + OLD_SECRET_SECONDS)})


def _hook(asked: Asked) -> Webhook:
    name = asked.path["name"]
    row: Webhook | None = Webhook.objects.filter(name=name).first()
    if row is None:
        raise problems.missing(f"webhook {name[:100]}")
    return row


def _delivery(asked: Asked) -> Delivery:
    hook, id = _hook(asked), asked.path["id"]
    row: Delivery | None = Delivery.objects.filter(webhook=hook, pk=id).first() if id < 2**63 else None
    if row is None:
        raise problems.missing(f"delivery {id}")
    return row


def _shown(row: Delivery) -> dict[str, Any]:
    return {
        "id": row.pk,
        "message": row.message,
        "kind": row.kind,
        "at": queries._time(row.at),
        "progress": row.progress,
        "tries": row.tries,
        "tried": queries._time(row.tried),
        "next_try": queries._time(row.next_try) if row.progress == Progress.WAITING else None,
        "status": row.status or None,
        "seconds": row.seconds,
        "error": row.error,
    }


def _whole(row: Delivery) -> dict[str, Any]:
    return _shown(row) | {"body": msgspec.json.decode(row.body) if row.body else None, "answer": row.answer}


_AT = {"type": ["string", "null"], "format": "date-time"}
_ROW: dict[str, Any] = {
    "id": "integer",
    "message": {"type": "string", "description": "The header webhook-id: the same however often it is sent."},
    "kind": "string", "at": TIME, "progress": {"type": "string", "enum": [str(one) for one in Progress.values]},
    "tries": "integer", "tried": _AT, "next_try": _AT, "status": {"type": ["integer", "null"]},
    "seconds": {"type": ["number", "null"]}, "error": "string",
}  # fmt: skip
_WHOLE = schemas.table(
    _ROW | {
        "body": {"type": ["object", "null"], "description": "What is sent; null until a record is read for it."},
        "answer": {"type": "string", "description": "The beginning of what came back."},
    }
)  # fmt: skip
_REPLAY = schemas.body(
    {"since": TIME, "progress": {"type": "string", "enum": [str(Progress.GIVEN_UP), str(Progress.DELIVERED)],
                                 "default": str(Progress.GIVEN_UP)}},
    "since",
)  # fmt: skip
_COUNT = schemas.table({"count": "integer"})


def operations() -> list[Operation]:
    """Return the operations on what webhooks are sent."""
    filters = (
        Parameter("since", "Only what happened from this time on.", TIME),
        Parameter("until", "Only what happened before this time.", TIME),
        Parameter("progress", "Only those.", {"type": "string", "enum": [str(one) for one in Progress.values]}),
        Parameter("kind", "Only events of this kind.", {"type": "string", "enum": [*KINDS, TEST]}),
        *paging.PARAMETERS,
    )
    common: dict[str, Any] = {"area": "system", "group": "webhooks"}
    base = "/webhooks/{name}"
    item: dict[str, Any] = {"route": "webhooks/<str:name>/deliveries/<int:id>"}
    again: dict[str, Any] = {"route": "webhooks/<str:name>/deliveries/<int:id>/replay"}
    return [
        Operation("list_deliveries", "GET", f"{base}/deliveries", summary="Messages to a webhook, the newest first",
                  run=listing, parameters=filters, answer=schemas.listed(schemas.table(_ROW)), **common),
        Operation("get_delivery", "GET", f"{base}/deliveries/{{id}}", summary="One message to a webhook", run=one,
                  answer=_WHOLE, **item, **common),
        Operation("replay_delivery", "POST", f"{base}/deliveries/{{id}}/replay", summary="Send a message again",
                  run=replay_one, status=202, answer=_COUNT, repeatable=True, **again, **common),
        Operation("replay_deliveries", "POST", f"{base}/replay", summary="Send again what was given up since a time",
                  run=replay, status=202, body=_REPLAY, answer=_COUNT, repeatable=True,
                  about="What was delivered, where `progress` says so.", **common),
        Operation("test_webhook", "POST", f"{base}/test", summary="Send a test event now", run=test, answer=_WHOLE,
                  about="One try, whether the webhook is in use or not.", **common),
        Operation("rotate_webhook_secret", "POST", f"{base}/secret", summary="Make a new secret", run=rotate,
                  answer=schemas.table({"secret": "string", "old_until": TIME}), repeatable=True,
                  about="It is in this answer alone. For a day, messages are signed with the old one too.", **common),
    ]  # fmt: skip
