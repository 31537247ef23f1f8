"""CPU time of the SIP transports per message received and answered, on loopback.

    python bench/sip_transport.py [--messages 40000] [--window 8] [--rounds 3]

For each case a server process answers a client process that keeps a window of messages on the way; the figure is the
server's CPU time divided by the messages, the median of the rounds and their range. "echo" sends the bytes back
unread: what the socket and the loop cost by themselves. "answer" goes through `Transports`: read in batches, parsed,
stamped with its source, handed up, and answered with 200 by the flow. Pin the script to two cores with taskset.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import socket
import statistics
import time
from collections.abc import Awaitable, Callable
from multiprocessing.connection import Connection
from typing import Any

import uvloop

from jackfield.sip.flow import Flow
from jackfield.sip.message import Request, Response
from jackfield.sip.transport import Transports

MESSAGE = (
    "REGISTER sip:pbx.example.com SIP/2.0\r\n"
    "Via: SIP/2.0/{transport} 192.168.1.20:5060;branch=z9hG4bK1797451398;rport\r\n"
    'From: "Reception" <sip:k3v9q2@pbx.example.com>;tag=1463171354\r\n'
    "To: <sip:k3v9q2@pbx.example.com>\r\n"
    "Call-ID: 0_3262614813@192.168.1.20\r\n"
    "CSeq: 2 REGISTER\r\n"
    "Contact: <sip:k3v9q2@192.168.1.20:5060>\r\n"
    'Authorization: Digest username="k3v9q2", realm="pbx.example.com", nonce="5f2b6c0d9e8a71443c", '
    'uri="sip:pbx.example.com", response="b64b8a1f6c3d2e7f90a1b2c3d4e5f607", algorithm=MD5, qop=auth, nc=00000001, '
    'cnonce="0a4f113b"\r\n'
    "Allow: INVITE, INFO, PRACK, ACK, BYE, CANCEL, OPTIONS, NOTIFY, REGISTER, SUBSCRIBE, REFER, PUBLISH, UPDATE\r\n"
    "Max-Forwards: 70\r\n"
    "User-Agent: Desk Phone 1.0\r\n"
    "Expires: 300\r\n"
    "Allow-Events: talk,hold,conference,refer,check-sync\r\n"
    "Content-Length: 0\r\n\r\n"
)
Serve = Callable[[asyncio.AbstractEventLoop], Awaitable[int]]


async def echo_reader(loop: asyncio.AbstractEventLoop) -> int:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))
    sock.setblocking(False)

    def read() -> None:
        try:
            for _ in range(32):
                data, address = sock.recvfrom(65_535)
                sock.sendto(data, address)
        except BlockingIOError:
            pass

    loop.add_reader(sock, read)
    port: int = sock.getsockname()[1]
    return port


async def echo_protocol(loop: asyncio.AbstractEventLoop) -> int:
    class Echo(asyncio.DatagramProtocol):
        def connection_made(self, transport: Any) -> None:
            self.transport = transport

        def datagram_received(self, data: bytes, address: Any) -> None:
            self.transport.sendto(data, address)

    transport, _ = await loop.create_datagram_endpoint(Echo, local_addr=("127.0.0.1", 0))
    port: int = transport.get_extra_info("sockname")[1]
    return port


def answering(transport: str) -> Serve:
    async def serve(loop: asyncio.AbstractEventLoop) -> int:
        def receive(message: Request | Response, flow: Flow) -> None:
            assert isinstance(message, Request)
            flow.for_response(message).send(message.reply(200).to_bytes())

        transports = Transports(receive, failed=lambda flow, reason: None)
        return await transports.listen(transport, "127.0.0.1", 0)

    return serve


def run_server(serve: Serve, use_uvloop: bool, pipe: Connection) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        port = await serve(loop)
        commands: asyncio.Queue[None] = asyncio.Queue()
        loop.add_reader(pipe.fileno(), lambda: commands.put_nowait(pipe.recv()))
        pipe.send(port)
        await commands.get()
        started = time.process_time()  # warm by now
        pipe.send(None)
        await commands.get()
        pipe.send(time.process_time() - started)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop if use_uvloop else None) as runner:
        runner.run(main())


def exchange(sock: socket.socket, message: bytes, count: int, window: int) -> None:
    """Send and read `count` messages, `window` at a time."""
    stream = sock.type == socket.SOCK_STREAM
    for _ in range(count // window):
        for _ in range(window):
            sock.send(message)
        answers = 0
        while answers < window:
            data = sock.recv(65_535)
            answers += data.count(b"\r\n\r\n") if stream else 1


def measure(serve: Serve, use_uvloop: bool, transport: str, count: int, window: int) -> float:
    """Return microseconds of CPU per message."""
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.Process(target=run_server, args=(serve, use_uvloop, theirs))
    server.start()
    try:
        port = ours.recv()
        kind = socket.SOCK_DGRAM if transport == "UDP" else socket.SOCK_STREAM
        with socket.socket(socket.AF_INET, kind) as sock:
            sock.connect(("127.0.0.1", port))
            sock.settimeout(5)
            message = MESSAGE.format(transport=transport).encode()
            exchange(sock, message, window * 100, window)
            ours.send(None)
            ours.recv()
            exchange(sock, message, count, window)
            ours.send(None)
            cpu: float = ours.recv()
    finally:
        server.terminate()
        server.join()
    return cpu / count * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--messages", type=int, default=40_000)
    parser.add_argument("--window", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    cases: list[tuple[str, Serve, bool, str]] = [
        ("echo, add_reader + recvfrom, uvloop", echo_reader, True, "UDP"),
        ("echo, datagram transport,    uvloop", echo_protocol, True, "UDP"),
        ("echo, add_reader + recvfrom, asyncio", echo_reader, False, "UDP"),
        ("echo, datagram transport,    asyncio", echo_protocol, False, "UDP"),
        ("answer, UDP, uvloop", answering("UDP"), True, "UDP"),
        ("answer, UDP, asyncio", answering("UDP"), False, "UDP"),
        ("answer, TCP, uvloop", answering("TCP"), True, "TCP"),
        ("answer, TCP, asyncio", answering("TCP"), False, "TCP"),
    ]
    results: dict[str, list[float]] = {name: [] for name, *_ in cases}
    for _ in range(options.rounds):
        for name, serve, use_uvloop, transport in cases:
            results[name].append(measure(serve, use_uvloop, transport, options.messages, options.window))
    print(f"µs CPU per message of {len(MESSAGE)} bytes received and answered; {options.window} on the way at once")
    for name, values in results.items():
        print(f"{name:40} {statistics.median(values):6.1f}   ({min(values):.1f} - {max(values):.1f})")


if __name__ == "__main__":
    main()
