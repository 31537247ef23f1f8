"""SIP over UDP: one non-blocking socket, read in batches and written directly.

Measured on loopback (bench/sip_transport.py, µs CPU per datagram received and sent back, eight on the way): reading
the socket ourselves when the loop says it is readable 3.3, uvloop's datagram transport 4.0, asyncio's own 24, which
allocates 256 KiB for each.
"""

from __future__ import annotations

import asyncio
import errno
import select
import socket
import struct
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from jackfield.sip import stun
from jackfield.sip.flow import DEFAULT_PORTS, Address, Flow, FlowKey
from jackfield.sip.transport.icmp import SocketAddress, report_errors, unreachable_peers
from jackfield.sip.transport.local_addresses import is_wildcard
from jackfield.sip.transport.sockets import why

if TYPE_CHECKING:
    from jackfield.sip.message import Message
    from jackfield.sip.transport.inbox import Inbox
    from jackfield.sip.transport.limits import TransportLimits
    from jackfield.sip.transport.local_addresses import LocalAddresses

__all__ = ["UdpFlow", "UdpSocket"]

_PING = b"\r\n\r\n"
_PONG = b"\r\n"
_MAX_DATAGRAM = 65_535
_FIRST_TEXT_BYTE = 0x20
_SO_MEMINFO = 55  # asm-generic/socket.h; struct of u32, of which the ninth counts drops (SK_MEMINFO_DROPS)
_MEMINFO = struct.Struct("@9I")


class UdpFlow(Flow):
    """A peer's address on one of our sockets. Cheap to make, and never closed."""

    __slots__ = ("_address", "_socket")

    transport = "UDP"
    reliable = False
    secure = False
    closed = False
    peer_identity: str | None = None

    def __init__(self, udp: UdpSocket, address: SocketAddress) -> None:
        self._socket = udp
        self._address = address
        self.remote = address[:2]
        self.last_in = self.last_out = 0.0

    @property
    def local(self) -> Address:
        """Our side; on a wildcard socket the address from which the kernel reaches this peer."""
        return self._socket.local_towards(self.remote[0])

    @property
    def key(self) -> FlowKey:
        """Transport, the address our socket is bound to, the peer's address."""
        return ("UDP", self._socket.bound, self.remote)

    def send(self, data: bytes) -> None:
        """Send one datagram; what the kernel refuses is reported later, from the loop."""
        self.last_out = self._socket.clock()
        self._socket.send(data, self._address, self)

    def ping(self) -> None:
        """Send what holds a NAT's door open; it needs no answer."""
        self.last_out = self._socket.clock()
        self._socket.send(_PING, self._address)

    def for_response(self, message: Message) -> Flow:
        """Return this flow if the peer asked for `rport` or sends from where it listens (RFC 3581, 18.2.2)."""
        via = message.via
        port = via.port or DEFAULT_PORTS["UDP"]
        if port == self.remote[1] or "rport" in via.params:
            return self
        return self._socket.flow((self.remote[0], port))


