"""SIP messages as they went over the wire: kept for a while, shown as a ladder, saved as pcap.

`Recorder.record` has the signature of the transports' trace callback and is cheap enough to be always on: it keeps the
last few megabytes. Which messages belong to a call is found out only when somebody asks.
"""

from __future__ import annotations

import ipaddress
import re
import struct
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

__all__ = ["Recorder", "Traced", "ladder", "pcap"]

Direction = Literal["in", "out"]
Address = tuple[str, int]


class Flow(Protocol):
    """What of a `jackfield.sip.flow.Flow` is needed here."""

    @property
    def transport(self) -> str: ...
    @property
    def local(self) -> Address: ...
    @property
    def remote(self) -> Address: ...


@dataclass(frozen=True, slots=True)
class Traced:
    """One SIP message as it was sent or received."""

    at: float  # seconds since 1970
    direction: Direction
    transport: str  # "UDP", "TCP", "TLS", "WS", "WSS"
    local: Address
    remote: Address
    data: bytes

    @property
    def call_id(self) -> str:
        """The message's Call-ID, "" when it has none."""
        return _call_id(self.data)

    @property
    def title(self) -> str:
        """What the message is: "INVITE", or "180 Ringing (INVITE)"."""
        first = self.data.split(b"\n", 1)[0].decode("utf-8", "replace").split()
        if first[:1] == ["SIP/2.0"]:
            method = _CSEQ.search(self.data)
            return " ".join(first[1:]) + (f" ({method[1].decode('ascii', 'replace')})" if method else "")
        return first[0] if first else "?"

    @property
    def has_sdp(self) -> bool:
        """A session description is in the body."""
        return b"application/sdp" in self.data.lower()


