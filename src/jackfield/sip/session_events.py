"""What a session tells its user."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from jackfield.sip.message import Request, Response

__all__ = ["Ended", "Reply", "SessionEvents", "UnattendedEvents"]

Reply = Callable[[Response], None]
"""Sends the response to a request; `request.reply(...)` makes it. A second final response is ignored."""


@dataclass(frozen=True, slots=True)
class Ended:
    """Why a session is over though we did not end it.

    status: the SIP status that fits: 200 for the peer's BYE, 481, 408. reason: for the record and the log.
    by_peer: the peer hung up. message: the BYE or the response that ended it, if there was one.
    """

    status: int
    reason: str
    by_peer: bool
    message: Request | Response | None = None

    @classmethod
    def by_bye(cls, bye: Request) -> Ended:
        """The peer hung up; the text of his Reason header (RFC 3326) says why, if he sent one."""
        text = (bye.get("Reason") or "").partition("text=")[2].strip().strip('"')
        return cls(200, text or "hung up", by_peer=True, message=bye)


class SessionEvents(Protocol):
    """What a session tells its user."""

    def on_ack(self, request: Request) -> None:
        """Take the ACK for our 2xx; its body may be the answer to our offer."""

    def on_offer(self, request: Request, reply: Reply) -> None:
        """Answer a re-INVITE or UPDATE through `reply`, now or later.

        A re-INVITE without a body asks for our offer in the 200; the answer comes in `on_ack`. Contact, Allow,
        Supported and the session timer headers are added to the reply.
        """

    def on_update(self, request: Request) -> None:
        """Note an UPDATE without a description, answered already: the peer may say who is connected (RFC 4916)."""

    def on_request(self, request: Request, reply: Reply) -> None:
        """Answer any other request in the dialog: INFO, REFER, NOTIFY, MESSAGE, OPTIONS, SUBSCRIBE."""

    def on_ended(self, why: Ended) -> None:
        """The session is over. Called once, and not after our own `bye()`, nor for an early session."""

    def current_sdp(self) -> bytes:
        """Return our last description, to refresh the session by re-INVITE."""
        ...


class UnattendedEvents:
    """What a session does until its user has set `events`: it declines politely."""

    def on_ack(self, request: Request) -> None:
        """Nobody waits for it."""

    def on_offer(self, request: Request, reply: Reply) -> None:
        """Keep the session as it is."""
        reply(request.reply(488))

    def on_update(self, request: Request) -> None:
        """Nobody is interested."""

    def on_request(self, request: Request, reply: Reply) -> None:
        """Refuse for now."""
        reply(request.reply(480))

    def on_ended(self, why: Ended) -> None:
        """Nobody is interested."""

    def current_sdp(self) -> bytes:
        """There is none."""
        return b""
