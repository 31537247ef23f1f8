"""Which ports are taken, and by whom, as /proc knows it."""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from jackfield.network.addresses import local_addresses

__all__ = ["Kind", "Socket", "can_bind", "listening", "owner", "refusal"]

Kind = Literal["tcp", "udp"]
_TCP_LISTEN = "0A"


@dataclass(frozen=True, slots=True)
class Socket:
    """A socket that waits for packets or connections."""

    kind: Kind
    address: str
    port: int
    inode: int


def listening(kind: Kind, proc: Path = Path("/proc")) -> Iterator[Socket]:
    """Yield every bound UDP socket, or every listening TCP socket, of this network namespace."""
    for name in (kind, kind + "6"):
        with contextlib.suppress(OSError):
            for line in (proc / "self/net" / name).read_text().splitlines()[1:]:
                fields = line.split()
                if kind == "udp" or fields[3] == _TCP_LISTEN:
                    host, _, port = fields[1].partition(":")
                    yield Socket(kind, _address(host), int(port, 16), int(fields[9]))


def owner(inode: int, proc: Path = Path("/proc")) -> str:
    """Return the process that has the socket, "asterisk (pid 123)"; "" when it can't be found or seen."""
    wanted = f"socket:[{inode}]"
    for folder in proc.iterdir():
        if folder.name.isdecimal():
            with contextlib.suppress(OSError):
                for entry in (folder / "fd").iterdir():
                    with contextlib.suppress(OSError):
                        if os.readlink(entry) == wanted:
                            return f"{(folder / 'comm').read_text().strip()} (pid {folder.name})"
    return ""


def can_bind(kind: Kind, address: str, port: int) -> OSError | None:
    """Try to bind; return why it failed, None when it's free."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM) as probe:
        if kind == "tcp":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            return error
    return None


def refusal(kind: Kind, address: str, port: int, error: OSError, flag: str) -> tuple[str, str]:
    """Return why the kernel refused this port in words, and the mend. `flag` sets the port: "--sip-port"."""
    where = f"{kind.upper()} port {port} on {address}"
    if error.errno == errno.EADDRINUSE:
        user = next((owner(found.inode) for found in listening(kind) if found.port == port), "")
        return (
            f"{where} is taken by {user or 'another program'}",
            f"stop that program, or choose another port with {flag}",
        )
    if error.errno == errno.EADDRNOTAVAIL:
        host = "--host" if flag.startswith("--sip") else "--console-host"
        known = ", ".join(local_addresses()) or "none"
        return f"{address} is no address of this machine", f"{host} must be one of: {known}"
    if error.errno in (errno.EACCES, errno.EPERM):
        return (
            f"{where} needs more rights ({error.strerror})",
            f"choose one above 1023 with {flag}, or give the right to low ports as packaging/jackfield.service does",
        )
    return f"{where} can't be used: {error.strerror or error}", f"choose another port with {flag}"


def _address(text: str) -> str:
    """Read an address as /proc/net writes it: 32-bit words in the machine's byte order."""
    words = bytes.fromhex(text)
    raw = b"".join(words[at : at + 4][::-1] for at in range(0, len(words), 4))
    return str(ipaddress.ip_address(raw))
