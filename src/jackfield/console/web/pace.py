"""How many requests may come from one token, one session, one address: generous, and no way to wear the machine out.

All of it is in memory and asks the database nothing. A token or a session counts for itself once it was found to be
good; until then, and for whoever comes without one, the address counts. So made-up tokens gain nobody anything.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from django.http import HttpRequest, HttpResponse

from jackfield.console.web.attempts import network

__all__ = ["Pace", "forget", "paced"]

Handler = Callable[[HttpRequest], HttpResponse]

FREE = ("/static/", "/health")
"""What costs next to nothing; and whoever watches over the system is never told to wait."""
MOST = 20_000
"""Callers that are remembered of each kind: some megabytes."""


@dataclass(slots=True)
class Pace:
    """`rate` requests a second for long, `burst` at once (GCRA: of each caller one time is kept)."""

    rate: float
    burst: int
    due: dict[str, float] = field(default_factory=dict)  # when all that a caller has asked for is paid off

    def take(self, who: str, now: float) -> float:
        """Count a request and return 0; or, when it is too many, the seconds until the next one is taken."""
        due = max(self.due.get(who, now), now)
        wait = due - now - (self.burst - 1) / self.rate
        if wait > 1e-6:
            return wait
        if who not in self.due and len(self.due) >= MOST:
            self._make_room(now)
        self.due[who] = due + 1 / self.rate
        return 0.0

    def _make_room(self, now: float) -> None:
        for who in [one for one, due in self.due.items() if due <= now] or list(self.due)[: MOST // 2]:
            del self.due[who]


TOKENS = Pace(20.0, 60)
SESSIONS = Pace(50.0, 200)
STRANGERS = Pace(10.0, 100)
"""By address: a whole office may come from one, and signs in in the same quarter of an hour."""
_lock = threading.Lock()


def forget() -> None:
    """Let everybody begin anew."""
    for pace in (TOKENS, SESSIONS, STRANGERS):
        pace.due.clear()


def paced(get_response: Handler) -> Handler:
    """Tell those to wait who ask too often; must come after sessions and people are known (lazily)."""

    def handle(request: HttpRequest) -> HttpResponse:
        if request.path.startswith(FREE):
            return get_response(request)
        own, who = _caller(request)
        address = network(request.META.get("REMOTE_ADDR", ""))
        with _lock:
            now = time.monotonic()
            known = own is not None and who in own.due
            wait = own.take(who, now) if own is not None and known else STRANGERS.take(address, now)
        if wait > 0:
            return _slower(request, wait)
        response = get_response(request)
        if own is not None and known != _good(request):
            with _lock:
                if known:
                    own.due.pop(who, None)
                else:
                    own.take(who, time.monotonic())
        return response

    return handle


def _caller(request: HttpRequest) -> tuple[Pace | None, str]:
    """Return the pace of whoever asks and his name in it; None for one who shows nothing."""
    given, pace = request.headers.get("Authorization", ""), TOKENS
    if not given:
        given, pace = request.COOKIES.get("jackfield_session", ""), SESSIONS
    if not given:
        return None, ""
    return pace, hashlib.blake2b(given.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()


def _good(request: HttpRequest) -> bool:
    """Tell whether a request's token or session was one; only what others have found out already."""
    if getattr(request, "token", None) is not None:
        return True
    user = getattr(request, "_cached_user", None)
    return user is not None and user.is_authenticated


def _slower(request: HttpRequest, wait: float) -> HttpResponse:
    seconds = int(wait) + 1
    if request.path.startswith("/api/"):
        from jackfield.console.rest import problems

        text = f"Too many requests at once: go on in {seconds} s, as Retry-After says."
        return problems.answer(problems.Refusal(429, text, headers={"Retry-After": str(seconds)}))
    from jackfield.console.web.errors import too_fast

    response = too_fast(request)
    response.headers["Retry-After"] = str(seconds)
    return response
