"""A TFTP server that reads only, and gives what a coroutine makes of a file's name.

RFC 1350 with options (RFC 2347): block size (2348), timeout and size of the file (2349), window (7440). `Transfer` is
one file on its way to one phone: packets and time-outs go in, packets come out. `Server` is the shell with the sockets.
TFTP has no passwords: who may ask at all is up to `allowed`, what anybody gets up to `source`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import struct
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

__all__ = ["Event", "Request", "Server", "TftpError", "Transfer", "read_request"]

log = logging.getLogger(__name__)

RRQ, WRQ, DATA, ACK, ERROR, OACK = range(1, 7)
NOT_DEFINED, NOT_FOUND, NO_ACCESS, DISK_FULL, ILLEGAL, UNKNOWN_TID = range(6)

BLOCK = 512
MOST_BLOCK = 1428
"""Bytes of a block that are granted at most: with all headers it fits an Ethernet frame, on IPv6 too."""
MOST_WINDOW = 16
"""Blocks on their way at once, at most. A client may ask for 65,535 of them (RFC 7440), and not mean itself."""
TIMEOUT, MOST_TIMEOUT = 1.0, 10
"""Seconds until a packet is sent again; and the longest that a client may ask for."""
TRIES = 5
LONGEST_REQUEST = 1024
LARGEST_FILE = 32 << 20
MOST_TRANSFERS, MOST_PER_SOURCE = 200, 8
MOST_EVENTS = 100
ANSWER_SECONDS = 10.0
"""How long the coroutine may think; phones ask again after some seconds, for about a minute."""


class TftpError(Exception):
    """What the client is told: a code (RFC 1350, appendix I) and a sentence."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


@dataclass(slots=True)
class Event:
    """Something that a client was refused, or did not get as it wished, for the page. `count`: of the same in a row."""

    at: float  # seconds since 1970
    kind: str  # outside, crowded, wrong, window, stopped
    address: str
    detail: str
    count: int = 1


@dataclass(frozen=True, slots=True)
class Request:
    """A wish to read a file."""

    name: str
    netascii: bool = False
    options: dict[str, str] = field(default_factory=dict)
    """As the client wrote them; names in small letters."""


def read_request(packet: bytes) -> Request:
    """Read the packet that begins a transfer. Raises `TftpError` with what is to be said to the client."""
    if len(packet) < 4 or len(packet) > LONGEST_REQUEST:
        raise TftpError(ILLEGAL, "this is no request that could be answered")
    code = int.from_bytes(packet[:2], "big")
    if code == WRQ:
        raise TftpError(NO_ACCESS, "files are given here, not taken")
    parts = packet[2:].split(b"\0")
    if code != RRQ or len(parts) < 3 or parts[-1]:
        raise TftpError(ILLEGAL, "this is no request to read a file")
    try:
        name, mode, *rest = (part.decode("utf-8") for part in parts[:-1])
    except UnicodeDecodeError:
        raise TftpError(NOT_FOUND, "no file has such a name") from None
    if mode.lower() not in ("octet", "netascii"):
        raise TftpError(ILLEGAL, "only the modes octet and netascii are known")
    if not name or not name.isprintable():
        raise TftpError(NOT_FOUND, "no file has such a name")
    options = dict(zip((one.lower() for one in rest[::2]), rest[1::2], strict=False))
    return Request(name, mode.lower() == "netascii", options)


def netascii(content: bytes) -> bytes:
    """Return a text with the line ends of a terminal of 1980 (RFC 764): CR LF, and CR NUL for a bare CR."""
    return content.replace(b"\r\n", b"\n").replace(b"\r", b"\r\0").replace(b"\n", b"\r\n")


def error(code: int, text: str) -> bytes:
    """Return an ERROR packet."""
    return struct.pack("!HH", ERROR, code) + text.encode()[:400] + b"\0"


