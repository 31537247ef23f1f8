"""The two packet paths, in Python and in C, do the same with whatever comes."""

from __future__ import annotations

import random
import select
import socket
from pathlib import Path
from typing import Any

import pytest

from jackfield.media import fastlane
from jackfield.media.lane import Kind, PythonRoad
from jackfield.rtp import packet
from jackfield.rtp.codecs.g711 import PCMA_TO_PCMU, PCMU_TO_PCMA

from .conftest import Clock

COUNTERS = (
    "packets_in", "bytes_in", "packets_out", "bytes_out", "duplicates", "late", "malformed", "relayed", "extended",
    "base", "received", "lost_before", "jitter", "high", "seq_out", "ts_out", "head_seq", "head_ts", "heard_ns",
    "sent_ns",
)  # fmt: skip


class Log:
    """What a lane hands back."""

    def __init__(self) -> None:
        self.handed: list[tuple[Any, ...]] = []

    def readable(self) -> None: ...

    def heard(self, *args: Any) -> None:
        self.handed.append(args)

    def heard_rtcp(self, data: bytes) -> None:
        self.handed.append((data,))


class Pair:
    """Two lanes of one road, each with a socket at its far end."""

    def __init__(self, road: Any) -> None:
        self.road = road
        self.log = Log()
        self.sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(4)]
        for sock in self.sockets:
            sock.bind(("127.0.0.1", 0))
            sock.setblocking(False)
        self.lanes = []
        for index in (0, 1):
            self.sockets[index].connect(self.sockets[index + 2].getsockname())
            lane = road.lane(index + 1, self.sockets[index], self.log)
            lane.ssrc_out, lane.seq_out, lane.ts_out = 7 + index, 65_500, 0xFFFFF000
            self.lanes.append(lane)

    def wire(self, kinds: bytes, types: bytes) -> None:
        self.road.set_kinds(self.lanes[0], kinds, types, self.lanes[1])
        self.road.set_kinds(self.lanes[1], kinds, types, self.lanes[0])

    def out(self, index: int) -> list[bytes]:
        found = []
        while select.select([self.sockets[index + 2]], [], [], 0)[0]:
            found.append(self.sockets[index + 2].recv(4096))
        return found

    def close(self) -> None:
        for lane in self.lanes:
            self.road.leave(lane)
        for sock in self.sockets:
            sock.close()
        self.road.close()


