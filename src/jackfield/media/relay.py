"""What happens to what a party sends: passed on, transcoded, converted, listened to, or left out.

`wire` decides it for each payload type from the two parties' negotiated sides, with no I/O. `Relay` does it for the
packets that a lane cannot pass on by itself.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from jackfield.media.digits import Ear
from jackfield.media.endpoint import FROM_ANYWHERE, Send
from jackfield.media.lane import AHEAD, NEW_SOURCE, Kind
from jackfield.media.protocol import Digit, Failed, Remote
from jackfield.media.recording import HEARD
from jackfield.rtp import codecs
from jackfield.rtp.codecs import Transcoder
from jackfield.rtp.events import DIGITS, Event

if TYPE_CHECKING:
    from jackfield.media.stream import Stream

COMFORT_NOISE = 13  # RFC 3551
LAWS = {"pcmu": Kind.RELAY_TO_ALAW, "pcma": Kind.RELAY_TO_ULAW}
NO_AUDIO = frozenset(("telephone-event", "cn"))
_EVENT = struct.Struct("!BBH")

Events = Literal["", "pass", "tone", "tell"]


@dataclass(frozen=True, slots=True)
class Way:
    """Where audio of one payload type goes: `payload_type` at the other party (None: nowhere, it is only heard)."""

    codec: str
    payload_type: int | None = None
    transcoded_to: str = ""


@dataclass(frozen=True, slots=True)
class Wiring:
    """What a lane is set to, and what is left for `Relay`. `events`: how the party's digits reach the other."""

    kinds: bytes = bytes(128)
    payload_types: bytes = bytes(128)
    ways: dict[int, Way] = field(default_factory=dict)
    events: Events = ""
    problems: tuple[str, ...] = ()


NOTHING = Wiring()


def event_clock(remote: Remote) -> int:
    """The clock of telephone-events in Hz."""
    return remote.dtmf_clock_rate or remote.clock_rate


def listens(remote: Remote | None) -> bool:
    """Whether there is someone to send to."""
    return remote is not None and remote.port > 0 and remote.receives and remote.address not in FROM_ANYWHERE


def spoken(remote: Remote) -> tuple[str, int, str]:
    """The codec that we speak to a party by ourselves (prompts, tones), its payload type and parameters."""
    if remote.codec not in codecs.available():
        for codec, payload_type in remote.others:
            if codec in codecs.available():
                return codec, payload_type, ""
    return remote.codec, remote.payload_type, remote.fmtp


def wire(
    source: Remote | None, target: Remote | None, *, heard: bool, handed: bool, listening: bool, echo: bool = False
) -> Wiring:
    """Decide for each payload type of `source` what becomes of it.

    `target` is the party that hears it, if any. `heard`: audio is also wanted here (recording, tones). `handed`: what
    goes to the target must pass through Python (encryption, recording). `listening`: digits are told to the switch.
    """
    to = target if listens(target) else None
    if source is None or not source.sends or source.raw:
        return NOTHING
    kinds, types = bytearray(128), bytearray(128)
    number = -1 if source.dtmf_payload_type is None else source.dtmf_payload_type
    if to is None and not heard and not listening:
        if 0 <= number < 128:
            kinds[number] = Kind.DROP_EVENT  # what is left out is counted all the same
        return Wiring(bytes(kinds))
    ways: dict[int, Way] = {}
    problems: list[str] = []

    noise = COMFORT_NOISE if source.cn_payload_type is None else source.cn_payload_type
    if to is not None and to.cn_payload_type is not None and to.clock_rate == source.clock_rate and not echo:
        kinds[noise] = Kind.HAND if handed else Kind.RELAY
        types[noise] = to.cn_payload_type
        ways[noise] = Way("cn", to.cn_payload_type)

    for codec, audio_type in (*source.others, (source.codec, source.payload_type)):
        if codec in NO_AUDIO or not 0 <= audio_type < 128:
            continue
        if to is None:
            if heard:
                kinds[audio_type] = Kind.HAND
                ways[audio_type] = Way(codec)
            continue
        way = _way(codec, to)
        if way is None:
            problems.append(f"audio in {codec} cannot be made into {to.codec}, which is all that the other party takes")
            continue
        kind = Kind.RELAY
        if way.transcoded_to:
            kind = LAWS.get(codec, Kind.HAND) if way.transcoded_to in LAWS else Kind.HAND
        assert way.payload_type is not None
        kinds[audio_type] = Kind.HAND if heard or handed else kind
        types[audio_type] = way.payload_type
        ways[audio_type] = way

    events: Events = ""
    if to is not None and not echo:
        if to.dtmf_mode == "info":
            events = "tell"
        elif to.dtmf_mode == "rfc4733" and to.dtmf_payload_type is not None:
            events = "pass"
        else:
            events = "tone"
    if 0 <= number < 128:
        ways.pop(number, None)
        kinds[number] = Kind.DROP_EVENT
        if events == "pass" and to is not None:
            types[number] = to.dtmf_payload_type or 0
            same = event_clock(source) == event_clock(to) and source.clock_rate == to.clock_rate
            kinds[number] = Kind.RELAY_EVENT if same and not handed and not listening else Kind.HAND_EVENT
        elif listening or events:
            kinds[number] = Kind.HAND_EVENT
    return Wiring(bytes(kinds), bytes(types), ways, events, tuple(problems))


