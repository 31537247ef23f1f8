"""Is there a DHCP server already? Asked as a phone would ask, and the offers declined by silence (RFC 2131)."""

from __future__ import annotations

import asyncio
import ipaddress
import secrets
import socket
import struct
from pathlib import Path

__all__ = ["discover", "offered_by", "probe"]

SERVER_PORT, CLIENT_PORT = 67, 68
SECONDS, AGAIN_SECONDS = 4.0, 1.5
"""How long it is waited; a server that looks first whether an address is free takes up to three seconds."""
_MAGIC = bytes((99, 130, 83, 99))
_HEADER = struct.Struct("!BBBBIHH4s4s4s4s16s192x")
_BROADCAST_FLAG = 0x8000


def discover(number: int, mac: bytes) -> bytes:
    """Return a DHCPDISCOVER."""
    nothing = bytes(4)
    header = _HEADER.pack(
        1, 1, 6, 0, number, 0, _BROADCAST_FLAG, nothing, nothing, nothing, nothing, mac.ljust(16, b"\0")
    )
    options = bytes((53, 1, 1, 55, 4, 1, 3, 54, 66, 255))
    return header + _MAGIC + options


def offered_by(packet: bytes, number: int) -> str:
    """Return the server that offers something in answer to our question; "" for any other packet."""
    if len(packet) < _HEADER.size + 4 or packet[0] != 2 or packet[4:8] != struct.pack("!I", number):
        return ""
    options = _options(packet[_HEADER.size + 4 :])
    if options.get(53) != b"\x02":
        return ""
    server = options.get(54, packet[20:24])
    return str(ipaddress.IPv4Address(server)) if len(server) == 4 else ""


def _options(data: bytes) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    at = 0
    while at + 1 < len(data) and data[at] != 255:
        if data[at] == 0:
            at += 1
            continue
        found[data[at]] = data[at + 2 : at + 2 + data[at + 1]]
        at += 2 + data[at + 1]
    return found


def _hardware_address(interface: str) -> bytes:
    return bytes.fromhex(Path(f"/sys/class/net/{interface}/address").read_text().strip().replace(":", ""))


async def probe(interface: str, seconds: float = SECONDS) -> list[str]:
    """Return the addresses of the DHCP servers that answer on a network card's network. Raises `OSError`."""
    loop = asyncio.get_running_loop()
    mac = _hardware_address(interface)
    number = secrets.randbits(32)
    found: set[str] = set()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as own:
        own.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode() + b"\0")
        own.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # this machine may have its address by DHCP itself
        own.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        own.bind(("", CLIENT_PORT))
        until = loop.time() + seconds
        while (left := until - loop.time()) > 0 and not found:
            own.sendto(discover(number, mac), ("255.255.255.255", SERVER_PORT))
            try:
                async with asyncio.timeout(min(AGAIN_SECONDS, left)):
                    while True:
                        packet, _ = await loop.sock_recvfrom(own, 2048)
                        if server := offered_by(packet, number):
                            found.add(server)
            except TimeoutError:
                continue
    return sorted(found)
