"""The errors of reading SIP: one family, each with the status that a response would carry."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jackfield.sip.message import Request


class MalformedMessage(ValueError):
    """What came is not a SIP message that can be worked with (RFC 3261 21.4.1, RFC 4475).

    reason: one line for a log or a reason phrase; never text of the peer.
    status: the status of the response it deserves: 400, 414, 483, 505, 513.
    request: what could be read of it, if it is a request that may be answered; None for responses, for ACK, and
        when no Via says where an answer should go.
    """

    def __init__(self, reason: str, status: int = 400, request: Request | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status
        self.request = request


class MalformedHeader(MalformedMessage):
    """One header or URI can't be read; raised by whoever first asks for it."""
