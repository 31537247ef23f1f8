"""What ICMP says about datagrams that we sent: who can't be reached (RFC 3261 section 18.4). Linux only.

Without it a trunk whose server was stopped is given up after 32 s of silence; with it, at once.
"""

from __future__ import annotations

import contextlib
import errno
import socket
import struct
from collections.abc import Iterator

__all__ = ["report_errors", "unreachable_peers"]

SocketAddress = tuple[str, int] | tuple[str, int, int, int]

# linux/in.h, linux/in6.h, linux/errqueue.h
_IP_RECVERR, _IPV6_RECVERR = 11, 25
_EXTENDED_ERROR = struct.Struct("=IBBBBII")
_ORIGIN_ICMP, _ORIGIN_ICMP6 = 2, 3
# Destination unreachable and parameter problem; that a hop count ran out is to be ignored, as RFC 3261 says.
_FAILURES = {(_ORIGIN_ICMP, 3), (_ORIGIN_ICMP, 12), (_ORIGIN_ICMP6, 1), (_ORIGIN_ICMP6, 4)}
_MAX_AT_ONCE = 64
_QUOTED = 64
_ANCILLARY = 256


def report_errors(sock: socket.socket) -> None:
    """Have the kernel keep the ICMP errors for us. Where it can't, nothing is reported."""
    with contextlib.suppress(OSError):
        if sock.family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVERR, 1)
        else:
            sock.setsockopt(socket.IPPROTO_IP, _IP_RECVERR, 1)


def unreachable_peers(sock: socket.socket) -> Iterator[tuple[SocketAddress, int]]:
    """Take the errors that the kernel kept: where the datagram was to go, and the error number."""
    for _ in range(_MAX_AT_ONCE):
        try:
            _, ancillary, _, address = sock.recvmsg(_QUOTED, _ANCILLARY, socket.MSG_ERRQUEUE)
        except OSError:
            return
        for _, kind, data in ancillary:
            if kind in {_IP_RECVERR, _IPV6_RECVERR} and len(data) >= _EXTENDED_ERROR.size:
                number, origin, icmp_type, *_ = _EXTENDED_ERROR.unpack_from(data)
                # A router that wants smaller packets gets them from the kernel with the next retransmission.
                if (origin, icmp_type) in _FAILURES and number != errno.EMSGSIZE and address:
                    yield address, number
