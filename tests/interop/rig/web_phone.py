"""A phone over WebSocket (RFC 7118), as small as can be: it registers, and gives its messages to the test."""

from __future__ import annotations

import secrets
import ssl

from .accounts import Account
from .wire import Answer, Wire

__all__ = ["register_by_websocket"]


async def register_by_websocket(account: Account) -> Answer:
    """Register over ws or wss and return the final answer; the connection is closed afterwards."""
    from websockets.asyncio.client import connect

    secure = account.transport == "wss"
    context = ssl.create_default_context() if secure else None
    if context is not None:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE  # the system made its certificate itself
    name = f"{secrets.token_hex(5)}.invalid"  # a browser has no address of its own (RFC 7118 section 5)
    async with connect(f"{account.transport}://{account.domain}/", subprotocols=["sip"], ssl=context) as socket:  # type: ignore[list-item]
        assert socket.subprotocol == "sip"
        call_id, tag, line, answer = secrets.token_hex(8), secrets.token_hex(4), "", Answer(0, "")
        for cseq in (1, 2):
            uri = f"sip:{account.domain}"
            await socket.send(
                f"REGISTER {uri} SIP/2.0\r\nVia: SIP/2.0/{account.transport.upper()} {name};"
                f"branch=z9hG4bK{secrets.token_hex(6)}\r\nMax-Forwards: 70\r\n"
                f"From: <sip:{account.username}@{account.domain}>;tag={tag}\r\n"
                f"To: <sip:{account.username}@{account.domain}>\r\nCall-ID: {call_id}\r\nCSeq: {cseq} REGISTER\r\n"
                f"Contact: <sip:{account.username}@{name};transport=ws>;expires=120\r\nSupported: path, outbound\r\n"
                f"User-Agent: web-phone\r\n{line}Content-Length: 0\r\n\r\n"
            )
            text = str(await socket.recv())
            answer = Answer(int(text.split()[1]), text)
            if answer.status != 401:
                break
            credentials = Wire(account)._credentials(
                "REGISTER", uri, answer.header("WWW-Authenticate"), account.password
            )
            line = f"Authorization: {credentials}\r\n"
        return answer
