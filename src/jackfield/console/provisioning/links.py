"""One-time addresses of phones: made, shown this once, and named when somebody uses one again."""

from __future__ import annotations

import time
from typing import Any

from jackfield.console.provisioning import proofs

__all__ = ["KEPT", "new", "open_link", "revoke"]

KEPT = 10
"""Addresses of one phone that are remembered after they are over, to name who uses one."""


def new(phone: Any, *, hours: int, now: float | None = None) -> str:
    """Make a one-time address and return its secret, which is kept nowhere. One of before ends."""
    from jackfield.desk_phones.models import Link

    at, secret = time.time() if now is None else now, proofs.new_secret()
    revoke(phone, at)
    Link.objects.create(digest=proofs.digest_of(secret), phone=phone, made=at, until=at + hours * 3600)
    old = list(Link.objects.filter(phone=phone).order_by("-made").values_list("pk", flat=True)[KEPT:])
    Link.objects.filter(pk__in=old).delete()
    return secret


def revoke(phone: Any, now: float) -> int:
    """End the addresses of a phone that nobody has used; return how many."""
    from jackfield.desk_phones.models import Link

    count: int = Link.objects.filter(phone=phone, used=None, until__gt=now).update(until=now - 1)
    return count


def open_link(phone: Any, now: float) -> Any:
    """Return the address of a phone that waits for it; None when there is none."""
    return next((row for row in phone.links.all() if row.used is None and row.until > now), None)
