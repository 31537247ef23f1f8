"""A media worker that a test drives by hand: its clock stands still until the test moves it."""

from __future__ import annotations

import contextlib
import select
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import pytest

from jackfield.media import fastlane
from jackfield.media.client import MediaPool
from jackfield.media.lane import PythonRoad
from jackfield.media.ports import Ports
from jackfield.media.protocol import Remote, StreamEvent
from jackfield.media.stream import Stream
from jackfield.media.worker import Worker
from jackfield.rtp import packet
from jackfield.rtp.codecs.g711 import PCMA_TO_PCMU, PCMU_TO_PCMA
from jackfield.rtp.packet import Packet

from .process import PATIENCE, process

ULAW_SILENCE = b"\xff" * 160


class Clock:
    """Nanoseconds that pass only when told."""

    def __init__(self) -> None:
        self.ns = 1_000_000_000_000

    def __call__(self) -> int:
        return self.ns

    def advance(self, seconds: float) -> None:
        self.ns += round(seconds * 1e9)


class Phone:
    """A party: an RTP and an RTCP socket, and a source of packets 20 ms apart."""

    def __init__(self, host: str = "127.0.0.1", ssrc: int = 0x1111) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.rtp = socket.socket(family, socket.SOCK_DGRAM)
        self.rtcp = socket.socket(family, socket.SOCK_DGRAM)
        for sock in (self.rtp, self.rtcp):
            sock.bind((host, 0))
            sock.setblocking(False)
        self.host = host
        self.port: int = self.rtp.getsockname()[1]
        self.rtcp_port: int = self.rtcp.getsockname()[1]
        self.ssrc = ssrc
        self.seq = 1000
        self.ts = 50_000
        self.peer: tuple[str, int] = (host, 9)
        self.got: list[Packet] = []
        self.raw: list[bytes] = []

    def close(self) -> None:
        self.rtp.close()
        self.rtcp.close()

    def send(self, data: bytes) -> None:
        self.rtp.sendto(data, self.peer)

    def say(
        self,
        payload: bytes = ULAW_SILENCE,
        payload_type: int = 0,
        *,
        marker: bool = False,
        step: int = 160,
        skip: int = 0,
        seq: int | None = None,
        ts: int | None = None,
    ) -> None:
        """Send the next packet; `skip` numbers are left out as if lost."""
        if seq is None:
            seq = self.seq = (self.seq + 1 + skip) & 0xFFFF
        if ts is None:
            ts = self.ts = (self.ts + step * (1 + skip)) & 0xFFFFFFFF
        self.send(packet.build(payload_type, seq, ts, self.ssrc, payload, marker))

    def hear(self, count: int = 0) -> list[Packet]:
        """The packets that came, waiting until there are at least `count`."""
        packets: list[Packet] = []
        for data in self.datagrams(count):
            read = packet.parse(data)
            assert read is not None, data
            packets.append(read)
        return packets

    def datagrams(self, count: int = 0, sock: socket.socket | None = None) -> list[bytes]:
        sock = sock or self.rtp
        found: list[bytes] = []
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                found.append(sock.recv(4096))
            except (BlockingIOError, ConnectionRefusedError):
                if len(found) >= count or time.monotonic() > deadline:
                    return found
                select.select([sock], [], [], 0.2)

    def remote(self, **changes: Any) -> Remote:
        """What the switch would configure for this phone."""
        known: dict[str, Any] = {
            "address": self.host,
            "port": self.port,
            "rtcp_port": self.rtcp_port,
            "codec": "pcmu",
            "payload_type": 0,
            "dtmf_payload_type": 101,
        }
        return Remote(**{**known, **changes})


@dataclass
class House:
    """A worker with its clock, and the events that it told."""

    worker: Worker
    clock: Clock
    events: list[StreamEvent] = field(default_factory=list)
    phones: list[Phone] = field(default_factory=list)

    def stream(self, phone: Phone | None = None, address: str = "127.0.0.1", **remote: Any) -> Stream:
        stream = self.worker.open_stream(address, False, self.events.append)
        if phone is not None:
            phone.peer = (address, stream.pair.port)
            stream.configure(phone.remote(**remote))
        return stream

    def phone(self, host: str = "127.0.0.1", ssrc: int | None = None) -> Phone:
        phone = Phone(host, 0x1000 + len(self.phones) if ssrc is None else ssrc)
        self.phones.append(phone)
        return phone

    def call(self, one: dict[str, Any] | None = None, two: dict[str, Any] | None = None, *, started: bool = True):
        """Two phones, talking; each has said one packet that the other has heard."""
        a, b = self.phone(), self.phone()
        sa, sb = self.stream(a, **(one or {})), self.stream(b, **(two or {}))
        sa.bridge(sb)
        if started:
            self.say(a, sa, payload_type=sa.remote.payload_type)
            self.say(b, sb, payload_type=sb.remote.payload_type)
            a.datagrams()
            b.datagrams()
        return a, b, sa, sb

    def turn(self) -> None:
        self.worker.turn(0)

    def until(self, condition: Callable[[], Any]) -> None:
        """Turn the loop until something holds; fails when it does not come to hold."""
        deadline = time.monotonic() + PATIENCE
        while not condition():
            self.turn()
            assert time.monotonic() < deadline, "it did not happen"

    def say(
        self, phone: Phone, stream: Stream, payload: bytes = ULAW_SILENCE, payload_type: int = 0, **more: Any
    ) -> None:
        """Have a phone say a packet and the worker take it."""
        before = self.taken(stream)
        phone.say(payload, payload_type, **more)
        self.until(lambda: self.taken(stream) > before)

    def taken(self, stream: Stream) -> int:
        """Datagrams that a stream has dealt with in any way."""
        lane, endpoint = stream.lane, stream.endpoint
        return (
            lane.packets_in + lane.malformed + lane.duplicates + lane.late
            + endpoint.dropped_source + endpoint.dropped_malformed
        )  # fmt: skip

    def pass_time(self, seconds: float) -> None:
        """Let the clock run in steps of 20 ms, and the worker with it."""
        for _ in range(round(seconds / 0.02)):
            self.clock.advance(0.02)
            self.turn()

    def told(self, kind: type) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]


@pytest.fixture(scope="session")
def fast_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    try:
        return fastlane.build(tmp_path_factory.mktemp("lib"))
    except fastlane.NoFastLane as error:
        pytest.skip(str(error))


@pytest.fixture(params=["python", "fast"])
def house(request: pytest.FixtureRequest) -> Iterator[House]:
    clock = Clock()
    road: Any
    if request.param == "python":
        road = PythonRoad(PCMU_TO_PCMA, PCMA_TO_PCMU, clock)
    else:
        road = fastlane.FastRoad(request.getfixturevalue("fast_library"), PCMU_TO_PCMA, PCMA_TO_PCMU, clock)
    worker = Worker(
        road,
        Ports(33000, 60000, clock=clock, random=Random(), hosts=("0.0.0.0", "::")),
        clock=clock,
        unix=lambda: 1_700_000_000 + clock() / 1e9,
        random=Random(7),
    )
    built = House(worker, clock)
    with contextlib.ExitStack() as stack:
        stack.callback(lambda: [phone.close() for phone in built.phones])
        stack.callback(worker.close)
        yield built
    assert worker.statistics().failures == 0, "something raised on the packet path"


@pytest.fixture
async def pool(tmp_path: Path) -> AsyncIterator[MediaPool]:
    with process(tmp_path / "media.sock"):
        made = MediaPool()
        await made.connect([tmp_path / "media.sock"])
        yield made
        await made.close()
