"""What the switch and a media process say to each other over a Unix socket.

Each frame is a length (4 bytes, big-endian) and a msgpack array of messages: commands in one direction, replies and
events in the other. All that is said within one turn of a loop shares one frame, so that a call costs few system calls.
Only `Open` and `AskWorker` are answered (by the `request` that they carry); the rest is told and forgotten, and what
goes wrong comes back as a `Failed` event of the stream.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Literal

import msgspec

LENGTH = struct.Struct("!I")
LONGEST_FRAME = 16 << 20  # bytes; more means that the two sides are out of step

DtmfMode = Literal["rfc4733", "inband", "info"]


@dataclass(frozen=True, slots=True)
class WebRtc:
    """How a party proves its packets that speaks WebRTC: ICE (RFC 8445, we are lite) and DTLS-SRTP (RFC 5763).

    Without `peer_ufrag`, or where the party is `lite` itself, nobody checks connectivity: then the party is heard from
    where it was signalled, as any other.
    """

    ufrag: str  # ours
    password: str  # ours, by which the party signs its checks
    peer_ufrag: str  # the party's
    fingerprints: tuple[str, ...]  # "sha-256 AB:CD:…", of which the party's certificate must have one
    client: bool = False  # we begin the handshake (a=setup:active)
    lite: bool = False  # the party is ICE lite, too
    association: str = ""  # a=tls-id; another one asks for a new handshake (RFC 8842)


@dataclass(frozen=True, slots=True)
class Remote:
    """Where and how to send to a party, and what to expect from it: the outcome of an SDP offer and answer.

    `codec` is one of the short names of `jackfield.sdp` ("pcmu", "pcma", "g722", "gsm", "opus", or another name, which
    is passed through but not transcoded). `clock_rate` is that of the RTP timestamps (RFC 3551: 8000 for G.722).
    """

    address: str  # IP literal that was signalled in the SDP
    port: int  # 0: there is nowhere to send to yet
    rtcp_port: int | None = None  # None: port + 1 (RFC 3550 section 11)
    rtcp_mux: bool = False  # RFC 5761
    codec: str = "pcmu"  # what we send
    payload_type: int = 0
    fmtp: str = ""
    clock_rate: int = 8000
    channels: int = 1
    ptime: int = 20  # milliseconds of audio in a packet
    dtmf_payload_type: int | None = None  # telephone-event, RFC 4733
    cn_payload_type: int | None = None  # comfort noise, RFC 3389; None: the party did not ask for it and gets none
    others: tuple[tuple[str, int], ...] = ()  # (codec, payload type) besides `codec` that were negotiated too
    sends: bool = True  # the party sends to us
    receives: bool = True  # the party wants to hear us
    behind_nat: bool = False  # may be heard from an address that was not signalled (see `latch`)
    dtmf_mode: DtmfMode = "rfc4733"  # how digits go out to this party; "info" means that the switch sends them
    srtp_in: str | None = None  # SDES, RFC 4568: "suite inline-key" that the party encrypts with
    srtp_out: str | None = None  # the one that we encrypt with
    raw: bool = False  # not RTP: datagrams pass untouched (T.38 over UDPTL)
    dtmf_clock_rate: int = 0  # of telephone-event; 0: the audio's
    nat_address: str = ""  # where the party's signalling comes from; may be heard from, too
    webrtc: WebRtc | None = None  # instead of `srtp_in` and `srtp_out`
    elsewhere: bool = False  # its audio goes directly to the other party: we hear no more than its reports (RTCP)


@dataclass(frozen=True, slots=True)
class Tone:
    """A call-progress tone played instead of a sound file: "ringback", "busy", "congestion", "dial" …"""

    name: str
    country: str = ""  # ISO 3166-1 alpha-2; "" or one that is not known means the ITU's recommendation


@dataclass(frozen=True, slots=True)
class StreamStats:
    """What passed through a stream since it was opened. "In" is what came from the party, "out" what went to it."""

    packets_in: int = 0
    bytes_in: int = 0  # of RTP payload
    packets_out: int = 0
    bytes_out: int = 0
    lost: int = 0  # packets of the party that never reached us
    lost_out: int = -1  # packets of ours that the party says it missed (RTCP); -1: it never said
    duplicates: int = 0
    late: int = 0  # too much out of order to be passed on
    jitter_ms: float = 0.0  # of what came from the party (RFC 3550 appendix A.8)
    jitter_out_ms: float = -1.0  # as the party reports it; -1: it never said
    rtt_ms: float = -1.0  # round trip by RTCP; -1: not known
    mos: float = 0.0  # estimate of how the party's audio sounds, 1 … 4.5; 0: nothing was heard
    codec_in: str = ""
    codec_out: str = ""
    remote: str = ""  # "address:port" that audio comes from; "" when none was heard
    ssrc: int = 0  # of the party's last source
    ssrc_out: int = 0
    dropped_source: int = 0  # packets from somewhere that we do not listen to
    dropped_malformed: int = 0
    kernel_drops: int = 0  # packets that the kernel threw away because we were too slow
    seconds_since_heard: float = -1.0  # -1: never heard
    reports: int = 0  # RTCP packets of the party, whatever they say


@dataclass(frozen=True, slots=True)
class WorkerStats:
    """Counters of one media process since it began."""

    pid: int
    uptime: float  # seconds
    streams: int
    ports_free: int
    path: str  # "fast lane", or "python: why"
    relayed: int  # packets passed on
    transcoded: int
    played: int  # packets that came from sounds and tones
    dropped_source: int
    dropped_malformed: int
    kernel_drops: int
    failures: int
    cpu_seconds: float


# --- commands: switch to media -------------------------------------------------------------------------------------


class Open(msgspec.Struct, array_like=True, tag="open", gc=False):
    """Make `count` streams; answered by `Opened` or `Refused`. `spare`: in advance, and fewer will do."""

    request: int
    address: str
    count: int = 1
    rtcp_mux: bool = False
    spare: bool = False


class AskWorker(msgspec.Struct, array_like=True, tag="worker", gc=False):
    """Answered by `WorkerTold`."""

    request: int


class AskFingerprint(msgspec.Struct, array_like=True, tag="fingerprint", gc=False):
    """Answered by `FingerprintTold`."""

    request: int


class AskStream(msgspec.Struct, array_like=True, tag="stream", gc=False):
    """Answered by a `Statistics` event."""

    stream: int


class Configure(msgspec.Struct, array_like=True, tag="configure", gc=False):
    """Tell a stream about its party."""

    stream: int
    remote: Remote | None


class Bridge(msgspec.Struct, array_like=True, tag="bridge", gc=False):
    """Let two streams hear each other."""

    stream: int
    other: int


class Unbridge(msgspec.Struct, array_like=True, tag="unbridge", gc=False):
    """End a bridge, from either side."""

    stream: int


class Play(msgspec.Struct, array_like=True, tag="play", gc=False):
    """Play to the party. Each sound is a path without its ending, or a tone."""

    stream: int
    sounds: tuple[str | Tone, ...]
    loop: bool
    player: int


class StopPlay(msgspec.Struct, array_like=True, tag="stop", gc=False):
    """Stop what plays."""

    stream: int


class Echo(msgspec.Struct, array_like=True, tag="echo", gc=False):
    """Send the party back what it says."""

    stream: int
    on: bool


class SendDtmf(msgspec.Struct, array_like=True, tag="dtmf", gc=False):
    """Send digits to the party."""

    stream: int
    digits: str
    mode: Literal["rfc4733", "inband"]
    duration_ms: int


class ListenDigits(msgspec.Struct, array_like=True, tag="listen", gc=False):
    """Emit `Digit` events for what the party dials."""

    stream: int
    on: bool
    inband: bool


class Record(msgspec.Struct, array_like=True, tag="record", gc=False):
    """Write both directions into a WAV file."""

    stream: int
    path: str
    stereo: bool


class StopRecord(msgspec.Struct, array_like=True, tag="stoprecord", gc=False):
    """Finish the recording."""

    stream: int


class Close(msgspec.Struct, array_like=True, tag="close", gc=False):
    """End a stream."""

    stream: int


Command = (
    Open | AskWorker | AskFingerprint | AskStream | Configure | Bridge | Unbridge | Play | StopPlay | Echo | SendDtmf
    | ListenDigits | Record | StopRecord | Close
)  # fmt: skip

# --- replies: media to switch --------------------------------------------------------------------------------------


class Opened(msgspec.Struct, array_like=True, tag="opened", gc=False):
    """The streams that `Open` made, as (id, RTP port)."""

    request: int
    streams: tuple[tuple[int, int], ...]


class Refused(msgspec.Struct, array_like=True, tag="refused", gc=False):
    """`Open` could not be done; `no_port` when the range is used up."""

    request: int
    reason: str
    no_port: bool


class WorkerTold(msgspec.Struct, array_like=True, tag="told", gc=False):
    """The answer to `AskWorker`."""

    request: int
    stats: WorkerStats


class FingerprintTold(msgspec.Struct, array_like=True, tag="fingerprinttold", gc=False):
    """The answer to `AskFingerprint`: of the certificate that all DTLS of this process shows ("sha-256 AB:CD:…")."""

    request: int
    fingerprint: str


# --- events: media to switch ---------------------------------------------------------------------------------------


class Started(msgspec.Struct, array_like=True, tag="started", gc=False):
    """The first packet of the party was heard."""

    stream: int
    address: str
    port: int


class Latched(msgspec.Struct, array_like=True, tag="latched", gc=False):
    """Audio comes from, and now goes to, another address or port than was signalled."""

    stream: int
    address: str
    port: int


class Digit(msgspec.Struct, array_like=True, tag="digit", gc=False):
    """The party dialled a digit; told when it is released."""

    stream: int
    digit: str  # one of 0-9 * # A-D
    duration_ms: int
    source: Literal["rfc4733", "inband"]


class Played(msgspec.Struct, array_like=True, tag="played", gc=False):
    """A `Play` ended: by itself (`completed`), or because it was stopped or replaced."""

    stream: int
    player: int
    completed: bool


class Silence(msgspec.Struct, array_like=True, tag="silence", gc=False):
    """Nothing was heard for so long; told after 20 s, 60 s and each further minute."""

    stream: int
    seconds: int


class Resumed(msgspec.Struct, array_like=True, tag="resumed", gc=False):
    """Audio came back after a `Silence`."""

    stream: int


class Hears(msgspec.Struct, array_like=True, tag="hears", gc=False):
    """The party, whose audio goes `elsewhere`, reports by RTCP that it goes on hearing somebody other than us."""

    stream: int
    lost: float  # the fraction that it missed since its last report, 0-1


class Statistics(msgspec.Struct, array_like=True, tag="statistics", gc=False):
    """Sent on request, and as the last event of a closed stream (`final`)."""

    stream: int
    stats: StreamStats
    final: bool


class Failed(msgspec.Struct, array_like=True, tag="failed", gc=False):
    """Something asked for cannot be done; `reason` is for people. The stream goes on."""

    stream: int
    reason: str


StreamEvent = Started | Latched | Digit | Played | Silence | Resumed | Hears | Statistics | Failed
Report = Opened | Refused | WorkerTold | FingerprintTold | StreamEvent

# --- frames --------------------------------------------------------------------------------------------------------


class OutOfStep(Exception):
    """What came over the control socket is no frame of this protocol."""


class Frames:
    """Cuts a byte stream into frames and decodes each into a list of messages.

    `kind` is the type of one message: `Command` or `Report`.
    """

    __slots__ = ("_buffer", "_decode")

    def __init__(self, kind: object) -> None:
        self._buffer = bytearray()
        self._decode = msgspec.msgpack.Decoder(list[kind]).decode  # type: ignore[valid-type]

    def feed(self, data: bytes) -> list[object]:
        """Return the messages that are complete now. Raises OutOfStep."""
        buffer = self._buffer
        buffer += data
        messages: list[object] = []
        start = 0
        try:
            while len(buffer) - start >= 4:
                (length,) = LENGTH.unpack_from(buffer, start)
                if length > LONGEST_FRAME:
                    raise OutOfStep(f"a frame of {length} bytes")
                end = start + 4 + length
                if len(buffer) < end:
                    break
                messages += self._decode(bytes(buffer[start + 4 : end]))
                start = end
        except (msgspec.DecodeError, ValueError) as error:
            raise OutOfStep(str(error)) from error
        if start:
            del buffer[:start]
        return messages


_encode = msgspec.msgpack.Encoder().encode


def frame(messages: list[Command] | list[Report]) -> bytes:
    """Encode messages as one frame."""
    body = _encode(messages)
    return LENGTH.pack(len(body)) + body
