"""Making sockets: one place for the options that SIP wants. All are non-blocking; all functions raise OSError."""

from __future__ import annotations

import os
import socket
import ssl

from jackfield.sip.transport.local_addresses import family_of

__all__ = ["keep_tcp_alive", "listen_tcp", "open_udp", "set_traffic_class", "why"]

_SO_RCVBUFFORCE = 33
_IP_MULTICAST_ALL = 49  # linux/in.h
_BACKLOG = 1_024
# A phone whose power was cut is noticed after about two minutes, though nobody sends it anything.
_KEEP_ALIVE_IDLE, _KEEP_ALIVE_INTERVAL, _KEEP_ALIVE_COUNT = 60, 20, 3
_USER_TIMEOUT_MS = 60_000


def open_udp(host: str, port: int, *, receive_buffer: int, traffic_class: int) -> socket.socket:
    """Return a bound datagram socket; an IPv6 one leaves IPv4 to its own."""
    sock = socket.socket(family_of(host), socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        _set_receive_buffer(sock, receive_buffer)
        if sock.family == socket.AF_INET:
            sock.setsockopt(socket.IPPROTO_IP, _IP_MULTICAST_ALL, 0)  # what others here have joined is not for us
        _bind(sock, host, port, traffic_class)
    except OSError:
        sock.close()
        raise
    return sock


def listen_tcp(host: str, port: int, *, traffic_class: int) -> socket.socket:
    """Return a listening socket; an IPv6 one leaves IPv4 to its own."""
    sock = socket.socket(family_of(host), socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        _bind(sock, host, port, traffic_class)
        sock.listen(_BACKLOG)
    except OSError:
        sock.close()
        raise
    return sock


def keep_tcp_alive(sock: socket.socket) -> None:
    """Have the kernel find out when the peer of a quiet connection has gone."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if hasattr(socket, "TCP_KEEPIDLE"):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, _KEEP_ALIVE_IDLE)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, _KEEP_ALIVE_INTERVAL)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, _KEEP_ALIVE_COUNT)
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _USER_TIMEOUT_MS)


def set_traffic_class(sock: socket.socket, traffic_class: int) -> None:
    """Mark what leaves, for networks that put telephone signalling before other traffic (RFC 4594 section 4.2)."""
    if sock.family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, traffic_class)
    else:
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, traffic_class)


def why(error: OSError) -> str:
    """Return in a few words why a socket operation or a TLS handshake failed."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message
    if isinstance(error, ssl.SSLError):
        return (error.reason or str(error)).replace("_", " ").lower()
    if error.errno:
        return os.strerror(error.errno)
    return "no answer in time" if isinstance(error, TimeoutError) else str(error) or type(error).__name__


def _bind(sock: socket.socket, host: str, port: int, traffic_class: int) -> None:
    set_traffic_class(sock, traffic_class)
    if sock.family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    sock.bind((host, port))


def _set_receive_buffer(sock: socket.socket, size: int) -> None:
    """Go over the system's maximum, which CAP_NET_ADMIN allows; without it, up to the maximum."""
    try:
        sock.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, size)
    except OSError:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, size)
