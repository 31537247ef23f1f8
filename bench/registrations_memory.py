"""How much memory a held registration takes, and how much CPU a REGISTER costs in the registrar alone.

    python bench/registrations_memory.py [NUMBER]

Registers NUMBER phones (20,000), each with its own line, address and password, at a registrar with its file on disk:
once anew and once refreshed, both with a challenge, as a phone does. Prints the growth of the process's resident
memory per phone, and microseconds of CPU for the two round trips, message parsing and writing included, sockets and
transactions not.
"""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import tempfile
import time
from pathlib import Path

from jackfield.sip.digest import DigestClient, ha1
from jackfield.sip.flow import Flow
from jackfield.sip.message import Request, parse
from jackfield.sip.transport.transports import Transports
from jackfield.switch.authentication import Authenticator
from jackfield.switch.registrar import Registrar
from jackfield.switch.snapshot import Extension, General, Line, Snapshot

REALM = "jackfield"
AGENTS = ("Yealink SIP-T46S 66.84.0.15", "snomD785/10.1.54.13", "Grandstream GXP2170 1.0.9.135", "Fanvil X4 2.4.5")


def company(number: int) -> Snapshot:
    extensions = tuple(
        Extension(
            number=str(10_000 + n),
            lines=(Line(sip_username=f"k{n:x}qx7", ha1_md5=ha1(f"k{n:x}qx7", REALM, "pw"), ha1_sha256=""),),
        )
        for n in range(number)
    )
    return Snapshot(general=General(realm=REALM), extensions=extensions)


def register(n: int, cseq: int, credentials: str = "") -> bytes:
    user, port = f"k{n:x}qx7", 5060
    authorization = f"Authorization: {credentials}\r\n" if credentials else ""
    return (
        f"REGISTER sip:pbx.example.com SIP/2.0\r\n"
        f"Via: SIP/2.0/UDP 192.168.1.20:{port};branch=z9hG4bK{n:08x}{cseq};rport\r\n"
        f'From: "{user}" <sip:{user}@pbx.example.com>;tag={n:08x}\r\nTo: <sip:{user}@pbx.example.com>\r\n'
        f"Call-ID: 0_{n:010d}@192.168.1.20\r\nCSeq: {cseq} REGISTER\r\n"
        f"Contact: <sip:{user}@192.168.1.20:{port};line={n:x}>\r\nMax-Forwards: 70\r\n{authorization}"
        f"User-Agent: {AGENTS[n % len(AGENTS)]}\r\nExpires: 3600\r\n"
        f"Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, NOTIFY, REFER, MESSAGE\r\nContent-Length: 0\r\n\r\n"
    ).encode()


def resident() -> int:
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def main(number: int) -> None:
    snapshot = company(number)
    _ = snapshot.lines
    loop = asyncio.get_running_loop()
    transports = Transports(lambda message, flow: None, failed=lambda flow, reason: None)
    await transports.listen("UDP", "127.0.0.1", 0)
    (socket,) = transports._udp.values()
    authenticator = Authenticator(lambda: snapshot, secret=b"0" * 32, wall_clock=time.time)
    answers: list[bytes] = []
    with tempfile.TemporaryDirectory() as folder:
        registrar = Registrar(
            lambda: snapshot,
            authenticator,
            store=Path(folder) / "registrations.log",
            clock=loop.time,
            wall_clock=time.time,
            emit=lambda kind, data: None,
            secret=b"1" * 32,
        )
        await registrar.start(transports)
        before = resident()
        gc.freeze()
        gc.set_threshold(50_000, 20, 100)  # as the switch does

        def one(data: bytes, flow: Flow) -> list[str]:
            request = parse(data)
            assert isinstance(request, Request)
            challenges: list[str] = []

            def reply(response) -> None:  # type: ignore[no-untyped-def]
                answers[:] = [response.to_bytes()]
                challenges.extend(response.all("WWW-Authenticate"))

            registrar.handle(request, flow, reply)
            return challenges

        for name in ("anew", "refreshed"):
            spent = 0.0
            for n in range(number):
                flow = socket.flow((f"10.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}", 5060))
                first = register(n, 1 if name == "anew" else 3)
                began = time.thread_time()
                challenges = one(first, flow)
                spent += time.thread_time() - began
                user = f"k{n:x}qx7"
                credentials = DigestClient().answer(challenges, "REGISTER", "sip:pbx.example.com", user, "pw")
                second = register(n, 2 if name == "anew" else 4, credentials or "")
                began = time.thread_time()
                one(second, flow)
                spent += time.thread_time() - began
                assert answers[0].startswith(b"SIP/2.0 200"), answers[0]
                if n % 1000 == 0:
                    registrar.sweep()
            grown = resident() - before
            print(f"{name}: {grown / number:,.0f} bytes a phone, {spent / number * 1e6:.1f} µs CPU for two round trips")
        size = (Path(folder) / "registrations.log").stat().st_size
        print(f"{len(registrar)} phones held; file {size / number:,.0f} bytes a phone")
        began = time.thread_time()
        registrar.sweep()
        print(f"looking through all for expired ones: {(time.thread_time() - began) * 1e3:.2f} ms")
        await registrar.close()
    await transports.close()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 20_000))
