"""The audio of one call: an RTP socket that sends a frame every 20 ms and hears what comes back."""

from __future__ import annotations

import asyncio
import random
import socket
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from jackfield import sdp
from jackfield.phone.account import PhoneError
from jackfield.phone.ear import Ear
from jackfield.phone.sources import Silence, Source
from jackfield.rtp import codecs, rtcp, srtp
from jackfield.rtp.dtmf import DtmfDetector
from jackfield.rtp.events import EventPacket, EventReceiver, train
from jackfield.rtp.packet import HEADER, build, is_rtp, payload_of
from jackfield.rtp.statistics import RtpReceiverStats

__all__ = ["Audio", "AudioStatistics"]

FRAME = 0.02  # seconds
REPORT_EVERY = 2.0  # seconds between RTCP reports: calls of tests are short
LONGEST_GAP = 1.0  # seconds of missing audio that are filled; beyond it the sender has started anew
DSCP_EF = 0xB8  # RFC 3246


@dataclass(frozen=True, slots=True)
class AudioStatistics:
    """What a call's audio was like, as this phone saw it. `jitter` and `round_trip` in seconds."""

    codec: str
    sent: int
    received: int
    lost: int
    jitter: float
    round_trip: float | None
    secure: bool


class Audio:
    """Sends `source` and feeds `ear`. `on_digit(digit, how)` gets what the other side dials ("rfc4733", "inband")."""

    def __init__(self, address: str, *, on_digit: Callable[[str, str], None] = lambda digit, how: None) -> None:
        self.address = address
        self.port = 0
        self.ear = Ear()
        self.source: Source = Silence()
        self.on_digit = on_digit
        self.heard = asyncio.Event()  # the first packet has come
        self.digits_sent = asyncio.Event()  # nothing is left of what send_digits was given
        self.digits_sent.set()
        self.listen_inband = False
        self._loop = asyncio.get_running_loop()
        self._transports: list[asyncio.DatagramTransport] = []
        self._remote: sdp.RemoteAudio | None = None
        self._encoder: codecs.Codec | None = None
        self._decoders: dict[int, codecs.Codec] = {}
        self._protect: srtp.Sender | None = None
        self._unprotect: srtp.Receiver | None = None
        self._keys: tuple[str, str] = ("", "")
        self._ssrc = random.getrandbits(32)
        self._sequence = random.getrandbits(15)
        self._timestamp = random.getrandbits(31)
        self._talking = False  # the last frame was sent: else the next one carries the marker
        self._next = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._events: deque[EventPacket] = deque()  # those without payload are the pauses between digits
        self._digit_start = 0  # timestamp
        self._interlude: Source | None = None
        self._stats: RtpReceiverStats | None = None
        self._peer_ssrc: int | None = None
        self._expected: tuple[int, int] | None = None  # sequence number and timestamp that come next
        self._digits = EventReceiver()
        self._inband: DtmfDetector | None = None
        self._inband_rate = 0
        self._report_due = 0.0
        self._last_report = (0, 0.0)  # middle of the peer's last sender report, and when it came
        self._round_trip: float | None = None
        self._sent = 0
        self._octets = 0
        self._received_before = self._lost_before = 0

    async def open(self) -> None:
        """Take a free pair of ports. Raises `PhoneError`."""
        for _ in range(100):
            sockets = _pair(self.address)
            if sockets is not None:
                break
        else:
            raise PhoneError(f"no free pair of UDP ports for audio on {self.address}")
        self.port = sockets[0].getsockname()[1]
        for sock, receive in zip(sockets, (self._receive, self._receive_report), strict=True):
            transport, _ = await self._loop.create_datagram_endpoint(lambda take=receive: _Inlet(take), sock=sock)  # type: ignore[misc]
            self._transports.append(transport)

    def configure(self, remote: sdp.RemoteAudio | None) -> None:
        """Send to and understand this side from now on; None: nobody. Numbers and timestamps go on as they were."""
        self._remote = remote
        if remote is None:
            return
        named = remote.codec
        if self._encoder is None or self._encoder.name != named.name:
            try:
                self._encoder = codecs.create(named.name, fmtp=named.fmtp)
            except (codecs.UnknownCodec, codecs.LibraryMissing) as error:
                raise PhoneError(str(error)) from None
        self._decoders = {
            number: codec for number, codec in self._decoders.items() if codec.name == self._label(remote, number)
        }
        keys = (
            remote.local_crypto.secret if remote.local_crypto else "",
            remote.crypto.secret if remote.crypto else "",
        )
        if keys != self._keys:
            self._keys = keys
            self._protect = srtp.Sender(srtp.Key.parse(keys[0])) if keys[0] else None
            self._unprotect = srtp.Receiver(srtp.Key.parse(keys[1])) if keys[1] else None
        if self._timer is None:
            self._next = self._loop.time()
            self._report_due = self._next + REPORT_EVERY
            self._timer = self._loop.call_soon(self._tick)  # type: ignore[assignment]

    @property
    def remote(self) -> sdp.RemoteAudio | None:
        """What was negotiated last."""
        return self._remote

    def send_digits(self, digits: str, *, seconds: float = 0.1, inband: bool = False) -> None:
        """Dial digits by telephone events (RFC 4733), or as tones in the audio. Raises `PhoneError`."""
        if inband:
            from jackfield.phone.sources import Pcm
            from jackfield.rtp.dtmf import generate

            self._interlude = Pcm(generate(digits, tone_seconds=seconds), 8000)
            self.digits_sent.clear()
            return
        if self._remote is None or self._remote.dtmf_payload_type is None:
            raise PhoneError("the other side takes no telephone events (RFC 4733): use in-band tones or INFO")
        self.digits_sent.clear()
        for digit in digits:
            self._events.extend(train(digit, duration=seconds, clock_rate=self._remote.dtmf_clock_rate))
            self._events.extend([EventPacket(b"", False, 0.0)] * 3)

    def statistics(self) -> AudioStatistics:
        """Return the figures so far."""
        found = self._stats.reception() if self._stats else None
        return AudioStatistics(
            codec=self._remote.codec.label if self._remote else "",
            sent=self._sent,
            received=self._received_before + (found.packets if found else 0),
            lost=self._lost_before + (found.lost if found else 0),
            jitter=found.jitter if found else 0.0,
            round_trip=self._round_trip,
            secure=self._protect is not None,
        )

    def close(self) -> None:
        """Free the ports."""
        if self._timer is not None:
            self._timer.cancel()
        for transport in self._transports:
            transport.close()
        self._transports.clear()
        self.digits_sent.set()
        self.ear.stop_recording()

    # --- sending

    def _tick(self) -> None:
        now = self._loop.time()
        sent = 0
        while self._next <= now and self._transports:
            if sent < 5:  # after a stall, catch up a little rather than flood
                self._send_frame()
                sent += 1
            self._next += FRAME
        if self._transports:
            if now >= self._report_due:
                self._send_report(now)
            self._timer = self._loop.call_at(self._next, self._tick)

    def _send_frame(self) -> None:
        remote, encoder = self._remote, self._encoder
        if remote is None or encoder is None:
            return
        step = encoder.frame_clock
        self._timestamp = (self._timestamp + step) & 0xFFFFFFFF
        if not sdp.sends(remote.direction) or not remote.port:
            self._talking = False
            return
        if self._events:
            self._send_event(remote)
            return
        pcm = self._read(encoder.frame_samples, encoder.sample_rate)
        self._send(remote, remote.codec.payload_type, self._timestamp, encoder.encode(pcm), not self._talking)
        self._talking = True

    def _read(self, samples: int, rate: int) -> bytes:
        if self._interlude is not None:
            pcm = self._interlude.read(samples, rate)
            if len(pcm) < 2 * samples:
                self._interlude = None
                self.digits_sent.set()
        else:
            pcm = self.source.read(samples, rate)
        return pcm.ljust(2 * samples, b"\0")

    def _send_event(self, remote: sdp.RemoteAudio) -> None:
        packet = self._events.popleft()
        if packet.marker:
            self._digit_start = self._timestamp
        if packet.payload and remote.dtmf_payload_type is not None:
            self._send(remote, remote.dtmf_payload_type, self._digit_start, packet.payload, packet.marker)
        self._talking = False
        if not self._events:
            self.digits_sent.set()

    def _send(self, remote: sdp.RemoteAudio, payload_type: int, timestamp: int, payload: bytes, marker: bool) -> None:
        self._sequence = (self._sequence + 1) & 0xFFFF
        data: bytes | None = build(payload_type, self._sequence, timestamp, self._ssrc, payload, marker)
        if self._protect is not None and data is not None:
            data = self._protect.protect(data)
        if data is not None and remote.address:
            self._transports[0].sendto(data, (remote.address, remote.port))
            self._sent += 1
            self._octets += len(payload)

    # --- receiving

    def _receive(self, data: bytes) -> None:
        now = self._loop.time()
        if not is_rtp(data):
            if data[:1] and 128 <= data[0] < 192:
                self._receive_report(data)  # RTCP on the same port (RFC 5761)
            return
        clear = self._unprotect.unprotect(data) if self._unprotect is not None else data
        payload = None if clear is None else payload_of(clear)
        remote = self._remote
        if payload is None or remote is None:
            return
        _, second, sequence, timestamp, ssrc = HEADER.unpack_from(data)
        number = second & 0x7F
        self.heard.set()
        if ssrc != self._peer_ssrc:
            self._new_source(ssrc, remote)
        assert self._stats is not None
        if number == remote.dtmf_payload_type or self._label(remote, number) == sdp.TELEPHONE_EVENT:
            self._stats.count(sequence)
            for event in self._digits.receive(payload, timestamp, now, marker=bool(second & 0x80)):
                self.on_digit(event.digit, "rfc4733")
            if self._expected is not None:
                self._expected = ((sequence + 1) & 0xFFFF, self._expected[1])
            return
        self._stats.update(sequence, timestamp, now)
        decoder = self._decoder(remote, number)
        if decoder is not None:
            self._play(decoder, sequence, timestamp, payload, now)

    def _play(self, decoder: codecs.Codec, sequence: int, timestamp: int, payload: bytes, now: float) -> None:
        """Decode in order: a late packet is dropped, a lost one is covered up, a pause is silence."""
        if self._expected is not None:
            gap = _signed(timestamp - self._expected[1])
            if -LONGEST_GAP * decoder.clock_rate < gap < 0:
                return
            if 0 < gap <= LONGEST_GAP * decoder.clock_rate:
                samples = gap * decoder.sample_rate // decoder.clock_rate
                lost = sequence != self._expected[0]
                self._hear(decoder.conceal(samples, payload) if lost else bytes(2 * samples), decoder.sample_rate, now)
        self._expected = ((sequence + 1) & 0xFFFF, (timestamp + decoder.duration(payload)) & 0xFFFFFFFF)
        self._hear(decoder.decode(payload), decoder.sample_rate, now)

    def _hear(self, pcm: bytes, rate: int, now: float) -> None:
        self.ear.feed(pcm, rate, now)
        if self.listen_inband:
            if self._inband is None or rate != self._inband_rate:
                self._inband, self._inband_rate = DtmfDetector(rate), rate
            for digit in self._inband.feed(pcm):
                self.on_digit(digit, "inband")

    def _new_source(self, ssrc: int, remote: sdp.RemoteAudio) -> None:
        if self._stats is not None:
            found = self._stats.reception()
            self._received_before += found.packets
            self._lost_before += found.lost
        self._peer_ssrc = ssrc
        self._expected = None
        self._stats = RtpReceiverStats(remote.codec.clock_rate)
        self._digits = EventReceiver(remote.dtmf_clock_rate)

    def _decoder(self, remote: sdp.RemoteAudio, number: int) -> codecs.Codec | None:
        found = self._decoders.get(number)
        if found is None and (name := self._label(remote, number)) in codecs.available():
            found = self._decoders[number] = codecs.create(name)
        return found

    @staticmethod
    def _label(remote: sdp.RemoteAudio, number: int) -> str:
        return next((codec.name for codec in (*remote.receive, remote.codec) if codec.payload_type == number), "")

    # --- reports

    def _send_report(self, now: float) -> None:
        self._report_due = now + REPORT_EVERY
        remote = self._remote
        where = remote.rtcp if remote is not None else None
        if where is None or not where[0]:
            return
        middle, came = self._last_report
        blocks: tuple[rtcp.ReportBlock, ...] = ()
        if self._stats is not None and self._peer_ssrc is not None:
            delay = now - came if middle else 0.0
            blocks = (self._stats.report(self._peer_ssrc, last_sr=middle, delay_since_last_sr=delay),)
        report = rtcp.SenderReport(
            self._ssrc, rtcp.ntp_time(time.time()), self._timestamp, self._sent, self._octets, blocks
        )
        data: bytes | None = rtcp.build([report, rtcp.SourceDescription.cname(self._ssrc, f"{self._ssrc:08x}")])
        if self._protect is not None and data is not None:
            data = self._protect.protect_rtcp(data)
        if data is not None:
            self._transports[1].sendto(data, where)

    def _receive_report(self, data: bytes) -> None:
        clear = self._unprotect.unprotect_rtcp(data) if self._unprotect is not None else data
        now = self._loop.time()
        for packet in rtcp.parse(clear or b""):
            if isinstance(packet, rtcp.SenderReport):
                self._last_report = (packet.middle, now)
            if isinstance(packet, rtcp.SenderReport | rtcp.ReceiverReport):
                for block in packet.reports:
                    if block.ssrc == self._ssrc:
                        found = rtcp.round_trip(block, rtcp.ntp_time(time.time()))
                        self._round_trip = self._round_trip if found is None else found


class _Inlet(asyncio.DatagramProtocol):
    """Hands datagrams on."""

    def __init__(self, take: Callable[[bytes], None]) -> None:
        self._take = take

    def connection_made(self, transport: Any) -> None:
        transport.max_size = 4096  # asyncio takes 256 KiB for each datagram otherwise

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self._take(data)

    def error_received(self, exc: Exception) -> None:
        """Nobody listens there (yet): go on."""


def _pair(address: str) -> tuple[socket.socket, socket.socket] | None:
    """Bind an even port and the odd one above it; None when chance gave us ports that don't fit."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    first, second = (socket.socket(family, socket.SOCK_DGRAM) for _ in range(2))
    try:
        first.bind((address, 0))
        port = first.getsockname()[1]
        if port % 2:
            first.close()
            first = socket.socket(family, socket.SOCK_DGRAM)
            port -= 1
            first.bind((address, port))
        second.bind((address, port + 1))
    except OSError:
        first.close()
        second.close()
        return None
    for sock in (first, second):
        sock.setblocking(False)
        if family == socket.AF_INET:
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, DSCP_EF)
    return first, second


def _signed(difference: int) -> int:
    return (difference + 0x80000000 & 0xFFFFFFFF) - 0x80000000
