"""Client transactions: RFC 3261 section 17.1 with the Accepted state of RFC 6026.

A transaction repeats its request until it is answered, acknowledges what it must, and hands each response that
matters to its user exactly once, save provisional responses and the 2xx of an INVITE, of which every copy goes up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, ClassVar

from jackfield.sip.flow import Flow
from jackfield.sip.message import Request, Response
from jackfield.sip.timers import T1, T2, T4, TIMEOUT, Timer

if TYPE_CHECKING:
    from jackfield.sip.transaction import TransactionLayer

PATIENCE = 900.0
"""Seconds that an INVITE may stay with provisional responses, counted from the last: then it is cancelled.

Whoever rings a phone has a shorter limit of his own; this one keeps a peer that never decides from being remembered
for ever."""

__all__ = ["ClientTransaction", "InviteClientTransaction", "NonInviteClientTransaction", "OnFailure", "OnResponse"]

OnResponse = Callable[[Response], None]
OnFailure = Callable[[str], None]
"""Gets "timeout" when nobody answered in time, or why the transport failed."""


class ClientTransaction:
    """One request of ours on its way, and its answers.

    method, branch: what its responses bear. flow: where it goes.
    state: "calling", "trying", "proceeding", "accepted", "completed" or "terminated".
    """

    __slots__ = (
        "_data",
        "_end",
        "_interval",
        "_layer",
        "_on_failure",
        "_on_response",
        "_request",
        "_retransmission",
        "branch",
        "flow",
        "method",
        "state",
    )

    is_invite: ClassVar[bool] = False

    def __init__(
        self,
        layer: TransactionLayer,
        request: Request,
        flow: Flow,
        branch: str,
        on_response: OnResponse,
        on_failure: OnFailure,
    ) -> None:
        self._layer = layer
        self.method = request.method
        self._request: Request | None = request  # let go with the final response
        self.flow = flow
        self.branch = branch
        self.state = "calling" if self.is_invite else "trying"
        self._on_response: OnResponse | None = on_response
        self._on_failure: OnFailure | None = on_failure
        self._data = request.to_bytes()
        self._interval = T1
        self._retransmission: Timer | None = None
        self._end: Timer | None = None

    @property
    def answered(self) -> bool:
        """True when a final response came, or the transaction failed or was given up."""
        return self.state not in ("calling", "trying", "proceeding")

    def start(self, now: float) -> None:
        """Send the request and start its timers: A and B, or E and F."""
        timers = self._layer.timers
        self._end = timers.after(now, TIMEOUT, self._on_timeout)
        if not self.flow.reliable:
            self._retransmission = timers.after(now, T1, self._on_retransmission)
        self.flow.send(self._data)

    def receive(self, response: Response, now: float) -> None:
        """Take a response that bears our branch and method."""
        raise NotImplementedError

    def fail(self, reason: str) -> None:
        """End the transaction without an answer and tell the user why (RFC 3261 section 17.1.4)."""
        if self.answered:
            return
        on_failure = self._on_failure
        self.terminate()
        if on_failure is not None:
            on_failure(reason)

    def terminate(self) -> None:
        """Forget the transaction at once, and call nobody."""
        if self.state == "terminated":
            return
        self.state = "terminated"
        self._stop_retransmitting()
        if self._end is not None:
            self._end.cancel()
            self._end = None
        self._on_response = self._on_failure = self._request = None
        self._layer.forget_client(self)

    def _on_timeout(self, now: float) -> None:
        self.fail("timeout")

    def _on_end(self, now: float) -> None:
        self.terminate()

    def _on_retransmission(self, now: float) -> None:
        raise NotImplementedError

    def _end_after(self, now: float, delay: float, callback: Callable[[float], None] | None = None) -> None:
        if self._end is not None:
            self._end.cancel()
        self._end = self._layer.timers.after(now, delay, callback or self._on_end)

    def _stop_retransmitting(self) -> None:
        if self._retransmission is not None:
            self._retransmission.cancel()
            self._retransmission = None

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.method} {self.state}>"


class NonInviteClientTransaction(ClientTransaction):
    """RFC 3261 section 17.1.2, figure 6."""

    __slots__ = ()

    def receive(self, response: Response, now: float) -> None:
        """Take a response that bears our branch and method."""
        on_response = self._on_response
        if self.answered or on_response is None:
            return  # a repeated final response is absorbed until timer K
        if response.status < 200:
            self.state = "proceeding"
        else:
            if self.flow.reliable:
                self.terminate()  # timer K is zero
            else:
                self.state = "completed"
                self._stop_retransmitting()
                self._end_after(now, T4)  # timer K
                self._on_response = self._on_failure = self._request = None
                self._data = b""
        on_response(response)

    def _on_retransmission(self, now: float) -> None:  # timer E
        self._interval = T2 if self.state == "proceeding" else min(self._interval * 2, T2)
        self._retransmission = self._layer.timers.after(now, self._interval, self._on_retransmission)
        self.flow.send(self._data)


class InviteClientTransaction(ClientTransaction):
    """RFC 3261 section 17.1.1, figure 5, with RFC 6026 section 7.2."""

    __slots__ = ("_cancelled", "_heard_at")

    is_invite = True

    def __init__(
        self,
        layer: TransactionLayer,
        request: Request,
        flow: Flow,
        branch: str,
        on_response: OnResponse,
        on_failure: OnFailure,
    ) -> None:
        super().__init__(layer, request, flow, branch, on_response, on_failure)
        self._cancelled = False
        self._heard_at = 0.0

    def receive(self, response: Response, now: float) -> None:
        """Take a response that bears our branch and method."""
        status = response.status
        on_response = self._on_response
        state = self.state
        if status < 200:
            if state not in ("calling", "proceeding"):
                return
            self.state = "proceeding"
            self._stop_retransmitting()
            self._heard_at = now  # when timer B fires it finds this, and becomes the guard of our patience
        elif status < 300:
            if state in ("calling", "proceeding"):
                self.state = "accepted"
                self._stop_retransmitting()
                self._end_after(now, TIMEOUT)  # timer M
                self._data = b""
                self._request = None
            elif state != "accepted":
                return
        elif state == "completed":
            self.flow.send(self._data)  # the ACK got lost
            return
        elif state in ("calling", "proceeding"):
            self._complete(response, now)
        else:
            return
        if on_response is not None:
            on_response(response)

    def _complete(self, response: Response, now: float) -> None:
        self.state = "completed"
        self._stop_retransmitting()
        self._data = self._acknowledgement(response)
        self.flow.send(self._data)
        self._on_response = self._on_failure = self._request = None
        if self.flow.reliable:
            self.terminate()  # timer D is zero
        else:
            self._end_after(now, TIMEOUT)  # timer D

    def _acknowledgement(self, response: Response) -> bytes:
        """The ACK for a final response other than 2xx (RFC 3261 section 17.1.1.3)."""
        return self._same_path("ACK", response.get("To") or "").to_bytes()

    def cancel(
        self,
        now: float,
        headers: Iterable[tuple[str, str]] = (),
        *,
        on_response: OnResponse | None = None,
        on_failure: OnFailure | None = None,
    ) -> bool:
        """Send a CANCEL with these further headers (RFC 3261 section 9.1), once.

        Returns False, and sends nothing, unless a provisional response has come and no final one has: before that
        the CANCEL could overtake its INVITE.
        """
        if self.state != "proceeding" or self._cancelled:
            return False
        self._cancelled = True
        self._end_after(now, TIMEOUT, self._on_timeout)  # RFC 3261 section 9.1, last paragraph
        cancel = self._same_path("CANCEL", None, headers)
        self._layer.start_client(
            cancel, self.flow, self.branch, now, on_response or _ignore_response, on_failure or _ignore_failure
        )
        return True

    def _on_timeout(self, now: float) -> None:
        if self.state != "proceeding" or self._cancelled:
            self.fail("timeout")
        elif now >= self._heard_at + PATIENCE:
            self.cancel(now)
        else:
            self._end_after(now, self._heard_at + PATIENCE - now, self._on_timeout)

    def _same_path(self, method: str, to: str | None, headers: Iterable[tuple[str, str]] = ()) -> Request:
        """A request that travels with the INVITE: same Request-URI, top Via, Route, Call-ID, From and CSeq number."""
        invite = self._request
        assert invite is not None
        fields = [("Via", invite.values("Via")[0]), ("Max-Forwards", "70")]
        fields += [("Route", route) for route in invite.all("Route")]
        fields.append(("From", invite.get("From") or ""))
        fields.append(("To", to or invite.get("To") or ""))
        fields.append(("Call-ID", invite.call_id))
        fields.append(("CSeq", f"{invite.cseq.number} {method}"))
        fields.extend(headers)
        return Request.new(method, invite.uri, fields)

    def _on_retransmission(self, now: float) -> None:  # timer A
        self._interval *= 2
        self._retransmission = self._layer.timers.after(now, self._interval, self._on_retransmission)
        self.flow.send(self._data)


def _ignore_response(response: Response) -> None:
    """The answer to a CANCEL tells nothing: what counts is what the INVITE gets."""


def _ignore_failure(reason: str) -> None:
    """See `_ignore_response`."""
