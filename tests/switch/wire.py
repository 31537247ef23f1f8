"""Requests as phones and providers send them, and flows that keep what was sent."""

from __future__ import annotations

from jackfield.sip.digest import DigestClient
from jackfield.sip.flow import Flow
from jackfield.sip.message import Request, Response, parse

_count = iter(range(1, 1_000_000))


class FakeFlow(Flow):
    """A way to a peer that keeps what was sent."""

    def __init__(self, transport: str = "UDP", remote: tuple[str, int] = ("192.0.2.7", 5060)) -> None:
        super().__init__(transport, ("192.0.2.1", 5060), remote)
        self.sent: list[bytes] = []

    def send(self, data: bytes) -> None:
        self.sent.append(data)


def request(
    method: str = "INVITE",
    uri: str = "sip:102@192.0.2.1",
    *,
    from_: str = "<sip:u101@test>;tag=a",
    to: str = "",
    call_id: str = "",
    cseq: int = 1,
    via: str = "SIP/2.0/UDP 192.0.2.7:5060;branch=z9hG4bKx;rport",
    extra: str = "",
) -> Request:
    text = (
        f"{method} {uri} SIP/2.0\r\nVia: {via}\r\nFrom: {from_}\r\nTo: {to or f'<{uri}>'}\r\n"
        f"Call-ID: {call_id or f'call-{next(_count)}'}\r\nCSeq: {cseq} {method}\r\nMax-Forwards: 70\r\n{extra}\r\n"
    )
    message = parse(text.encode())
    assert isinstance(message, Request)
    return message


def authorize(made: Request, response: Response, username: str, password: str = "") -> Request:
    """Return the request again with an answer to the challenge."""
    answer = DigestClient().answer(
        response.all("WWW-Authenticate"), made.method, made.uri, username, password or f"p-{username}", made.body
    )
    assert answer is not None
    again = made.copy()
    again.set("Authorization", answer)
    return again
