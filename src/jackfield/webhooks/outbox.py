"""What is to be told goes into the outbox, in the transaction of what it tells of; and out of it again for the log.

Live events are many, and worthless when they are old: for a webhook that is far behind, a change of a call takes the
place of the one before, and beyond a limit live events are left out. Records, changes of the configuration and notices
are never left out.
"""

from __future__ import annotations

import hashlib
import threading
import uuid
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import msgspec
from django.db import transaction
from django.db.models import Count, F
from django.utils.translation import gettext as _

from jackfield.webhooks.choices import Progress
from jackfield.webhooks.kinds import LIVE
from jackfield.webhooks.models import Delivery, Standing, Webhook

__all__ = [
    "Happening",
    "add",
    "body",
    "calls",
    "clean",
    "filled",
    "interrupted",
    "notice",
    "one",
    "queue_again",
    "wanting",
]

BEHIND = 100
"""Messages that wait, from which on a change takes the place of an earlier one."""
MOST_LIVE = 5_000
"""Messages that wait, from which on live events are left out."""
MOST_WAITING = 100_000
"""Of one webhook. Beyond, the oldest are given up."""
MOST_KEPT = 10_000
"""Of one webhook, of those that are done with."""
KEEP_SECONDS = 14 * 86400.0
MOST_CHANGES = 100
"""Of one change of the configuration that are told; a table may hold thousands."""

filled = threading.Event()
"""Set when there may be something to deliver; the one who delivers clears it. Other processes can't set it."""


@dataclass(frozen=True, slots=True)
class Happening:
    """Something to be told. `data`: ready for JSON; None for a call, which is read when it is sent."""

    kind: str
    at: float  # seconds since 1970
    data: Any
    about: str = ""
    numbers: Collection[str] = field(default=())  # of the extensions that it has to do with
    unique: str = ""  # what happens once only, however often it is added


def wanting(*kinds: str) -> list[Webhook]:
    """Return the webhooks in use that are to be told of any of these kinds."""
    return [hook for hook in Webhook.objects.filter(enabled=True) if any(hook.wants(kind) for kind in kinds)]


def add(happenings: Iterable[Happening], now: float, hooks: Sequence[Webhook] | None = None) -> int:
    """Queue each for every webhook that wants it; `hooks`: all in use, where they are known. Returns how many."""
    if hooks is None:
        hooks = list(Webhook.objects.filter(enabled=True))
    if not hooks:
        return 0
    rows: list[Delivery] = []
    for one in happenings:
        takers = [hook for hook in hooks if hook.wants(one.kind, one.numbers)]
        if not takers:
            continue
        message, text = _message(one), "" if one.data is None else body(one.kind, one.at, one.data)
        rows += [_row(hook, one, now, message, text) for hook in takers]
    if any(row.kind in LIVE for row in rows):
        rows = _not_too_many(rows)
    if rows:
        Delivery.objects.bulk_create(rows, batch_size=200, ignore_conflicts=True)
        transaction.on_commit(filled.set)
    return len(rows)


def one(hook: Webhook, happening: Happening, now: float) -> Delivery:
    """Return a message that is not in the outbox, nor anywhere else yet."""
    text = body(happening.kind, happening.at, happening.data)
    return _row(hook, happening, now, _message(happening), text)


def _row(hook: Webhook, one: Happening, now: float, message: str, text: str) -> Delivery:
    about = one.about[:200]
    return Delivery(
        webhook_id=hook.pk, message=message, kind=one.kind, about=about, at=one.at, queued=now, next_try=now, body=text
    )


def _message(one: Happening) -> str:
    """Return what names the event: without a dot, which separates what is signed."""
    if not one.unique:
        return f"msg_{uuid.uuid4().hex}"
    return f"msg_{hashlib.sha256(f'{one.kind} {one.unique}'.encode()).hexdigest()[:32]}"


def body(kind: str, at: float, data: Any) -> str:
    """Return what is sent, as Standard Webhooks recommends it."""
    time = datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")
    return msgspec.json.encode({"type": kind, "timestamp": time, "data": data}, enc_hook=str).decode()


