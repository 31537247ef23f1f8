"""All connections of the stream transports: who may open one, which exists already, and opening our own."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections import Counter
from collections.abc import Callable, Coroutine

from jackfield.sip.flow import DEFAULT_PORTS, SECURE, Address, Flow, FlowKey, Hop, TransportFailed
from jackfield.sip.headers import Via
from jackfield.sip.transport.inbox import Inbox
from jackfield.sip.transport.limits import TransportLimits
from jackfield.sip.transport.local_addresses import family_of, is_ip
from jackfield.sip.transport.sockets import keep_tcp_alive, set_traffic_class, why
from jackfield.sip.transport.sparse_log import SparseLog
from jackfield.sip.transport.stream import StreamFlow

__all__ = ["Connections"]

_CLOSING_TIME = 1.0
"""Seconds for the peers to take what was last written, when all is shut down."""
TLS_SHUTDOWN_TIME = 2.0


class Connections:
    """The table of connections, by every key that somebody asks for; nothing here is searched through."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        inbox: Inbox,
        limits: TransportLimits,
        log: SparseLog,
        *,
        report_later: Callable[[Flow, str], None],
        tls_client: Callable[[Hop], ssl.SSLContext],
        traffic_class: int,
    ) -> None:
        """Take the way to report a flow's end, called outside of any `send`, and what makes client contexts."""
        self.loop = loop
        self.clock = loop.time
        self.inbox = inbox
        self.limits = limits
        self.log = log
        self.report_later = report_later
        self._tls_client = tls_client
        self._traffic_class = traffic_class
        self._by_key: dict[FlowKey, StreamFlow] = {}
        self._by_remote: dict[tuple[str, Address], StreamFlow] = {}
        self._by_hop: dict[Hop, StreamFlow] = {}
        self._accepted: dict[StreamFlow, None] = {}
        self._per_address: Counter[str] = Counter()
        self._unproven: Counter[str] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()
        self._emptied: asyncio.Future[None] | None = None

    # -- connections that peers open

    def may_open(self, host: str) -> str | None:
        """Return why a connection from this address is not taken, or None if it is."""
        limits = self.limits
        if len(self._accepted) >= limits.max_connections:
            return f"there are {limits.max_connections} connections already"
        if self._per_address[host] >= limits.max_connections_per_address:
            return f"it has {limits.max_connections_per_address} connections already"
        if self._unproven[host] >= limits.max_unproven_per_address:
            return f"it has {limits.max_unproven_per_address} connections on which no SIP message came"
        if self.inbox.admit is not None and not self.inbox.admit(host):
            return "it sends too much"
        return None

    def accept(self, flow: StreamFlow) -> None:
        """Count a connection against the limits, from before its handshakes until `remove`."""
        self._accepted[flow] = None
        self._per_address[flow.remote[0]] += 1
        self._unproven[flow.remote[0]] += 1

    def proved(self, flow: StreamFlow) -> None:
        """Take note that the first valid message came."""
        if flow in self._accepted:
            _count_down(self._unproven, flow.remote[0])

    # -- the table

    def add(self, flow: StreamFlow) -> None:
        """Enter a connection that stands."""
        self._by_key[flow.key] = flow
        self._by_remote[flow.transport, flow.remote] = flow
        counters = self.inbox.stats[flow.transport]
        counters.connections += 1
        if flow.hop is None:
            counters.accepted += 1
        else:
            counters.opened += 1

    def remove(self, flow: StreamFlow) -> None:
        """Forget a connection, whatever state it had come to."""
        if flow in self._accepted:
            del self._accepted[flow]
            _count_down(self._per_address, flow.remote[0])
            if not flow.proven:
                _count_down(self._unproven, flow.remote[0])
        if self._by_key.get(flow.key) is flow:
            del self._by_key[flow.key]
            self.inbox.stats[flow.transport].connections -= 1
        if flow.hop is not None and self._by_hop.get(flow.hop) is flow:
            del self._by_hop[flow.hop]
        if self._by_remote.get((flow.transport, flow.remote)) is flow:
            del self._by_remote[flow.transport, flow.remote]
        if self._emptied is not None and not self._by_key and not self._emptied.done():
            self._emptied.set_result(None)

    def existing(self, key: FlowKey) -> StreamFlow | None:
        """Return the open connection with this key."""
        flow = self._by_key.get(key)
        return None if flow is None or flow.closed else flow

    # -- connections that we open

    def flow_to(self, hop: Hop, source: str = "") -> StreamFlow:
        """Return the connection to a hop, which may only be on its way; `connected()` waits for it.

        source: our address to connect from; empty leaves it to the kernel. Raises TransportFailed.
        """
        flow = self._by_hop.get(hop)
        if flow is not None and not flow.closed:
            return flow
        remote = (hop.host, hop.port)
        if hop.transport not in SECURE or not hop.verify:
            # A connection that the peer itself opened from this very port. Over TLS only a hop that need not prove
            # its name may be reached so.
            flow = self._by_remote.get((hop.transport, remote))
            if flow is not None and not flow.closed:
                return flow
        if hop.transport not in {"TCP", "TLS"}:
            raise TransportFailed(f"{hop}: no WebSocket of this peer is open, and only the peer can open one")
        if self._emptied is not None:
            raise TransportFailed(f"{hop}: the transports are closed")
        flow = StreamFlow(self, hop.transport, remote, hop)
        self._by_hop[hop] = flow
        self.run(self._connect(flow, hop, source))
        return flow

    def flow_for_response(self, via: Via, flow: StreamFlow) -> Flow:
        """Return a connection to where a peer listens whose own has gone (RFC 3261 section 18.2.2).

        To its address and the port of its Via: what else the Via may say must not send our answers elsewhere.
        """
        host = flow.remote[0]
        name = "" if is_ip(via.host) else via.host
        try:
            return self.flow_to(Hop(flow.transport, host, via.port or DEFAULT_PORTS[flow.transport], name))
        except TransportFailed:
            return flow

    async def _connect(self, flow: StreamFlow, hop: Hop, source: str) -> None:
        try:
            await self._open(flow, hop, source)
        except ssl.SSLCertVerificationError as error:
            self._not_connected(flow, hop, f"its certificate is not valid for {_name(hop)}: {why(error)}")
        except ssl.SSLError as error:
            self._not_connected(flow, hop, f"the TLS handshake failed: {why(error)}")
        except OSError as error:
            self._not_connected(flow, hop, why(error))
        except asyncio.CancelledError:
            flow.close()
            raise

    async def _open(self, flow: StreamFlow, hop: Hop, source: str) -> None:
        sock = socket.socket(family_of(hop.host), socket.SOCK_STREAM)
        try:
            sock.setblocking(False)
            set_traffic_class(sock, self._traffic_class)
            keep_tcp_alive(sock)
            if source:
                sock.bind((source, 0))
            async with asyncio.timeout(self.limits.connect_time):
                await self.loop.sock_connect(sock, (hop.host, hop.port))
            if hop.transport != "TLS":
                await self.loop.create_connection(lambda: flow, sock=sock)
                return
            await self.loop.create_connection(
                lambda: flow,
                sock=sock,
                ssl=self._tls_client(hop),
                server_hostname=_name(hop),
                ssl_handshake_timeout=self.limits.handshake_time,
                ssl_shutdown_timeout=TLS_SHUTDOWN_TIME,
            )
        except BaseException:
            sock.close()
            raise

    def _not_connected(self, flow: StreamFlow, hop: Hop, reason: str) -> None:
        self.inbox.stats[hop.transport].handshakes_failed += 1
        self.remove(flow)
        self.log(logging.WARNING, f"connect {hop.host}", "no connection to %s: %s", hop, reason)
        flow.fail(reason)

    # -- running and ending

    def run(self, work: Coroutine[None, None, None]) -> None:
        """Run a coroutine until it ends or all is closed."""
        task = self.loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """End all connections; what was written gets a moment to arrive."""
        self._emptied = self.loop.create_future()
        await asyncio.sleep(0)  # a task that is cancelled before its first step never gets to clean up
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        flows = list(self._by_key.values())
        for flow in flows:
            flow.close()
        if flows:
            await asyncio.wait([self._emptied], timeout=_CLOSING_TIME)
        for flow in list(self._by_key.values()):
            flow.abort()


def _name(hop: Hop) -> str:
    return hop.name or hop.host


def _count_down(counter: Counter[str], key: str) -> None:
    counter[key] -= 1
    if counter[key] <= 0:
        del counter[key]
