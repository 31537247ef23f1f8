"""A listening TCP socket: who may come in is decided before any handshake, and the certificate can be exchanged."""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
import ssl
from collections.abc import Callable

from jackfield.sip.flow import Address
from jackfield.sip.transport.connections import TLS_SHUTDOWN_TIME, Connections
from jackfield.sip.transport.sockets import keep_tcp_alive, why
from jackfield.sip.transport.stream import StreamFlow

__all__ = ["Listener", "MakeFlow"]

MakeFlow = Callable[[Connections, str, Address], StreamFlow]

_BATCH = 64
_HANDSHAKES = 16
_BREATH = 0.02
"""Seconds between so many TLS handshakes: when thousands of phones come back at once, calls go on in between. One
costs a millisecond; more than 400 a second would take a core for themselves, and hold up everything else."""
_PAUSE = 1.0
"""Seconds without accepting after the process ran out of file descriptors: trying again at once would only spin."""
_OUT_OF_RESOURCES = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}


class Listener:
    """Accepts connections for one transport.

    tls: the context for the next handshake; a new one replaces it without touching connections that stand.
    """

    def __init__(
        self,
        connections: Connections,
        transport: str,
        sock: socket.socket,
        make_flow: MakeFlow,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """Take a listening, non-blocking socket."""
        self.transport = transport
        self.bound: Address = sock.getsockname()[:2]
        self.family = sock.family
        self.tls = tls
        self._connections = connections
        self._counters = connections.inbox.stats[transport]
        self._sock = sock
        self._make_flow = make_flow
        self._resuming: asyncio.TimerHandle | None = None
        connections.loop.add_reader(sock, self._accept)

    def close(self) -> None:
        """Accept no more."""
        if self._resuming is not None:
            self._resuming.cancel()
        self._connections.loop.remove_reader(self._sock)
        self._sock.close()

    def _accept(self) -> None:
        connections = self._connections
        for _ in range(_BATCH if self.tls is None else _HANDSHAKES):
            try:
                sock, address = self._sock.accept()
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in _OUT_OF_RESOURCES:
                    self._pause(error)
                    return
                continue  # the peer left while it waited
            remote: Address = address[:2]
            closed = connections.inbox.closed
            if closed is not None and closed(self.transport, remote[0]):
                self._counters.closed += 1
                sock.close()
                continue
            refusal = connections.may_open(remote[0])
            if refusal is not None:
                self._counters.turned_away += 1
                text = "%s connection of %s turned away: %s"
                connections.log(logging.WARNING, f"turned away {remote[0]}", text, self.transport, remote[0], refusal)
                sock.close()
                continue
            flow = self._make_flow(connections, self.transport, remote)
            connections.accept(flow)
            connections.run(self._serve(sock, flow))
        if self.tls is not None:
            self._rest(_BREATH)

    async def _serve(self, sock: socket.socket, flow: StreamFlow) -> None:
        """Bring one connection to where its flow takes over."""
        connections = self._connections
        try:
            sock.setblocking(False)
            keep_tcp_alive(sock)
            if self.tls is None:
                await connections.loop.connect_accepted_socket(lambda: flow, sock)
            else:
                await connections.loop.connect_accepted_socket(
                    lambda: flow,
                    sock,
                    ssl=self.tls,
                    ssl_handshake_timeout=connections.limits.handshake_time,
                    ssl_shutdown_timeout=TLS_SHUTDOWN_TIME,
                )
        except OSError as error:  # ssl.SSLError and TimeoutError are among them
            self._counters.handshakes_failed += 1
            connections.remove(flow)
            text = "no %s connection with %s: %s"
            connections.log(
                logging.INFO, f"handshake {flow.remote[0]}", text, self.transport, flow.remote[0], why(error)
            )
            sock.close()
        except asyncio.CancelledError:
            connections.remove(flow)
            sock.close()
            raise

    def _rest(self, seconds: float) -> None:
        """Accept nothing for a while; who comes meanwhile waits in the kernel."""
        loop = self._connections.loop
        loop.remove_reader(self._sock)
        self._resuming = loop.call_later(seconds, loop.add_reader, self._sock, self._accept)

    def _pause(self, error: OSError) -> None:
        self._rest(_PAUSE)
        text = "%s port %d takes no connections for a moment: %s - raise the limit on open files (LimitNOFILE)"
        self._connections.log(logging.ERROR, "out of files", text, self.transport, self.bound[1], why(error))