class Transfer:
    """A file on its way. What the methods return is sent; after each of them `timeout` counts anew."""

    def __init__(self, content: bytes, request: Request) -> None:
        self.content = netascii(content) if request.netascii else content
        self.block, self.window, self.timeout = BLOCK, 1, TIMEOUT
        self.wished = 1  # the window that the client asked for
        self.ended = False
        self.complete = False
        self._granted = self._grant(request.options)
        self._acknowledged = 0  # blocks, counted from 1 without end; on the wire modulo 65536
        self._sent = 0
        self._tries = 0
        self._last = len(self.content) // self.block + 1  # the short block that ends it, empty if need be

    def _grant(self, options: dict[str, str]) -> dict[str, str]:
        """Return those options that we follow, with our values (RFC 2347: never more than was asked for)."""
        granted = {}
        numbers = {name: int(value) for name, value in options.items() if value.isdecimal() and len(value) < 10}
        if numbers.get("blksize", 0) >= 8:
            self.block = min(numbers["blksize"], MOST_BLOCK)
            granted["blksize"] = str(self.block)
        if numbers.get("windowsize", 0) >= 1:
            self.wished = numbers["windowsize"]
            self.window = min(self.wished, MOST_WINDOW)
            granted["windowsize"] = str(self.window)
        if 1 <= numbers.get("timeout", 0) <= MOST_TIMEOUT:  # another value than the client's is not allowed: left out
            self.timeout = float(numbers["timeout"])
            granted["timeout"] = str(numbers["timeout"])
        if "tsize" in numbers:
            granted["tsize"] = str(len(self.content))
        return granted

    def start(self) -> list[bytes]:
        """Begin: with the options that are granted, or with the first block when none is."""
        if self._granted:
            words = [word for pair in self._granted.items() for word in pair]
            return [struct.pack("!H", OACK) + b"".join(word.encode() + b"\0" for word in words)]
        return self._fill()

    def received(self, packet: bytes) -> list[bytes]:
        """Take what the client sent."""
        if self.ended or len(packet) < 4:
            return []
        code, number = struct.unpack_from("!HH", packet)
        if code == ERROR:
            self.ended = True  # a client that wanted to know the size alone says so, too (RFC 2349)
            return []
        if code != ACK:
            self.ended = True
            return [error(ILLEGAL, "an acknowledgement was expected")]
        acknowledged = self._acknowledged + (number - self._acknowledged) % 65536
        if acknowledged > self._sent:
            return []  # old, or never sent: answering it would double every packet from here on (RFC 1123, 4.2.3.1)
        if acknowledged == self._acknowledged and self._sent:
            return []  # known already: the time-out sends what is missing
        self._acknowledged = self._sent = acknowledged  # what comes after it in the window is lost (RFC 7440, 4)
        self._tries = 0
        if acknowledged == self._last:
            self.ended = self.complete = True
            return []
        return self._fill()

    def timed_out(self) -> list[bytes]:
        """Send again what has no acknowledgement, or give up."""
        self._tries += 1
        if self._tries > TRIES:
            self.ended = True
            return []
        if self._granted and not self._sent:
            return self.start()
        self._sent = self._acknowledged
        return self._fill()

    def _fill(self) -> list[bytes]:
        """Return the blocks of the window."""
        until = min(self._acknowledged + self.window, self._last)
        found = []
        while self._sent < until:
            at = self._sent * self.block
            self._sent += 1
            found.append(struct.pack("!HH", DATA, self._sent % 65536) + self.content[at : at + self.block])
        return found


Source = Callable[[str, str], Awaitable[bytes]]
"""From a file's name and the address that asks to its content. Raises `TftpError`."""


