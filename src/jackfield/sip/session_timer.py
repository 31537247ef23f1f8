"""Session timers (RFC 4028): who asks from time to time whether the other side is still there, and how often.

The negotiation is done by pure functions; `SessionTimer` keeps the agreed times. A peer without the extension is
refreshed by us, which the RFC allows and which is how a leg that vanished is noticed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from jackfield.sip.message import Message, Request, Response
from jackfield.sip.timers import Timer, Timers

__all__ = ["LEAST_MIN_SE", "SessionTimer", "Terms", "agree", "agreed", "min_se", "read_session_expires", "too_small"]

LEAST_MIN_SE = 90
"""Seconds; no interval may be shorter (RFC 4028 section 5)."""
_DEFAULT_ROLE = "uac"


@dataclass(frozen=True, slots=True)
class Terms:
    """What was agreed. interval: seconds without a refresh after which the session is over. ours: we refresh."""

    interval: int
    ours: bool


def read_session_expires(message: Message) -> tuple[int, str] | None:
    """Return seconds and refresher ("uac", "uas" or "") of Session-Expires; None if absent or unreadable."""
    value = message.get("Session-Expires")
    if value is None:
        return None
    seconds, _, params = value.partition(";")
    seconds = seconds.strip()
    if not (seconds.isascii() and seconds.isdigit()) or len(seconds) > 9:
        return None
    if not params:
        return int(seconds), ""
    refresher = ""
    for param in params.split(";"):
        name, _, role = param.partition("=")
        if name.strip().lower() == "refresher":
            refresher = role.strip().lower()
    return int(seconds), refresher if refresher in ("uac", "uas") else ""


def min_se(message: Message) -> int:
    """Return Min-SE in seconds; 90 if absent or unreadable (RFC 4028 section 5)."""
    value = (message.get("Min-SE") or "").partition(";")[0].strip()
    if not (value.isascii() and value.isdigit()) or len(value) > 9:
        return LEAST_MIN_SE
    return max(int(value), LEAST_MIN_SE)


def too_small(request: Request, our_min_se: int) -> bool:
    """True if the request deserves a 422: it asks for less than our Min-SE and understands the answer (section 9)."""
    asked = read_session_expires(request)
    return asked is not None and asked[0] < our_min_se and request.has_option("Supported", "timer")


def agree(request: Request, our_interval: int, *, supported: bool) -> tuple[Terms, list[tuple[str, str]]]:
    """Answer a request as UAS (section 9): the terms, and the headers that go into the 2xx.

    supported: the peer has named "timer" in Supported.
    """
    asked = read_session_expires(request)
    floor = min_se(request)
    if asked is None:
        interval, refresher = max(our_interval, floor), ""
    else:
        interval, refresher = max(min(asked[0], our_interval), floor), asked[1]
    if not supported:
        headers = [] if asked is None else [("Session-Expires", f"{interval};refresher=uas")]
        return Terms(interval, ours=True), headers
    role = refresher or "uas"  # our UPDATE without a body is cheaper for both than their re-INVITE
    headers = [("Require", "timer"), ("Session-Expires", f"{interval};refresher={role}")]
    return Terms(interval, ours=role == "uas"), headers


def agreed(response: Response, our_interval: int) -> Terms:
    """Read the 2xx to a request of ours as UAC (section 7.2)."""
    answer = read_session_expires(response)
    if answer is None:
        return Terms(our_interval, ours=True)
    interval, refresher = answer
    # A peer that answers with a few seconds would have us busy with nothing else.
    return Terms(max(interval, LEAST_MIN_SE), ours=(refresher or _DEFAULT_ROLE) == "uac")


class SessionTimer:
    """The clock of one session: when we refresh, and when the session is over."""

    __slots__ = ("_deadline", "_expire", "_refresh", "_timer", "_timers", "terms")

    def __init__(self, timers: Timers, refresh: Callable[[], None], expire: Callable[[], None]) -> None:
        """`refresh` is called at half the interval if that is our part; `expire` when the session is over."""
        self._timers = timers
        self._refresh = refresh
        self._expire = expire
        self._timer: Timer | None = None
        self._deadline = 0.0
        self.terms: Terms | None = None

    def start(self, terms: Terms, now: float) -> None:
        """Begin a new interval: after each 2xx to an INVITE or UPDATE, from either side (section 10)."""
        self.stop()
        self.terms = terms
        interval = terms.interval
        if terms.ours:
            self._deadline = now + interval
            self._timer = self._timers.after(now, interval / 2, self._on_refreshment)
        else:
            self._deadline = now + interval - min(32.0, interval / 3)
            self._timer = self._timers.after(now, self._deadline - now, self._on_expiry)

    def stop(self) -> None:
        """Stop the clock."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def retry(self, delay: float, now: float) -> None:
        """Refresh again after `delay` seconds, if there is time, because the peer was not in the mood for it."""
        if self._timer is not None and now + delay < self._deadline:
            self._timer.cancel()
            self._timer = self._timers.after(now, delay, self._on_refreshment)

    def _on_refreshment(self, now: float) -> None:
        self._timer = self._timers.after(now, self._deadline - now, self._on_expiry)
        self._refresh()

    def _on_expiry(self, now: float) -> None:
        self._timer = None
        self._expire()
