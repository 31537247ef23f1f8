"""Server transactions: RFC 3261 section 17.2 with the Accepted state of RFC 6026.

A transaction sends what its user gives it, repeats it as its section says, and absorbs what the peer repeats.
Times are seconds on the clock of whoever drives the `TransactionLayer`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from jackfield.sip.flow import Flow
from jackfield.sip.message import Request, Response
from jackfield.sip.timers import T1, T2, T4, TIMEOUT, Timer

if TYPE_CHECKING:
    from jackfield.sip.transaction import MergeKey, ServerKey, TransactionLayer

__all__ = ["InviteServerTransaction", "NonInviteServerTransaction", "ServerTransaction", "way_back"]


class ServerTransaction:
    """A request from a peer, and our answers to it.

    flow: the flow on which the request came.
    state: "trying", "proceeding", "accepted", "completed", "confirmed" or "terminated".
    challenged: the answer was to come back with credentials.
    """

    __slots__ = (
        "_last",
        "_layer",
        "_request",
        "_timer",
        "_to_tag",
        "_way",
        "challenged",
        "flow",
        "key",
        "merge_key",
        "state",
    )

    is_invite: ClassVar[bool] = False

    def __init__(
        self, layer: TransactionLayer, key: ServerKey, request: Request, flow: Flow, merge_key: MergeKey | None
    ) -> None:
        self._layer = layer
        self.key = key
        self.merge_key = merge_key
        self._request: Request | None = request
        self.flow = flow
        self.state = "proceeding" if self.is_invite else "trying"
        self._to_tag = ""
        self._last = b""
        self._way = flow
        self._timer: Timer | None = None
        self.challenged = False

    @property
    def request(self) -> Request:
        """The request as it came. Over UDP it is let go with the final response, and must not be asked for then.

        Answered transactions are remembered for half a minute; on a busy switch their requests would be the most of
        its memory.
        """
        assert self._request is not None
        return self._request

    @property
    def to_tag(self) -> str:
        """The tag that our responses put into To, made at first use. The response to a CANCEL has the same one."""
        tag = self._to_tag
        if not tag:
            tag = self._to_tag = self._layer.tokens.tag()
        return tag

    @property
    def answered(self) -> bool:
        """True when a final response was sent, or none can be sent any more."""
        return self.state not in ("trying", "proceeding")

    @property
    def provisional_sent(self) -> bool:
        """True when any response has left."""
        return bool(self._last)

    def reply(self, status: int, reason: str | None = None) -> Response:
        """Make (and not send) a response to the request, with our tag in To."""
        return self.request.reply(status, reason, to_tag=self.to_tag if status > 100 else None)

    def respond(self, response: Response, now: float) -> bool:
        """Send a response. Returns False, and sends nothing, when a final one was sent before."""
        raise NotImplementedError

    def receive(self, request: Request, now: float) -> None:
        """Take a retransmission of the request, or the ACK to our final response."""
        raise NotImplementedError

    def retransmit(self) -> None:
        """Send the last response again: the user's part for the 2xx of an INVITE (RFC 3261 section 13.3.1.4)."""
        if self._last:
            way = self._way
            if way.closed:  # a new connection may reach him (RFC 3261 section 18.2.2)
                way = self._way = way_back(self.request, self.flow)
            way.send(self._last)

    def terminate(self) -> None:
        """Forget the transaction at once."""
        if self.state == "terminated":
            return
        self.state = "terminated"
        self._cancel_timers()
        self._layer.forget_server(self)

    def _send(self, response: Response) -> None:
        self._last = response.to_bytes()
        self._way = way_back(self.request, self.flow)
        self._way.send(self._last)
        if response.status in (401, 407):
            self.challenged = True

    def _end_after(self, now: float, delay: float) -> None:
        """Remember the answered request until then."""
        if not self.flow.reliable:
            self._request = None
        self._cancel_timers()
        self._timer = self._layer.timers.after(now, delay, self._on_end)

    def _on_end(self, now: float) -> None:
        self.terminate()

    def _cancel_timers(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.key.rpartition(chr(10))[2]} {self.state}>"