class Source:
    """A party that does everything that parties do, good and bad."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.seq, self.ts, self.ssrc = chance.getrandbits(16), chance.getrandbits(32), chance.getrandbits(32)
        self.sent: list[bytes] = []

    def next(self) -> bytes:
        chance = self.chance
        what = chance.random()
        if what < 0.03 and self.sent:
            return chance.choice(self.sent[-80:])
        if what < 0.05:
            return chance.randbytes(chance.choice((0, 3, 11, 12, 13, 40)))
        if what < 0.06:
            self.seq += chance.choice((1, 2, 5, 70, 2999, 3000, 3001, 30_000, 65_000))
        elif what < 0.07:
            self.ts += chance.choice((8000, 16_000, 80_000, 0x7FFFFFFF, 0x80000000, 0xFFFFFF00))
        elif what < 0.075:
            self.ssrc = chance.getrandbits(32)
        self.seq, self.ts = (self.seq + 1) & 0xFFFF, (self.ts + 160) & 0xFFFFFFFF
        seq = (self.seq - chance.choice((0,) * 30 + (1, 2, 3, 63, 64, 65))) & 0xFFFF
        data = bytearray(
            packet.build(chance.choice((0, 0, 0, 8, 13, 34, 96, 101)), seq, self.ts, self.ssrc, chance.randbytes(20))
        )
        if chance.random() < 0.1:
            data[1] |= 0x80
        if chance.random() < 0.05:
            data[0] |= chance.choice((0x10, 0x20, 0x30, 1, 2, 15, 0x3F))
            if chance.random() < 0.5:
                data += chance.choice((b"\x00", b"\x04", b"\xff", b"\x01"))
        if chance.random() < 0.02:
            data[1] = chance.choice((192, 200, 201, 223))
        self.sent.append(bytes(data))
        return bytes(data)


@pytest.mark.parametrize("seed", range(12))
def test_both_paths_do_the_same(fast_library: Path, seed: int) -> None:
    clock = Clock()
    pairs = [
        Pair(PythonRoad(PCMU_TO_PCMA, PCMA_TO_PCMU, clock)),
        Pair(fastlane.FastRoad(fast_library, PCMU_TO_PCMA, PCMA_TO_PCMU, clock)),
    ]
    chance = random.Random(seed)
    kinds, types = bytearray(128), bytearray(128)
    kinds[0], types[0] = chance.choice((Kind.RELAY, Kind.RELAY_TO_ALAW)), 5
    kinds[8], types[8] = chance.choice((Kind.RELAY_TO_ULAW, Kind.HAND)), 0
    kinds[13], types[13] = chance.choice((Kind.RELAY, Kind.DROP)), 13
    kinds[96], types[96] = Kind.HAND, 97
    kinds[101], types[101] = chance.choice((Kind.RELAY_EVENT, Kind.HAND_EVENT, Kind.DROP_EVENT)), 102
    clocks = chance.choice(((8000, 8000), (8000, 48_000), (48_000, 8000)))
    for pair in pairs:
        pair.wire(bytes(kinds), bytes(types))
        for lane, rate in zip(pair.lanes, clocks, strict=True):
            lane.clock_in = lane.clock_out = rate
            lane.frame = rate // 50
    sources = [Source(chance), Source(chance)]
    for _ in range(700):
        which = chance.randrange(2)
        data = sources[which].next()
        clock.advance(chance.choice((0.0, 0.02, 0.02, 0.02, 0.5, 3.0)))
        silence = chance.random()
        for pair in pairs:
            if silence < 0.01:
                pair.lanes[which].muted ^= 1
                pair.lanes[which].source = 0
            pair.road.take(pair.lanes[which], data)
        outs = [pair.out(0) + pair.out(1) for pair in pairs]
        assert outs[0] == outs[1]
        assert pairs[0].log.handed[-3:] == pairs[1].log.handed[-3:]
        for number in (0, 1):
            figures = [{name: getattr(pair.lanes[number], name) for name in COUNTERS} for pair in pairs]
            figures[0]["extended"] &= 0xFFFFFFFF
            assert figures[0] == figures[1]
    assert pairs[0].log.handed == pairs[1].log.handed
    assert pairs[0].lanes[0].packets_in > 200
    for pair in pairs:
        pair.close()


@pytest.mark.usefixtures("fast_library")  # skips where there is no compiler
def test_the_fast_lane_is_built_once(tmp_path: Path) -> None:
    library = fastlane.build(tmp_path / "new" / "folder")
    written = library.stat().st_mtime_ns
    assert fastlane.build(tmp_path / "new" / "folder").stat().st_mtime_ns == written
    assert [file.name for file in library.parent.iterdir()] == [library.name], "nothing is left lying about"


def test_without_a_compiler_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setattr(fastlane.sysconfig, "get_config_var", lambda _: None)
    with pytest.raises(fastlane.NoFastLane, match="gcc"):
        fastlane.build(tmp_path)


def test_a_compiler_that_fails_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", "false")
    with pytest.raises(fastlane.NoFastLane, match="failed"):
        fastlane.build(tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", "true")
    (tmp_path / "file").write_text("")
    with pytest.raises(fastlane.NoFastLane, match="could not be built"):
        fastlane.build(tmp_path / "file" / "below")


def test_a_library_that_is_none_is_told(tmp_path: Path) -> None:
    (tmp_path / "x.so").write_text("no library")
    with pytest.raises(fastlane.NoFastLane, match="cannot be loaded"):
        fastlane.FastRoad(tmp_path / "x.so", PCMU_TO_PCMA, PCMA_TO_PCMU)


def test_where_it_is_kept_can_be_chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JACKFIELD_LIBRARY_DIR", str(tmp_path))
    assert fastlane.folder() == tmp_path
    monkeypatch.delenv("JACKFIELD_LIBRARY_DIR")
    assert fastlane.folder().parts[-2:] == ("lib", "jackfield")
