"""Cutting a byte stream into SIP messages by Content-Length (RFC 3261 sections 7.5 and 18.3). No I/O."""

from __future__ import annotations

import re

__all__ = ["Framer", "Unframeable"]

_CONTENT_LENGTH = re.compile(rb"\n(?:content-length|l)[ \t]*:\s*([^\r\n]*)", re.IGNORECASE)
_END = b"\r\n\r\n"
_BARE_END = b"\n\n"
_LINE_ENDS = re.compile(rb"[\r\n]+")
_CR = 0x0D
_MAX_DIGITS = 9
_TLS_HANDSHAKE = b"\x16"
_TOKEN_MARKS = b"-.!%*_+`'~"  # what a method may begin with besides letters and digits (RFC 3261 section 25.1)


class Unframeable(Exception):
    """The stream can't be cut into messages any more: where the next one begins is unknown or too far away."""

    def __init__(self, reason: str, status: int, head: bytes = b"") -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status
        """What to answer, if `head` is a request that can be answered: 400 or 513."""
        self.head = head
        """The message's start line and headers with the empty line, if they had all come."""


class Framer:
    """Collects the bytes of one connection and gives whole messages.

    Between messages a double CRLF is a ping and a single one its pong (RFC 5626 section 4.4.1); both are counted
    in `pings` and `pongs`, which the owner reads and sets back.
    """

    __slots__ = (
        "_awaits_pong",
        "_buffer",
        "_half_ping",
        "_max_head",
        "_max_message",
        "_message_end",
        "_scanned",
        "pings",
        "pongs",
    )

    def __init__(self, max_message: int, max_head: int) -> None:
        """Take the limits in bytes: of a message in all, and of its start line and headers."""
        self._buffer = bytearray()
        self._max_message = max_message
        self._max_head = max_head
        self._scanned = 0  # no end of headers begins before this offset
        self._message_end = 0  # 0: the headers are not complete yet
        self._half_ping = False
        self._awaits_pong = False
        self.pings = 0
        self.pongs = 0

    @property
    def incomplete(self) -> bool:
        """A message has begun and its end has not come. Half a line end is no message."""
        return len(self._buffer) > 0 and self._buffer != b"\r"

    def expect_pong(self) -> None:
        """Take the next single CRLF as the answer to our ping, not as half of one of the peer's."""
        self._awaits_pong = True

    def feed(self, data: bytes) -> None:
        """Add what was received; ask `next_message` then until it gives None."""
        self._buffer += data

    def next_message(self) -> bytes | None:
        """Return the next whole message, or None while it is still on its way.

        Raises Unframeable: the connection is of no use any more.
        """
        if not self._message_end and not self._find_end():
            return None
        if len(self._buffer) < self._message_end:
            return None
        message = bytes(self._buffer[: self._message_end])
        del self._buffer[: self._message_end]
        self._message_end = self._scanned = 0
        return message

    def _find_end(self) -> bool:
        """Work out where the message ends as soon as its headers are complete."""
        buffer = self._buffer
        if not self._scanned:
            self._skip_line_ends()
            self._check_start()
        if not buffer:
            return False
        head_end = buffer.find(_END, self._scanned)
        end_size = len(_END)
        # A sender of bare line feeds: its headers end before any CRLFCRLF, which is somewhere in what follows.
        bare = buffer.find(_BARE_END, self._scanned, head_end if head_end >= 0 else len(buffer))
        if bare >= 0:
            head_end, end_size = bare, len(_BARE_END)
        if head_end < 0:
            if len(buffer) > self._max_head:
                raise Unframeable(f"headers longer than {self._max_head} bytes", 513)
            self._scanned = max(len(buffer) - 3, 0)
            return False
        head_end += end_size
        head = bytes(buffer[:head_end])
        if head_end > self._max_head:
            raise Unframeable(f"headers longer than {self._max_head} bytes", 513, head)
        self._message_end = head_end + self._content_length(head)
        if self._message_end > self._max_message:
            raise Unframeable(f"message of {self._message_end} bytes, the limit is {self._max_message}", 513, head)
        return True

    def _check_start(self) -> None:
        """Refuse at the first byte what can't become a start line, instead of waiting for the rest of it."""
        start = self._buffer[:2]
        if start[:1] == _TLS_HANDSHAKE:
            raise Unframeable("it speaks TLS, and this port does not", 400)
        if start and start != b"\r" and not start[:1].isalnum() and start[0] not in _TOKEN_MARKS:
            raise Unframeable("what it sends is not SIP", 400)

    def _skip_line_ends(self) -> None:
        """Drop the line ends between messages, counting the keep-alives among them."""
        buffer = self._buffer
        found = _LINE_ENDS.match(buffer)
        end = found.end() if found is not None else 0
        if not end:
            self._half_ping = self._half_ping and not buffer
            return
        complete = buffer.count(b"\r\n", 0, end)
        if complete and self._awaits_pong:
            self._awaits_pong = False
            self.pongs += 1
            complete -= 1
        pings, half = divmod(complete + self._half_ping, 2)
        self.pings += pings
        self._half_ping = bool(half) and end == len(buffer)
        if end == len(buffer) and buffer[-1] == _CR:
            end -= 1  # the line feed is still on its way
        del found  # it holds the buffer, which could not be made smaller
        del buffer[:end]

    @staticmethod
    def _content_length(head: bytes) -> int:
        """Return the length of the body; 0 where it isn't given.

        RFC 3261 section 18.3 demands the header on a stream. Without it, a body would be taken for the next
        message and refused, which is all that a strict reading would gain.
        """
        lengths = set(_CONTENT_LENGTH.findall(head))
        if not lengths:
            return 0
        if len(lengths) > 1:
            raise Unframeable("two Content-Length headers that differ", 400, head)
        value = lengths.pop().strip()
        if not value.isdigit() or len(value) > _MAX_DIGITS:
            raise Unframeable(f"Content-Length is {value[:20].decode('latin-1')!r}", 400, head)
        return int(value)
