"""What happened with accounts, for administrators and for the owner: who signed in, from where, what was changed."""

from __future__ import annotations

import logging
import time
from typing import Any

from django.http import HttpRequest

from jackfield.people.models import AccountEvent

__all__ = ["KEPT_DAYS", "WORDS", "note", "shown"]

log = logging.getLogger(__name__)

WORDS = {
    "signed_in": "signed in",
    "failed": "failed to sign in",
    "blocked": "has to wait after too many failures",
    "signed_out": "signed out",
    "session_ended": "session ended",
    "password_changed": "password changed",
    "link_made": "link to set a password made",
    "authenticator_added": "authenticator app added",
    "authenticator_removed": "authenticator app removed",
    "recovery_made": "new recovery codes made",
    "recovery_used": "recovery code used",
    "passkey_added": "passkey added",
    "passkey_removed": "passkey removed",
}
BAD = frozenset({"failed", "blocked"})
KEPT_DAYS = 365


def note(request: HttpRequest, what: str, user: Any = None, *, login: str = "", by: Any = None) -> None:
    """Keep that `what` happened to the account of `user`, or of whoever typed `login`."""
    now = time.time()
    address = request.META.get("REMOTE_ADDR", "")
    login = (login if user is None else user.login)[:150]
    by_name = "" if by is None or by == user else by.login
    AccountEvent.objects.create(
        at=now,
        what=what,
        user=user,
        login=login,
        by=by_name,
        address=address[:64],
        user_agent=request.headers.get("User-Agent", "")[:300],
    )
    level = logging.WARNING if what in BAD else logging.INFO
    log.log(level, "%r %s from %s%s", login, WORDS[what], address, f" by {by_name!r}" if by_name else "")


def shown(events: Any) -> list[dict[str, Any]]:
    """Return events as pages show them."""
    from jackfield.console.web.browsers import browser

    return [
        {
            "at": event.at,
            "login": event.login,
            "text": WORDS.get(event.what, event.what),
            "bad": event.what in BAD,
            "by": event.by,
            "address": event.address,
            "browser": browser(event.user_agent),
        }
        for event in events
    ]
