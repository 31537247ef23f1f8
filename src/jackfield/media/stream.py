"""A stream: one party's RTP and RTCP ports, with everything that is known of the party.

The sockets are `endpoint`'s. What the party says goes through its lane (`lane`, `fastlane`), and what the lane hands
back through `relay`; our own voice (sounds, digits) comes from `voice`. This file holds them together, does what the
switch asks for, and keeps the books.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from jackfield.media.endpoint import CannotReach, Endpoint, Send
from jackfield.media.latch import normal
from jackfield.media.ports import Pair
from jackfield.media.protocol import (
    Failed,
    Hears,
    Latched,
    Remote,
    Resumed,
    Silence,
    Started,
    Statistics,
    StreamEvent,
    StreamStats,
)
from jackfield.media.recording import SAID, CannotRecord, Recording, Side
from jackfield.media.relay import Relay, listens, spoken
from jackfield.media.reports import Reports, totals
from jackfield.media.voice import Voice
from jackfield.rtp import rtcp

if TYPE_CHECKING:
    from jackfield.media.worker import Worker

SILENCES = (20, 60)  # seconds after which silence is told; then each further minute
WIDE = frozenset(("g722", "opus"))


class Stream:
    """One stream of a worker. `emit` takes its events."""

    def __init__(self, worker: Worker, stream_id: int, pair: Pair, emit: Callable[[StreamEvent], None]) -> None:
        self.worker = worker
        self.id = stream_id
        self.pair = pair
        self.emit = emit
        self.remote: Remote | None = None
        self.other: Stream | None = None  # bridged to
        self.echoing = False
        self.recording: Recording | None = None
        self.closed = False
        self.relay = Relay(self)
        self.voice = Voice(self)
        self.endpoint = Endpoint(self, pair, self.relay.heard)
        self.lane = self.endpoint.lane
        random = worker.random
        # RFC 3550 section 5.1: random, so that an encrypted stream gives nothing known away.
        bits = random.getrandbits(128)
        self.lane.ssrc_out = bits & 0xFFFFFFFF
        self.lane.ts_out = bits >> 32 & 0xFFFFFFFF
        self.lane.seq_out = bits >> 64 & 0x7FFF
        self.lane.muted = 1
        self.reports = Reports(self.lane, f"{bits >> 80:012x}", random, worker.seconds())
        self._plain: Send = worker.road.sender(self.lane)
        self.send: Send = self._plain
        self.started = False
        self._silent_since = worker.now()
        self._silence_told = 0
        self._out_codecs: dict[int, str] = {}

    # --- what the switch says --------------------------------------------------------------------------------------

    def configure(self, remote: Remote | None) -> None:
        """See client.Stream.configure."""
        before = self.remote
        try:
            self.endpoint.expect(remote)
            self.remote = remote
        except CannotReach as error:
            self.emit(Failed(self.id, str(error)))
            self.remote = remote = None
        lane = self.lane
        if remote is not None:
            lane.clock_in = lane.clock_out = remote.clock_rate
            if before is not None and before.clock_rate != remote.clock_rate:
                lane.source = 0  # what was measured in the old clock says nothing in the new one
                lane.transit = 0
            self._out_codecs = {number: codec for codec, number in remote.others}
            self._out_codecs[remote.payload_type] = remote.codec
        self.reports.elsewhere = remote is not None and remote.elsewhere
        self._silent_since = self.worker.now()
        self.voice.reconfigured()
        self.rewire()

    def bridge(self, other: Stream) -> None:
        """See client.Stream.bridge."""
        if other is self:
            self.echo(True)
            return
        for one, two in ((self, other), (other, self)):
            if one.other is not None and one.other is not two:
                one.unbridge()
        for one, two in ((self, other), (other, self)):
            if one.other is not two or one.echoing:
                one.other = two
                one.echoing = False
                one.lane.source = 0  # whoever is heard now is somebody else
        self.rewire()

    def unbridge(self) -> None:
        """See client.Stream.unbridge."""
        other, self.other = self.other, None
        if other is not None and other.other is self:
            other.other = None
            other.relay.rewire()
        self.relay.rewire()

    def echo(self, on: bool) -> None:
        """See client.Stream.echo."""
        if on == self.echoing:
            return
        if on:
            self.unbridge()
        self.echoing = on
        self.lane.source = 0
        self.rewire()

    def listen_digits(self, on: bool, *, inband: bool) -> None:
        """See client.Stream.listen_digits."""
        self.relay.listening = on
        self.relay.listening_inband = on and inband
        self.relay.rewire()

    def record(self, path: str, *, stereo: bool) -> None:
        """See client.Stream.record."""
        self.stop_record()
        remotes = [stream.remote for stream in (self, self.other) if stream is not None]
        wide = any(remote is not None and remote.codec in WIDE for remote in remotes)
        try:
            self.recording = Recording(Path(path), wide=wide, stereo=stereo, now=self.worker.seconds())
        except CannotRecord as error:
            self.emit(Failed(self.id, str(error)))
        self.rewire()

    def stop_record(self) -> None:
        """See client.Stream.stop_record."""
        recording, self.recording = self.recording, None
        if recording is None:
            return
        try:
            recording.finish(self.worker.seconds())
        except CannotRecord as error:
            self.emit(Failed(self.id, str(error)))
        self.rewire()

    def close(self) -> None:
        """See client.Stream.close."""
        if self.closed:
            return
        self.voice.close()
        other, self.other = self.other, None
        if other is not None and other.other is self:
            other.other = None
            other.relay.rewire()
        self.stop_record()
        self._report(goodbye=True)
        self.emit(Statistics(self.id, self.statistics(), True))
        self.closed = True
        self.endpoint.close()
        # Nothing may keep a closed stream alive until a garbage collection comes by.
        del self.send, self._plain, self.relay, self.voice, self.endpoint, self.emit

    # --- wiring ----------------------------------------------------------------------------------------------------

    @property
    def handed(self) -> bool:
        """Whether what goes to this party must pass through Python."""
        return self.endpoint.encrypts or self.recording is not None

    def rewire(self) -> None:
        """Have everything that depends on this stream looked at again."""
        self.send = self.endpoint.send_encrypted if self.endpoint.encrypts else self._plain
        if self.recording is not None:
            self.send = partial(self._send_recorded, self.send)
        self.voice_changed()
        self.relay.rewire()
        if self.other is not None:
            self.other.relay.rewire()

    def set_lane(self, kinds: bytes, payload_types: bytes, target: Stream | None) -> None:
        """Take what `relay` decided: what becomes of each payload type, and who hears the party."""
        self.worker.road.set_kinds(self.lane, kinds, payload_types, target.lane if target is not None else None)
        if target is not None and target.remote is not None and self.remote is not None:
            ptime = max(10, min(max(target.remote.ptime, self.remote.ptime), 200))
            target.lane.frame = target.remote.clock_rate * ptime // 1000

    def voice_changed(self) -> None:
        """We began or ceased to speak: the other party is heard only while we do not."""
        muted = int(self.voice.active or not listens(self.remote))
        if muted != self.lane.muted:
            self.lane.muted = muted
            self.lane.source = 0

    # --- what happens ----------------------------------------------------------------------------------------------

    def begun(self, host: str, port: int) -> None:
        """The party is heard for the first time."""
        if not self.started:
            self.started = True
            self.emit(Started(self.id, normal(host), port))

    def latched(self, host: str, port: int) -> None:
        """The party is heard, from here."""
        remote = self.remote
        address = normal(host)
        self.begun(host, port)
        if remote is not None and (address, port) != (normal(remote.address), remote.port):
            self.emit(Latched(self.id, address, port))

    def heard_reports(self, data: bytes) -> bool:
        """Take RTCP of the party; False when nothing in it could be read."""
        reports = self.reports
        readable = reports.heard(data, self.worker.seconds(), self.worker.unix())
        if reports.lost_elsewhere is not None:
            self.emit(Hears(self.id, reports.lost_elsewhere))
        return readable

    def heard_raw(self, data: bytes) -> None:
        """A datagram that is no RTP passes to the other party."""
        remote, other = self.remote, self.other
        to = other.remote if other is not None else None
        if remote is None or not remote.sends or other is None or to is None or not to.raw or not listens(to):
            return
        other.endpoint.send_raw(data)
        self.lane.relayed += 1

    def _send_recorded(self, send: Send, payload: bytes, second: int, seq: int, ts: int) -> int:
        codec = self._out_codecs.get(second & 0x7F)
        if codec is not None:
            self.record_payload(SAID, codec, payload)
        return send(payload, second, seq, ts)

    def record_payload(self, side: Side, codec: str, payload: bytes) -> None:
        """Put a payload into the recording."""
        if self.recording is None:
            return
        try:
            self.recording.hear(side, codec, payload, self.worker.seconds())
        except CannotRecord as error:
            self._recording_failed(error)

    def _recording_failed(self, error: CannotRecord) -> None:
        recording, self.recording = self.recording, None
        if recording is not None:
            recording.abandon()
        self.emit(Failed(self.id, str(error)))
        self.rewire()

    def _report(self, *, goodbye: bool = False) -> None:
        remote = self.remote
        if remote is None or remote.raw or remote.elsewhere or not remote.port:
            return
        if self.lane.packets_in or self.lane.packets_out:
            worker = self.worker
            data = self.reports.build(worker.seconds(), worker.unix(), goodbye=goodbye)
            self.endpoint.send_rtcp(data, remote)

    # --- time ------------------------------------------------------------------------------------------------------

    def tick(self, frames: int) -> bool:
        """Speak for the next `frames` of 20 ms; False when there is nothing more to do."""
        sounding = self.relay.expire()
        shaking = self.endpoint.tick()
        return self.voice.tick(frames) or sounding or shaking

    def sweep(self, now: int) -> None:
        """Look after what may take a second."""
        if self.recording is not None:
            try:
                self.recording.flush(self.worker.seconds())
            except CannotRecord as error:
                self._recording_failed(error)
        remote = self.remote
        if remote is None:
            return
        self.endpoint.sweep()
        heard = self.lane.heard_ns
        if heard > self._silent_since:
            self._silent_since = heard
            if self._silence_told:
                self._silence_told = 0
                self.emit(Resumed(self.id))
        elif remote.sends and remote.port and not remote.elsewhere:
            silent = (now - self._silent_since) // 1_000_000_000
            due = silent // 60 * 60 if silent >= SILENCES[1] else SILENCES[0] if silent >= SILENCES[0] else 0
            if due > self._silence_told:
                self._silence_told = due
                self.emit(Silence(self.id, due))
        if now >= self.reports.next_at * 1e9:
            self._report()

    # --- books -----------------------------------------------------------------------------------------------------

    def statistics(self) -> StreamStats:
        """The figures so far."""
        lane, remote, reports, endpoint = self.lane, self.remote, self.reports, self.endpoint
        lost, expected, received = totals(lane)
        jitter = (lane.jitter >> 4) / max(1, lane.clock_in)
        source = endpoint.latch.expected if endpoint.path is None else endpoint.path.source
        codec_in = remote.codec if remote is not None and received else ""
        rtt = reports.round_trip
        return StreamStats(
            packets_in=lane.packets_in,
            bytes_in=lane.bytes_in,
            packets_out=lane.packets_out,
            bytes_out=lane.bytes_out,
            lost=lost,
            lost_out=-1 if reports.lost_out is None else reports.lost_out,
            duplicates=lane.duplicates,
            late=lane.late,
            jitter_ms=round(jitter * 1000, 3),
            jitter_out_ms=-1.0 if reports.jitter_out is None else round(reports.jitter_out * 1000, 3),
            rtt_ms=-1.0 if rtt is None else round(rtt * 1000, 3),
            mos=round(rtcp.mos(lost / expected, jitter, rtt, codec_in), 2) if received else 0.0,
            codec_in=codec_in,
            codec_out=spoken(remote)[0] if remote is not None and lane.packets_out else "",
            remote=f"{_bracketed(source[0])}:{source[1]}" if source is not None and lane.packets_in else "",
            ssrc=lane.ssrc_in,
            ssrc_out=lane.ssrc_out,
            dropped_source=endpoint.dropped_source,
            dropped_malformed=endpoint.dropped_malformed + lane.malformed,
            kernel_drops=endpoint.kernel_drops,
            seconds_since_heard=(self.worker.now() - lane.heard_ns) / 1e9 if lane.heard_ns else -1.0,
            reports=reports.count,
        )


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