def _not_too_many(rows: list[Delivery]) -> list[Delivery]:
    """Return what is to be queued for those that are far behind too."""
    waiting = Delivery.objects.filter(progress=Progress.WAITING, webhook_id__in={row.webhook_id for row in rows})
    counted = waiting.order_by().values_list("webhook_id").annotate(Count("pk"))
    counts = Counter(dict(counted))
    left_out: Counter[int] = Counter()
    kept: list[Delivery] = []
    for row in rows:
        counts[row.webhook_id] += 1
        if row.kind in LIVE and counts[row.webhook_id] > BEHIND and row.kind.endswith((".changed", ".ended")):
            kind = row.kind.partition(".")[0] + ".changed"
            same = {"webhook_id": row.webhook_id, "kind": kind, "about": row.about}
            waiting.filter(tries=0, **same).delete()
            kept = [one for one in kept if any(getattr(one, name) != value for name, value in same.items())]
        if row.kind in LIVE and counts[row.webhook_id] > MOST_LIVE:
            left_out[row.webhook_id] += 1
        else:
            kept.append(row)
    for pk, count in left_out.items():
        Standing.objects.get_or_create(webhook_id=pk)
        Standing.objects.filter(webhook_id=pk).update(left_out=F("left_out") + count)
    return kept


def calls(entries: Iterable[dict[str, Any]], now: float) -> int:
    """Queue the records of calls, as the spool has them. To be called in the transaction that stores them."""
    found = [entry for entry in entries if entry["kind"] == "call"]
    if not found or not (hooks := wanting("call.recorded")):
        return 0
    return add((_recorded(entry["id"], entry["data"], now) for entry in found), now, hooks)


def _recorded(id: str, data: dict[str, Any], now: float) -> Happening:
    parties = (data.get("caller") or {}, data.get("called") or {}, *(data.get("legs") or ()))
    numbers = {str(party.get(name)) for party in parties for name in ("number", "extension") if party.get(name)}
    numbers.add(str(data.get("dialed") or ""))
    at = float(data.get("ended") or data.get("started") or now)
    return Happening("call.recorded", at, None, str(id), numbers, str(id))


def interrupted(rows: Iterable[Any], at: float, now: float) -> int:
    """Queue the records of calls (rows of the history) whose end nobody saw. Should one come after all, it follows."""
    hooks = wanting("call.recorded")
    columns = ("caller_number", "caller_extension", "called_number", "called_extension", "dialed")
    found = (
        Happening("call.recorded", at, None, row.id, {getattr(row, name) for name in columns} - {""},
                  f"{row.id} interrupted")
        for row in rows
    )  # fmt: skip
    return add(found, now, hooks) if hooks else 0


def configuration(revision: Any) -> int:
    """Queue a change of the configuration. To be called in the transaction that makes it. Secrets are not in it."""
    changes = revision.summary.get("changes", [])
    data = {
        "id": revision.pk,
        "author": revision.author,
        "through": revision.through,
        "undoes": revision.undoes_id,
        "changes": changes[:MOST_CHANGES],
        "more": max(0, len(changes) - MOST_CHANGES),
    }
    happening = Happening("configuration.changed", revision.at, data, str(revision.pk), unique=str(revision.pk))
    return add([happening], revision.at)


def notice(kind: str, cause: str, subject: str, text: str, now: float, *, within: float) -> int:
    """Queue a notice, unless the same was told within so many seconds."""
    about = f"{cause} {subject}"[:200]
    told = Delivery.objects.filter(kind="notice.raised", about=about, queued__gt=now - within)
    if not (hooks := wanting("notice.raised")) or told.exists():
        return 0
    data = {"kind": kind, "cause": cause, "subject": subject, "text": text}
    return add([Happening("notice.raised", now, data, about)], now, hooks)


def queue_again(rows: Any, now: float) -> int:
    """Send deliveries (a query of them) again, at once, with the same id. Returns how many."""
    count: int = rows.update(
        progress=Progress.WAITING, tries=0, next_try=now, queued=now, error="", status=0, answer="", seconds=None
    )
    transaction.on_commit(filled.set)
    return count


def clean(now: float) -> None:
    """Take out of the table what is too old, and what is too much."""
    Delivery.objects.filter(queued__lt=now - KEEP_SECONDS).delete()
    known = set(Webhook.objects.values_list("pk", flat=True))
    Delivery.objects.exclude(webhook_id__in=known).delete()
    for pk in known:
        waiting = Delivery.objects.filter(webhook_id=pk, progress=Progress.WAITING)
        if (last := _beyond(waiting, MOST_WAITING)) is not None:
            waiting.filter(pk__lte=last).update(progress=Progress.GIVEN_UP, error=_("too many were waiting"))
        done = Delivery.objects.filter(webhook_id=pk).exclude(progress=Progress.WAITING)
        if (last := _beyond(done, MOST_KEPT)) is not None:
            done.filter(pk__lte=last).delete()


def _beyond(rows: Any, most: int) -> int | None:
    """Return the newest that is one too many."""
    found: int | None = rows.order_by("-pk").values_list("pk", flat=True)[most : most + 1].first()
    return found
