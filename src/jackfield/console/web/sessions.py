"""Sessions as people see them: in which browser, from where, since when; and ending them."""

from __future__ import annotations

import hashlib
import time
from typing import Any

from django.http import HttpRequest
from django.utils import timezone

from jackfield.console.web.account_log import note
from jackfield.console.web.browsers import browser
from jackfield.console.web.sign_in_rules import rules
from jackfield.people.models import Session

__all__ = ["end", "end_others", "shown"]


def shown(request: HttpRequest, user: Any = None) -> list[dict[str, Any]]:
    """Return the sessions of `user` (None: of everybody) that still hold, the most recent first."""
    own = request.session.session_key
    return [
        {
            "id": _name(row.session_key),
            "user": row.user,
            "browser": browser(row.user_agent),
            "address": row.address,
            "began": row.began,
            "seen": row.seen,
            "this": row.session_key == own,
        }
        for row in _holding(user)
    ]


def _holding(user: Any) -> Any:
    rule, now = rules(), time.time()
    rows = Session.objects.select_related("user").filter(
        user__isnull=False,
        expire_date__gt=timezone.now(),
        seen__gt=now - rule.idle_minutes * 60,
        began__gt=now - rule.longest_hours * 3600,
    )
    return rows if user is None else rows.filter(user=user)


def _name(key: str) -> str:
    """Return what a session is called in pages: its key itself opens it, so that is never in one."""
    return hashlib.sha256(f"jackfield session {key}".encode()).hexdigest()[:24]


def end(request: HttpRequest, name: str, user: Any = None) -> Any:
    """End the session of that name, if it is one of `user` (None: of anybody); return whose it was, or None."""
    for row in _holding(user):
        if _name(row.session_key) == name:
            row.delete()
            note(request, "session_ended", row.user, by=request.user)
            return row.user
    return None


def end_others(request: HttpRequest, user: Any) -> int:
    """End all sessions of `user` but the one of this request; return how many."""
    rows = Session.objects.filter(user=user).exclude(session_key=request.session.session_key)
    count = rows.count()
    rows.delete()
    if count:
        note(request, "session_ended", user, by=request.user)
    return count
