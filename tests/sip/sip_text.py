"""Messages as text, with any part left out or broken, for the tests of the parser."""

from __future__ import annotations

import pytest

from jackfield.sip.message import MalformedMessage, Request, parse

SDP = b"v=0\r\no=- 1 1 IN IP4 192.0.2.15\r\ns=-\r\n"


def message(
    *extra: str,
    start: str = "INVITE sip:2002@pbx.example.com SIP/2.0",
    via: str = "Via: SIP/2.0/UDP 192.0.2.15:5060;rport;branch=z9hG4bK1",
    from_: str = 'From: "Alice" <sip:alice@pbx.example.com>;tag=a1',
    to: str = "To: <sip:2002@pbx.example.com>",
    call_id: str = "Call-ID: c1@192.0.2.15",
    cseq: str = "CSeq: 7 INVITE",
    body: bytes = b"",
    length: int | None = None,
    eol: str = "\r\n",
) -> bytes:
    """The bytes of a message; what is "" is left out. length: None for the true one, -1 for no Content-Length."""
    size = len(body) if length is None else length
    lines = [start, via, from_, to, call_id, cseq, *extra, "" if size < 0 else f"Content-Length: {size}"]
    return (eol.join(line for line in lines if line) + eol * 2).encode("utf-8", "surrogateescape") + body


def request(*extra: str, **parts) -> Request:
    found = parse(message(*extra, **parts))
    assert isinstance(found, Request)
    return found


def refusal(data: bytes) -> MalformedMessage:
    with pytest.raises(MalformedMessage) as caught:
        parse(data)
    return caught.value
