"""TURN (RFC 8656) by coturn: its configuration, the credentials for it, and the process that runs it.

Credentials hold for some hours and need no database: the user's name begins with the time at which they end, and the
password is its HMAC-SHA1 with a secret that only coturn and Jackfield know (draft-uberti-behave-turn-rest-00).

Nobody can relay through it to anywhere but the audio ports' addresses of this system: coturn refuses all others.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import secrets
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from jackfield.network.outside import Outside
from jackfield.network.ports import Kind

__all__ = [
    "CONFIGURATION",
    "MISSING",
    "PROGRAM",
    "SECONDS",
    "TLS_PORT",
    "Credentials",
    "credentials",
    "lines",
    "listening",
    "overlap",
    "program",
    "secret",
    "taken",
]

PROGRAM = "turnserver"
CONFIGURATION = "turnserver.conf"
"""In `run/` while coturn is meant to run."""
MISSING = (
    "coturn is not installed: apt install coturn, then systemctl disable --now coturn, so that Debian's own service of "
    "it does not take the ports"
)
SECONDS = 12 * 3600
"""How long credentials hold: a working day, so that nobody is cut off in the middle of a call."""
TLS_PORT = 5349
USER_QUOTA, BYTES_PER_SECOND = 48, 200_000
"""Relays at once for one user, and bytes in a second for each: a call of G.711 is 20,000. For each call a browser takes
one by each way and each network that it has (four ways by Wi-Fi and by cable are eight), until the call ends. All
together have as many as there are ports."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a browser or phone is told. `urls`: as RTCIceServer has them; `until`: UTC seconds since 1970."""

    urls: tuple[str, ...]
    username: str
    password: str
    until: int


def credentials(key: bytes, user: str, urls: Sequence[str], now: float) -> Credentials:
    """Return credentials for somebody; `user` is what coturn's log and quota know him by."""
    until = int(now) + SECONDS
    name = f"{until}:{user}"
    password = base64.b64encode(hmac.new(key, name.encode(), hashlib.sha1).digest()).decode()
    return Credentials(tuple(urls), name, password, until)


def secret(path: Path, make: Callable[[], str] = lambda: secrets.token_hex(32)) -> bytes:
    """Return a secret that is kept in a file for its owner alone, made at the first call. Raises `OSError`."""
    try:
        known = path.read_bytes().strip()
    except FileNotFoundError:
        known = b""
    if known:
        return known
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(make().encode())
    try:
        os.link(draft, path)  # the first of two processes wins
    except FileExistsError:
        if not path.read_bytes().strip():
            draft.replace(path)
    draft.unlink(missing_ok=True)
    return path.read_bytes().strip()


def program() -> str:
    """Return where coturn is; "" when it is not installed."""
    return shutil.which(PROGRAM, path=f"{os.environ.get('PATH', '')}:/usr/bin:/usr/sbin:/usr/local/bin") or ""


def listening(addresses: Sequence[str], port: int, *, tls: bool) -> list[tuple[Kind, str, int]]:
    """Return what coturn listens at with `lines`: kind, address, port."""
    both: tuple[Kind, ...] = ("udp", "tcp")
    ports = [(kind, address, one) for address in addresses for one in (port, port + 1) for kind in both]
    return ports + [("tcp", address, TLS_PORT) for address in addresses if tls]


def taken(why: str, mend: str) -> str:
    """Return in words why a port of STUN or TURN can't be had, with what mostly has it where it is taken."""
    if "is taken by" not in why:
        return f"{why}: {mend}"
    return f"{why}: where that is Debian's own service of coturn, systemctl disable --now coturn; else {mend}"


def overlap(relay_ports: tuple[int, int], audio: tuple[int, int]) -> str:
    """Return why relays can't have these ports; "" when they can. Both ranges with their last port."""
    if relay_ports[0] > audio[1] or audio[0] > relay_ports[1]:
        return ""
    return (
        f"turn_ports {relay_ports[0]}-{relay_ports[1]} overlaps rtp_ports {audio[0]}-{audio[1]}, where audio goes: "
        "choose another range with --turn-ports"
    )


def lines(
    *,
    realm: str,
    key: bytes,
    addresses: Sequence[str],
    known: Sequence[Outside],
    port: int,
    relay_ports: tuple[int, int],
    certificate: tuple[Path, Path] | None,
    folder: Path,
) -> list[str]:
    """Return coturn's configuration file (turnserver.conf).

    addresses: ours, to listen and relay on, and the only ones that are relayed to; known: what they are outside.
    """
    found = [
        "use-auth-secret",
        f"static-auth-secret={key.decode()}",
        f"realm={realm}",
        f"listening-port={port}",
        f"alt-listening-port={port + 1}",
        f"tls-listening-port={TLS_PORT}",
        f"min-port={relay_ports[0]}",
        f"max-port={relay_ports[1]}",
        f"total-quota={relay_ports[1] - relay_ports[0] + 1}",
        f"user-quota={USER_QUOTA}",
        f"max-bps={BYTES_PER_SECOND}",
        "fingerprint",
        "stale-nonce=600",
        "no-cli",
        "no-tcp-relay",
        "no-multicast-peers",
        "no-dtls",
        "no-tlsv1",
        "no-tlsv1_1",
        "no-software-attribute",
        f"pidfile={folder / 'turnserver.pid'}",
        "log-file=stdout",
        "simple-log",
        f"userdb={folder / 'turnserver.db'}",
    ]
    found += [f"cert={certificate[0]}", f"pkey={certificate[1]}"] if certificate else ["no-tls"]
    for address in addresses:
        found += [f"listening-ip={address}", f"relay-ip={address}", f"allowed-peer-ip={address}"]
    for one in known:  # a browser is told the address outside, and asks for a relay to that one
        inside = one.inside or next((each for each in addresses if (":" in each) == (":" in one.address)), "")
        if inside and one.address != inside:
            found += [f"external-ip={one.address}/{inside}", f"allowed-peer-ip={one.address}"]
    found += ["denied-peer-ip=0.0.0.0-255.255.255.255", "denied-peer-ip=::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"]
    return list(dict.fromkeys(found))
