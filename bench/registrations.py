"""Phones behind NAT, many of them: what keeping their pinholes open costs, and how they come back after a restart.

    python bench/registrations.py [--phones 20000] [--seconds 60]
    python bench/registrations.py --restart [--phones 5000] [--transport tcp|tls|udp]

The switch (and a media process without calls) has core 0, the load core 1. Each phone has an address of its own below
127.0.0.0/8 and says another one in its Contact, as behind a router of its own.

Keep-alive: all register by UDP and answer OPTIONS. The figure is CPU of the switch over the time, as a share of a core.
Restart: all are registered, the switch is killed and started again, and every phone comes back as soon as it notices:
on connections at once when the new switch listens, by UDP (where registrations outlive the restart) all in one second.
The figures are the seconds until the last one is registered, failures (anything but 200 and the challenge), how often a
phone had to ask again, and the longest that OPTIONS of somebody else had to wait meanwhile.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import random
import shutil
import signal
import socket
import ssl
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import uvloop

import rig
import servers
from jackfield.data_dir import DataDir
from jackfield.sip.digest import ha1
from jackfield.switch import snapshot as snapshots
from jackfield.switch.snapshot import Extension, General, Line, Snapshot
from phones import digest

PASSWORD, REALM = "secret", "jackfield"
FIRST = 100_000
PKTINFO = struct.Struct("@I4s4s")


def address(index: int) -> str:
    """The address of a phone."""
    return f"127.{10 + (index >> 16)}.{index >> 8 & 255}.{index & 255}"


class Switch:
    """The switch with one media process, on core 0."""

    def __init__(self, folder: Path, phones: int) -> None:
        self.port, self.tls_port = servers.free_port(), servers.free_port()
        self._folder = DataDir(folder)
        self._folder.prepare()
        lines = (str(FIRST + index) for index in range(phones))
        extensions = tuple(
            Extension(number=name, lines=(Line(sip_username=name, ha1_md5=ha1(name, REALM, PASSWORD), ha1_sha256=""),))
            for name in lines
        )
        general = General(realm=REALM, digest="md5", register_max=7200)
        snapshots.write(Snapshot(general=general, extensions=extensions), self._folder.snapshot)
        self._media = self._run("media", "--socket", str(self._folder.media_socket(0)), "--rtp-ports", "31000-31099")
        self.process = self.start()

    def start(self) -> subprocess.Popen[bytes]:
        """Start the switch and wait until it listens."""
        ports = ["--sip-port", str(self.port), "--sip-tls-port", str(self.tls_port), "--sip-ws-port", "0"]
        ports += ["--sip-wss-port", "0", "--rtp-ports", "31000-31099", "--media-processes", "1"]
        folder = ["--data-dir", str(self._folder.path), "--host", "127.0.0.1", "--drain-seconds", "0"]
        self.process = self._run("switch", *folder, *ports, "--log-level", "warning")
        return self.process

    def _run(self, name: str, *arguments: str) -> subprocess.Popen[bytes]:
        reading, writing = os.pipe()
        command = ["taskset", "-c", str(rig.SERVER_CORE), sys.executable, "-m", f"jackfield.{name}", *arguments]
        process = subprocess.Popen([*command, "--ready-fd", str(writing)], pass_fds=(writing,))
        os.close(writing)
        with os.fdopen(reading, "rb") as ready:
            if ready.readline() != b"ready\n":
                raise SystemExit(f"the {name} process did not start")
        return process

    def kill(self) -> None:
        """End the switch as a crash does."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def close(self) -> None:
        """End both."""
        for process in (self.process, self._media):
            process.terminate()
            process.wait(20)

    @property
    def server(self) -> rig.Server:
        """The switch process, for the meter."""
        return rig.Server("Jackfield", rig.HOST, self.port, self.process.pid)


