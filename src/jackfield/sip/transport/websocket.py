"""SIP over WebSocket (RFC 7118), as a server: browsers come to us. One message per WebSocket message."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from websockets.datastructures import Headers
from websockets.frames import CloseCode, Frame, Opcode
from websockets.http11 import Request as HttpRequest
from websockets.protocol import State
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol

from jackfield.sip.flow import Address
from jackfield.sip.transport.connections import Connections
from jackfield.sip.transport.stream import StreamFlow

__all__ = ["OriginAllowed", "WebSocketFlow"]

OriginAllowed = Callable[[str | None], bool]
"""Tells whether pages of this origin ("https://phone.example.com"; None: no browser) may connect."""

_PING = b"\r\n\r\n"
_PONG = b"\r\n"
_SIP = Subprotocol("sip")
_DATA = frozenset({Opcode.TEXT, Opcode.BINARY, Opcode.CONT})

# The library logs every connection at INFO; ours are counted, and logged when they fail.
_quiet = logging.getLogger("jackfield.sip.transport.websocket")
_quiet.setLevel(logging.WARNING)


class WebSocketFlow(StreamFlow):
    """A WebSocket: the bytes of the connection pass through the `websockets` library, which does no I/O of its own."""

    __slots__ = ("_fragments", "_handshake", "_origin_allowed", "_protocol")

    def __init__(
        self,
        connections: Connections,
        transport: str,
        remote: Address,
        *,
        origin_allowed: OriginAllowed | None = None,
    ) -> None:
        super().__init__(connections, transport, remote)
        self._origin_allowed = origin_allowed
        self._protocol = ServerProtocol(subprotocols=[_SIP], max_size=connections.limits.max_message, logger=_quiet)
        self._fragments = bytearray()
        self._handshake: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection; the WebSocket handshake must follow soon."""
        super().connection_made(transport)
        limits = self._connections.limits
        reason = f"no WebSocket handshake within {limits.handshake_time:g} s"
        self._handshake = self._connections.loop.call_later(limits.handshake_time, self.cut_off, "silent", reason)

    def data_received(self, data: bytes) -> None:
        """Run the handshake, or deliver the messages that are whole now."""
        if self.closed:
            return
        self.heard()
        protocol = self._protocol
        protocol.receive_data(data)
        whole = False
        for event in protocol.events_received():
            if isinstance(event, HttpRequest):
                self._answer_handshake(event)
            elif isinstance(event, Frame):
                whole = self._take(event) or whole
            if self.closed:
                return
        self._flush()
        if self._over():
            return
        begun = protocol.state is State.OPEN and (len(self._fragments) > 0 or len(protocol.reader.buffer) > 0)
        self.watch_message(begun=begun, whole=whole)

    def eof_received(self) -> None:
        """Let the transport close."""

    def close(self) -> None:
        """Say good-bye as RFC 6455 section 5.5.1 asks, and close."""
        if not self.closed and self._protocol.state is State.OPEN:
            self._protocol.send_close(CloseCode.GOING_AWAY)
            self._flush()
        super().close()

    def _write(self, data: bytes) -> None:
        """Wrap a message in a frame: text, as browsers like it, where it is text (RFC 7118 section 5)."""
        protocol = self._protocol
        if protocol.state is not State.OPEN:
            self._counters.lost += 1
            return
        if data.isascii() or _is_utf8(data):
            protocol.send_text(data)
        else:
            protocol.send_binary(data)
        self._flush()

    def _write_ping(self) -> None:
        # Browsers answer a WebSocket ping by themselves; what the page's script makes of CRLF is its own affair.
        if self._protocol.state is State.OPEN:
            self._protocol.send_ping(b"")
            self._flush()

    def _end(self, reason: str | None) -> None:
        if self._handshake is not None:
            self._handshake.cancel()
            self._handshake = None
        super()._end(reason)

    def _flush(self) -> None:
        for data in self._protocol.data_to_send():
            if data:
                super()._write(data)
            # An empty one asks for the end of the stream: `_over` sees to it.

    def _answer_handshake(self, request: HttpRequest) -> None:
        protocol = self._protocol
        origin = _single(request.headers, "Origin")
        if self._origin_allowed is not None and not self._origin_allowed(origin):
            response = protocol.reject(403, "Pages of this origin may not connect.\n")
            text = "WebSocket of %s refused: its origin %s is not among the allowed ones"
            self._connections.log(logging.WARNING, f"origin {self.remote[0]}", text, self.remote[0], origin)
        else:
            response = protocol.accept(request)
        protocol.send_response(response)
        if protocol.state is State.OPEN and self._handshake is not None:
            self._handshake.cancel()
            self._handshake = None

    def _take(self, frame: Frame) -> bool:
        """Take one frame; tell whether a message became whole with it."""
        if frame.opcode is Opcode.PONG:
            self._counters.keep_alives += 1
        if frame.opcode not in _DATA:
            return False
        if frame.fin and not self._fragments:
            message = bytes(frame.data)
        else:
            self._fragments += frame.data
            if not frame.fin:
                return False
            message = bytes(self._fragments)
            self._fragments.clear()
        if message == _PING:
            self._counters.keep_alives += 1
            self._write(_PONG)
        elif message.strip(b"\r\n"):
            self.deliver(message)
        return True

    def _over(self) -> bool:
        """End the flow when the handshake failed, the peer said good-bye, or it broke the protocol."""
        protocol = self._protocol
        if not protocol.eof_sent:
            return False
        if protocol.handshake_exc is not None or protocol.close_sent is None:
            self._counters.handshakes_failed += 1
            self._finish(None)
        elif protocol.parser_exc is not None:
            self.cut_off("unreadable", f"broken WebSocket frame: {protocol.parser_exc}", linger=True)
        else:
            self._finish("closed by the peer")
        return True

    def _finish(self, reason: str | None) -> None:
        self._end(reason)
        if self._transport is not None:
            self._transport.close()


def _single(headers: Headers, name: str) -> str | None:
    values = headers.get_all(name)
    return values[0] if values else None


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