def _way(codec: str, to: Remote) -> Way | None:
    if codec == to.codec:
        return Way(codec, to.payload_type)
    known = codecs.available()
    if codec in known and to.codec in known:
        return Way(codec, to.payload_type, to.codec)
    for other, number in to.others:
        if other == codec:
            return Way(codec, number)
    if codec in known:
        for other, number in to.others:
            if other in known:
                return Way(codec, number, other)
    return None


def stream_closed(payload: bytes, second: int, seq: int, ts: int) -> int:
    """What sends to nobody."""
    return 0


class Relay:
    """What a party sends, on its way to the one who hears it."""

    __slots__ = (
        "_ear", "_event_type", "_next_ts", "_send", "_stream", "_tapped", "_target", "_told", "_transcoders", "_ways",
        "listening", "listening_inband", "transcoded", "wiring",
    )  # fmt: skip

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._target: Stream | None = None
        self.listening = False
        self.listening_inband = False
        self.transcoded = 0  # packets
        self.wiring = NOTHING
        self._send: Send = stream_closed  # to the target
        self._tapped = False  # somebody else listens, too
        self._ways: dict[int, tuple[Transcoder | None, int, str]] = {}
        self._transcoders: dict[tuple[str, str, str], Transcoder] = {}
        self._event_type = -1
        self._ear: Ear | None = None
        self._next_ts = 0  # of the next frame that is cut anew
        self._told: tuple[str, ...] = ()

    def rewire(self) -> None:
        """Look at both parties again: one of them, or what is wanted of them, has changed."""
        stream = self._stream
        target = stream if stream.echoing else stream.other
        source_remote, target_remote = stream.remote, target.remote if target is not None else None
        self._send = target.send if target is not None else stream_closed
        if target is not self._target:
            self._target = target
            self._transcoders.clear()
        tones = source_remote is not None and (
            self.listening_inband
            or (source_remote.dtmf_mode == "inband" and target_remote is not None and not stream.echoing
                and target_remote.dtmf_mode != "inband")
        )  # fmt: skip
        self.wiring = wiring = wire(
            source_remote,
            target_remote,
            heard=tones or stream.recording is not None,
            handed=target is not None and target.handed,
            listening=self.listening,
            echo=stream.echoing,
        )
        self._event_type = -1
        self._tapped = tones or stream.recording is not None
        if source_remote is not None:
            if source_remote.dtmf_payload_type is not None:
                self._event_type = source_remote.dtmf_payload_type
            clock = event_clock(source_remote)
            if self._ear is not None and self._ear.clock_rate != clock:
                self._ear = None
            if self._ear is None and (tones or self.listening or wiring.events):
                self._ear = Ear(clock, inband=tones)
            elif self._ear is not None and tones and not self._ear.events.current:
                self._ear.inband = True
            elif self._ear is not None and not tones:
                self._ear.inband = False
        self._ways = {
            number: (self._transcoder(way, target_remote), way.payload_type or 0, way.codec)
            for number, way in wiring.ways.items()
        }
        stream.set_lane(wiring.kinds, wiring.payload_types, target)
        if wiring.problems != self._told:
            self._told = wiring.problems
            for problem in wiring.problems:
                stream.emit(Failed(stream.id, problem))

    def _transcoder(self, way: Way, target: Remote | None) -> Transcoder | None:
        if not way.transcoded_to:
            return None
        fmtp = target.fmtp if target is not None and way.transcoded_to == target.codec else ""
        key = (way.codec, way.transcoded_to, fmtp)
        if key not in self._transcoders:
            self._transcoders[key] = codecs.transcoder(way.codec, way.transcoded_to, fmtp=fmtp)
        return self._transcoders[key]

    def heard(
        self, payload_type: int, payload: bytes, ts: int, marker: int, flags: int, out_seq: int, out_ts: int
    ) -> None:
        """Pass a packet on that the lane could not; see `lane.Hearer`."""
        way = self._ways.get(payload_type)
        if way is None:
            if payload_type == self._event_type:
                self._heard_event(payload, ts, marker, flags, out_seq, out_ts)
            return
        transcoder, number, codec = way
        if self._tapped and self._tap(codec, payload):
            self._give_back(flags, out_seq)
            return
        if not flags:
            return
        if transcoder is None:
            if self._send(payload, number | marker, out_seq, out_ts):
                self._stream.lane.relayed += 1
            return
        made = transcoder(payload)
        if made.__class__ is bytes and made:
            if self._send(made, number | marker, out_seq, out_ts):
                self.transcoded += 1
        else:
            self._send_cut(transcoder, made, number, flags, out_seq, out_ts)

    def _tap(self, codec: str, payload: bytes) -> bool:
        """Record and listen; True when the audio holds a digit that goes another way."""
        if self._stream.recording is not None:
            self._stream.record_payload(HEARD, codec, payload)
        ear = self._ear
        if ear is None or not ear.inband:
            return False
        self._heard_tones(ear, codec, payload)
        return bool(ear.sounding) and self.wiring.events in ("pass", "tell")

    def _send_cut(
        self,
        transcoder: Transcoder,
        made: bytes | list[bytes],
        number: int,
        flags: int,
        out_seq: int,
        out_ts: int,
    ) -> None:
        """Send audio that came in packets of another length: as many frames as there are, each with its own number."""
        target = self._target
        if not flags & AHEAD or target is None:
            return  # its place has been cut up already
        new_source = flags & NEW_SOURCE
        step = transcoder.out_step
        frames = [frame for frame in made if frame] if isinstance(made, list) else []
        # What was left over of the packet before begins up to a frame earlier.
        early = (out_ts - self._next_ts) & 0xFFFFFFFF
        if new_source or not (early <= 2 * step or early >= 0x100000000 - step):
            self._next_ts = out_ts
        for index, frame in enumerate(frames):
            second = number | 0x80 if new_source and not index else number
            if target.send(frame, second, (out_seq + index) & 0xFFFF, self._next_ts):
                self.transcoded += 1
            self._next_ts = (self._next_ts + step) & 0xFFFFFFFF
        target.lane.seq_out = (out_seq + len(frames) - 1) & 0xFFFF

    def _give_back(self, flags: int, out_seq: int) -> None:
        """Have the sequence number used by the next packet: this one is not sent, and must not seem lost."""
        if flags & AHEAD and self._target is not None:
            self._target.lane.seq_out = (out_seq - 1) & 0xFFFF

    def _heard_event(self, payload: bytes, ts: int, marker: int, flags: int, out_seq: int, out_ts: int) -> None:
        stream, target, ear = self._stream, self._target, self._ear
        ended: list[Event] = []
        if ear is not None:
            ended = ear.heard_event(payload, ts, stream.worker.seconds(), marker != 0)
            if ear.events.current:
                stream.worker.tick_for(stream)
        events = self.wiring.events
        if events == "pass" and flags and target is not None:
            number = self.wiring.payload_types[self._event_type]
            target.send(self._rescaled(payload), number | marker, out_seq, out_ts)
        else:
            self._give_back(flags, out_seq)
        if events == "tone" and target is not None and ear is not None:
            if ear.events.current in DIGITS and ear.events.current:
                target.voice.keyer().press(ear.events.current, inband=True)
            if ended:
                target.voice.keyer().release()
        self._tell(ended)

    def _rescaled(self, payload: bytes) -> bytes:
        """An event with its duration in the clock of the one who gets it."""
        source, target = self._stream.remote, self._target.remote if self._target is not None else None
        if source is None or target is None or len(payload) < 4:
            return payload
        from_clock, to_clock = event_clock(source), event_clock(target)
        if from_clock == to_clock:
            return payload
        number, flags, duration = _EVENT.unpack_from(payload)
        return _EVENT.pack(number, flags, min(0xFFFF, duration * to_clock // from_clock))

    def _heard_tones(self, ear: Ear, codec: str, payload: bytes) -> None:
        """Listen for digits in the audio, and convert them for the other party."""
        before = ear.sounding
        ended = ear.heard_audio(codec, payload)
        target = self._target
        if target is not None and self.wiring.events == "pass" and (ear.sounding or before):
            keyer = target.voice.keyer()
            if before and before != ear.sounding:
                keyer.release()
            if ear.sounding:
                keyer.press(ear.sounding, inband=False)
        if self.listening_inband or self.wiring.events == "tell":
            stream = self._stream
            for digit, milliseconds in ended:
                stream.emit(Digit(stream.id, digit, milliseconds, "inband"))

    def _tell(self, ended: list[Event]) -> None:
        if self.listening or self.wiring.events == "tell":
            stream = self._stream
            for event in ended:
                if event.digit in DIGITS:
                    stream.emit(Digit(stream.id, event.digit, round(event.duration * 1000), "rfc4733"))

    def expire(self) -> bool:
        """End a digit whose end was lost; True while one still sounds."""
        ear = self._ear
        if ear is None or not ear.events.current:
            return False
        ended = ear.events.expire(self._stream.worker.seconds())
        if ended:
            if self.wiring.events == "tone" and self._target is not None:
                self._target.voice.keyer().release()
            self._tell(ended)
        return bool(ear.events.current)
