"""How fast phones get their configuration over HTTPS.

    python bench/provisioning.py [--phones 1000] [--seconds 10] [--database-url URL]

The console alone runs on core 0, the phones on core 1. Each phone proves itself by digest with its own password, which
is another one after each fetch, and gets new SIP passwords each time. Measured: requests on connections that stay;
a new TLS connection for every configuration (challenge and answer on it); and all phones at once, each of which opens
a connection, fetches the file of its model and then its own, and comes again where it was sent away.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import os
import random
import re
import ssl
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import rig

REALM = "phones"
NEW_PASSWORD = re.compile(rb"auto_provision\.server\.password = (\S+)")
STATUS = re.compile(rb"HTTP/1\.1 (\d+)")
LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)
NONCE = re.compile(rb'nonce="([^"]+)"')
RETRY = re.compile(rb"retry-after: (\d+)", re.IGNORECASE)
MODEL_FILE = "y000000000108.cfg"


@dataclass
class Phone:
    """A phone with what it knows."""

    number: int
    password: str
    nonce: str = ""
    count: int = 0
    fetched: float = 0.0

    @property
    def mac(self) -> str:
        return f"001565{self.number:06x}"

    def proof(self, path: str) -> str:
        """Return the header that answers the last challenge (RFC 7616)."""
        if not self.nonce:
            return ""
        self.count += 1
        one = hashlib.md5(f"{self.mac}:{REALM}:{self.password}".encode()).hexdigest()
        two = hashlib.md5(f"GET:{path}".encode()).hexdigest()
        tail = f"{self.nonce}:{self.count:08x}:abcd:auth:{two}"
        response = hashlib.md5(f"{one}:{tail}".encode()).hexdigest()
        return (
            f'Authorization: Digest username="{self.mac}", realm="{REALM}", nonce="{self.nonce}", uri="{path}", '
            f'response="{response}", algorithm=MD5, qop=auth, nc={self.count:08x}, cnonce="abcd"\r\n'
        )


class Line:
    """A connection to the console, from an address of its own: how often one may ask is counted by address."""

    def __init__(self, port: int, context: ssl.SSLContext) -> None:
        self.port, self.context = port, context

    async def __aenter__(self) -> Line:
        source = f"127.{random.randint(1, 250)}.{random.randint(0, 255)}.{random.randint(1, 254)}"
        self.reader, self.writer = await asyncio.open_connection(
            "127.0.0.1", self.port, ssl=self.context, local_addr=(source, 0)
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        self.writer.transport.abort()

    async def get(self, phone: Phone, name: str) -> tuple[int, bytes, bytes]:
        """Ask for a file; return status, head and body. A challenge and a new password are remembered."""
        path = f"/provision/{name}"
        agent = "User-Agent: Yealink SIP-T46U 108.86.0.20 " + phone.mac + "\r\n"
        self.writer.write(f"GET {path} HTTP/1.1\r\nHost: pbx.example.com\r\n{agent}{phone.proof(path)}\r\n".encode())
        head = await self.reader.readuntil(b"\r\n\r\n")
        status, length = STATUS.match(head), LENGTH.search(head)
        assert status is not None
        assert length is not None, head
        body = await self.reader.readexactly(int(length[1]))
        if found := NONCE.search(head):
            phone.nonce, phone.count = found[1].decode(), 0
        if found := NEW_PASSWORD.search(body):
            phone.password = found[1].decode()
        return int(status[1]), head, body


async def configured(line: Line, phone: Phone, name: str) -> int:
    """Fetch a file with as many tries as digest needs; return how many requests that took."""
    for tries in (1, 2, 3):
        status, _head, body = await line.get(phone, name)
        if status == 200:
            assert b"#!version" in body
            return tries
        assert status == 401, (status, body)
    raise AssertionError("refused three times")


async def staying(port: int, context: ssl.SSLContext, phones: list[Phone], seconds: float) -> tuple[int, int]:
    """Have 32 connections fetch one phone's file after the other; return requests and configurations."""
    queue, until, done = list(phones), time.monotonic() + seconds, [0, 0]
    random.shuffle(queue)

    async def one() -> None:
        async with Line(port, context) as line:
            while time.monotonic() < until:
                phone = queue.pop()
                tries = await configured(line, phone, f"{phone.mac}.cfg")
                done[0] += tries
                done[1] += 1
                queue.insert(0, phone)

    await asyncio.gather(*(one() for _ in range(32)))
    return done[0], done[1]


async def anew(port: int, context: ssl.SSLContext, phones: list[Phone], seconds: float) -> tuple[int, int]:
    """The same with a new connection for each configuration."""
    queue, until, done = list(phones), time.monotonic() + seconds, [0, 0]
    random.shuffle(queue)

    async def one() -> None:
        while time.monotonic() < until:
            phone = queue.pop()
            phone.nonce = ""
            async with Line(port, context) as line:
                tries = await configured(line, phone, f"{phone.mac}.cfg")
            done[0] += tries
            done[1] += 1
            queue.insert(0, phone)

    await asyncio.gather(*(one() for _ in range(32)))
    return done[0], done[1]


