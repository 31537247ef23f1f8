"""Provisional responses that arrive for certain (RFC 3262): the two halves of 100rel."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from jackfield.sip.message import Request, Response
from jackfield.sip.timers import T1, TIMEOUT, Timer, Timers

__all__ = ["RAck", "ReliableReceiver", "ReliableSender", "read_rack", "read_rseq"]

RAck = tuple[int, int, str]
"""RSeq, CSeq number and method of a reliable provisional response (RFC 3262 section 7.2)."""
_MAX_RSEQ = 2**32 - 1


def read_rseq(response: Response) -> int | None:
    """Return the RSeq of a response that asks for a PRACK; None if it is not a reliable one (section 4)."""
    value = response.get("RSeq")
    if value is None or not 100 < response.status < 200 or not response.has_option("Require", "100rel"):
        return None
    if not (value.isascii() and value.isdigit()) or len(value) > 10:
        return None
    number = int(value)
    return number if number <= _MAX_RSEQ else None


def read_rack(request: Request) -> RAck | None:
    """Return what a PRACK acknowledges; None if RAck is absent or unreadable."""
    parts = (request.get("RAck") or "").split()
    if len(parts) != 3 or not all(part.isascii() and part.isdigit() and len(part) <= 10 for part in parts[:2]):
        return None
    return int(parts[0]), int(parts[1]), parts[2]


class ReliableSender:
    """The reliable provisional responses of one INVITE that we answer (section 3), one at a time."""

    __slots__ = (
        "_cseq",
        "_deadline",
        "_interval",
        "_on_timeout",
        "_outstanding",
        "_retransmission",
        "_rseq",
        "_send",
        "_timers",
        "_waiting",
    )

    def __init__(
        self,
        timers: Timers,
        cseq: int,
        first_rseq: int,
        send: Callable[[Response], None],
        on_timeout: Callable[[], None],
    ) -> None:
        """`send` puts a response on the wire; `on_timeout` is called once when no PRACK comes within 64*T1."""
        self._timers = timers
        self._cseq = cseq
        self._rseq = first_rseq - 1
        self._send = send
        self._on_timeout = on_timeout
        self._outstanding: Response | None = None
        self._waiting: deque[Response] = deque()
        self._retransmission: Timer | None = None
        self._interval = T1
        self._deadline = 0.0

    @property
    def outstanding(self) -> Response | None:
        """The response that waits for its PRACK."""
        return self._outstanding

    @property
    def description_outstanding(self) -> bool:
        """True while a response with a session description is not acknowledged: no 2xx may be sent (section 3)."""
        return bool(self._outstanding and self._outstanding.body) or any(r.body for r in self._waiting)

    def send(self, response: Response, now: float) -> None:
        """Send the response reliably, after those before it were acknowledged."""
        if self._outstanding is not None:
            self._waiting.append(response)
            return
        self._rseq += 1
        response.add("Require", "100rel")
        response.set("RSeq", str(self._rseq))
        self._outstanding = response
        self._interval = T1
        self._deadline = now + TIMEOUT
        self._retransmission = self._timers.after(now, T1, self._on_retransmission)
        self._send(response)

    def acknowledge(self, prack: Request) -> Response | None:
        """Take a PRACK: the response that it acknowledges, or None when it matches none (481, section 3).

        The caller answers the PRACK, and calls `proceed` then.
        """
        acknowledged = self._outstanding
        if acknowledged is None or read_rack(prack) != (self._rseq, self._cseq, "INVITE"):
            return None
        self._stop_retransmitting()
        self._outstanding = None
        return acknowledged

    def proceed(self, now: float) -> None:
        """Send what waited for the last PRACK."""
        if self._outstanding is None and self._waiting:
            self.send(self._waiting.popleft(), now)

    def stop(self) -> RAck | None:
        """Send nothing more: the INVITE has its final response. Returns what a PRACK still under way acknowledges."""
        late = None if self._outstanding is None else (self._rseq, self._cseq, "INVITE")
        self._stop_retransmitting()
        self._outstanding = None
        self._waiting.clear()
        return late

    def _on_retransmission(self, now: float) -> None:
        outstanding = self._outstanding
        if outstanding is None:
            return
        if now >= self._deadline:
            self.stop()
            self._on_timeout()
            return
        self._interval *= 2
        self._retransmission = self._timers.after(
            now, min(self._interval, self._deadline - now), self._on_retransmission
        )
        self._send(outstanding)

    def _stop_retransmitting(self) -> None:
        if self._retransmission is not None:
            self._retransmission.cancel()
            self._retransmission = None


class ReliableReceiver:
    """The order of the reliable provisional responses in one early dialog of ours (section 4)."""

    __slots__ = ("_last",)

    def __init__(self) -> None:
        self._last: int | None = None

    def accept(self, response: Response) -> bool:
        """True for the next reliable response in order, and for every other one. A repeated or early one is dropped."""
        rseq = read_rseq(response)
        if rseq is None:
            return True
        if self._last is not None and rseq != self._last + 1:
            return False
        self._last = rseq
        return True
