"""Requests that may come twice: with the same Idempotency-Key the second gets the first one's answer."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable

from django.db import IntegrityError, transaction
from django.http import HttpResponse

from jackfield.console.rest import bodies
from jackfield.console.rest.operations import Asked
from jackfield.console.rest.problems import Refusal
from jackfield.people.tokens import KeptAnswer

__all__ = ["once"]

KEPT_SECONDS = 86400.0
WORK_SECONDS = 60.0
"""After so long without an answer, the one who was at work is taken for dead."""
LONGEST_KEY = 255
HEADERS = ("Location", "ETag")


def once(asked: Asked, run: Callable[[Asked], HttpResponse]) -> HttpResponse:
    """Run an operation unless its key was used already: then answer as then. Refused ones may be tried again.

    Raises `Refusal`: 400 for a key that is too long, 409 while the first is at work, 422 where the key belongs to
    another request.
    """
    given = asked.request.headers.get("Idempotency-Key")
    if given is None or asked.query.get("dry_run"):
        return run(asked)
    if not 0 < len(given) <= LONGEST_KEY:
        text = f"Must have 1 to {LONGEST_KEY} characters."
        raise Refusal(400, f"The Idempotency-Key is not right. {text}", [{"field": "Idempotency-Key", "message": text}])
    key = hashlib.sha256(f"{asked.user.pk} {given}".encode("utf-8", "surrogatepass")).hexdigest()
    request = asked.request
    whole = f"{request.method} {request.get_full_path()}\n".encode() + bodies.raw(request)
    kept = _begin(key, hashlib.sha256(whole).hexdigest())
    if kept is not None:
        headers = dict(kept.headers) | {"Idempotent-Replayed": "true"}
        return HttpResponse(kept.content, status=kept.status, content_type="application/json", headers=headers)
    rows = KeptAnswer.objects.filter(key=key)
    try:
        response = run(asked)
    except BaseException:
        rows.delete()
        raise
    headers = {name: response.headers[name] for name in HEADERS if name in response.headers}
    rows.update(status=response.status_code, headers=headers, content=response.content.decode())
    return response


def _begin(key: str, asked: str) -> KeptAnswer | None:
    """Return the answer that was given; None when this request is the first and is to be worked on."""
    now = time.time()
    KeptAnswer.objects.filter(at__lt=now - KEPT_SECONDS).delete()
    KeptAnswer.objects.filter(key=key, status=0, at__lt=now - WORK_SECONDS).delete()
    try:
        with transaction.atomic():
            KeptAnswer.objects.create(key=key, request=asked, at=now)
    except IntegrityError:
        pass
    else:
        return None
    kept: KeptAnswer | None = KeptAnswer.objects.filter(key=key).first()
    if kept is not None and kept.request != asked:
        raise Refusal(422, "This Idempotency-Key was used for another request: use a new one for each.")
    if kept is None or not kept.status:
        raise Refusal(409, "The first request with this Idempotency-Key is still at work: ask again in a moment.")
    return kept
