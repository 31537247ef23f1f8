"""What every transport does with a whole message: read it, note where it came from, hand it up. Nothing escapes."""

from __future__ import annotations

import logging
from collections.abc import Callable
from enum import Enum
from typing import Literal

from jackfield.sip.errors import MalformedMessage
from jackfield.sip.flow import Flow
from jackfield.sip.message import Request, Response, parse
from jackfield.sip.transport.sparse_log import SparseLog
from jackfield.sip.transport.stats import Counters, Stats

__all__ = ["Admit", "Closed", "Delivered", "Inbox", "Receive", "Trace"]

logger = logging.getLogger("jackfield.sip.transport")

Receive = Callable[[Request | Response, Flow], None]
Trace = Callable[[bytes, Flow, Literal["in", "out"]], None]
Admit = Callable[[str], bool]
Closed = Callable[[str, str], bool]


class Delivered(Enum):
    """What became of a message."""

    VALID = "valid"
    ANSWERED = "answered"
    """Malformed, but enough of a request to be answered with an error."""
    UNREADABLE = "unreadable"
    """Malformed and dropped: a response, an ACK, or no SIP at all."""


class Inbox:
    """Where all transports deliver.

    trace: called with every message in and out, as bytes; None while nobody looks.
    admit: asked with the source address before a message is parsed; None admits all.
    closed: asked with the transport and the source address before anything else; None while nothing is closed.
    """

    __slots__ = ("_log", "_receive", "admit", "closed", "stats", "stun_heard", "trace")

    def __init__(self, receive: Receive, stats: Stats, log: SparseLog) -> None:
        self._receive = receive
        self._log = log
        self.stats = stats
        self.trace: Trace | None = None
        self.admit: Admit | None = None
        self.closed: Closed | None = None
        self.stun_heard: Callable[[bytes], None] | None = None

    def deliver(self, data: bytes, flow: Flow, counters: Counters) -> Delivered:
        """Parse one message and hand it up; a malformed one is answered where RFC 3261 allows it."""
        try:
            if self.trace is not None:
                self.trace(data, flow, "in")
            try:
                message = parse(data)
            except MalformedMessage as error:
                counters.malformed += 1
                return self._answer_malformed(error, flow)
            if isinstance(message, Request):
                message.stamp_received(*flow.remote)
            self._receive(message, flow)
        except Exception:
            # A message must never stop the transport, whatever the code above makes of it.
            self.stats.errors += 1
            logger.exception("a message from %s could not be worked with", flow)
        return Delivered.VALID

    def refuse(self, head: bytes, flow: Flow, status: int, reason: str) -> bool:
        """Answer a request of which only the headers can be read; tell whether that was possible."""
        try:
            request = parse(_without_length(head))
        except MalformedMessage as error:
            if error.request is None:
                return False
            request = error.request
        if not isinstance(request, Request) or request.method == "ACK":
            return False
        return self._answer(request, flow, status, reason if status == 400 else None)

    def trace_out(self, data: bytes, flow: Flow) -> None:
        """Show an outgoing message to who looks."""
        if self.trace is not None:
            try:
                self.trace(data, flow, "out")
            except Exception:
                self.stats.errors += 1
                logger.exception("tracing a message to %s failed", flow)

    def _answer_malformed(self, error: MalformedMessage, flow: Flow) -> Delivered:
        self._log(
            logging.WARNING,
            f"malformed {flow.remote[0]}",
            "malformed message from %s: %s",
            flow,
            error.reason,
        )
        if error.request is None:
            return Delivered.UNREADABLE
        reason = error.reason if error.status == 400 else None
        answered = self._answer(error.request, flow, error.status, reason)
        return Delivered.ANSWERED if answered else Delivered.UNREADABLE

    def _answer(self, request: Request, flow: Flow, status: int, reason: str | None) -> bool:
        try:
            request.stamp_received(*flow.remote)
            response = request.reply(status, reason).to_bytes()
            flow.for_response(request).send(response)
        except (MalformedMessage, ValueError):
            return False
        return True


def _without_length(head: bytes) -> bytes:
    """Make a whole message of headers whose Content-Length is a lie or too much."""
    lines = head.split(b"\n")
    kept = [line for line in lines if line.partition(b":")[0].strip().lower() not in (b"content-length", b"l")]
    return b"\n".join(kept)
