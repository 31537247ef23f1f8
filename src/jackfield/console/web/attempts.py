"""Limits on guessing: per account, per address, and for browsers that are known, each with a count of its own.

An attempt is counted before it is judged, in one transaction, so that a thousand at the same moment are a thousand and
not one. A browser in which somebody has signed in before carries a signed cookie and is counted for itself (as OWASP's
"device cookies"): who guesses at an account from outside locks others out of it, but not its owner. The same holds for
addresses from which he has signed in before.
"""

from __future__ import annotations

import ipaddress
import secrets
import time
from collections.abc import Sequence
from typing import Any

from django.core import signing
from django.db import transaction
from django.db.models import F
from django.http import HttpRequest, HttpResponse
from django.utils.translation import ngettext

from jackfield.console.web.sign_in_rules import rules
from jackfield.people.models import AccountEvent, Failure

__all__ = [
    "Counter",
    "begun",
    "counters_for",
    "forgive",
    "is_known",
    "just_blocked",
    "network",
    "remember_browser",
    "second_counters",
    "succeeded",
    "wait_text",
]

FIRST_WAIT = 15.0
LONGEST_WAIT = 900.0
FORGOTTEN_AFTER = 86400.0
COOKIE = "jackfield_known"
COOKIE_SECONDS = 180 * 86400
MOST_ADDRESSES = 200
_SALT = "jackfield.known-browser"

Counter = tuple[str, int]
"""What is counted, and how many failures cost nothing."""


def counters_for(request: HttpRequest, user: Any, name: str) -> list[Counter]:
    """Return what an attempt to sign in counts for. `user`: whose account it is; None: there is no such one.

    An account that there is not is counted like one that there is, so that nobody can tell them apart.
    """
    rule, address = rules(), network(request.META.get("REMOTE_ADDR", ""))
    who = _stranger(name) if user is None else f"user:{user.pk}"
    if user is not None and (nonce := _known(request, user)):
        who = f"browser:{nonce}"
    elif _familiar(address, user):
        who = f"user:{user.pk} from {address}"
    return [(who, rule.tries), (f"address:{address}", rule.address_tries)]


def second_counters(request: HttpRequest, user: Any) -> list[Counter]:
    """Return what an attempt at the second factor counts for: who knows the password must not shut its owner out."""
    nonce = _known(request, user)
    return [(f"second browser:{nonce}" if nonce else f"second:{user.pk}", rules().tries)]


def _familiar(address: str, user: Any) -> bool:
    """Tell whether `user` has signed in from this address before. The database is asked for one who is not there too.

    Strangers who guess from elsewhere then make nobody wait who sits where he always does, whatever browser he has.
    """
    rows = AccountEvent.objects.filter(user_id=0 if user is None else user.pk, what="signed_in")
    rows = rows.exclude(address="").order_by().values_list("address", flat=True)
    return any(network(one) == address for one in rows.distinct()[:MOST_ADDRESSES])


def _stranger(name: str) -> str:
    return f"account:{name.casefold()[:200]}"


def network(address: str) -> str:
    """Return what counts as one address: an IPv4 address, or the /64 that every IPv6 customer has for himself."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address[:64]
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is not None:
            return str(found.ipv4_mapped)
        return str(ipaddress.ip_network((int(found), 64), strict=False))
    return str(found)


def begun(counters: Sequence[Counter]) -> float:
    """Count an attempt and return 0; or, where too many have failed, the seconds to wait: then it must not be made."""
    now = time.time()
    free = dict(counters)
    with transaction.atomic():
        Failure.objects.bulk_create([Failure(who=who) for who in free], ignore_conflicts=True)
        rows = list(Failure.objects.select_for_update().filter(who__in=free).order_by("who"))
        if (wait := max(_wait(row, free[row.who], now) for row in rows)) > 0:
            return wait
        for row in rows:
            row.count = 1 if now - row.last > FORGOTTEN_AFTER else row.count + 1
            row.last = now
            row.save(update_fields=["count", "last"])
    return 0.0


def just_blocked(counters: Sequence[Counter]) -> bool:
    """Tell whether the failure of now is the first that makes one wait."""
    free = dict(counters)
    return any(row.count == free[row.who] for row in Failure.objects.filter(who__in=free))


def succeeded(counters: Sequence[Counter]) -> None:
    """Take back what an attempt that succeeded has counted; the account's failures are forgotten."""
    Failure.objects.filter(who__in=[who for who, _ in counters if not who.startswith("address:")]).delete()
    address = [who for who, _ in counters if who.startswith("address:")]
    Failure.objects.filter(who__in=address, count__gt=0).update(count=F("count") - 1)
    Failure.objects.filter(last__lt=time.time() - FORGOTTEN_AFTER).delete()


def forgive(user: Any) -> None:
    """Let `user` try at once, however often it was tried wrongly: he has a new password, or a new second factor."""
    counted = [f"{what}:{user.pk}" for what in ("user", "second", "proof")]
    Failure.objects.filter(who__in=[*counted, _stranger(user.login)]).delete()  # perhaps there was no such account yet
    Failure.objects.filter(who__startswith=f"user:{user.pk} from ").delete()


def wait_text(seconds: float) -> str:
    """Return what the person is told who has to wait."""
    minutes = int(seconds // 60) + 1
    return ngettext(
        "Too many attempts that failed. Try again in %(minutes)s minute.",
        "Too many attempts that failed. Try again in %(minutes)s minutes.",
        minutes,
    ) % {"minutes": minutes}


def _wait(row: Failure, free: int, now: float) -> float:
    """Return the seconds until the next attempt: none at first, then twice as long each time."""
    over = row.count - free
    if over < 0 or now - row.last > FORGOTTEN_AFTER:
        return 0.0
    return float(row.last + min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(over, 10)) - now)


def _known(request: HttpRequest, user: Any) -> str:
    try:
        found = signing.loads(request.COOKIES.get(COOKIE, ""), salt=_SALT, max_age=COOKIE_SECONDS)
    except signing.BadSignature:
        return ""
    return str(found[1]) if found[0] == user.pk else ""


def is_known(request: HttpRequest, user: Any) -> bool:
    """Tell whether `user` has signed in with this browser before."""
    return bool(_known(request, user))


def remember_browser(response: HttpResponse, user: Any) -> None:
    """Give the browser in which `user` has just signed in the cookie by which it is known."""
    value = signing.dumps([user.pk, secrets.token_urlsafe(12)], salt=_SALT)
    response.set_cookie(COOKIE, value, max_age=COOKIE_SECONDS, secure=True, httponly=True, samesite="Lax")
