"""Digits: heard from a party (`Ear`), and sent to one (`Keyer`), as RFC 4733 events or as tones in the audio."""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Callable, Iterable
from functools import lru_cache

from jackfield.rtp import codecs, dtmf
from jackfield.rtp.codecs import Codec
from jackfield.rtp.events import DIGITS, Event, EventReceiver

FRAME_MS = 20
SHORTEST_MS = 60  # of a digit that we send; phones want 40, some exchanges more
PAUSE_MS = 80  # after each digit
COMMA_MS = 1000  # a comma between digits
LONGEST_MS = 6000
RELEASE_MS = 300  # a digit that was pressed and never released ends after so long without a sign of life
VOLUME = 10  # -dBm0
ENDS = 3  # RFC 4733 section 2.5.1.4: the last packet goes out three times

_EVENT = struct.Struct("!BBH")
_END = 0x80


@lru_cache(maxsize=64)
def _tone(digit: str, sample_rate: int) -> bytes:
    return dtmf.generate(digit, sample_rate, tone_seconds=LONGEST_MS / 1000, pause_seconds=0)


class Ear:
    """Hears the digits of one party.

    A phone that sends events is believed; its audio may carry the same digits as tones, which are then not heard again.
    """

    __slots__ = ("_decoders", "_detector", "_digit", "_fed", "_since", "clock_rate", "events", "inband")

    def __init__(self, clock_rate: int, *, inband: bool) -> None:
        self.clock_rate = clock_rate  # of the events
        self.events = EventReceiver(clock_rate)
        self.inband = inband
        self._detector: dtmf.DtmfDetector | None = None
        self._decoders: dict[str, Codec | None] = {}
        self._digit = ""  # heard as a tone that still sounds
        self._since = 0
        self._fed = 0  # samples

    def heard_event(self, payload: bytes, ts: int, now: float, marker: bool) -> list[Event]:
        """Take a telephone-event packet; the digits that it ended."""
        self.inband = False
        return self.events.receive(payload, ts, now, marker=marker)

    def heard_audio(self, codec: str, payload: bytes) -> list[tuple[str, int]]:
        """Take audio; the digits that ended in it with their duration in ms. Their beginning is `sounding`."""
        if codec not in self._decoders:
            known = codec in codecs.available()
            self._decoders[codec] = codecs.create(codec, sample_rate=8000) if known else None
        decoder = self._decoders[codec]
        if decoder is None:
            return []
        if self._detector is None:
            self._detector = dtmf.DtmfDetector()
        pcm = decoder.decode(payload)
        self._fed += len(pcm) >> 1
        begun = self._detector.feed(pcm)
        ended: list[tuple[str, int]] = []
        if self._digit and (begun or not self._detector.active):
            ended.append((self._digit, max(FRAME_MS, (self._fed - self._since) // 8)))
            self._digit = ""
        for digit in begun[:-1]:
            ended.append((digit, FRAME_MS))
        if begun:
            self._digit = begun[-1]
            self._since = self._fed - (len(pcm) >> 1)
        return ended

    @property
    def sounding(self) -> str:
        """The digit that sounds in the audio now; "" when none does."""
        return self._digit


class Keyer:
    """Sends digits to one party, a packet each 20 ms.

    `speak(payload, payload_type, step, marker)` sends a packet `step` ticks after the one before; 0 keeps the time of
    the one before, as the packets of an event do. `codec` and `fmtp` encode tones, in packets of `audio_type`.
    """

    __slots__ = (
        "_audio_type", "_clock", "_codec", "_encoder", "_ends", "_event_clock", "_event_ticks", "_event_type", "_fmtp",
        "_held", "_queue", "_sent", "_speak", "_step", "_tone", "_wanted",
    )  # fmt: skip

    def __init__(
        self,
        speak: Callable[[bytes, int, int, bool], None],
        *,
        codec: str,
        fmtp: str,
        audio_type: int,
        clock: int,
        event_type: int | None,
        event_clock: int,
    ) -> None:
        self._speak = speak
        self._codec = codec
        self._fmtp = fmtp
        self._audio_type = audio_type
        self._clock = clock
        self._event_type = event_type
        self._event_clock = event_clock
        self._encoder: Codec | None = None
        # digit ("" for a pause), as a tone, length in frames (None: until released)
        self._queue: deque[tuple[str, bool, int | None]] = deque()
        self._sent = 0  # frames of the first in the queue
        self._ends = 0
        self._held = 0  # frames since a sign of life of the digit that is held
        self._step = clock * FRAME_MS // 1000
        self._tone = b""
        self._wanted = 0  # ticks that the next packet starts after the last
        self._event_ticks = 0  # how far the last packet of an event is after the beginning that it is stamped with

    def send(self, digits: Iterable[str], *, inband: bool, duration_ms: int) -> None:
        """Send digits after those that are being sent; what is no digit is left out."""
        frames = max(SHORTEST_MS, min(duration_ms, LONGEST_MS)) // FRAME_MS
        for digit in digits:
            digit = digit.upper()
            if digit == ",":
                self._queue.append(("", inband, COMMA_MS // FRAME_MS))
            elif digit in DIGITS:
                self._queue.append((digit, inband or self._event_type is None, frames))
                self._queue.append(("", inband or self._event_type is None, PAUSE_MS // FRAME_MS))

    def press(self, digit: str, *, inband: bool) -> None:
        """Send a digit until it is released; pressing it again is a sign of life."""
        if self._queue and self._queue[-1][2] is None:
            if self._queue[-1][0] == digit:
                self._held = 0
                return
            self.release()
        if digit in DIGITS:
            self._queue.append((digit, inband or self._event_type is None, None))
            self._held = 0

    def release(self) -> None:
        """End the digit that was pressed."""
        if self._queue and self._queue[-1][2] is None:
            digit, inband, _ = self._queue.pop()
            sent = self._sent if not self._queue else 0
            self._queue.append((digit, inband, max(sent, SHORTEST_MS // FRAME_MS)))
            self._queue.append(("", inband, PAUSE_MS // FRAME_MS))

    @property
    def busy(self) -> bool:
        """Whether there is anything left to send."""
        return bool(self._queue)

    def unsaid(self) -> int:
        """Ticks that have passed since the timestamp sent last, when all is sent: an event keeps its beginning's."""
        ticks = self._event_ticks if self._wanted else 0
        self._wanted = self._event_ticks = 0
        return ticks

    def tick(self) -> None:
        """Send what belongs into the next 20 ms."""
        if not self._queue:
            return
        digit, inband, length = self._queue[0]
        if length is None:
            self._held += 1
            if self._held * FRAME_MS > RELEASE_MS or self._sent * FRAME_MS >= LONGEST_MS:
                self.release()
                _, _, length = self._queue[0]
        if inband:
            self._tone_frame(digit)
        elif digit:
            if self._event_frame(digit, length):
                return
        else:
            self._wanted += self._step
        self._sent += 1
        if length is not None and self._sent >= length and not self._ends:
            self._advance()

    def _advance(self) -> None:
        self._queue.popleft()
        self._sent = 0
        self._tone = b""

    def _event_frame(self, digit: str, length: int | None) -> bool:
        """Send a packet of an event; True while its end is being repeated."""
        assert self._event_type is not None
        number = DIGITS.index(digit)
        frame = self._event_clock * FRAME_MS // 1000
        last = length is not None and self._sent + 1 >= length
        duration = min(0xFFFF, frame * (self._sent + 1) if not self._ends else frame * self._sent)
        payload = _EVENT.pack(number, VOLUME | (_END if last or self._ends else 0), duration)
        first = self._sent == 0 and not self._ends
        self._speak(payload, self._event_type, (self._wanted or self._step) if first else 0, first)
        if first:
            self._wanted = 0
        if last or self._ends:
            if not self._ends:
                self._sent += 1
            self._ends += 1
            if self._ends >= ENDS:
                # The next packet follows the event, not its beginning.
                self._event_ticks = self._step * (self._sent + ENDS - 2)
                self._wanted += self._step * (self._sent + ENDS - 1)
                self._ends = 0
                self._advance()
            return True
        return False

    def _tone_frame(self, digit: str) -> None:
        if self._encoder is None:
            if self._codec not in codecs.available():
                return
            self._encoder = codecs.create(self._codec, fmtp=self._fmtp)
        size = 2 * self._encoder.frame_samples
        if digit and not self._tone:
            self._tone = _tone(digit, self._encoder.sample_rate)
        pcm = self._tone[self._sent * size : (self._sent + 1) * size] if digit else b""
        payload = self._encoder.encode(pcm if len(pcm) == size else bytes(size))
        self._speak(payload, self._audio_type, self._wanted or self._step, False)
        self._wanted = 0
