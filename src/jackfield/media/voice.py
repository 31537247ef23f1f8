"""Our own voice towards a party: sounds, tones and digits, in place of what the other party says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from jackfield.media.digits import Keyer
from jackfield.media.playback import FRAME_MS, CannotPlay, Player
from jackfield.media.protocol import Failed, Played, Tone
from jackfield.media.relay import event_clock, listens, spoken
from jackfield.rtp.codecs import LibraryMissing

if TYPE_CHECKING:
    from jackfield.media.stream import Stream

JOINED = frozenset(("pcmu", "pcma", "g722", "gsm"))
"""Codecs whose frames of 20 ms stand one behind the other in a packet (RFC 3551 section 4.2). Opus is not one."""
MOST_JOINED = 6
"""Frames in a packet: 120 ms."""


class Voice:
    """What we say to one party. Digits come before sounds, sounds before the other party."""

    __slots__ = (
        "_codec", "_fresh", "_gathered", "_keyer", "_loop", "_payload_type", "_player", "_sounds", "_step", "_stream",
    )  # fmt: skip

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._player: Player | None = None
        self._sounds: tuple[str | Tone, ...] = ()
        self._loop = False
        self._codec: tuple[str, str] | None = None  # that the player's clips are in, with its parameters
        self._payload_type = 0
        self._keyer: Keyer | None = None
        self._fresh = True  # the next packet does not follow one of ours
        self._gathered: list[bytes] = []  # frames of a packet that is not full yet
        self._step = 0  # ticks of each of them

    @property
    def active(self) -> bool:
        """Whether we are speaking, so that nothing else may be passed on to the party."""
        return self._player is not None or (self._keyer is not None and self._keyer.busy)

    def play(self, sounds: Sequence[str | Tone], *, loop: bool, player_id: int) -> None:
        """Play from the beginning, instead of what plays."""
        self._end_player(completed=False)
        self._sounds = tuple(sounds)
        self._loop = loop
        self._player = Player(player_id, loop=loop)
        self._codec = None
        self._load()
        self._start()

    def stop(self) -> None:
        """Stop what plays."""
        self._end_player(completed=False)
        self._stream.voice_changed()

    def send_digits(self, digits: str, *, inband: bool, duration_ms: int) -> None:
        """Send digits after those that are being sent."""
        keyer = self.keyer()
        keyer.send(digits, inband=inband, duration_ms=duration_ms)
        self._start()

    def keyer(self) -> Keyer:
        """The digits that go to the party; whoever puts some in need not care for the rest."""
        if self._keyer is None:
            remote = self._stream.remote
            codec, payload_type, fmtp = spoken(remote) if remote is not None else ("pcmu", 0, "")
            self._keyer = Keyer(
                self._speak,
                codec=codec,
                fmtp=fmtp,
                audio_type=payload_type,
                clock=remote.clock_rate if remote is not None else 8000,
                event_type=remote.dtmf_payload_type if remote is not None else None,
                event_clock=event_clock(remote) if remote is not None else 8000,
            )
        self._stream.worker.tick_for(self._stream)
        return self._keyer

    def reconfigured(self) -> None:
        """The party's codec may have changed: go on at the same place in the new one."""
        if self._player is not None:
            self._load()
        if self._keyer is not None and not self._keyer.busy:
            self._keyer = None
        self._fresh = True

    def close(self) -> None:
        """Fall silent."""
        self._end_player(completed=False)
        self._keyer = None

    def tick(self, frames: int) -> bool:
        """Send the next `frames` of 20 ms; False when there is nothing left to say."""
        keyer = self._keyer
        if keyer is not None and keyer.busy:
            if not self._stream.lane.muted:
                self._fresh = True
                self._stream.voice_changed()
            for _ in range(frames):
                keyer.tick()
            if not keyer.busy:
                lane = self._stream.lane
                lane.ts_out = (lane.ts_out + keyer.unsaid()) & 0xFFFFFFFF
                self._fresh = True
                self._stream.voice_changed()
            return self.active
        player = self._player
        if player is None:
            return False
        if not player.ready:
            return True  # until it is known how to speak to the party
        gathered, many = self._gathered, self._frames_in_packet()
        for _ in range(frames):
            piece = player.next()
            if piece is None:
                if gathered:
                    self._say_gathered()
                self._end_player(completed=True)
                self._stream.voice_changed()
                return False
            payload, step = piece
            if many == 1 and not gathered:  # as nearly all phones want it
                self._speak(payload, self._payload_type, step, False)
                continue
            gathered.append(payload)
            self._step = step
            if len(gathered) >= many:
                self._say_gathered()
                gathered = self._gathered
        self._stream.worker.played += frames
        return True

    def _frames_in_packet(self) -> int:
        """Return how many frames the party wants in a packet (a=ptime); what is no multiple of 20 ms stays below."""
        remote = self._stream.remote
        if remote is None or self._codec is None or self._codec[0] not in JOINED:
            return 1
        return max(1, min(remote.ptime // FRAME_MS, MOST_JOINED))

    def _say_gathered(self) -> None:
        """Send the packet that was gathered."""
        gathered, self._gathered = self._gathered, []
        self._speak(b"".join(gathered), self._payload_type, len(gathered) * self._step, False)

    def _start(self) -> None:
        if not self._stream.lane.muted:
            self._fresh = True
        self._stream.voice_changed()
        self._stream.worker.tick_for(self._stream)

    def _load(self) -> None:
        """Have the clips in the codec that the party takes now."""
        stream, player = self._stream, self._player
        remote = stream.remote
        if player is None or remote is None or remote.raw:
            return
        codec, self._payload_type, fmtp = spoken(remote)
        if self._codec == (codec, fmtp):
            return
        self._codec = (codec, fmtp)
        self._gathered.clear()  # of another codec
        try:
            clips = [stream.worker.clips.clip(sound, codec, fmtp) for sound in self._sounds]
        except (CannotPlay, LibraryMissing) as error:
            stream.emit(Failed(stream.id, str(error)))
            self._end_player(completed=False)
            stream.voice_changed()
            return
        player.load(clips)

    def _end_player(self, *, completed: bool) -> None:
        player, self._player = self._player, None
        self._gathered.clear()
        if player is not None:
            self._sounds = ()
            self._stream.emit(Played(self._stream.id, player.id, completed))

    def _speak(self, payload: bytes, payload_type: int, step: int, marker: bool) -> None:
        """Send a packet `step` ticks after the last; the first one as much later as time has passed."""
        stream = self._stream
        lane = stream.lane
        now = stream.worker.now()
        if self._fresh and step:
            self._fresh = False
            marker = True
            if lane.sent_ns:
                step = max(step, (now - lane.sent_ns) // 1000 * lane.clock_out // 1000000)
        if not listens(stream.remote):
            return
        lane.source = 0
        lane.seq_out = seq = (lane.seq_out + 1) & 0xFFFF
        lane.ts_out = ts = (lane.ts_out + step) & 0xFFFFFFFF
        lane.sent_ns = now
        stream.send(payload, payload_type | 0x80 if marker else payload_type, seq, ts)
