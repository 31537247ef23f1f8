"""The packet path of one stream: receive, check, rewrite, send, count. Here in Python; `fastlane` does the same in C.

A `Lane` is the state of a stream's two directions, and a `Road` is the loop that all lanes share. `PythonRoad` and
`fastlane.FastRoad` are interchangeable, and so are their lanes: plain attributes, numbers modulo their width.

What a receiver hears must look like one unbroken stream (RFC 3550 sections 5.1 and 7.1) whatever happens on the other
side. So every outgoing direction keeps the last sequence number and timestamp sent (`seq_out`, `ts_out`) and what they
were at the source (`head_seq`, `head_ts`): a packet goes out as far from the head as it came in. Loss and reordering
thus pass through; a new source starts one frame (or the time that passed) after the head.
"""

from __future__ import annotations

import enum
import select
import socket
import time
from collections.abc import Callable
from typing import Any, Protocol

from jackfield.rtp.packet import HEADER, MAX_PACKET, payload_bounds

MAX_DROPOUT = 3000  # RFC 3550 appendix A.1: further ahead is another source
WINDOW = 64  # packets out of order that are still passed on; 1.28 s
JUMP_SECONDS = 2  # how far timestamps may disagree with the clock over a pause
BUSY_RATE = 1000  # events a second from which on packets wait for each other
GATHERED = 6  # as many as should come together
SHORTEST_PAUSE_NS = 500_000
LONGEST_PAUSE_NS = 3_000_000
RATE_WINDOW_NS = 20_000_000


class Kind(enum.IntEnum):
    """What happens to a payload type of a party."""

    DROP = 0  # left out, and the receiver does not notice
    RELAY = 1
    RELAY_TO_ALAW = 2
    RELAY_TO_ULAW = 3
    RELAY_EVENT = 4  # RFC 4733: timestamps stand still
    HAND = 5  # to `Hearer.heard`
    HAND_EVENT = 6
    DROP_EVENT = 7


MAPPED, AHEAD, NEW_SOURCE = 1, 2, 4  # flags of what is handed back


class Hearer(Protocol):
    """Who gets what a lane does not relay by itself."""

    def readable(self) -> None:
        """The socket of a lane that is not trusted has a datagram."""

    def heard(
        self, payload_type: int, payload: bytes, ts: int, marker: int, flags: int, out_seq: int, out_ts: int
    ) -> None:
        """A packet of kind HAND or HAND_EVENT. `marker` is 0x80 when it is set.

        `flags`: MAPPED when `out_seq` and `out_ts` are its place in what the other party hears (0: it has none); AHEAD
        when nothing newer has been heard; NEW_SOURCE when it is the first of its source.
        """

    def heard_rtcp(self, data: bytes) -> None:
        """An RTCP packet on the RTP port (RFC 5761)."""


