"""RTP load on a media process: the worker pinned to one core, this process to another.

Shared by `relay.py`, `transcode.py` and `media_setup.py`. CPU time is what the kernel accounts to the worker
(/proc/PID/schedstat), so it holds everything: receiving, sending, the loopback's delivery, RTCP and housekeeping.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import random
import select
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from jackfield.media.client import MediaPool, Remote, Stream
from jackfield.rtp import codecs

SERVER_CORE, LOAD_CORE = 0, 1
PAYLOAD_TYPES = {"pcmu": 0, "gsm": 3, "pcma": 8, "g722": 9, "opus": 96}
HEADER = struct.Struct("!BBHII")


@dataclass
class Result:
    """One run. CPU in ms per second of call, latencies in ms, memory in kB per call."""

    cpu: float
    packet: float  # µs of CPU per packet passed on
    sent: int
    lost: int  # sent and not passed on by the worker
    unheard: int  # passed on, and dropped by the kernel because the load generator was too slow
    p50: float
    p99: float
    kernel_drops: int
    memory: float


def cpu_ns(pid: int) -> int:
    """CPU time of a process (its main thread; the worker has no other)."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0])


def memory_kb(pid: int) -> int:
    """Resident memory."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1])
    return 0


@contextlib.asynccontextmanager
async def worker(lane: str, *options: str) -> AsyncIterator[tuple[MediaPool, int]]:
    """A media process on the server core, and the pool connected to it."""
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "media.sock"
        command = [sys.executable, "-m", "jackfield.media", "--socket", str(path), "--rtp-ports", "30000-40000"]
        process = subprocess.Popen([*command, "--host", "127.0.0.1", "--lane", lane, *options])
        try:
            os.sched_setaffinity(process.pid, {SERVER_CORE})
            pool = MediaPool()
            await pool.connect([path], timeout=20)
            yield pool, process.pid
            await pool.close()
        finally:
            process.terminate()
            process.wait(10)


def speech(codec: str, frames: int = 100) -> list[bytes]:
    """Payloads of 20 ms: a voice-like sound with syllables and pauses, so that encoders have what they are made for."""
    rate = 16000 if codec in ("g722", "opus") else 8000
    generator = np.random.default_rng(1)
    count = frames * rate // 50
    times = np.arange(count) / rate
    pitch = 120 + 25 * np.sin(2 * np.pi * 0.7 * times)
    phase = 2 * np.pi * np.cumsum(pitch) / rate
    voice = sum(np.sin(phase * n) / n for n in range(1, 25))
    syllables = np.clip(np.sin(2 * np.pi * 3.1 * times) + 0.3, 0, 1)
    pcm = (voice * syllables * 4000 + generator.normal(0, 60, count)).astype("<i2").tobytes()
    encoder = codecs.create(codec, sample_rate=rate)
    size = rate // 50 * 2
    return [encoder.encode(pcm[start : start + size]) for start in range(0, len(pcm), size)]


def remote(codec: str, port: int) -> Remote:
    """A phone on loopback."""
    clock = 48000 if codec == "opus" else 8000
    return Remote(
        address="127.0.0.1",
        port=port,
        rtcp_port=port,
        codec=codec,
        payload_type=PAYLOAD_TYPES[codec],
        clock_rate=clock,
        dtmf_payload_type=101,
    )


class Load:
    """Phones of some calls, each sending 50 packets a second at its own moment within the 20 ms."""

    def __init__(self, calls: int, codec_a: str, codec_b: str) -> None:
        self.phones: list[socket.socket] = []
        for _ in range(2 * calls):
            phone = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            phone.bind(("127.0.0.1", 0))
            phone.setblocking(False)
            phone.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
            self.phones.append(phone)
        self.codecs = [codec_a if index % 2 == 0 else codec_b for index in range(2 * calls)]
        self._payloads = {codec: speech(codec) for codec in set(self.codecs)}
        self._turns = 0  # packets that each phone has sent

    def run(self, seconds: float) -> tuple[int, int, list[float]]:
        """Send and receive; packets sent, received, and their sorted latencies in ms (of those after the first)."""
        count = len(self.phones)
        before = self._turns
        self._turns += int(seconds * 50)
        order = list(range(count))
        random.Random(3).shuffle(order)
        poll = select.epoll()
        index_of = {phone.fileno(): index for index, phone in enumerate(self.phones)}
        for phone in self.phones:
            poll.register(phone.fileno(), select.EPOLLIN)
        total = int(seconds * 50) * count
        step = 0.02 / count
        sent_at: list[list[float]] = [[] for _ in range(count)]
        first_heard: list[int | None] = [None] * count
        latencies: list[float] = []
        received = 0
        sends = [phone.send for phone in self.phones]
        receives = [phone.recv for phone in self.phones]
        types = [PAYLOAD_TYPES[codec] for codec in self.codecs]
        clocks = [960 if codec == "opus" else 160 for codec in self.codecs]
        payloads = [self._payloads[codec] for codec in self.codecs]
        now = time.perf_counter
        begin, done = now() + 0.05, 0
        end = begin + seconds + 0.5
        while now() < end:
            while done < total and begin + done * step <= now():
                who, turn = order[done % count], before + done // count
                packet = HEADER.pack(0x80, types[who], turn & 0xFFFF, turn * clocks[who] & 0xFFFFFFFF, who + 1)
                sent_at[who].append(now())
                with contextlib.suppress(ConnectionRefusedError):
                    sends[who](packet + payloads[who][turn % 100])
                done += 1
            ready = poll.poll(0)
            if not ready and (idle := begin + done * step - now()) > 0:
                time.sleep(min(idle, 0.0002))  # the other core may be half of the same one
            for fileno, _ in ready:
                who = index_of[fileno]
                try:
                    data = receives[who](2048)
                except OSError:
                    continue
                heard = now()
                received += 1
                sequence = data[2] << 8 | data[3]
                start = first_heard[who]
                if start is None:
                    first_heard[who] = sequence
                    continue
                index = (sequence - start) & 0xFFFF
                sent = sent_at[who ^ 1]
                if index < len(sent):
                    latencies.append((heard - sent[index]) * 1000)
        poll.close()
        latencies.sort()
        return done, received, latencies

    def close(self) -> None:
        """Hang up."""
        for phone in self.phones:
            phone.close()


async def measure(
    calls: int, codec_a: str, codec_b: str, *, lane: str, seconds: float, realtime: bool = False
) -> Result:
    """One run with a fresh worker."""
    os.sched_setaffinity(0, {LOAD_CORE})
    async with worker(lane) as (pool, pid):
        if realtime:
            for process in (0, pid):
                os.sched_setscheduler(process, os.SCHED_FIFO, os.sched_param(10))
        load = Load(calls, codec_a, codec_b)
        idle = memory_kb(pid)
        streams: list[Stream] = []
        for call in range(calls):
            one, two = await pool.worker().open(address="127.0.0.1", count=2)
            for stream, index in ((one, 2 * call), (two, 2 * call + 1)):
                stream.configure(remote(load.codecs[index], load.phones[index].getsockname()[1]))
                load.phones[index].connect(("127.0.0.1", stream.port))
                streams.append(stream)
            one.bridge(two)
        await asyncio.sleep(0.2)
        load.run(0.4)  # latch, and have codecs made
        for phone in load.phones:
            with contextlib.suppress(OSError):
                while phone.recv(2048):
                    pass
        earlier = await pool.worker().statistics()
        before = cpu_ns(pid)
        sent, received, latencies = load.run(seconds)
        used = cpu_ns(pid) - before
        told = await pool.worker().statistics()
        passed = told.relayed + told.transcoded - earlier.relayed - earlier.transcoded
        memory = memory_kb(pid) - idle
        load.close()
        return Result(
            cpu=used / 1e6 / calls / (seconds + 0.55),
            packet=used / 1e3 / max(1, passed),
            sent=sent,
            lost=sent - passed,
            unheard=passed - received,
            p50=latencies[len(latencies) // 2],
            p99=latencies[int(len(latencies) * 0.99)],
            kernel_drops=told.kernel_drops,
            memory=memory / calls,
        )


def spread(values: list[float], digits: int = 2) -> str:
    """Lowest – median – highest."""
    low, middle, high = min(values), statistics.median(values), max(values)
    return f"{low:.{digits}f}–{middle:.{digits}f}–{high:.{digits}f}"


def table(rows: list[tuple[str, list[Result]]]) -> str:
    """The results as Markdown."""
    lines = [
        "| case | CPU ms per s of call | µs per packet | lost | kernel drops | unheard | latency p50 ms | p99 ms "
        "| kB per call |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, results in rows:
        sent = sum(result.sent for result in results)
        lines.append(
            f"| {name} | {spread([r.cpu for r in results])} | {spread([r.packet for r in results], 1)} "
            f"| {sum(r.lost for r in results)} of {sent} | {sum(r.kernel_drops for r in results)} "
            f"| {sum(r.unheard for r in results)} "
            f"| {spread([r.p50 for r in results])} | {spread([r.p99 for r in results])} "
            f"| {statistics.median([r.memory for r in results]):.0f} |"
        )
    return "\n".join(lines)


def arguments(description: str, calls: int) -> argparse.ArgumentParser:
    """What all media benchmarks take."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--calls", type=int, default=calls, help="calls at once (default %(default)s)")
    parser.add_argument("--seconds", type=float, default=5, help="length of a run (default %(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each case, in turn (default %(default)s)")
    parser.add_argument(
        "--realtime",
        action="store_true",
        help="run before all other programs (root): latencies as on a machine that has nothing else to do",
    )
    return parser


def rounds(cases: list[tuple[str, int, str, str, str]], options: argparse.Namespace) -> str:
    """Run (name, calls, codec, codec, lane) in turn, several times over, and return the table."""
    results: dict[str, list[Result]] = {name: [] for name, *_ in cases}
    for _ in range(options.rounds):
        for name, calls, codec_a, codec_b, lane in cases:
            result = asyncio.run(
                measure(calls, codec_a, codec_b, lane=lane, seconds=options.seconds, realtime=options.realtime)
            )
            print(f"  {name}: {result.cpu:.2f} ms, {result.lost} lost, p99 {result.p99:.2f} ms", file=sys.stderr)
            results[name].append(result)
    return table(list(results.items()))
