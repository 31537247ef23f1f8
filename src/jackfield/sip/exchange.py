"""Single exchanges inside a session: a request of ours until it is answered, a 2xx of ours until its ACK."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from jackfield.sip.flow import Flow
from jackfield.sip.message import Request, Response
from jackfield.sip.server_transaction import InviteServerTransaction
from jackfield.sip.timers import T1, T2, TIMEOUT, Timer, Timers
from jackfield.sip.transaction import InviteClientTransaction

if TYPE_CHECKING:
    from jackfield.sip.session import Session

__all__ = ["Credentials", "Exchange", "UnacknowledgedAnswer", "local_response"]

Credentials = Callable[[Response, Request], Request | None]
"""Gets a 401 or 407 and the request that it answers; returns that request with credentials, or None to give up."""
Done = Callable[[Response, Request], None]
_MAX_CHALLENGES = 2  # the second one when the nonce was stale


def local_response(request: Request, status: int, reason: str | None = None) -> Response:
    """Make the response that nobody sent: 408 when none came in time, 503 when there is no way to the peer."""
    response = request.reply(status, reason, to_tag="")
    response.local = True
    return response


class Exchange:
    """A request of ours in a session. `done(response, request)` is called exactly once, with the final response.

    A challenge is answered on the way if the session has credentials; further 2xx of an INVITE are acknowledged
    again. `provisional` gets each 101-199.
    """

    __slots__ = ("_challenges", "_done", "_provisional", "_session", "request", "transaction")

    def __init__(
        self, session: Session, request: Request, done: Done, provisional: Callable[[Response], None] | None = None
    ) -> None:
        self._session = session
        self._done: Done | None = done
        self._provisional = provisional
        self._challenges = 0
        self.request = request
        self.transaction: InviteClientTransaction | None = None
        session.with_flow(self._transmit)

    def cancel(self) -> None:
        """Take back an INVITE that is not answered yet."""
        if self.transaction is not None:
            self.transaction.cancel(self._session.agent.clock())

    def _transmit(self, flow: Flow | None) -> None:
        if flow is None:
            self._finish(local_response(self.request, 503, "No Way to the Peer"))
            return
        agent = self._session.agent
        transaction = agent.layer.request(
            self.request, flow, agent.clock(), on_response=self._on_response, on_failure=self._on_failure
        )
        if isinstance(transaction, InviteClientTransaction):
            self.transaction = transaction

    def _on_response(self, response: Response) -> None:
        status = response.status
        if status < 200:
            if status > 100 and self._provisional is not None:
                self._provisional(response)
        elif self._done is None:
            self._session.repeat_ack(self.request.cseq.number)
        elif status in (401, 407) and self._answer_challenge(response):
            self._session.with_flow(self._transmit)
        else:
            self._finish(response)

    def _on_failure(self, reason: str) -> None:
        if reason == "timeout":
            self._finish(local_response(self.request, 408))
        else:
            self._finish(local_response(self.request, 503, "Connection Failed"))

    def _answer_challenge(self, response: Response) -> bool:
        session = self._session
        if session.credentials is None or self._challenges >= _MAX_CHALLENGES:
            return False
        again = session.credentials(response, self.request)
        if again is None:
            return False
        self._challenges += 1
        session.dialog.local_seq += 1
        again.set("CSeq", f"{session.dialog.local_seq} {again.method}")
        self.request = again
        return True

    def _finish(self, response: Response) -> None:
        done = self._done
        if done is not None:
            self._done = None
            done(response, self.request)


class UnacknowledgedAnswer:
    """A 2xx of ours to an INVITE: repeated over every transport until its ACK comes (RFC 3261 section 13.3.1.4)."""

    __slots__ = ("_deadline", "_interval", "_on_timeout", "_timer", "_timers", "_transaction", "number")

    def __init__(
        self,
        timers: Timers,
        transaction: InviteServerTransaction,
        number: int,
        now: float,
        on_timeout: Callable[[], None],
    ) -> None:
        """number: the CSeq number that the ACK will have. `on_timeout` is called when none came in 64*T1."""
        self._timers = timers
        self._transaction = transaction
        self.number = number
        self._interval = T1
        self._deadline = now + TIMEOUT
        self._on_timeout = on_timeout
        self._timer: Timer = timers.after(now, T1, self._repeat)

    def stop(self) -> None:
        """The ACK came, or nobody waits for it any more."""
        self._timer.cancel()
        self._transaction.on_ack = None

    def _repeat(self, now: float) -> None:
        if now >= self._deadline:
            self._on_timeout()
            return
        self._interval = min(self._interval * 2, T2)
        self._timer = self._timers.after(now, min(self._interval, self._deadline - now), self._repeat)
        self._transaction.retransmit()