class UdpSocket:
    """One listening socket and the flows on it."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        sock: socket.socket,
        inbox: Inbox,
        limits: TransportLimits,
        addresses: LocalAddresses,
        failed: Callable[[Flow, str], None],
    ) -> None:
        """Take a bound, non-blocking datagram socket; `failed` is called from the loop, never inside `send`."""
        self.bound: Address = sock.getsockname()[:2]
        self.family = sock.family
        self.clock = loop.time
        self._loop = loop
        self._sock = sock
        self._recvfrom = sock.recvfrom
        self._sendto = sock.sendto
        self._inbox = inbox
        self._counters = inbox.stats["UDP"]
        self._addresses = addresses
        self._failed = failed
        self._batch = range(limits.udp_batch)
        self._max_unsent = limits.udp_unsent
        self._unsent: deque[tuple[bytes, SocketAddress, UdpFlow | None]] = deque()
        # Two generations of flows: a look-up costs one dict access and moves nothing, and what has not been used
        # for a generation goes. A flow that somebody still holds keeps working after it was forgotten here.
        self._young: dict[SocketAddress, UdpFlow] = {}
        self._old: dict[SocketAddress, UdpFlow] = {}
        self._generation = max(limits.udp_flows // 2, 1)
        self._closed = False
        report_errors(sock)
        # The loop watches an epoll object that watches the socket: an ICMP error shows on the socket as EPOLLERR, upon
        # which libuv stops watching a file for good. An epoll object only ever becomes readable.
        self._epoll = select.epoll()
        self._epoll.register(sock.fileno(), select.EPOLLIN)
        loop.add_reader(self._epoll.fileno(), self._wake)

    def flow(self, address: SocketAddress) -> UdpFlow:
        """Return the flow to a peer, made if it isn't known."""
        if self.family == socket.AF_INET6 and len(address) == 2:
            address = (address[0], address[1], 0, 0)
        flow = self._young.get(address)
        if flow is None:
            flow = self._recall(address)
        return flow

    def local_towards(self, remote_host: str) -> Address:
        """Return our address as the peer sees it, and our port."""
        host, port = self.bound
        if is_wildcard(host):
            host = self._addresses.towards(remote_host) or host
        return host, port

    def send(self, data: bytes, address: SocketAddress, flow: UdpFlow | None = None) -> None:
        """Send now if the kernel takes it, else as soon as it does; `flow` hears of a failure."""
        if flow is not None and self._inbox.trace is not None:
            self._inbox.trace_out(data, flow)
        if self._unsent:
            self._send_later(data, address, flow)
            return
        try:
            self._sendto(data, address)
        except BlockingIOError:
            self._send_later(data, address, flow)
        except OSError:
            self._send_again(data, address, flow)
        else:
            self._counters.sent += 1

    def kernel_drops(self) -> int:
        """Return how many datagrams the kernel dropped because this socket's receive buffer was full."""
        try:
            return int(_MEMINFO.unpack(self._sock.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, _MEMINFO.size))[8])
        except (OSError, struct.error):
            return 0

    def let_share(self, on: bool) -> None:
        """Let a socket of a multicast group bind to our port, or no longer. It keeps the port; nothing of ours is lost.

        Only while this is on: any program of the machine could else take our port away with the same option.
        """
        if not self._closed:
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, int(on))

    def close(self) -> None:
        """Stop reading and close the socket. What still waits to be sent is dropped."""
        if self._closed:
            return
        self._closed = True
        self._unsent.clear()
        self._loop.remove_reader(self._epoll.fileno())
        self._epoll.close()
        self._sock.close()

    # -- receiving

    def _wake(self) -> None:
        if self._unsent:
            self._send_waiting()
        self._read()

    def _read(self) -> None:
        """Take what the kernel has, up to a batch; the loop calls again while more is there."""
        recvfrom = self._recvfrom
        inbox = self._inbox
        counters = self._counters
        now = self.clock()
        for _ in self._batch:
            try:
                data, address = recvfrom(_MAX_DATAGRAM)
            except BlockingIOError:
                return
            except OSError:
                if self._closed:
                    return  # what we just delivered had the transports closed
                self._take_errors()
                continue
            closed = inbox.closed
            if closed is not None and closed("UDP", address[0]):
                counters.closed += 1
                continue
            admit = inbox.admit
            if admit is not None and not admit(address[0]):
                counters.throttled += 1
                continue
            if not data or data[0] < _FIRST_TEXT_BYTE:
                data = self._without_keep_alive(data, address)
                known = self._young.get(address) or self._old.get(address)
                if known is not None:
                    known.last_in = now
                if not data:
                    continue
            counters.received += 1
            flow = self._young.get(address)
            if flow is None:
                flow = self._recall(address)
            flow.last_in = now
            inbox.deliver(data, flow, counters)

    def _recall(self, address: SocketAddress) -> UdpFlow:
        flow = self._old.pop(address, None) or UdpFlow(self, address)
        if len(self._young) >= self._generation:
            self._old, self._young = self._young, {}
        self._young[address] = flow
        return flow

    def _without_keep_alive(self, data: bytes, address: SocketAddress) -> bytes:
        """Answer STUN and pings; return the message behind leading line ends (RFC 3261 section 7.5), if any."""
        if data[:1] not in (b"\r", b"\n"):
            # Phones also keep their pinhole open with empty datagrams, zero bytes and the like.
            self._counters.keep_alives += 1
            if stun.is_stun(data):
                # RFC 5626 section 3.5.2: the phone learns whether its NAT gave it another address meanwhile.
                answer = stun.answer(data, (address[0], address[1]))
                if answer is not None:
                    self.send(answer, address)
                elif self._inbox.stun_heard is not None and (answered := stun.answered(data)):
                    self._inbox.stun_heard(answered)
            return b""
        message = data.lstrip(b"\r\n")
        if not message:
            self._counters.keep_alives += 1
            if data == _PING:
                self.send(_PONG, address)
        return message

    def _take_errors(self) -> None:
        """Report the peers that ICMP calls unreachable."""
        errors = list(unreachable_peers(self._sock))
        self._counters.unreachable += len(errors)
        for address, number in dict(errors).items():
            self._loop.call_soon(self._failed, self.flow(address), _failure(OSError(number, ""), address))

    # -- sending

    def _send_again(self, data: bytes, address: SocketAddress, flow: UdpFlow | None) -> None:
        """Send once more: the error may have been that of an earlier datagram to somebody else."""
        self._take_errors()
        try:
            self._sendto(data, address)
        except BlockingIOError:
            self._send_later(data, address, flow)
        except OSError as error:
            self._counters.lost += 1
            if flow is not None:
                self._loop.call_soon(self._failed, flow, _failure(error, address))
        else:
            self._counters.sent += 1

    def _send_later(self, data: bytes, address: SocketAddress, flow: UdpFlow | None) -> None:
        if len(self._unsent) >= self._max_unsent:
            # SIP repeats what is lost on UDP, later, when there may be room again.
            self._counters.lost += 1
            return
        if not self._unsent and not self._closed:
            self._epoll.modify(self._sock.fileno(), select.EPOLLIN | select.EPOLLOUT)
        self._unsent.append((data, address, flow))

    def _send_waiting(self) -> None:
        while self._unsent:
            data, address, flow = self._unsent[0]
            try:
                self._sendto(data, address)
            except BlockingIOError:
                return
            except OSError:
                self._unsent.popleft()
                self._send_again(data, address, flow)
            else:
                self._unsent.popleft()
                self._counters.sent += 1
        self._epoll.modify(self._sock.fileno(), select.EPOLLIN)


def _failure(error: OSError, address: SocketAddress) -> str:
    reason = why(error)
    if error.errno == errno.EPERM:
        reason += " (a firewall of this machine forbids it)"
    return f"sending to {address[0]} port {address[1]} failed: {reason}"
