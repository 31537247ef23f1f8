"""What a call and a registration cost the switch's own Python, with no kernel, no network and no other process.

    python bench/switch_calls.py [--calls 300] [--rounds 9] [--profile call|register] [--sort tottime]

Everything from the datagram to the datagram runs, and the commands to the media process are encoded; only the sockets
are left out. The lowest of many rounds is told, since whatever else runs on the machine only ever adds. `--profile`
shows where the time goes (under cProfile, which makes small functions look dearer than they are).
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import gc
import pstats
import re
import statistics
import sys
import tempfile
import time
from collections import deque
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
import uvloop

from jackfield import capture
from jackfield.media import protocol
from jackfield.media.client import MediaPool, Worker
from jackfield.sip.digest import ha1
from jackfield.spool import Spool
from jackfield.switch.snapshot import Extension, General, Line, Snapshot
from jackfield.switch.switch import Switch
from phones import digest, header, response_to, sdp

CALLER, CALLEE = ("127.0.0.1", 7001), ("127.0.0.1", 7002)
PHONES = 200
PASSWORD = "secret"
TURNS = 6  # of the loop, in which all that a datagram leads to is done


class Media:
    """Stands for the connection to a media process: opens ports, and tells the last figures of closed streams."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._commands = protocol.Frames(protocol.Command)
        self._streams = 0

    def write(self, data: bytes) -> None:
        reports: list[Any] = []
        for command in self._commands.feed(data):
            if isinstance(command, protocol.Open):
                self._streams += command.count
                first = self._streams - command.count
                ports = tuple((first + n + 1, 10000 + (first + n) * 2 % 20000) for n in range(command.count))
                reports.append(protocol.Opened(command.request, ports))
            elif isinstance(command, protocol.Close):
                stats = protocol.StreamStats(packets_in=50, packets_out=50, codec_in="pcmu", codec_out="pcmu")
                reports.append(protocol.Statistics(command.stream, stats, True))
        if reports:
            asyncio.get_running_loop().call_soon(self._worker.received, reports)


class Bench:
    """A switch whose UDP socket is two queues."""

    def __init__(self, spool: Spool) -> None:
        self.arriving: deque[tuple[bytes, tuple[str, int]]] = deque()
        self.left: deque[tuple[bytes, tuple[str, int]]] = deque()
        self._spool = spool
        self._number = 0
        self.spent = 0  # nanoseconds of CPU in the switch

    async def open(self) -> None:
        pool = MediaPool()
        worker = Worker(Path("media"), lambda _: None)
        worker.connected(Media(worker))  # type: ignore[arg-type]
        pool.workers = [worker]
        numbers = [*range(1000, 1000 + PHONES), *range(3000, 3000 + PHONES)]
        self.switch = Switch(
            Snapshot(general=General(realm="bench"), extensions=tuple(_extension(str(number)) for number in numbers)),
            pool=pool,
            emit=self._spool.append,
            secret=b"a secret of the benchmark",
            hosts=("127.0.0.1",),
            trace=capture.Recorder().record,
        )
        self.port = await self.switch.agent.listen("UDP", "127.0.0.1", 0)
        await self.switch.start()
        transports: Any = self.switch.agent.transports
        (self._udp,) = transports._udp.values()
        self._udp._recvfrom = self._receive
        self._udp._sendto = lambda data, address: self.left.append((data, address))
        for number in range(3000, 3000 + PHONES):
            await self.register(number, CALLEE)

    def _receive(self, _: int) -> tuple[bytes, tuple[str, int]]:
        if not self.arriving:
            raise BlockingIOError
        return self.arriving.popleft()

    async def put(self, data: bytes, source: tuple[str, int]) -> None:
        """One datagram arrives; the switch does all that it leads to."""
        self.arriving.append((data, source))
        began = time.thread_time_ns()
        self._udp._wake()
        for _ in range(TURNS):
            await asyncio.sleep(0)
        self.spent += time.thread_time_ns() - began

    def take(self, start: bytes) -> bytes:
        """The next datagram that left and begins so; those before it are thrown away."""
        while self.left:
            data, _ = self.left.popleft()
            if data.startswith(start):
                return data
        raise RuntimeError(f"nothing like {start!r} was sent")

    async def register(self, number: int, source: tuple[str, int]) -> None:
        """Two round trips."""
        self._number += 1
        n = self._number
        text = (
            f"REGISTER sip:127.0.0.1:{self.port} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{source[1]};branch=z9hG4bK-%s{n}"
            f"\r\nMax-Forwards: 70\r\nFrom: <sip:{number}@127.0.0.1>;tag={n}\r\nTo: <sip:{number}@127.0.0.1>\r\n"
            f"Call-ID: r{n}@127.0.0.1\r\nCSeq: %s REGISTER\r\nContact: <sip:{number}@127.0.0.1:{source[1]}>\r\n"
            "Expires: 3600\r\n%sUser-Agent: SIPp\r\nContent-Length: 0\r\n\r\n"
        )
        await self.put((text % ("a", "1", "")).encode(), source)
        challenge = self.take(b"SIP/2.0 401")
        uri = f"sip:127.0.0.1:{self.port}"
        credentials = digest(number, PASSWORD, "REGISTER", uri, challenge, 401, f"{n:08x}")
        await self.put((text % ("b", "2", credentials)).encode(), source)
        self.take(b"SIP/2.0 200")

    async def call(self, index: int) -> None:
        """INVITE, challenge, INVITE, ringing, answer, ACK, BYE, as `scenarios/caller.xml` does it."""
        self._number += 1
        caller, callee, n = 1000 + index % PHONES, 3000 + index % PHONES, self._number
        uri = f"sip:{callee}@127.0.0.1:{self.port}"
        text = (
            f"%s %s SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:7001;branch=z9hG4bK-%s{n}\r\nMax-Forwards: 70\r\n"
            f"From: <sip:{caller}@127.0.0.1>;tag={n}\r\nTo: %s\r\nCall-ID: {n}-1@127.0.0.1\r\nCSeq: %s\r\n"
            f"Contact: <sip:{caller}@127.0.0.1:7001>\r\n%sUser-Agent: SIPp\r\n"
        )
        to, nothing = f"<sip:{callee}@127.0.0.1>", b"Content-Length: 0\r\n\r\n"
        offer = b"Content-Type: application/sdp\r\n" + sdp(("pcmu", "pcma"), 6000)
        put = self.put
        await put((text % ("INVITE", uri, "a", to, "1 INVITE", "")).encode() + offer, CALLER)
        challenge = self.take(b"SIP/2.0 401")
        refused = header(challenge, "to").decode()
        credentials = digest(caller, PASSWORD, "INVITE", uri, challenge, 401, f"{n:08x}")
        await put((text % ("ACK", uri, "a", refused, "1 ACK", "")).encode() + nothing, CALLER)
        await put((text % ("INVITE", uri, "b", to, "2 INVITE", credentials)).encode() + offer, CALLER)
        invite = self.take(b"INVITE")
        contact = f"Contact: <sip:{callee}@127.0.0.1:7002>\r\n".encode()
        await put(response_to(invite, b"180 Ringing", contact, b""), CALLEE)
        self.take(b"SIP/2.0 180")
        described = contact + b"Content-Type: application/sdp\r\n"
        await put(response_to(invite, b"200 OK", described, sdp(("pcmu",), 8000)), CALLEE)
        answer = self.take(b"SIP/2.0 200")
        there = re.search(r"<(.*)>", header(answer, "contact").decode())
        assert there is not None
        to = header(answer, "to").decode()
        await put((text % ("ACK", there[1], "c", to, "2 ACK", "")).encode() + nothing, CALLER)
        await put((text % ("BYE", there[1], "d", to, "3 BYE", "")).encode() + nothing, CALLER)
        bye = self.take(b"BYE")
        await put(response_to(bye, b"200 OK", b"", b""), CALLEE)


