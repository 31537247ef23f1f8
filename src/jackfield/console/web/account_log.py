"""What happened with accounts, for administrators and for the owner: who signed in, from where, what was changed."""

from __future__ import annotations

import logging
import time
from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_noop as later

from jackfield.people.models import AccountEvent

__all__ = ["KEPT_DAYS", "WORDS", "note", "note_new_browser", "shown"]

log = logging.getLogger(__name__)

WORDS = {
    "signed_in": later("signed in"),
    "failed": later("failed to sign in"),
    "blocked": later("has to wait after too many failures"),
    "signed_out": later("signed out"),
    "session_ended": later("session ended"),
    "password_changed": later("password changed"),
    "link_made": later("link to set a password made"),
    "link_sent": later("link to set a password sent by e-mail"),
    "forgotten": later("asked for a new password"),
    "authenticator_added": later("authenticator app added"),
    "authenticator_removed": later("authenticator app removed"),
    "recovery_made": later("new recovery codes made"),
    "recovery_used": later("recovery code used"),
    "passkey_added": later("passkey added"),
    "passkey_removed": later("passkey removed"),
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
    if what in GONE and user is not None:
        _tell_owner(user, GONE[what], f"{what} {user.pk}", {"address": address, "by": by_name or user.login}, now)
    level = logging.WARNING if what in BAD else logging.INFO
    log.log(level, "%r %s from %s%s", login, WORDS[what], address, f" by {by_name!r}" if by_name else "")


def note_new_browser(request: HttpRequest, user: Any) -> None:
    """Tell somebody that he, or somebody in his place, has signed in with a browser that was not known."""
    from jackfield.console.web.browsers import browser

    address = request.META.get("REMOTE_ADDR", "")
    told = {"address": address, "browser": browser(request.headers.get("User-Agent", ""))}
    _tell_owner(user, NEW_BROWSER, f"new browser {user.pk} {address}", told, time.time())


NEW_BROWSER = later(
    "%(login)s has signed in with a new browser (%(browser)s), from %(address)s, at %(at)s. If that was you, all is "
    "well. If not, change your password, and sign out the others on the page of your account."
)
GONE = {
    "authenticator_removed": later(
        "The second step by app was removed from %(login)s at %(at)s, by %(by)s from %(address)s. If you did not want "
        "that, tell your administrator."
    ),
    "passkey_removed": later(
        "A passkey was removed from %(login)s at %(at)s, by %(by)s from %(address)s. If you did not want that, tell "
        "your administrator."
    ),
}


def _tell_owner(user: Any, text: str, cause: str, told: dict[str, Any], now: float) -> None:
    """Send the owner of an account an e-mail about it, where there is a server for that."""
    from jackfield.console.letters import Said, When
    from jackfield.console.watching import Alert, tell
    from jackfield.notices.choices import Kind
    from jackfield.notices.models import Mail

    if not user.email or not user.is_active or not Mail.current().host:
        return
    words = told | {"login": user.login, "at": When(now)}
    subject = Said(later("How %(login)s signs in"), words)
    tell(Alert(Kind.ACCOUNT, cause, subject, Said(text, words)), now, user=user)


def shown(events: Any) -> list[dict[str, Any]]:
    """Return events as pages show them."""
    from jackfield.console.web.browsers import browser

    return [
        {
            "at": event.at,
            "login": event.login,
            "text": gettext(WORDS.get(event.what, event.what)),
            "bad": event.what in BAD,
            "by": event.by,
            "address": event.address,
            "browser": browser(event.user_agent),
        }
        for event in events
    ]
