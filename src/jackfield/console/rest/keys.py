"""The tokens, by the API: seen and revoked. They are made on the page alone, so that none can prolong its own life."""

from __future__ import annotations

import logging
from typing import Any

from django.http import HttpResponse

from jackfield.console import queries
from jackfield.console.rest import answers, problems, schemas
from jackfield.console.rest.operations import Asked, Operation
from jackfield.people.tokens import Token

__all__ = ["operations"]

log = logging.getLogger(__name__)


def listing(asked: Asked) -> HttpResponse:
    """Answer with all tokens, the newest first."""
    rows = Token.objects.select_related("user").order_by("-made", "-pk")
    return answers.json({"items": [_shown(row) for row in rows], "next": None})


def revoke(asked: Asked) -> HttpResponse:
    """Make a token count no more."""
    id = asked.path["id"]
    row = Token.objects.select_related("user").filter(pk=id).first() if id < 2**63 else None
    if row is None:
        raise problems.missing(f"token {id}")
    row.delete()
    log.warning("%s revoked the token %s of %s", asked.user, row.begins, row.user)
    return HttpResponse(status=204)


def _shown(row: Token) -> dict[str, Any]:
    times = {name: queries._time(getattr(row, name)) for name in ("made", "expires", "used")}
    return {"id": row.pk, "name": row.name, "begins": row.begins, "user": row.user.login, "scopes": row.scopes,
            "address": row.address, **times}  # fmt: skip


_AT = {"type": ["string", "null"], "format": "date-time"}
_TOKEN = schemas.table(
    {"id": "integer", "name": "string", "begins": "string", "user": "string", "address": "string", "made": _AT,
     "expires": _AT, "used": _AT, "scopes": {"type": "array", "items": {"type": "string"}}}
)  # fmt: skip


def operations() -> list[Operation]:
    """Return the operations on tokens."""
    common: dict[str, Any] = {"area": "system", "group": "tokens"}
    return [
        Operation("list_tokens", "GET", "/tokens", summary="List the tokens", run=listing,
                  answer=schemas.listed(_TOKEN), about="They are made on the page System, API.", **common),
        Operation("revoke_token", "DELETE", "/tokens/{id}", route="tokens/<int:id>", summary="Revoke a token",
                  run=revoke, status=204, **common),
    ]  # fmt: skip