def way_back(request: Request, flow: Flow) -> Flow:
    """Return the flow by which the response to a request leaves (RFC 3261 section 18.2.2, RFC 3581 section 4).

    Over UDP that is the way it came, if the peer asked for that (`rport`) or sits behind a NAT: then he could not ask
    for it if he knew, and the port in his Via is one of another network.
    """
    if flow.transport == "UDP" and request.via.received is not None:
        return flow
    return flow.for_response(request)


class NonInviteServerTransaction(ServerTransaction):
    """RFC 3261 section 17.2.2, figure 8."""

    __slots__ = ()

    def respond(self, response: Response, now: float) -> bool:
        """Send a response. Returns False, and sends nothing, when a final one was sent before."""
        if self.state not in ("trying", "proceeding"):
            return False
        self._send(response)
        if response.status < 200:
            self.state = "proceeding"
        elif self.flow.reliable:
            self.state = "completed"
            self.terminate()  # timer J is zero
        else:
            self.state = "completed"
            self._end_after(now, TIMEOUT)  # timer J
        return True

    def receive(self, request: Request, now: float) -> None:
        """Answer a retransmission as the request was answered; in Trying there is nothing to repeat yet."""
        self.retransmit()


class InviteServerTransaction(ServerTransaction):
    """RFC 3261 section 17.2.1, figure 7, with RFC 6026 section 7.1.

    The layer sends the 100 as soon as the user has seen the request and has not answered it by then.
    on_cancel: called with the CANCEL, after its 200 was sent and if no final response was: the user sends the 487.
    on_ack: called with an ACK for a 2xx that (wrongly, but it is done) bears the branch of the INVITE.
    on_timeout: called when nobody acknowledged our final response other than 2xx.
    """

    __slots__ = ("_interval", "_retransmission", "on_ack", "on_cancel", "on_timeout")

    is_invite = True

    def __init__(
        self, layer: TransactionLayer, key: ServerKey, request: Request, flow: Flow, merge_key: MergeKey | None
    ) -> None:
        super().__init__(layer, key, request, flow, merge_key)
        self.on_cancel: Callable[[Request], None] | None = None
        self.on_ack: Callable[[Request], None] | None = None
        self.on_timeout: Callable[[], None] | None = None
        self._retransmission: Timer | None = None
        self._interval = T1

    def respond(self, response: Response, now: float) -> bool:
        """Send a response. Returns False, and sends nothing, when a final one was sent before."""
        if self.state != "proceeding":
            return False
        self._send(response)
        status = response.status
        if status < 200:
            return True
        if status < 300:
            self.state = "accepted"
            self._end_after(now, TIMEOUT)  # timer L
            return True
        self.state = "completed"
        self._end_after(now, TIMEOUT)  # timer H
        if not self.flow.reliable:
            self._retransmission = self._layer.timers.after(now, T1, self._on_retransmission)  # timer G
        return True

    def receive(self, request: Request, now: float) -> None:
        """Take a retransmission of the INVITE, or an ACK with its branch."""
        if request.method != "ACK":
            # In Accepted a repeated INVITE is absorbed: the user repeats the 2xx by himself (RFC 6026 section 7.1).
            if self.state in ("proceeding", "completed"):
                self.retransmit()
        elif self.state == "completed":
            self.state = "confirmed"
            if self.flow.reliable:
                self.terminate()  # timer I is zero
            else:
                self._end_after(now, T4)  # timer I
        elif self.state == "accepted" and self.on_ack is not None:
            self.on_ack(request)

    def _on_retransmission(self, now: float) -> None:
        self._interval = min(self._interval * 2, T2)
        self._retransmission = self._layer.timers.after(now, self._interval, self._on_retransmission)
        self.retransmit()

    def _on_end(self, now: float) -> None:
        unacknowledged = self.state == "completed"
        on_timeout = self.on_timeout
        self.terminate()
        if unacknowledged and on_timeout is not None:
            on_timeout()

    def _cancel_timers(self) -> None:
        super()._cancel_timers()
        if self._retransmission is not None:
            self._retransmission.cancel()
            self._retransmission = None

    def terminate(self) -> None:
        """Forget the transaction at once."""
        super().terminate()
        self.on_cancel = self.on_ack = self.on_timeout = None