async def all_at_once(port: int, context: ssl.SSLContext, phones: list[Phone]) -> tuple[float, float, int]:
    """Start all phones in one moment; return when the last was configured, the median, and how many came again."""
    began, again = time.monotonic(), [0]

    async def one(phone: Phone) -> None:
        phone.nonce = ""
        while not phone.fetched:
            try:
                async with Line(port, context) as line:
                    for name in (MODEL_FILE, f"{phone.mac}.cfg"):
                        for _ in range(3):
                            status, head, _body = await line.get(phone, name)
                            if status != 401:
                                break
                        if status != 200:
                            found = RETRY.search(head)
                            raise ConnectionError(found[1].decode() if found else "5")
                phone.fetched = time.monotonic() - began
            except (ConnectionError, OSError, asyncio.IncompleteReadError) as why:
                again[0] += 1
                await asyncio.sleep(float(str(why)) if str(why).isdecimal() else 5.0)

    await asyncio.gather(*map(one, phones))
    times = sorted(phone.fetched for phone in phones)
    return times[-1], times[len(times) // 2], again[0]


def made(folder: Path, count: int, url: str) -> list[Phone]:
    """Fill an installation with phones that have their passwords."""
    from jackfield.console import api, database
    from jackfield.console.provisioning import proofs
    from jackfield.settings import load

    settings = load(data_dir=folder, database_url=url)
    api.prepare(settings)
    rows = ["settings: {local_networks: [10.0.0.0/8]}", "provisioning: {server: pbx.example.com}", "extensions:"]
    rows += [f"- {{number: {2000 + number}, name: Phone {number}}}" for number in range(count)]
    rows += ["desk_phones:"]
    phones = [Phone(number, proofs.new_password()) for number in range(count)]
    rows += [
        f"- {{mac: {phone.mac!r}, model: yealink-t46u, extensions: [{2000 + phone.number}], "
        f"keys: [{{kind: blf, value: '{2000 + (phone.number + 1) % count}'}}, {{kind: speed_dial, value: '0301234'}}]}}"
        for phone in phones
    ]
    api.apply(settings, "\n".join(rows))
    from jackfield.desk_phones.models import DeskPhone, Standing

    keys = dict(DeskPhone.objects.values_list("mac", "pk"))
    Standing.objects.bulk_create(
        Standing(phone_id=keys[phone.mac], password=proofs.stored(phone.mac, phone.password)) for phone in phones
    )
    database.setup(settings)
    from django.db import connections

    connections.close_all()
    return phones


def started(folder: Path, port: int, url: str) -> subprocess.Popen[bytes]:
    """Start the console on its core, and wait until it serves."""
    here, there = os.pipe()
    flags = ["--data-dir", str(folder), "--console-port", str(port), "--user-port", "0", "--console-tls", "on"]
    flags += ["--database-url", url] if url else []
    process = subprocess.Popen(
        ["taskset", "-c", str(rig.SERVER_CORE), sys.executable, "-m", "jackfield.console", *flags,
         "--ready-fd", str(there)],
        pass_fds=(there,),
    )  # fmt: skip
    os.close(there)
    with os.fdopen(here) as pipe:
        assert pipe.readline(), "the console did not start"
    return process


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--phones", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--port", type=int, default=14021)
    parser.add_argument("--database-url", default="")
    given = parser.parse_args()
    os.sched_setaffinity(0, {rig.LOAD_CORE})
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with tempfile.TemporaryDirectory() as folder:
        phones = made(Path(folder), given.phones, given.database_url)
        process = started(Path(folder), given.port, given.database_url)
        server = rig.Server("console", rig.HOST, given.port, process.pid)
        try:
            print("| case | requests/s | configurations/s | CPU | ms of it per request |")
            print("|---|---|---|---|---|")
            for name, way in (("connections that stay", staying), ("a new connection each", anew)):
                with server.metered() as cost:
                    requests, fetched = asyncio.run(way(given.port, context, phones, given.seconds))
                print(f"| {name} | {requests / cost.seconds:.0f} | {fetched / cost.seconds:.0f} "
                      f"| {cost.cpu / cost.seconds:.0%} | {cost.per(requests):.2f} |")  # fmt: skip
            time.sleep(60)  # who fetches over and over has to wait, and that is not what is measured here
            with server.metered() as cost:
                last, median, again = asyncio.run(all_at_once(given.port, context, phones))
            print(f"\n{given.phones} phones at once: the last is configured after {last:.1f} s, half of them after "
                  f"{median:.1f} s; {again} came again; {cost.cpu:.1f} s of CPU")  # fmt: skip
        finally:
            process.terminate()
            process.wait(20)


if __name__ == "__main__":
    main()