def _extension(number: str) -> Extension:
    line = Line(sip_username=number, ha1_md5=ha1(number, "bench", PASSWORD), ha1_sha256="")
    return Extension(number=number, name=f"Bench {number}", lines=(line,), max_calls=100)


async def run(options: argparse.Namespace) -> None:
    """Measure, or profile."""
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Spool(Path(folder)))
        await bench.open()
        gc.collect()
        gc.freeze()
        gc.set_threshold(50_000, 20, 100)

        async def register(index: int) -> None:
            await bench.register(1000 + index % PHONES, CALLER)

        async def time_of(work: Callable[[int], Awaitable[None]]) -> float:
            """CPU microseconds for each."""
            gc.collect()
            bench.spent = 0
            for index in range(options.calls):
                await work(index)
            return bench.spent / 1000 / options.calls

        works = {"call": (bench.call, 8), "register": (register, 2)}
        for work, _ in works.values():
            await time_of(work)
        if options.profile:
            profile = cProfile.Profile()
            profile.enable()
            await time_of(works[options.profile][0])
            profile.disable()
            stats = pstats.Stats(profile).sort_stats(options.sort)
            stats.print_stats(options.lines)
            for name in options.callers:
                stats.print_callers(name)
            return
        empty = bench.spent = 0
        for _ in range(1000):
            await bench.put(b"\r\n", CALLER)
        empty = bench.spent / 1e6  # of one turn with a datagram that asks nothing
        for name, (work, datagrams) in works.items():
            took = [await time_of(work) - datagrams * empty for _ in range(options.rounds)]
            print(f"{name}: {min(took):.0f} µs (median {statistics.median(took):.0f})")


def main() -> None:
    """Run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--profile", choices=("call", "register"))
    parser.add_argument("--lines", type=int, default=60, help="of the profile")
    parser.add_argument("--callers", action="append", default=[], metavar="REGEX", help="who calls these functions")
    parser.add_argument("--sort", default="tottime", help="tottime, cumtime or ncalls")
    uvloop.run(run(parser.parse_args()))


if __name__ == "__main__":
    main()
