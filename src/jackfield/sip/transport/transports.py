"""All transports of one process behind one interface: listen, find a flow, hear what comes."""

from __future__ import annotations

import asyncio
import functools
import logging
import socket
import ssl
from collections.abc import Callable
from dataclasses import replace

from jackfield.sip.flow import DEFAULT_PORTS, SECURE, Address, Flow, FlowKey, Hop, TransportFailed
from jackfield.sip.message import Message
from jackfield.sip.transport.bridged import Bridge
from jackfield.sip.transport.connections import Connections
from jackfield.sip.transport.inbox import Admit, Closed, Inbox, Receive, Trace
from jackfield.sip.transport.limits import TransportLimits
from jackfield.sip.transport.listener import Listener, MakeFlow
from jackfield.sip.transport.local_addresses import LocalAddresses, canonical, family_of, is_wildcard
from jackfield.sip.transport.sockets import listen_tcp, open_udp
from jackfield.sip.transport.sparse_log import SparseLog
from jackfield.sip.transport.stats import Stats
from jackfield.sip.transport.stream import StreamFlow
from jackfield.sip.transport.tls import client_context
from jackfield.sip.transport.udp import UdpFlow, UdpSocket
from jackfield.sip.transport.websocket import OriginAllowed, WebSocketFlow

__all__ = ["Transports"]

logger = logging.getLogger("jackfield.sip.transport")

CS3 = 0x60
"""Traffic class of what we send. RFC 4594 section 4.1 has CS5 for signalling, but phones and switches come with CS3
set, and a network's rules are written for those."""


