"""One SIP connection over TCP or TLS: an asyncio protocol that is the flow itself (RFC 3261 section 18)."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, cast

from jackfield.sip.flow import Address, Flow, Hop, TransportFailed
from jackfield.sip.transport.framing import Framer, Unframeable
from jackfield.sip.transport.inbox import Delivered
from jackfield.sip.transport.tls import peer_identity

if TYPE_CHECKING:
    from jackfield.sip.message import Message
    from jackfield.sip.transport.connections import Connections

__all__ = ["StreamFlow"]

_PING = b"\r\n\r\n"
_PONG = b"\r\n"
_LINGER = 1.0
"""Seconds for a peer to read our last answer before the connection goes: closing at once, with bytes of the peer
still unread, makes the kernel send a reset that may overtake it."""


class StreamFlow(Flow, asyncio.Protocol):
    """A connection, from the moment somebody wants it: what is sent before it stands waits."""

    __slots__ = (
        "_connected",
        "_connections",
        "_counters",
        "_deadline",
        "_framer",
        "_heard",
        "_patience",
        "_pinged",
        "_proven",
        "_settled",
        "_stalled",
        "_transport",
        "_unsent",
        "hop",
    )

    def __init__(self, connections: Connections, transport: str, remote: Address, hop: Hop | None = None) -> None:
        """Take the hop for which we open the connection; None: the peer opened it."""
        super().__init__(transport, ("", 0), remote)
        limits = connections.limits
        self.hop = hop
        self._connections = connections
        self._counters = connections.inbox.stats[transport]
        self._framer = Framer(limits.max_message, limits.max_head)
        self._transport: asyncio.Transport | None = None
        self._unsent = bytearray()
        self._connected: asyncio.Future[None] | None = None
        self._settled = False  # the end has been reported, or is nobody's business
        self._proven = hop is not None  # a valid message has come: a SIP peer, not a scanner
        self._heard = 0.0
        self._patience: asyncio.TimerHandle | None = None  # silence
        self._deadline: asyncio.TimerHandle | None = None  # for the message that has begun
        self._stalled: asyncio.TimerHandle | None = None  # the peer takes less than we have for it
        self._pinged: asyncio.TimerHandle | None = None

    @property
    def proven(self) -> bool:
        """Whether the peer has sent a valid SIP message, or it was we who called."""
        return self._proven

    @property
    def accepted_at(self) -> int:
        """Our port at which the peer has opened this connection; 0 where we have."""
        return self._local[1] if self.hop is None else 0

    async def connected(self) -> None:
        """Wait until an outgoing connection stands. Raises TransportFailed."""
        if self._transport is None and not self.closed:
            if self._connected is None:
                self._connected = self._connections.loop.create_future()
            await asyncio.shield(self._connected)
        if self.closed:
            raise TransportFailed(f"{self} is closed")

    # -- sending

    def send(self, data: bytes) -> None:
        """Write a message, or keep it until the connection stands."""
        if self._connections.inbox.trace is not None:
            self._connections.inbox.trace_out(data, self)
        if self.closed:
            self._counters.lost += 1
            self._connections.report_later(self, "the connection has gone")
            return
        self._counters.sent += 1
        self.last_out = self._connections.clock()
        self._write(data)

    def ping(self) -> None:
        """Send a keep-alive; without any sign of life within the time for it the flow fails (RFC 5626 4.4.1)."""
        if self.closed or self._transport is None or self._pinged is not None:
            return
        connections = self._connections
        self._pinged = connections.loop.call_later(connections.limits.pong_time, self._no_pong)
        self._write_ping()

    def for_response(self, message: Message) -> Flow:
        """Return this flow, or a new one to the Via's sent-by when it has gone (RFC 3261 section 18.2.2)."""
        return self if not self.closed else self._connections.flow_for_response(message.via, self)

    def close(self) -> None:
        """End the connection after what was written; nobody is told."""
        self._end(None)
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """End the connection at once; nobody is told."""
        self._end(None)
        if self._transport is not None:
            self._transport.abort()

    def fail(self, reason: str) -> None:
        """The connection can't be made: tell whoever waits for it or has given it something to send."""
        self._end(reason)

    def _write(self, data: bytes) -> None:
        transport = self._transport
        if transport is None:
            self._unsent += data
            unsent = len(self._unsent)
        else:
            transport.write(data)
            if self._stalled is None:
                return
            unsent = transport.get_write_buffer_size()
        if unsent > self._connections.limits.max_unsent:
            self.cut_off("not reading", f"{unsent} bytes wait for it")

    def _write_ping(self) -> None:
        self._framer.expect_pong()
        self._write(_PING)

    # -- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection, after the TLS handshake if there is one."""
        self._transport = cast("asyncio.Transport", transport)
        if self.closed:
            transport.close()
            return
        connections = self._connections
        local = transport.get_extra_info("sockname")
        if isinstance(local, tuple):
            self._local = local[:2]
        if self.secure:
            self.peer_identity = peer_identity(transport.get_extra_info("ssl_object"))
        self._heard = connections.clock()
        connections.add(self)
        self._patience = connections.loop.call_later(self._patience_time(), self._check_silence)
        if self._unsent:
            self._transport.write(bytes(self._unsent))
            self._unsent.clear()
        if self._connected is not None:
            self._connected.set_result(None)
            self._connected = None

    def data_received(self, data: bytes) -> None:
        """Deliver the messages that are whole now."""
        if self.closed:
            return  # a peer that was cut off talks on
        self.heard()
        framer = self._framer
        framer.feed(data)
        whole = False
        try:
            while (message := framer.next_message()) is not None:
                whole = True
                self.deliver(message)
                if self.closed:
                    return
        except Unframeable as error:
            self._refuse(error)
            return
        if framer.pings or framer.pongs:
            self._answer_pings()
        self.watch_message(begun=framer.incomplete, whole=whole)

    def eof_received(self) -> None:
        """Let the transport close: a SIP peer that says no more has left."""

    def connection_lost(self, exc: Exception | None) -> None:
        """Report the end of the flow, if it was not our own."""
        self._connections.remove(self)
        self._end("closed by the peer" if exc is None else f"connection lost: {exc}")

    def pause_writing(self) -> None:
        """The peer takes less than we have for it: give it some time."""
        if not self.closed and self._stalled is None:
            limits = self._connections.limits
            reason = f"it has not taken what waits for it for {limits.write_time:g} s"
            self._stalled = self._connections.loop.call_later(limits.write_time, self.cut_off, "not reading", reason)

    def resume_writing(self) -> None:
        """The peer has caught up."""
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None

    # -- what a peer may do

    def heard(self) -> None:
        """Note a sign of life. Any will do for a pong: not every trunk that takes pings answers them."""
        self._heard = self.last_in = self._connections.clock()
        if self._pinged is not None:
            self._pinged.cancel()
            self._pinged = None

    def deliver(self, message: bytes) -> None:
        """Hand one whole message up, and find out whether a SIP peer is there at all."""
        inbox = self._connections.inbox
        if inbox.admit is not None and not inbox.admit(self.remote[0]):
            self._counters.throttled += 1
            return
        self._counters.received += 1
        delivered = inbox.deliver(message, self, self._counters)
        if delivered is Delivered.VALID:
            if not self._proven:
                self._proven = True
                self._connections.proved(self)
        elif delivered is Delivered.UNREADABLE and not self._proven:
            self.cut_off("unreadable", "what it sends is not SIP")

    def watch_message(self, *, begun: bool, whole: bool) -> None:
        """Run the clock on a message that has begun, anew after each one that became whole."""
        if self._deadline is not None:
            if begun and not whole:
                return
            self._stop_deadline()
        if begun:
            limits = self._connections.limits
            self._deadline = self._connections.loop.call_later(
                limits.message_time, self.cut_off, "slow message", f"a message took over {limits.message_time:g} s"
            )

    def cut_off(self, kind: str, reason: str, *, linger: bool = False) -> None:
        """End a connection that the peer misuses: count it, say it once, tell who used it.

        `linger` leaves the peer a moment to read what was last written.
        """
        if self.closed:
            return
        self._counters.cut_off[kind] += 1
        self._connections.log(logging.WARNING, f"{kind} {self.remote[0]}", "%s cut off: %s", self, reason)
        self._end(f"cut off: {reason}")
        transport = self._transport
        if transport is None:
            return
        if not linger:
            transport.abort()
            return
        if not transport.can_write_eof():
            transport.close()  # TLS says good-bye first
            return
        transport.write_eof()
        self._connections.loop.call_later(_LINGER, transport.abort)

    def _refuse(self, error: Unframeable) -> None:
        """Answer what can't be framed if it is a request, then cut off its sender."""
        self._counters.malformed += 1
        answered = bool(error.head) and self._connections.inbox.refuse(error.head, self, error.status, error.reason)
        self.cut_off("unreadable", error.reason, linger=answered)

    def _answer_pings(self) -> None:
        framer = self._framer
        self._counters.keep_alives += framer.pings + framer.pongs
        pings, framer.pings, framer.pongs = framer.pings, 0, 0
        if pings:
            self._write(_PONG * pings)

    def _check_silence(self) -> None:
        """Cut off who never said anything, and who has said nothing for longer than any registration lasts."""
        limits = self._connections.limits
        if not self._proven:
            self.cut_off("silent", f"no SIP message came within {limits.greeting_time:g} s")
            return
        rest = self._heard + limits.idle_time - self._connections.clock()
        if rest <= 0:
            self.cut_off("idle", f"nothing came for {limits.idle_time:g} s")
            return
        self._patience = self._connections.loop.call_later(rest, self._check_silence)

    def _patience_time(self) -> float:
        limits = self._connections.limits
        return limits.idle_time if self._proven else limits.greeting_time

    def _no_pong(self) -> None:
        self.cut_off("no pong", f"no answer to a keep-alive within {self._connections.limits.pong_time:g} s")

    def _stop_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _end(self, reason: str | None) -> None:
        """Close the flow for all who hold it; report it once if there is a reason."""
        self.closed = True
        for timer in (self._patience, self._deadline, self._stalled, self._pinged):
            if timer is not None:
                timer.cancel()
        self._patience = self._deadline = self._stalled = self._pinged = None
        if self._connected is not None:
            waiting, self._connected = self._connected, None
            waiting.set_exception(TransportFailed(f"{self}: {reason or 'closed'}"))
            waiting.exception()  # somebody may have stopped waiting
        if not self._settled:
            self._settled = True
            if reason is not None:
                self._connections.report_later(self, reason)
