"""A small playout buffer, used only where audio is decoded: mixing, recording, transcoding for a file.

Time comes in from outside. The delay is as long as the network demands: an underrun makes it grow by what it lasted,
and a second in which packets were always early makes it shrink by one packet.
"""

from __future__ import annotations

from enum import Enum

from jackfield.rtp.packet import extended

_FAR = 3.0  # seconds; a timestamp further off than this comes from a sender that started anew


class Gap(Enum):
    """What there is when there is no packet: LOST wants concealment, SILENT is a pause of the sender."""

    LOST = "lost"
    SILENT = "silent"


class JitterBuffer:
    """Puts packets in order and gives one out whenever the player needs one.

    `clock_rate` in Hz, `frame` the usual packet time, `delay` what to begin with, `maximum` the most that may lie
    waiting; all in seconds.
    """

    __slots__ = (
        "_clock_rate",
        "_delay",
        "_frame",
        "_highest",
        "_last_sequence",
        "_least",
        "_maximum",
        "_next",
        "_packets",
        "_pops",
        "_start",
        "_waited",
        "_window",
        "discarded",
        "late",
        "lost",
    )

    def __init__(self, clock_rate: int, *, frame: float = 0.02, delay: float = 0.04, maximum: float = 0.3) -> None:
        self._clock_rate = clock_rate
        self._frame = max(1, round(frame * clock_rate))
        self._delay = delay
        self._maximum = max(2 * self._frame, round(maximum * clock_rate))
        self._window = max(1, round(1.0 / frame))  # pops in a second
        self.lost = 0  # packets that never came in time
        self.late = 0  # packets that came after their turn
        self.discarded = 0  # packets thrown away to make the delay shorter, or doubles
        self._packets: dict[int, tuple[int, bytes, int]] = {}  # timestamp: sequence, payload, ticks
        self._restart()

    def _restart(self) -> None:
        self._packets.clear()
        self._start: float | None = None  # when playing begins; None while nothing has come
        self._next = 0  # timestamp that is played next
        self._highest = 0
        self._last_sequence: int | None = None
        self._waited = 0
        self._pops = 0
        self._least = self._maximum

    def push(self, sequence: int, timestamp: int, payload: bytes, now: float, *, ticks: int = 0) -> bool:
        """Put a packet in; `ticks` is its length in clock units (0: the usual). False: it's late or a double."""
        if self._start is None:
            self._restart()
            self._start = now + self._delay
            self._next = self._highest = timestamp
        timestamp = extended(timestamp, self._next, 32)
        if abs(timestamp - self._next) > _FAR * self._clock_rate:
            self._start = None
            return self.push(sequence, timestamp & 0xFFFFFFFF, payload, now, ticks=ticks)
        if timestamp < self._next:
            if self._last_sequence is not None:
                self.late += 1
                return False
            self._next = timestamp  # the very first packets were out of order
        if timestamp in self._packets:
            self.discarded += 1
            return False
        self._packets[timestamp] = (sequence, payload, ticks or self._frame)
        if timestamp > self._highest:
            self._highest = timestamp
        return True

    def pop(self, now: float) -> bytes | Gap:
        """The next payload; call it once for each packet time (or whenever the player has run dry)."""
        if self._start is None or now < self._start:
            return Gap.SILENT
        while self._highest - self._next > self._maximum and self._packets:
            self._drop_first()
        packet = self._packets.pop(self._next, None)
        if packet is None:
            if not self._packets:
                return self._underrun()
            first = min(self._packets)
            if (gap := self._gap(first)) is not None:
                return gap
            self._next = first
            packet = self._packets.pop(first)
        sequence, payload, ticks = packet
        self._next += ticks
        self._last_sequence = sequence
        self._waited = 0
        self._shrink()
        return payload

    def peek(self) -> bytes:
        """The packet that follows the next gap, for codecs that can mend from it; b"" when it isn't there."""
        if not self._packets:
            return b""
        return self._packets[min(self._packets)][1]

    @property
    def depth(self) -> float:
        """Seconds of audio that lie waiting."""
        if not self._packets:
            return 0.0
        return max(0, self._highest - self._next + self._frame) / self._clock_rate

    def _underrun(self) -> Gap:
        """Nothing there: wait with the clock standing, so that what comes late is still in time."""
        self._waited += 1
        self._least = 0
        if self._waited * self._frame <= self._maximum:
            return Gap.LOST
        self._start = None  # a pause; begin anew with the next packet
        return Gap.SILENT

    def _gap(self, first: int) -> Gap | None:
        """What to say about the time before the packet `first`; None when it's that packet's turn."""
        missing = (first - self._next) // self._frame
        if not missing:
            return None  # a sender whose steps aren't quite those that we think
        silent = self._last_sequence is not None and self._packets[first][0] == (self._last_sequence + 1) & 0xFFFF
        if self._waited >= missing:
            # The player has been told about these while the buffer was empty.
            if not silent:
                self.lost += missing
            return None
        self._next += self._frame
        if silent:
            return Gap.SILENT
        self.lost += 1
        return Gap.LOST

    def _shrink(self) -> None:
        """Once a second: when more than two packets were always waiting, one is too many."""
        waiting = self._highest - self._next + self._frame if self._packets else 0
        if waiting < self._least:
            self._least = waiting
        self._pops += 1
        if self._pops >= self._window:
            if self._least > 2 * self._frame:
                self._drop_first()
            self._pops = 0
            self._least = self._maximum

    def _drop_first(self) -> None:
        first = min(self._packets)
        sequence, _, ticks = self._packets.pop(first)
        self._next = first + ticks
        self._last_sequence = sequence
        self.discarded += 1
