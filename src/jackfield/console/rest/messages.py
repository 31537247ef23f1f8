"""What webhooks are told, as the OpenAPI document describes it: one POST to the receiver for each kind of event."""

from __future__ import annotations

from typing import Any

from django.utils import translation

from jackfield.console.rest import past, rows, schemas
from jackfield.webhooks.kinds import KINDS, TEST

__all__ = ["webhooks"]

_PHONE = schemas.table(
    {"id": "string", **{name: kind for name, kind in rows.PHONE["properties"].items() if name != "expires_in"},
     "expires": {"type": "number", "description": "Seconds since 1970."}}
)  # fmt: skip
_FETCHED = schemas.table(
    {**dict.fromkeys(("mac", "name", "model", "address", "way", "firmware"), "string"),
     "extensions": {"type": "array", "items": {"type": "string"}}}
)  # fmt: skip
DATA: dict[str, Any] = {
    "call.started": rows.CALL,
    "call.answered": rows.CALL,
    "call.changed": rows.CALL,
    "call.ended": rows.CALL | {"description": "As it was last."},
    "call.recorded": past.RECORD,
    "phone.registered": _PHONE,
    "phone.changed": _PHONE,
    "phone.gone": _PHONE,
    "phone.provisioned": _FETCHED,
    "trunk.changed": rows.TRUNK,
    "trunk.removed": schemas.table({"name": "string"}),
    "switch.changed": schemas.table({"running": "boolean", "draining": "boolean", "problem": "string"}),
    "configuration.changed": schemas.table(
        {"id": {"type": "integer", "description": "See GET /changes/{id}."}, "author": "string", "through": "string",
         "undoes": {"type": ["integer", "null"]}, "changes": schemas.DIFFERENCE["properties"]["changes"],
         "more": {"type": "integer", "description": "How many changes are not told here."}}
    ),
    "notice.raised": schemas.table(dict.fromkeys(("kind", "cause", "subject", "text"), "string")),
    TEST: schemas.table({"webhook": "string", "text": "string"}),
}  # fmt: skip
HEADERS = {
    "webhook-id": "Of the message: the same when it is sent again.",
    "webhook-timestamp": "Seconds since 1970 at which it was sent.",
    "webhook-signature": "v1,…, several with spaces between: HMAC-SHA256 as Standard Webhooks has it.",
}


def webhooks() -> dict[str, Any]:
    """Return the part of the document: what a receiver gets, by kind."""
    with translation.override("en"):  # as all of the document
        return {kind: {"post": _message(kind, data)} for kind, data in DATA.items()}


def _message(kind: str, data: dict[str, Any]) -> dict[str, Any]:
    body = schemas.table(
        {
            "type": {"type": "string", "const": kind},
            "timestamp": {"type": "string", "format": "date-time"},
            "data": data,
        }
    ) | {"required": ["type", "timestamp", "data"]}
    return {
        "summary": "Somebody tries the webhook" if kind == TEST else str(KINDS[kind]),
        "tags": ["webhooks"],
        "security": [],
        "parameters": [
            {"name": name, "in": "header", "required": True, "description": about, "schema": {"type": "string"}}
            for name, about in HEADERS.items()
        ],
        "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
        "responses": {
            "2XX": {"description": "It is taken."},
            "410": {"description": "Nobody wants to be told any more: the webhook is switched off."},
            "default": {"description": "It is sent again, later and later, for a day."},
        },
    }