class Load:
    """What all phones share: what they say, and what became of it."""

    def __init__(self, switch: Switch, expires: int) -> None:
        self.switch, self.expires = switch, expires
        self.registered: dict[int, float] = {}
        self.refused: list[int] = []
        self.repeated = self.asked = 0
        self.expiries: list[int] = []
        self.all_there = asyncio.Event()
        self.wanted = 0

    def register(self, index: int, transport: str, cseq: int, credentials: str = "") -> bytes:
        """A REGISTER; `index` is kept in its Call-ID."""
        name, inside = FIRST + index, f"192.168.1.{2 + index % 200}"
        return (
            f"REGISTER sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/{transport} {inside}:5060;branch=z9hG4bK{index}r{cseq}"
            f";rport\r\nMax-Forwards: 70\r\nFrom: <sip:{name}@127.0.0.1>;tag=t{index}\r\nTo: <sip:{name}@127.0.0.1>\r\n"
            f"Call-ID: {index}@bench\r\nCSeq: {cseq} REGISTER\r\nContact: <sip:{name}@{inside}:5060>\r\n"
            f"User-Agent: Yealink SIP-T46S 66.86.0.15\r\nExpires: {self.expires}\r\n{credentials}"
            "Content-Length: 0\r\n\r\n"
        ).encode()

    def credentials(self, index: int, data: bytes) -> str:
        """What answers a challenge."""
        head = next(line for line in data.split(b"\r\n") if line.startswith(b"WWW-Authenticate"))
        return digest(FIRST + index, PASSWORD, "REGISTER", "sip:127.0.0.1", head + b"\r\n", 401, "c")

    def done(self, index: int, status: int, data: bytes) -> None:
        """A final answer that is no challenge has come."""
        if status != 200:
            self.refused.append(status)
            return
        at = data.rfind(b"expires=")
        self.expiries.append(int(data[at + 8 :].split(b"\r", 1)[0].split(b";")[0]) if at > 0 else 0)
        self.registered[index] = time.monotonic()
        if len(self.registered) >= self.wanted:
            self.all_there.set()


def answer(request: bytes) -> bytes:
    """200 to OPTIONS."""
    kept = [
        line
        for line in request.split(b"\r\n")
        if line[:5].lower() in (b"via: ", b"from:", b"to: <", b"call-", b"cseq:")
    ]
    lines = [line + b";tag=x" if line[:3].lower() == b"to:" else line for line in kept]
    return b"\r\n".join([b"SIP/2.0 200 OK", *lines, b"Content-Length: 0\r\n\r\n"])


class UdpPhones(Load):
    """All phones on one socket, each with its own source address (IP_PKTINFO)."""

    def __init__(self, switch: Switch, expires: int) -> None:
        super().__init__(switch, expires)
        self._sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sock.setsockopt(socket.IPPROTO_IP, getattr(socket, "IP_PKTINFO", 8), 1)
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 << 20)
        self._sock.bind(("0.0.0.0", 0))
        self._sock.setblocking(False)
        asyncio.get_running_loop().add_reader(self._sock.fileno(), self._read)

    def send(self, index: int, data: bytes) -> None:
        """Send as this phone."""
        source = PKTINFO.pack(0, socket.inet_aton(address(index)), bytes(4))
        ancillary = [(socket.IPPROTO_IP, getattr(socket, "IP_PKTINFO", 8), source)]
        self._sock.sendmsg([data], ancillary, 0, (rig.HOST, self.switch.port))

    def _read(self) -> None:
        for _ in range(64):
            try:
                data, ancillary, _flags, _source = self._sock.recvmsg(4096, 64)
            except BlockingIOError:
                return
            target = socket.inet_ntoa(PKTINFO.unpack(ancillary[0][2][:12])[2])
            a, b, c = (int(part) for part in target.split(".")[1:])
            index = (a - 10 << 16) + (b << 8) + c
            if data.startswith(b"OPTIONS"):
                self.asked += 1
                self.send(index, answer(data))
                continue
            status = int(data[8:11])
            if (status == 401 and b"CSeq: 1 " in data) or (status == 401 and b"CSeq: 3 " in data):
                cseq = 2 if b"CSeq: 1 " in data else 4
                self.send(index, self.register(index, "UDP", cseq, self.credentials(index, data)))
            elif index not in self.registered:
                self.done(index, status, data)

    async def come(self, indexes: range, cseq: int, *, within: float) -> None:
        """Have all register within so many seconds, each asking again every 2 s as phones do."""
        self.registered.clear()
        self.expiries.clear()
        self.all_there.clear()
        self.wanted = len(indexes)
        for index in indexes:
            self.send(index, self.register(index, "UDP", cseq))
            if index % 20 == 19:
                await asyncio.sleep(within * 20 / len(indexes))
        for _ in range(30):
            try:
                await asyncio.wait_for(self.all_there.wait(), 2.0)
                return
            except TimeoutError:
                for index in indexes:
                    if index not in self.registered:
                        self.repeated += 1
                        self.send(index, self.register(index, "UDP", cseq))
                        await asyncio.sleep(0)

    def close(self) -> None:
        """Close the socket."""
        asyncio.get_running_loop().remove_reader(self._sock.fileno())
        self._sock.close()