class Lane:
    """The state of one stream. `id` is the stream's; times are in ns of the monotonic clock."""

    __slots__ = (
        "bad_next", "base", "bytes_in", "bytes_out", "clock_in", "clock_out", "destination", "duplicates", "extended",
        "fd", "frame", "head_ns", "head_seq", "head_ts", "heard_ns", "hearer", "high", "id", "jitter", "key", "kind",
        "late", "lost_before", "malformed", "muted", "packets_in", "packets_out", "payload_type", "received", "relayed",
        "road", "run", "send_errors", "sent_ns", "seq_out", "sock", "source", "ssrc_in", "ssrc_out", "started", "to",
        "transit", "ts_out", "window",
    )  # fmt: skip

    def __init__(self, road: PythonRoad, stream_id: int, sock: socket.socket, hearer: Hearer) -> None:
        self.id = stream_id
        self.road = road
        self.sock = sock
        self.fd = sock.fileno()
        self.hearer = hearer
        self.to: Lane | None = None  # who hears this party
        self.kind = bytearray(128)  # by payload type
        self.payload_type = bytearray(128)  # what it becomes
        # heard from the party
        self.heard_ns = self.packets_in = self.bytes_in = 0
        self.started = 0
        self.ssrc_in = self.key = self.high = self.bad_next = 0
        self.window = 0  # bit n: the packet n before `high` was heard
        self.extended = self.base = self.received = self.lost_before = 0
        self.transit = self.jitter = 0  # RFC 3550 appendix A.8; jitter in sixteenths of a tick
        self.clock_in = 8000
        self.duplicates = self.late = self.malformed = self.relayed = self.send_errors = 0
        # sent to the party
        self.packets_out = self.bytes_out = 0
        self.ssrc_out = self.seq_out = self.ts_out = 0
        self.head_seq = self.head_ts = self.source = self.run = 0
        self.head_ns = self.sent_ns = 0
        self.clock_out = 8000
        self.frame = 160  # ticks of a usual packet
        self.muted = 0  # something else is being played to the party
        self.destination: Any = None  # socket address; None when the socket is connected

    def trusted_readable(self) -> None:
        """Receive one datagram of a socket that is connected to the party."""
        try:
            data = self.sock.recv(MAX_PACKET)
        except OSError:
            return
        self.take(data, self.road.now())

    def take(self, data: bytes, now: int) -> None:
        """Deal with a datagram that comes from the party."""
        size = len(data)
        if size >= 8 and data[0] & 0xC0 == 0x80 and 192 <= data[1] <= 223:
            self.hearer.heard_rtcp(data)
            return
        if size < 12 or data[0] & 0xC0 != 0x80:
            self.malformed += 1
            return
        first, second, seq, ts, ssrc = HEADER.unpack_from(data)
        if first == 0x80:
            payload = data[12:]
        else:
            bounds = payload_bounds(data)
            if bounds is None:
                self.malformed += 1
                return
            payload = data[bounds[0] : bounds[1]]
        self.heard_ns = now
        if seq == (self.high + 1) & 0xFFFF and ssrc == self.ssrc_in and self.started:
            self.window = (self.window << 1 | 1) & 0xFFFFFFFFFFFFFFFF
            self.high = seq
            self.extended += 1
            self.received += 1
        elif not self._is_new(seq, ssrc):
            return
        self.packets_in += 1
        self.bytes_in += len(payload)
        type_in = second & 0x7F
        kind = self.kind[type_in] if payload else 0
        event = kind == 4 or kind >= 6
        if not event:
            transit = (now // 1000 * self.clock_in // 1000000 - ts) & 0xFFFFFFFF
            if self.transit:
                off = abs(transit - self.transit)
                if off > 0x7FFFFFFF:
                    off = 0x100000000 - off
                if off <= JUMP_SECONDS * self.clock_in:  # else the source set its clock
                    self.jitter += off - ((self.jitter + 8) >> 4)
            self.transit = transit
        elif kind == 7:
            kind = 0  # from here on as anything that is left out
        out = self.to
        if kind == 0:
            if out is not None and out.source == self.key:
                ahead = (seq - out.head_seq) & 0xFFFF
                if 0 < ahead < 0x8000:
                    out.head_seq = seq
                    out.seq_out = (out.seq_out + ahead - 1) & 0xFFFF
            return
        marker = second & 0x80
        if out is None or out.muted:
            if kind >= 5:
                self.hearer.heard(type_in, payload, ts, marker, 0, 0, 0)
            return
        place = out._place(self, seq, ts, event, now)
        if place is None:
            return
        out_seq, out_ts, flags, mark = place
        if mark:
            marker = 0x80
        out.sent_ns = now
        if kind >= 5:
            self.hearer.heard(type_in, payload, ts, marker, flags, out_seq, out_ts)
            return
        if kind == 2 or kind == 3:
            payload = payload.translate(self.road.tables[kind - 2])
        if out.transmit(payload, self.payload_type[type_in] | marker, out_seq, out_ts):
            self.relayed += 1

    def transmit(self, payload: bytes, second: int, seq: int, ts: int) -> bool:
        """Send to the party. `second` is the payload type, with the marker in its highest bit."""
        packet = HEADER.pack(0x80, second, seq, ts, self.ssrc_out) + payload
        try:
            if self.destination is None:
                self.sock.send(packet)
            else:
                self.sock.sendto(packet, self.destination)
        except ConnectionRefusedError:
            try:  # the news was about an earlier packet
                self.sock.send(packet)
            except OSError:
                self.send_errors += 1
                return False
        except OSError:
            self.send_errors += 1
            return False
        self.packets_out += 1
        self.bytes_out += len(payload)
        return True

    def _restart(self, seq: int, ssrc: int) -> None:
        """A new source, or one that began anew (RFC 3550 appendix A.1)."""
        if self.started:
            self.lost_before = (self.lost_before + self.extended - self.base + 1 - self.received) & 0xFFFFFFFF
        self.key = self.road.new_key()
        self.started = 1
        self.ssrc_in = ssrc
        self.high = seq
        self.extended = self.base = seq
        self.received = 0
        self.window = 1
        self.transit = 0
        self.bad_next = (seq - 1) & 0xFFFF

    def _is_new(self, seq: int, ssrc: int) -> bool:
        """False for a copy of a packet that was heard, or one that comes too late."""
        ahead = (seq - self.high) & 0xFFFF
        if not self.started or ssrc != self.ssrc_in:
            self._restart(seq, ssrc)
        elif ahead == 0:
            self.duplicates += 1
            return False
        elif ahead < MAX_DROPOUT:
            self.window = (self.window << ahead | 1) & 0xFFFFFFFFFFFFFFFF if ahead < WINDOW else 1
            self.high = seq
            self.extended += ahead
        elif 0x10000 - ahead < WINDOW:
            bit = 1 << 0x10000 - ahead
            if self.window & bit:
                self.duplicates += 1
                return False
            self.window |= bit
        elif seq == self.bad_next:  # two in a row: the source jumped
            self._restart(seq, ssrc)
        else:
            self.bad_next = (seq + 1) & 0xFFFF
            self.late += 1
            return False
        self.received += 1
        return True

    def _place(self, source: Lane, seq: int, ts: int, event: bool, now: int) -> tuple[int, int, int, bool] | None:
        """Where a packet of `source` belongs in what this party hears.

        Returns sequence number, timestamp, flags, and whether it wants a marker; None when it has no place there any
        more.
        """
        if self.source != source.key:
            gap = (now - self.sent_ns) // 1000 * self.clock_out // 1000000 if self.sent_ns else 0
            self.ts_out = ts_out = (self.ts_out + max(gap, self.frame)) & 0xFFFFFFFF
            self.seq_out = seq_out = (self.seq_out + 1) & 0xFFFF
            self.head_seq = seq
            self.head_ts = ts
            self.head_ns = now
            self.source = source.key
            self.run = 1
            return seq_out, ts_out, MAPPED | AHEAD | NEW_SOURCE, True
        ahead = (seq - self.head_seq) & 0xFFFF
        if ahead >= 0x8000:
            ahead -= 0x10000
        step = (ts - self.head_ts) & 0xFFFFFFFF
        if step >= 0x80000000:
            step -= 0x100000000
        if source.clock_in != self.clock_out:
            step = step * self.clock_out // source.clock_in
        if ahead <= 0:
            if -ahead >= self.run:
                return None  # from before the change
            return (self.seq_out + ahead) & 0xFFFF, (self.ts_out + step) & 0xFFFFFFFF, MAPPED, False
        self.seq_out = seq_out = (self.seq_out + ahead) & 0xFFFF
        self.head_seq = seq
        if self.run < 0x7FFF:
            self.run = min(self.run + ahead, 0x7FFF)
        if event:  # all packets of an event carry its beginning (RFC 4733 section 2.1): no measure of time
            return seq_out, (self.ts_out + step) & 0xFFFFFFFF, MAPPED | AHEAD, False
        mark = False
        if step <= 0 or step > ahead * (self.clock_out >> 2):
            # A pause of the speaker advances timestamps as much as the clock; anything else is a jump of the source.
            passed = (now - self.head_ns) // 1000 * self.clock_out // 1000000
            if abs(step - passed) > JUMP_SECONDS * self.clock_out:
                step = max(passed, self.frame)
                mark = True
        self.head_ts = ts
        self.head_ns = now
        self.ts_out = ts_out = (self.ts_out + step) & 0xFFFFFFFF
        return seq_out, ts_out, MAPPED | AHEAD, mark


class PythonRoad:
    """All lanes of a process, on one epoll.

    Most of what a packet costs is waking up for it. So when many are under way, the loop pauses until a few have come,
    `longest_pause_ns` at most; what is urgent (the control socket) ends the pause.
    """

    path = "python"

    def __init__(self, to_alaw: bytes, to_ulaw: bytes, clock: Callable[[], int] = time.monotonic_ns) -> None:
        self.tables = (to_alaw, to_ulaw)
        self.now = clock
        self.longest_pause_ns = LONGEST_PAUSE_NS if clock is time.monotonic_ns else 0
        self._epoll = select.epoll()
        self._urgent = select.epoll()
        self._pause_ns = 0
        self._rate = 0
        self._served = 0
        self._counted_ns = 0
        self._handlers: dict[int, Callable[[], None]] = {}
        self._writers: dict[int, Callable[[], None]] = {}
        self._hurried: set[int] = set()
        self._key = 0

    def new_key(self) -> int:
        """A number for a source that no other source of this process has."""
        self._key = self._key % 0xFFFFFFFF + 1
        return self._key

    def lane(self, stream_id: int, sock: socket.socket, hearer: Hearer) -> Lane:
        """Make the lane of a stream; `hearer.readable` is called for its socket until it is trusted."""
        lane = Lane(self, stream_id, sock, hearer)
        self._handlers[lane.fd] = hearer.readable
        self._epoll.register(lane.fd, select.EPOLLIN)
        return lane

    def trust(self, lane: Lane, trusted: bool) -> None:
        """Say that the socket is connected to the party (or is not any more)."""
        self._handlers[lane.fd] = lane.trusted_readable if trusted else lane.hearer.readable

    def take(self, lane: Lane, data: bytes) -> None:
        """Deal with a datagram that came from the party by another way."""
        lane.take(data, self.now())

    def sender(self, lane: Lane) -> Callable[[bytes, int, int, int], int]:
        """What sends a packet to the party of `lane`: (payload, payload type with marker, sequence number, timestamp).

        It returns something false when the packet could not be sent.
        """
        return lane.transmit

    def set_kinds(self, lane: Lane, kinds: bytes, payload_types: bytes, to: Lane | None) -> None:
        """Say what becomes of each payload type (128 of each), and who hears the party."""
        lane.kind[:] = kinds
        lane.payload_type[:] = payload_types
        lane.to = to

    def point(self, lane: Lane, destination: tuple[Any, ...] | None) -> None:
        """Send to this socket address; None to where the socket is connected."""
        lane.destination = destination

    def leave(self, lane: Lane) -> None:
        """Forget a lane; its socket is closed by the caller afterwards."""
        self.forget(lane.fd)
        lane.to = None
        del lane.hearer

    def watch(
        self,
        fd: int,
        readable: Callable[[], None],
        writable: Callable[[], None] | None = None,
        *,
        urgent: bool = False,
    ) -> None:
        """Call `readable` when another descriptor is ready; `writable` too, when given.

        `urgent` is given the first time, for what must not wait until packets have gathered.
        """
        events = select.EPOLLIN | (select.EPOLLOUT if writable else 0)
        if fd in self._handlers:
            self._epoll.modify(fd, events)
        else:
            self._epoll.register(fd, events)
            if urgent:
                self._urgent.register(fd, select.EPOLLIN)
                self._hurried.add(fd)
        self._handlers[fd] = readable
        if writable:
            self._writers[fd] = writable
        else:
            self._writers.pop(fd, None)

    def forget(self, fd: int) -> None:
        """Stop watching."""
        if self._handlers.pop(fd, None) is not None:
            self._writers.pop(fd, None)
            self._epoll.unregister(fd)
            if fd in self._hurried:
                self._hurried.discard(fd)
                self._urgent.unregister(fd)

    def wait(self, until: int) -> None:
        """Serve what is ready, after waiting for it up to the time `until` (ns)."""
        now = self.now()
        passed = now - self._counted_ns
        if passed >= RATE_WINDOW_NS:
            self._rate = rate = (3 * self._rate + self._served * 1_000_000_000 // passed) // 4
            self._served = 0
            self._counted_ns = now
            wanted = max(SHORTEST_PAUSE_NS, GATHERED * 1_000_000_000 // rate) if rate >= BUSY_RATE else 0
            self._pause_ns = min(wanted, self.longest_pause_ns)
        if self._pause_ns and until - now > self._pause_ns:
            select.select((self._urgent,), (), (), self._pause_ns / 1e9)
        left = until - now
        ready = self._epoll.poll(left / 1e9 if left > 0 else 0, 256)
        self._served += len(ready)
        for fd, events in ready:
            handler = self._handlers.get(fd)
            if handler is not None and events & ~select.EPOLLOUT:
                handler()
            if events & select.EPOLLOUT and (writer := self._writers.get(fd)) is not None:
                writer()

    def close(self) -> None:
        """Give the descriptors back."""
        self._epoll.close()
        self._urgent.close()
