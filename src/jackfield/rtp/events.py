"""Telephone events (RFC 4733): a digit as a train of packets, and trains back into digits."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

DIGITS = "0123456789*#ABCD"
FLASH = "!"  # hook flash, event 16
_NAMES = DIGITS + FLASH
_NUMBERS = {name: number for number, name in enumerate(_NAMES)} | {c.lower(): 12 + i for i, c in enumerate("ABCD")}

_PAYLOAD = struct.Struct("!BBH")
_END = 0x80
_LONGEST = 0xFFFF  # the duration field's limit
_REPEATS = 3  # how often the end is sent (section 2.5.1.4)
_SILENCE = 0.2  # seconds without a packet after which an event is over though its end was lost


@dataclass(frozen=True, slots=True)
class EventPacket:
    """One packet of a train: send `payload` `at` seconds after its start, with the timestamp of the start.

    `marker` is set on the first one only.
    """

    payload: bytes
    marker: bool
    at: float


@dataclass(frozen=True, slots=True)
class Event:
    """A digit that was heard: one of 0-9 * # A-D, or FLASH. `duration` in seconds, `volume` in -dBm0 (0-63)."""

    digit: str
    duration: float
    volume: int
    timestamp: int


def train(
    digit: str, *, duration: float = 0.1, clock_rate: int = 8000, packet_time: float = 0.02, volume: int = 10
) -> Iterator[EventPacket]:
    """The packets of one digit. Times in seconds; `clock_rate` is that of the negotiated telephone-event format.

    The digit is at least one packet long, and at most what the duration field holds (8 s at 8000). Raises ValueError
    for what isn't a digit.
    """
    number = _NUMBERS.get(digit)
    if number is None:
        raise ValueError(f"{digit!r} is not a telephone digit ({DIGITS})")
    step = max(1, round(packet_time * clock_rate))
    total = min(_LONGEST, max(step, round(duration * clock_rate)))
    level = max(0, min(volume, 63))
    # The first packet goes out when the digit begins, like any sender's that counts what it has already heard.
    sent = 0
    length = step
    while length < total:
        yield EventPacket(_PAYLOAD.pack(number, level, length), sent == 0, sent * packet_time)
        sent += 1
        length += step
    if not sent:
        yield EventPacket(_PAYLOAD.pack(number, level, total), True, 0.0)
        sent = 1
    for _ in range(_REPEATS):
        yield EventPacket(_PAYLOAD.pack(number, _END | level, total), False, sent * packet_time)
        sent += 1


class EventReceiver:
    """Turns telephone-event packets of one source into digits, each once, at its end.

    Retransmitted ends are ignored; an end that never came is made up by the next digit, or by `expire`.
    """

    __slots__ = (
        "_clock_rate",
        "_current",
        "_done",
        "_duration",
        "_heard",
        "_last_digit",
        "_start",
        "_timestamp",
        "_volume",
    )

    def __init__(self, clock_rate: int = 8000) -> None:
        self._clock_rate = clock_rate
        self._current = ""  # the digit that sounds now
        self._start = 0  # timestamp of its first packet
        self._timestamp = 0  # timestamp of its last packet (another one in the next segment of a long event)
        self._duration = 0  # of all segments, in ticks
        self._volume = 0
        self._heard = 0.0
        self._done: int | None = None  # timestamp of the last digit that has been told
        self._last_digit = ""

    @property
    def current(self) -> str:
        """The digit that sounds now; "" when none does. Set from its first packet on."""
        return self._current

    def receive(self, payload: bytes, timestamp: int, now: float, *, marker: bool = False) -> list[Event]:
        """Take one packet; the digits that have ended by it (usually none, rarely two). Never raises.

        `timestamp` is that of the RTP header, `now` in seconds of any steady clock.
        """
        if len(payload) < 4:
            return []
        number, flags, duration = _PAYLOAD.unpack_from(payload)
        if number >= len(_NAMES):
            return []  # modem, fax and line signals mean nothing here
        digit = _NAMES[number]
        ended: list[Event] = []
        if self._current and not self._continues(digit, timestamp, duration, marker):
            if self._is_past(timestamp, self._start):
                return []  # a late packet of something before
            ended.append(self._finish())
        if not self._current:
            if self._done is not None and self._repeats(digit, timestamp, now, flags):
                return ended
            self._current, self._start, self._duration = digit, timestamp, 0
        self._timestamp = timestamp
        self._duration = max(self._duration, (timestamp - self._start & 0xFFFFFFFF) + duration)
        self._volume = flags & 0x3F
        self._heard = now
        if flags & _END:
            ended.append(self._finish())
        return ended

    def expire(self, now: float) -> list[Event]:
        """The digit whose end was lost, when nothing more has come for 200 ms."""
        if self._current and now - self._heard >= _SILENCE:
            return [self._finish()]
        return []

    def _continues(self, digit: str, timestamp: int, duration: int, marker: bool) -> bool:
        """Whether a packet belongs to the digit that sounds now."""
        if digit != self._current:
            return False
        ahead = (timestamp - self._timestamp) & 0xFFFFFFFF
        if ahead == 0:
            return True
        if marker:
            return False
        # The next segment of a long event (section 2.5.1.3), or a phone that moves the timestamp with each packet.
        return ahead == _LONGEST or (ahead <= self._clock_rate // 10 and duration > 0)

    def _repeats(self, digit: str, timestamp: int, now: float, flags: int) -> bool:
        """Whether a packet is the end of the last digit once more."""
        done, last_digit = self._done or 0, self._last_digit
        if timestamp == done or self._is_past(timestamp, done):
            return True
        moved = (timestamp - done) & 0xFFFFFFFF <= self._clock_rate // 10
        return moved and bool(flags & _END) and digit == last_digit and now - self._heard < _SILENCE

    def _is_past(self, timestamp: int, reference: int) -> bool:
        """Up to ten seconds before `reference`; anything else is a source that started to count anew."""
        return 0 < (reference - timestamp) & 0xFFFFFFFF <= 10 * self._clock_rate

    def _finish(self) -> Event:
        event = Event(self._current, self._duration / self._clock_rate, self._volume, self._start)
        self._done = self._timestamp
        self._last_digit = self._current
        self._current = ""
        return event