class Server:
    """Listens on some addresses; every transfer has a socket whose port is its identifier (RFC 1350, section 4)."""

    def __init__(
        self, source: Source, *, allowed: Callable[[str], bool], clock: Callable[[], float] = time.time
    ) -> None:
        self.ports: list[int] = []
        self.refused = 0
        """Requests that were not looked at: from elsewhere, or too many at once."""
        self.events: deque[Event] = deque(maxlen=MOST_EVENTS)
        self._clock = clock
        self._source = source
        self._allowed = allowed
        self._listeners: list[socket.socket] = []
        self._running: dict[tuple[str, int], asyncio.Task[None]] = {}

    def start(self, hosts: Sequence[str], port: int) -> None:
        """Listen. Raises `OSError`, with nothing left open."""
        loop = asyncio.get_running_loop()
        try:
            for host in hosts:
                listener = _listen(host, port)
                self._listeners.append(listener)
                self.ports.append(listener.getsockname()[1])
        except OSError as problem:
            self._close_listeners()
            raise problem
        for listener in self._listeners:
            loop.add_reader(listener, self._readable, listener)

    async def stop(self) -> None:
        """Stop listening and end what is under way."""
        for listener in self._listeners:
            asyncio.get_running_loop().remove_reader(listener)
        self._close_listeners()
        for task in list(self._running.values()):
            task.cancel()
        await asyncio.gather(*self._running.values(), return_exceptions=True)

    def _close_listeners(self) -> None:
        for listener in self._listeners:
            listener.close()
        self._listeners.clear()
        self.ports.clear()

    def _readable(self, listener: socket.socket) -> None:
        for _ in range(20):  # then the others have their turn
            try:
                packet, ancillary, _flags, peer = listener.recvmsg(LONGEST_REQUEST + 1, 128)
            except (BlockingIOError, InterruptedError):
                return
            except OSError as problem:  # an ICMP message about an earlier packet
                log.debug("TFTP: %s", problem)
                return
            self._asked(listener, packet, peer, _reached_at(ancillary))

    def _asked(self, listener: socket.socket, packet: bytes, peer: tuple[str, int], here: str) -> None:
        address = _plain(peer[0])
        if not self._allowed(address):
            self.refused += 1
            self._happened("outside", address, "")
            return
        if peer[:2] in self._running:
            return  # it asked again: the first answer is still to come
        if (
            len(self._running) >= MOST_TRANSFERS
            or Counter(host for host, _ in self._running)[peer[0]] >= MOST_PER_SOURCE
        ):
            self.refused += 1
            self._happened("crowded", address, "")
            return  # it asks again by itself
        try:
            request = read_request(packet)
        except TftpError as problem:
            with contextlib.suppress(OSError):
                listener.sendto(error(problem.code, str(problem)), peer)
            self._happened("wrong", address, str(problem))
            return
        task = asyncio.get_running_loop().create_task(self._serve(request, peer, here or listener.getsockname()[0]))
        self._running[peer[:2]] = task
        task.add_done_callback(lambda _: self._running.pop(peer[:2], None))

    def _happened(self, kind: str, address: str, detail: str) -> None:
        now, last = self._clock(), self.events[-1] if self.events else None
        if last is not None and (last.kind, last.address, last.detail) == (kind, address, detail):
            last.at, last.count = now, last.count + 1
        else:
            self.events.append(Event(now, kind, address, detail))

    async def _serve(self, request: Request, peer: tuple[str, int], here: str) -> None:
        family = socket.AF_INET6 if ":" in peer[0] else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as own:
            try:
                own.bind((here, 0))
                await self._send_file(own, request, peer)
            except OSError as problem:
                log.info("TFTP: %s did not get %s: %s", peer[0], request.name, problem.strerror or problem)

    async def _send_file(self, own: socket.socket, request: Request, peer: tuple[str, int]) -> None:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                content = await self._source(request.name, _plain(peer[0]))
            if len(content) > LARGEST_FILE:
                raise TftpError(NOT_DEFINED, "this file is too large for TFTP")
        except (TftpError, TimeoutError) as problem:
            code = problem.code if isinstance(problem, TftpError) else NOT_DEFINED
            own.sendto(error(code, str(problem) or "there is no answer just now: ask again"), peer)
            return
        except Exception:
            log.exception("TFTP: a fault in finding %s for %s", request.name, peer[0])
            own.sendto(error(NOT_DEFINED, "a fault here stopped this: the log has the details"), peer)
            return
        transfer = Transfer(content, request)
        if transfer.wished > transfer.window:
            detail = f"{request.name[:80]}: {transfer.wished} blocks at once, given {transfer.window}"
            self._happened("window", _plain(peer[0]), detail)
        going = transfer.start()
        while True:
            for packet in going:
                own.sendto(packet, peer)
            if transfer.ended:
                break
            try:
                going = await self._next(loop, own, transfer, peer)
            except TimeoutError:
                going = transfer.timed_out()
        if not transfer.complete:
            log.info("TFTP: %s stopped in the middle of %s", peer[0], request.name)
            self._happened("stopped", _plain(peer[0]), request.name[:80])

    async def _next(
        self, loop: asyncio.AbstractEventLoop, own: socket.socket, transfer: Transfer, peer: tuple[str, int]
    ) -> list[bytes]:
        """Return what is to be sent next. Raises `TimeoutError` when the client is silent."""
        async with asyncio.timeout(transfer.timeout):
            while not transfer.ended:
                packet, sender = await loop.sock_recvfrom(own, 2048)
                if sender[:2] != peer[:2]:
                    own.sendto(error(UNKNOWN_TID, "this transfer is somebody else's"), sender)
                elif going := transfer.received(packet):
                    return going
        return []


def _listen(host: str, port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
    try:
        listener.setblocking(False)
        if ":" in host:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
        else:
            listener.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
        listener.bind((host, port))
    except OSError as problem:
        listener.close()
        raise problem
    return listener


IP_PKTINFO = 8  # linux/in.h; Python names it from 3.14 on


def _reached_at(ancillary: list[tuple[int, int, bytes]]) -> str:
    """Return the address of ours to which a packet was sent: the answer must come from there. "" when not said."""
    for level, kind, data in ancillary:
        if (level, kind) == (socket.IPPROTO_IP, IP_PKTINFO) and len(data) >= 12:
            return socket.inet_ntop(socket.AF_INET, data[4:8])  # in_pktinfo: interface, local address, destination
        if (level, kind) == (socket.IPPROTO_IPV6, socket.IPV6_PKTINFO) and len(data) >= 16:
            return socket.inet_ntop(socket.AF_INET6, data[:16])
    return ""


def _plain(host: str) -> str:
    return host.partition("%")[0]