_CALL_ID = re.compile(rb"^(?:call-id|i)[ \t]*:[ \t]*([^\r\n]*?)[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)
_CSEQ = re.compile(rb"^cseq[ \t]*:[ \t]*\d+[ \t]+([A-Za-z]+)", re.IGNORECASE | re.MULTILINE)


def _call_id(data: bytes) -> str:
    found = _CALL_ID.search(data)
    return found[1].decode("utf-8", "replace") if found else ""


_HEAD = struct.Struct("<dIIB")  # when, how many bytes, which flow of the sector's, whether it came in
_SECTORS = 16


class _Sector:
    """A part of the memory, filled from the front and thrown away as a whole."""

    __slots__ = ("flows", "memory", "used")

    def __init__(self, size: int) -> None:
        self.memory = bytearray(size)
        self.used = 0
        self.flows: dict[Flow, int] = {}

    def messages(self) -> Iterator[tuple[float, Flow, Direction, bytes]]:
        flows = list(self.flows)
        at = 0
        while at < self.used:
            when, size, flow, came = _HEAD.unpack_from(self.memory, at)
            at += _HEAD.size + size
            yield when, flows[flow], "in" if came else "out", bytes(self.memory[at - size : at])


class Recorder:
    """Keeps the last messages in `max_bytes` of memory (0: none), of which a sixteenth is always being written over.

    They are copied into memory of their own. Kept as objects, thousands of them would lie strewn among what calls
    allocate and free, and every call would work on scattered memory: at 20 calls/s a seventh of the switch's CPU.
    """

    def __init__(self, max_bytes: int = 8 << 20, *, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._room = max_bytes // _SECTORS
        self._sectors = deque(_Sector(self._room) for _ in range(_SECTORS))  # the last one is being filled

    def record(self, data: bytes, flow: Flow, direction: Direction) -> None:
        """Keep one message. One that is larger than a sixteenth of the memory is left out."""
        sector = self._sectors[-1]
        at = sector.used
        begin = at + _HEAD.size
        end = begin + len(data)
        if end > self._room:
            if end - at > self._room:
                return
            sector = self._anew()
            at, begin, end = 0, _HEAD.size, end - at
        number = sector.flows.setdefault(flow, len(sector.flows))
        _HEAD.pack_into(sector.memory, at, self._now(), len(data), number, direction == "in")
        sector.memory[begin:end] = data
        sector.used = end

    def _anew(self) -> _Sector:
        """Empty the oldest sector, to be filled next."""
        sector = self._sectors.popleft()
        sector.used = 0
        sector.flows.clear()
        self._sectors.append(sector)
        return sector

    def messages(self, call_ids: Iterable[str] | None = None) -> list[Traced]:
        """Return the messages of these Call-IDs (None: all), the oldest first."""
        wanted = None if call_ids is None else set(call_ids)
        return [
            Traced(at, direction, flow.transport, flow.local, flow.remote, data)
            for sector in self._sectors
            for at, flow, direction, data in sector.messages()
            if wanted is None or _call_id(data) in wanted
        ]


def ladder(messages: Sequence[Traced], *, names: Mapping[str, str] | None = None, width: int = 30) -> str:
    """Draw the messages as a ladder: one column for each peer left and right of Jackfield, time in seconds.

    `names` gives a Call-ID the name of its leg ("101", "trunk Odorik"). Peers stand in the order of their first
    message. Returns "" when there are none.
    """
    if not messages:
        return ""
    peers: list[str] = []
    for message in messages:
        if (peer := _peer(message, names)) not in peers:
            peers.append(peer)
    width = max(width, *(len(peer) // 2 + 2 for peer in peers), *(len(_label(message)) + 6 for message in messages))
    lines = [_heads([peers[0], "Jackfield", *peers[1:]], width)]
    start = messages[0].at
    empty = " " * width + "│"
    for message in messages:
        position = peers.index(_peer(message, names))
        reach = (
            1 if position == 0 else position
        )  # in columns: the first peer stands left of Jackfield, the others right
        arrow = _arrow(
            _label(message), reach * (width + 1) - 1, to_right=(message.direction == "in") == (position == 0)
        )
        row = empty * (position > 0) + arrow + empty * (len(peers) - reach - (position > 0))
        lines.append(f"{message.at - start:9.3f}  │{row}")
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _peer(message: Traced, names: Mapping[str, str] | None) -> str:
    host, port = message.remote
    where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    name = (names or {}).get(message.call_id, "")
    return f"{name} {message.transport} {where}".strip()


def _label(message: Traced) -> str:
    return message.title + (" SDP" if message.has_sdp else "")


def _heads(columns: Sequence[str], width: int) -> str:
    line = ""
    for column, name in enumerate(columns):
        middle = 11 + column * (width + 1)
        line = line.ljust(max(len(line) + 1 if line else 0, middle - len(name) // 2)) + name
    return line


def _arrow(label: str, width: int, *, to_right: bool) -> str:
    shaft = f" {label} ".center(width - 1, "─")
    return (shaft + ">" if to_right else "<" + shaft) + "│"


def pcap(messages: Iterable[Traced]) -> bytes:
    """Return the messages as a pcap file of raw IP packets, which Wireshark and sngrep read.

    What came by TCP, TLS or WebSocket is written as TCP with running sequence numbers, in the clear.
    """
    out = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 101)]  # 101: LINKTYPE_RAW
    sequences: dict[tuple[Address, Address], int] = {}
    for message in messages:
        source, target = message.local, message.remote
        if message.direction == "in":
            source, target = target, source
        parts = [message.data]
        if message.transport != "UDP":
            parts = [message.data[at : at + 60000] for at in range(0, len(message.data), 60000)]
        for part in parts:
            segment = _udp(source[1], target[1], part)
            if message.transport != "UDP":
                here, there = sequences.get((source, target), 1), sequences.get((target, source), 1)
                segment = _tcp(source[1], target[1], here, there, part)
                sequences[source, target] = here + len(part)
            packet = _ip(source[0], target[0], 17 if message.transport == "UDP" else 6, segment)
            seconds, micros = divmod(round(message.at * 1_000_000), 1_000_000)
            out += [struct.pack("<IIII", seconds, micros, len(packet), len(packet)), packet]
    return b"".join(out)


def _udp(source: int, target: int, data: bytes) -> bytes:
    return struct.pack("!HHHH", source, target, min(len(data) + 8, 65535), 0) + data


def _tcp(source: int, target: int, sequence: int, acknowledged: int, data: bytes) -> bytes:
    return struct.pack("!HHIIBBHHH", source, target, sequence, acknowledged, 5 << 4, 0x18, 65535, 0, 0) + data


def _ip(source: str, target: str, protocol: int, segment: bytes) -> bytes:
    one, two = ipaddress.ip_address(source.partition("%")[0]), ipaddress.ip_address(target.partition("%")[0])
    if one.version != two.version:  # a socket for both families names IPv4 peers in IPv6
        one, two = (ipaddress.IPv6Address(f"::ffff:{a}") if a.version == 4 else a for a in (one, two))
    if one.version == 6:
        return struct.pack("!IHBB", 6 << 28, len(segment) & 0xFFFF, protocol, 64) + one.packed + two.packed + segment
    head = (
        struct.pack("!BBHHHBBH", 0x45, 0, min(len(segment) + 20, 65535), 0, 0, 64, protocol, 0)
        + one.packed
        + two.packed
    )
    total = sum(struct.unpack("!10H", head))
    checksum = ~(total % 65535) & 0xFFFF
    return head[:10] + struct.pack("!H", checksum) + head[12:] + segment
