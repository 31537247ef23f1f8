"""The network interfaces with their addresses, and the kernel's word when they change."""

from __future__ import annotations

import contextlib
import socket

__all__ = ["Changes", "interfaces"]

_GROUPS = 0x10 | 0x100 | 0x40 | 0x400
"""RTMGRP_IPV4_IFADDR, RTMGRP_IPV6_IFADDR, RTMGRP_IPV4_ROUTE, RTMGRP_IPV6_ROUTE (linux/rtnetlink.h)."""


def interfaces() -> list[tuple[str, str]]:
    """Return (name, address) of every address of this machine, loopback and link-local ones left out."""
    import psutil

    found = []
    for name, addresses in psutil.net_if_addrs().items():
        for one in addresses:
            if one.family in (socket.AF_INET, socket.AF_INET6):
                address = one.address.partition("%")[0]
                if not address.startswith(("127.", "169.254.", "fe80:")) and address != "::1":
                    found.append((name, address))
    return found


class Changes:
    """A socket that becomes readable whenever an address or a route comes or goes. None where the kernel gives none."""

    def __init__(self) -> None:
        self.socket: socket.socket | None = None
        with contextlib.suppress(OSError, AttributeError):
            sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.NETLINK_ROUTE)
            sock.bind((0, _GROUPS))
            self.socket = sock

    def read(self) -> None:
        """Take what it says: that something changed is all that matters."""
        with contextlib.suppress(OSError):
            while self.socket is not None and self.socket.recv(65536):
                pass

    def close(self) -> None:
        """Close it."""
        if self.socket is not None:
            self.socket.close()