class StreamPhones(Load):
    """Phones on TCP or TLS, each with a connection of its own."""

    def __init__(self, switch: Switch, expires: int, transport: str) -> None:
        super().__init__(switch, expires)
        self._transport = transport.upper()
        self._context: ssl.SSLContext | None = None
        if transport == "tls":
            self._context = ssl.create_default_context()
            self._context.check_hostname, self._context.verify_mode = False, ssl.CERT_NONE
        self._tasks: list[asyncio.Task[None]] = []
        self.boots = 0

    def begin(self, indexes: range) -> None:
        """Let all phones live."""
        self.wanted = len(indexes)
        self._tasks = [asyncio.create_task(self._live(index)) for index in indexes]

    async def _live(self, index: int) -> None:
        """Connect, register, and stay; come back when the connection goes (RFC 5626 section 4.5: first at once)."""
        wait, cseq = 0.0, 0
        while True:
            await asyncio.sleep(wait)
            port = self.switch.tls_port if self._context else self.switch.port
            writer = None
            try:
                reader, writer = await asyncio.open_connection(
                    rig.HOST, port, ssl=self._context, local_addr=(address(index), 0)
                )
                while True:
                    cseq += 1
                    writer.write(self.register(index, self._transport, cseq))
                    data = await reader.readuntil(b"\r\n\r\n")
                    if data[8:11] == b"401":
                        cseq += 1
                        writer.write(self.register(index, self._transport, cseq, self.credentials(index, data)))
                        data = await reader.readuntil(b"\r\n\r\n")
                    self.done(index, int(data[8:11]), data)
                    if data[8:11] == b"200":
                        break
                    after = next((line for line in data.split(b"\r\n") if line.startswith(b"Retry-After")), b": 5")
                    self.repeated += 1
                    await asyncio.sleep(float(after.split(b":")[1]))
                wait = 0.0
                while data := await reader.readuntil(b"\r\n\r\n"):
                    if data.startswith(b"OPTIONS"):
                        self.asked += 1
                        writer.write(answer(data))
            except (OSError, asyncio.IncompleteReadError):
                self.repeated += wait > 0
                wait = random.uniform(0.5, 1.0)
            finally:
                if writer is not None:
                    writer.close()

    async def close(self) -> None:
        """End all."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def keep_alive(switch: Switch, options: argparse.Namespace) -> None:
    """Register all by UDP and measure."""
    load = UdpPhones(switch, 7200)
    count = options.phones
    with switch.server.metered() as cost:
        await load.come(range(count), 1, within=count / 1500)
    print(f"{len(load.registered):,} phones registered by UDP: {cost.per(count):.3f} ms CPU each")
    await asyncio.sleep(35)  # each has been asked once by then: the first time they are spread over the interval
    load.asked = 0
    server = switch.server
    with server.metered() as cost:
        await asyncio.sleep(options.seconds)
    share = cost.cpu / cost.seconds
    print(
        f"keep-alive of {count:,} phones behind NAT: {share:.1%} of a core over {cost.seconds:.0f} s, "
        f"{load.asked / cost.seconds:.0f} OPTIONS a second, {cost.cpu / max(1, load.asked) * 1e6:.0f} µs each"
    )
    print(rig.noise(server.foreign))
    load.close()


async def restart(switch: Switch, options: argparse.Namespace) -> None:
    """Register all, kill the switch, start it again, and watch them come back."""
    phones, waits = range(options.phones), []
    if options.transport == "udp":
        load: Load = UdpPhones(switch, 3600)
        assert isinstance(load, UdpPhones)
        await load.come(phones, 1, within=10)
    else:
        load = StreamPhones(switch, 3600, options.transport)
        assert isinstance(load, StreamPhones)
        load.begin(phones)
        await asyncio.wait_for(load.all_there.wait(), 120)
    print(f"{len(load.registered):,} phones are registered; the switch is killed and started again")
    load.registered.clear()
    load.refused.clear()
    load.expiries.clear()
    load.all_there.clear()
    load.repeated = 0
    switch.kill()
    await asyncio.to_thread(switch.start)
    began = time.monotonic()
    probing = asyncio.create_task(_probe(switch.port, waits))
    with switch.server.metered() as cost:
        if isinstance(load, UdpPhones):
            await load.come(phones, 3, within=1.0)
        await asyncio.wait_for(load.all_there.wait(), 180)
    probing.cancel()
    took = sorted(when - began for when in load.registered.values())
    print(
        f"{len(took):,} phones by {options.transport.upper()} are back: half after {took[len(took) // 2]:.1f} s, all "
        f"after {took[-1]:.1f} s; {len(load.refused)} refused {sorted(set(load.refused))}, {load.repeated:,} asked "
        f"again; {cost.cpu:.1f} s CPU; others waited {max(waits, default=0) * 1000:.0f} ms at most"
    )
    if load.expiries:
        low, high = min(load.expiries), max(load.expiries)
        print(f"registered for {low}-{high} s, {statistics.mean(load.expiries):.0f} s on average")
    if isinstance(load, StreamPhones):
        await load.close()


async def _probe(port: int, waits: list[float]) -> None:
    """Ask by OPTIONS over UDP, five times a second, how long the switch takes to answer."""
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        sock.connect((rig.HOST, port))
        for number in range(100_000):
            sent = time.monotonic()
            sock.send(
                f"OPTIONS sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bKq{number};rport\r\n"
                f"From: <sip:q@127.0.0.1>;tag=q\r\nTo: <sip:127.0.0.1>\r\nCall-ID: q{number}\r\nCSeq: 1 OPTIONS\r\n"
                "Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n".encode()
            )
            with contextlib.suppress(TimeoutError, OSError):
                await asyncio.wait_for(loop.sock_recv(sock, 4096), 20)
            waits.append(time.monotonic() - sent)
            await asyncio.sleep(0.2)


def main() -> None:
    """Run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--phones", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--restart", action="store_true")
    parser.add_argument("--transport", choices=("udp", "tcp", "tls"), default="tcp")
    options = parser.parse_args()
    options.phones = options.phones or (5_000 if options.restart else 20_000)
    servers.prepare()
    os.sched_setaffinity(0, {rig.LOAD_CORE % (os.cpu_count() or 1)})
    print(rig.machine())
    folder = Path(tempfile.mkdtemp(prefix="jackfield-bench-"))
    switch = Switch(folder, options.phones)
    try:
        uvloop.run(restart(switch, options) if options.restart else keep_alive(switch, options))
    finally:
        switch.close()
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
