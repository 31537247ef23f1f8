"""What browsers cost the media process: `python bench/webrtc.py [--calls 50] [--seconds 4] [--rounds 3]`.

A handshake is a connectivity check and DTLS with a certificate of ECDSA P-256; then each packet is decrypted, passed
on, and encrypted where the other party is a browser, too. All on loopback, the worker pinned to one core.
"""

from __future__ import annotations

import argparse
import asyncio
import hmac
import os
import secrets
import socket
import struct
import sys
import time
import zlib
from dataclasses import dataclass, replace

from jackfield.media.client import MediaPool, Remote, Stream, WebRtc
from jackfield.rtp import dtls, srtp
from jackfield.rtp.packet import build
from media_load import LOAD_CORE, cpu_ns, remote, speech, spread, worker

PASSWORD = secrets.token_hex(16)


def check(username: str) -> bytes:
    """A connectivity check that nominates (RFC 8445 section 7.2.2)."""
    attributes = ((0x0006, username.encode()), (0x0024, bytes(4)), (0x802A, bytes(8)), (0x0025, b""))
    body = b"".join(struct.pack("!HH", kind, len(value)) + value + bytes(-len(value) % 4) for kind, value in attributes)
    identifier = secrets.token_bytes(12)

    def head(length: int) -> bytes:
        return struct.pack("!HHI12s", 1, length, 0x2112A442, identifier)

    digest = hmac.digest(PASSWORD.encode(), head(len(body) + 24) + body, "sha1")
    body += struct.pack("!HH", 8, 20) + digest
    checksum = zlib.crc32(head(len(body) + 8) + body) ^ 0x5354554E
    return head(len(body) + 8) + body + struct.pack("!HHI", 0x8028, 4, checksum)


@dataclass
class Party:
    """A browser, or a desk phone (`identity` None)."""

    sock: socket.socket
    stream: Stream
    identity: dtls.Identity | None
    sender: srtp.Sender | None = None

    async def receive(self) -> bytes:
        """Wait for a datagram."""
        return await asyncio.get_running_loop().sock_recv(self.sock, 2048)

    async def connect(self) -> None:
        """Check, and shake hands."""
        assert self.identity is not None
        self.sock.send(check("ours:them"))
        await self.receive()
        association = dtls.Association(self.identity, (self.stream.worker.fingerprint,), client=True)
        for data in association.begin():
            self.sock.send(data)
        while association.under_way:
            for data in association.receive(await self.receive()):
                self.sock.send(data)
        assert association.keys is not None, association.problem
        self.sender = srtp.Sender(association.keys[1])


async def open_parties(pool: MediaPool, browsers: int, phones: int) -> list[Party]:
    """Parties in one worker; their streams are bridged by twos in the order given."""
    chosen = pool.worker()
    await chosen.ask_fingerprint()
    streams = await chosen.open(address="127.0.0.1", count=browsers + phones)
    identity = dtls.Identity()
    parties = []
    for number, stream in enumerate(streams):
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind(("127.0.0.1", 0))
        sock.connect(("127.0.0.1", stream.port))
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        said = remote("pcmu", sock.getsockname()[1])
        if number < browsers:
            said = browser(said, identity.fingerprint)
        stream.configure(said)
        parties.append(Party(sock, stream, identity if number < browsers else None))
    await asyncio.sleep(0.2)  # the worker knows of them by now
    return parties


def browser(said: Remote, fingerprint: str) -> Remote:
    """The same party as a browser."""
    return replace(said, rtcp_mux=True, rtcp_port=None, webrtc=WebRtc("ours", PASSWORD, "them", (fingerprint,)))


async def handshakes(count: int) -> tuple[float, float]:
    """CPU of the worker in ms per handshake, and how long each took in ms, one after another."""
    async with worker("auto") as (pool, pid):
        warm = await open_parties(pool, 1, 0)
        await warm[0].connect()  # OpenSSL is loaded by now
        parties = await open_parties(pool, count, 0)
        before, begun = cpu_ns(pid), time.perf_counter()
        for party in parties:
            await party.connect()
        return (cpu_ns(pid) - before) / count / 1e6, (time.perf_counter() - begun) / count * 1e3


async def relay(calls: int, seconds: float, *, both: bool) -> tuple[float, int, int]:
    """CPU of the worker in µs per packet passed on, packets sent, and packets not heard."""
    async with worker("auto") as (pool, pid):
        parties = await open_parties(pool, 2 * calls if both else calls, 0 if both else calls)
        pairs = list(zip(parties[:calls], parties[calls:], strict=True))
        for party in parties:
            if party.identity is not None:
                await party.connect()
        for one, two in pairs:
            one.stream.bridge(two.stream)
        payloads = speech("pcmu")
        turns = int(seconds * 50)

        def packet(party: Party, turn: int) -> bytes:
            clear = build(0, turn, turn * 160, party.stream.id, payloads[turn % 100])
            made = party.sender.protect(clear) if party.sender is not None else clear
            assert made is not None
            return made

        ready = [[packet(party, turn) for turn in range(turns + 10)] for party in parties]
        heard = 0
        for turn in range(turns + 10):
            if turn == 10:  # the latches have settled
                await asyncio.sleep(0.2)
                drain(parties)
                before, begun = cpu_ns(pid), time.perf_counter()
            for number, party in enumerate(parties):
                party.sock.send(ready[number][turn])
            heard += drain(parties) if turn >= 10 else 0
            if turn >= 10:
                await asyncio.sleep(max(0.0, begun + (turn - 9) * 0.02 - time.perf_counter()))
        await asyncio.sleep(0.3)
        heard += drain(parties)
        sent = turns * len(parties)
        return (cpu_ns(pid) - before) / sent / 1e3, sent, sent - heard


def drain(parties: list[Party]) -> int:
    """Take what has come; returns how many were audio."""
    count = 0
    for party in parties:
        while True:
            try:
                data = party.sock.recv(2048)
            except BlockingIOError:
                break
            count += 128 <= data[0] <= 191 and not 192 <= data[1] <= 223
    return count


def main() -> None:
    """Print two tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--handshakes", type=int, default=200)
    options = parser.parse_args()
    os.sched_setaffinity(0, {LOAD_CORE})
    runs = [asyncio.run(handshakes(options.handshakes)) for _ in range(options.rounds)]
    print("| handshakes | worker ms each | ms until done |\n|---|---|---|")
    print(f"| {options.handshakes} | {spread([one for one, _ in runs], 2)} | {spread([two for _, two in runs], 2)} |\n")
    print("| case | worker µs per packet | sent | not heard |\n|---|---|---|---|")
    for both in (False, True):
        made = [asyncio.run(relay(options.calls, options.seconds, both=both)) for _ in range(options.rounds)]
        name = f"{options.calls} calls, browser with {'browser' if both else 'desk phone'}"
        lost = sum(one[2] for one in made)
        print(f"| {name} | {spread([one[0] for one in made], 1)} | {made[0][1] * len(made)} | {lost} |")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