class Transports:
    """UDP, TCP, TLS, WS and WSS, on IPv4 and IPv6. Made and used inside a running event loop.

    advertised: `advertised(remote_host, ours)` may name another address of ours towards that host, for a switch behind
        a NAT; None keeps `ours`.
    stats: the counters; `kernel_drops` in it is brought up to date by `refresh_stats`.
    """

    def __init__(
        self,
        receive: Receive,
        *,
        failed: Callable[[Flow, str], None],
        limits: TransportLimits | None = None,
        trace: Trace | None = None,
        admit: Admit | None = None,
        origin_allowed: OriginAllowed | None = None,
        tls_client: Callable[[Hop], ssl.SSLContext] | None = None,
        traffic_class: int = CS3,
    ) -> None:
        """Take what is called with each valid message and with each flow that fails.

        receive(message, flow): inside the read of a socket; it must not wait.
        failed(flow, reason): when a connection ends that we did not end, or a message could not be sent; never
            from inside `send`.
        trace(data, flow, "in" or "out"): every message as bytes; may be exchanged later by the property.
        admit(address): asked before a message is parsed; False drops it.
        origin_allowed(origin): which web pages may connect by WebSocket; None allows all.
        tls_client(hop): the context for a connection to a hop; as it comes the system's authorities are trusted,
            and a hop with `verify=False` may show any certificate.
        traffic_class: the TOS byte of what we send.
        """
        self._loop = asyncio.get_running_loop()
        self._failed = failed
        self._limits = limits or TransportLimits()
        self.stats = Stats()
        self.advertised: Callable[[str, str], str | None] | None = None
        log = SparseLog(logger, self._loop.time, self._limits.log_every)
        self._inbox = Inbox(receive, self.stats, log)
        self._inbox.trace = trace
        self._inbox.admit = admit
        self._origin_allowed = origin_allowed
        self._traffic_class = traffic_class
        self._addresses = LocalAddresses(self._loop.time)
        self._udp: dict[Address, UdpSocket] = {}
        self._listeners: list[Listener] = []
        self._bridges: list[Bridge] = []
        self._closed = False
        self._connections = Connections(
            self._loop,
            self._inbox,
            self._limits,
            log,
            report_later=self._report_later,
            tls_client=tls_client or _default_client_context,
            traffic_class=traffic_class,
        )

    @property
    def stun_heard(self) -> Callable[[bytes], None] | None:
        """Hears of STUN answers that come to a UDP port, by their transaction ids; None drops them."""
        return self._inbox.stun_heard

    @stun_heard.setter
    def stun_heard(self, heard: Callable[[bytes], None] | None) -> None:
        self._inbox.stun_heard = heard

    @property
    def trace(self) -> Trace | None:
        """What sees every message; None while nobody looks, which costs nothing."""
        return self._inbox.trace

    @trace.setter
    def trace(self, trace: Trace | None) -> None:
        self._inbox.trace = trace

    @property
    def admit(self) -> Admit | None:
        """What decides by the source address whether a message is parsed."""
        return self._inbox.admit

    @admit.setter
    def admit(self, admit: Admit | None) -> None:
        self._inbox.admit = admit

    @property
    def closed(self) -> Closed | None:
        """What tells, by transport and source address, from whom nothing is taken at all."""
        return self._inbox.closed

    @closed.setter
    def closed(self, closed: Closed | None) -> None:
        self._inbox.closed = closed

    # -- listening

    async def listen(self, transport: str, host: str, port: int, *, tls: ssl.SSLContext | None = None) -> int:
        """Listen on an address (an IP literal; "0.0.0.0" and "::" are all of their family) and return the port.

        port: 0 takes a free one. tls: the context of a TLS or WSS port (see `tls.server_context`).
        Raises OSError when the address can't be had, ValueError for a transport that does not fit `tls`.
        """
        if transport not in DEFAULT_PORTS:
            raise ValueError(f"there is no SIP transport {transport!r}")
        if (transport in SECURE) != (tls is not None):
            raise ValueError(f"{transport} {'needs' if tls is None else 'takes no'} certificate")
        host = host.strip("[]")
        if transport == "UDP":
            return self._listen_udp(host, port)
        sock = listen_tcp(host, port, traffic_class=self._traffic_class)
        make_flow: MakeFlow = StreamFlow
        if transport in {"WS", "WSS"}:
            make_flow = functools.partial(WebSocketFlow, origin_allowed=self._origin_allowed)
        listener = Listener(self._connections, transport, sock, make_flow, tls)
        self._listeners.append(listener)
        return listener.bound[1]

    def _listen_udp(self, host: str, port: int) -> int:
        sock = open_udp(host, port, receive_buffer=self._limits.udp_receive_buffer, traffic_class=self._traffic_class)
        udp = UdpSocket(self._loop, sock, self._inbox, self._limits, self._addresses, self._report)
        self._udp[udp.bound] = udp
        return udp.bound[1]

    def let_share(self, seconds: float) -> None:
        """For so long, let sockets of multicast groups bind to our UDP ports (see `UdpSocket.let_share`)."""
        for udp in self._udp.values():
            udp.let_share(True)
            self._loop.call_later(seconds, udp.let_share, False)

    async def listen_bridge(self, sock: socket.socket) -> None:
        """Take the WebSockets of browsers that our web server hands on by this Unix socket, which listens already."""
        bridge = Bridge(self._connections, sock)
        await bridge.start()
        self._bridges.append(bridge)

    def use_tls(self, tls: ssl.SSLContext) -> None:
        """Use a renewed certificate on every TLS and WSS port from the next connection on; none is dropped."""
        for listener in self._listeners:
            if listener.transport in SECURE:
                listener.tls = tls

    # -- finding flows

    async def flow_to(self, hop: Hop, *, local: Flow | None = None) -> Flow:
        """Return a flow to a hop: one that exists, or a new one. `local` is a flow whose socket is to be used, on UDP.

        Raises TransportFailed when no connection can be made or no socket of that address family is there.
        """
        host = canonical(hop.host)
        if host is None:
            raise TransportFailed(f"{hop.host!r} is no IP address")
        if host != hop.host:
            hop = replace(hop, host=host)
        if hop.transport != "UDP":
            flow = self._connections.flow_to(hop, self._source(hop))
            await flow.connected()
            return flow
        udp = self._udp_socket(hop.host, local)
        return udp.flow((hop.host, hop.port))

    def existing(self, key: FlowKey) -> Flow | None:
        """Return the flow that has this `Flow.key`, if it still exists; a UDP flow does as long as its socket."""
        if key[0] != "UDP":
            return self._connections.existing(key)
        udp = self._udp.get(key[1])
        return None if udp is None else udp.flow(key[2])

    def flow_for_response(self, response: Message, old_flow: Flow) -> Flow:
        """Return the flow by which a response leaves, `old_flow` being the one on which its request came.

        See `Flow.for_response`, which does the work.
        """
        return old_flow.for_response(response)

    def keep_alive(self, flow: Flow) -> None:
        """Ping an outgoing flow (RFC 5626 section 4.4).

        A connection gets CRLFCRLF (a WebSocket its own ping) and fails if nothing comes within `limits.pong_time`.
        On UDP the same is sent, to hold the NAT's door open, and no answer is expected.
        """
        if isinstance(flow, StreamFlow | UdpFlow):
            flow.ping()

    def local_address(self, transport: str, remote_host: str) -> Address:
        """Return the address and port at which a remote host reaches us: what goes into Via and Contact.

        remote_host: an IP literal. `advertised` has the last word on the address.
        """
        bound = self._bound(transport, remote_host)
        host, port = bound or ("", DEFAULT_PORTS.get(transport, DEFAULT_PORTS["UDP"]))
        if is_wildcard(host):
            host = self._addresses.towards(remote_host) or ("::1" if ":" in remote_host else "127.0.0.1")
        if self.advertised is not None:
            host = self.advertised(remote_host, host) or host
        return host, port

    def forget_addresses(self) -> None:
        """Ask the kernel anew which address of ours a host sees: they have changed."""
        self._addresses.forget()

    def supports(self, transport: str, remote_host: str) -> bool:
        """Tell whether a request can be sent by this transport to an address of this family."""
        if transport == "UDP":
            return any(udp.family == family_of(remote_host) for udp in self._udp.values())
        return transport in {"TCP", "TLS"} and self._addresses.towards(remote_host) is not None

    # -- ending

    def refresh_stats(self) -> Stats:
        """Ask the kernel what it dropped, and return the counters."""
        self.stats.kernel_drops = sum(udp.kernel_drops() for udp in self._udp.values())
        return self.stats

    async def close(self) -> None:
        """Stop listening and end all connections; what was written gets a moment to arrive. Reports no failures."""
        self._closed = True
        for listener in self._listeners:
            listener.close()
        self._listeners.clear()
        for bridge in self._bridges:
            bridge.close()
        self._bridges.clear()
        await self._connections.close()
        self.refresh_stats()
        for udp in self._udp.values():
            udp.close()
        self._udp.clear()

    # -- inside

    def _report(self, flow: Flow, reason: str) -> None:
        if self._closed:
            return
        try:
            self._failed(flow, reason)
        except Exception:
            self.stats.errors += 1
            logger.exception("the failure of %s could not be worked with", flow)

    def _report_later(self, flow: Flow, reason: str) -> None:
        self._loop.call_soon(self._report, flow, reason)

    def _udp_socket(self, remote_host: str, local: Flow | None) -> UdpSocket:
        family = family_of(remote_host)
        if isinstance(local, UdpFlow):
            udp = self._udp.get(local.key[1])
            if udp is not None and udp.family == family:
                return udp
        bound = self._bound("UDP", remote_host)
        if bound is None:
            version = "IPv6" if family == socket.AF_INET6 else "IPv4"
            raise TransportFailed(f"UDP {remote_host}: no UDP port of {version} is open here")
        return self._udp[bound]

    def _bound(self, transport: str, remote_host: str) -> Address | None:
        """Choose the listening socket for a peer: one bound to the address that it sees, or else the first."""
        family = family_of(remote_host)
        bounds = [udp.bound for udp in self._udp.values() if udp.family == family] if transport == "UDP" else None
        if bounds is None:
            bounds = [one.bound for one in self._listeners if one.transport == transport and one.family == family]
        if len(bounds) > 1:
            seen = self._addresses.towards(remote_host)
            for bound in bounds:
                if bound[0] == seen:
                    return bound
        return bounds[0] if bounds else None

    def _source(self, hop: Hop) -> str:
        """Return the address to connect from: that of our listening port, if it is bound to one."""
        bound = self._bound(hop.transport, hop.host)
        return "" if bound is None or is_wildcard(bound[0]) else bound[0]


def _default_client_context(hop: Hop) -> ssl.SSLContext:
    return _shared_client_context(hop.verify)


@functools.cache
def _shared_client_context(verify: bool) -> ssl.SSLContext:
    return client_context(verify=verify)
