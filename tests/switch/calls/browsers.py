"""A browser as a telephone: registered over WebSocket, with descriptions as its WebRTC makes them."""

from __future__ import annotations

import secrets
from typing import Any

from jackfield import sdp

from .house import House
from .phones import Conversation, Phone

FINGERPRINT = f"sha-256 {':'.join(['AB'] * 32)}"


class Browser(Phone):
    def __init__(self, house: House, *more: Any, **how: Any) -> None:
        super().__init__(house, *more, transport="WSS", **how)
        self.ufrag = secrets.token_hex(2)
        self.fingerprint = FINGERPRINT
        self.sdes = False
        """A softphone that comes by WebSocket, too, and is no browser."""

    @property
    def dtls(self) -> sdp.Dtls:
        return sdp.Dtls(self.ufrag, "a-password-of-the-browser", (self.fingerprint,), "actpass")

    def describe(
        self, conversation: Conversation, *, direction: str = "sendrecv", codecs: tuple[str, ...] = ()
    ) -> bytes:
        conversation.version += 1
        conversation.local = sdp.offer(
            address="0.0.0.0",
            port=9,
            codecs=codecs or self.codecs,
            session_id=7,
            version=conversation.version,
            direction=direction,  # type: ignore[arg-type]
            dtls=self.dtls,
            previous=conversation.local,
        )
        return conversation.local.to_bytes()

    def answer_to(self, offered: sdp.Session, conversation: Conversation) -> bytes:
        conversation.version += 1
        result = sdp.answer(
            offered,
            address=self.address,
            port=9,
            codecs=self.codecs,
            session_id=7,
            version=conversation.version,
            direction=conversation.direction,  # type: ignore[arg-type]
            dtls=None if self.sdes else self.dtls,
        )
        conversation.local = result.session
        return result.session.to_bytes()


async def browser(house: House, number: str, **how: Any) -> Browser:
    """A registered one."""
    made = Browser(house, f"u{number}", f"p{number}", f"10.0.7.{number[-1]}", **how)
    house.phones.append(made)
    assert (await made.register()).status == 200
    return made


def line(session: sdp.Session | None) -> sdp.Media:
    assert session is not None
    assert session.audio is not None
    return session.audio
