"""The WireGuard tunnel of this machine, set up by `ip` and `wg` (Debian's wireguard-tools), or by wireguard-go.

The kernel's WireGuard is used where it is there, else wireguard-go as a child of ours. It needs CAP_NET_ADMIN; without
it `why_not` says so. Keys go by standard input: no other user reads them from a command line or a file.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jackfield.network.programs import Run, may_administer, run, where
from jackfield.network.wireguard import Interface, apart_from

__all__ = ["PeerStatus", "Tunnel", "TunnelError", "name_for", "why_not"]

MTU = 1420
PROTOCOL = "187"
"""Marks our routes, so that no others are ever removed (`ip route`, proto)."""
PATIENCE = 5.0


class TunnelError(Exception):
    """The tunnel could not be set up; the text says why, and the mend."""


@dataclass(frozen=True, slots=True)
class PeerStatus:
    """What is known of a peer. `handshake`: UTC seconds since 1970, 0 for never; bytes from and to it."""

    endpoint: str
    handshake: int
    received: int
    sent: int


def name_for(folder: Path) -> str:
    """Return the interface's name for an installation: two on one machine never take each other's."""
    return f"jfvpn{hashlib.sha256(str(folder).encode()).hexdigest()[:6]}"


def why_not(capabilities: Path = Path("/proc/self/status")) -> str:
    """Return why there can be no tunnel here, with the mend; "" when nothing is missing."""
    for program, package in (("ip", "iproute2"), ("wg", "wireguard-tools")):
        if not where(program):
            return f"the program {program} is not installed: apt install {package}"
    if not may_administer(capabilities):
        return (
            "Jackfield may not set up network interfaces (CAP_NET_ADMIN): start it by packaging/jackfield.service, "
            "which gives it this right, or as root"
        )
    return ""


class Tunnel:
    """One interface. Its methods block, for some tens of milliseconds."""

    def __init__(self, name: str, run: Run = run) -> None:
        self.name = name
        self._run = run
        self._child: subprocess.Popen[bytes] | None = None

    def apply(self, wanted: Interface) -> list[str]:
        """Set it up as it is to be; peers that stay are not disturbed. Raises `TunnelError`.

        Return in words what was left out, since it would have cut this machine off from its own network.
        """
        try:
            wanted, left_out = apart_from(wanted, self._others())
        except ValueError as taken:
            raise TunnelError(str(taken)) from None
        if not self._there():
            self._make()
        self._do(["wg", "syncconf", self.name, "/dev/stdin"], wanted.kernel_file())
        self._set_addresses(wanted.addresses)
        self._close_to_others()
        self._do(["ip", "link", "set", "dev", self.name, "mtu", str(MTU), "up"])
        self._set_routes(wanted.routes())
        return left_out

    def remove(self) -> None:
        """Take it away, if it is there."""
        if self._there():
            self._run(["ip", "link", "delete", "dev", self.name], "")
            if where("nft"):
                self._run(["nft", "delete", "table", "inet", self.name], "")
        if self._child is not None:
            self._child.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._child.wait(PATIENCE)
            self._child = None

    def status(self) -> dict[str, PeerStatus]:
        """Return what is known of each peer by its public key; {} when the tunnel is not there."""
        done = self._run(["wg", "show", self.name, "dump"], "")
        found = {}
        for line in done.stdout.splitlines()[1:] if not done.returncode else ():
            fields = line.split("\t")  # wg(8): key, shared key, endpoint, allowed, handshake, received, sent, keepalive
            if len(fields) == 8:
                endpoint = "" if fields[2] == "(none)" else fields[2]
                found[fields[0]] = PeerStatus(endpoint, int(fields[4]), int(fields[5]), int(fields[6]))
        return found

    # --- inside

    def _there(self) -> bool:
        return not self._run(["ip", "link", "show", "dev", self.name], "").returncode

    def _make(self) -> None:
        made = self._run(["ip", "link", "add", "dev", self.name, "type", "wireguard"], "")
        if not made.returncode:
            return
        program = where("wireguard-go")
        if not program:
            raise TunnelError(
                f"this kernel has no WireGuard ({made.stderr.strip()}): take one that has (Linux 5.6 and newer), "
                "or apt install wireguard-go"
            )
        self._child = subprocess.Popen(
            [program, "-f", self.name], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env=os.environ | {"WG_PROCESS_FOREGROUND": "1", "LOG_LEVEL": "error"}, start_new_session=True,
        )  # fmt: skip
        until = time.monotonic() + PATIENCE
        while not self._there() or self._run(["wg", "show", self.name], "").returncode:
            if self._child.poll() is not None or time.monotonic() > until:
                self._child.kill()
                said = (self._child.stdout.read() if self._child.stdout else b"").decode(errors="replace").strip()
                raise TunnelError(f"wireguard-go could not make the tunnel: {said[-300:] or 'it said nothing'}")
            time.sleep(0.02)

    def _close_to_others(self) -> None:
        """Forward nothing between devices and others: they reach this machine alone.

        This machine may forward packets, for the kernel relays audio so. Those flows, which are ours, are let through.
        """
        if not where("nft"):
            with contextlib.suppress(OSError):
                if Path("/proc/sys/net/ipv4/ip_forward").read_text().strip() == "1":
                    raise TunnelError(
                        "this machine forwards packets, so that devices of the VPN would reach others: "
                        "apt install nftables, by which Jackfield forbids it"
                    )
            return
        rules = (
            f"table inet {self.name}\ndelete table inet {self.name}\n"
            f"table inet {self.name} {{ chain forward {{ type filter hook forward priority filter; "
            f'ct status dnat accept; iifname "{self.name}" drop; oifname "{self.name}" drop; }}; }}\n'
        )
        self._do(["nft", "-f", "-"], rules)

    def _others(self) -> list[tuple[str, str]]:
        """Return (interface, address with the length of its network) of all other interfaces."""
        shown = self._do(["ip", "-j", "address", "show"])
        return [
            (row["ifname"], f"{one['local']}/{one['prefixlen']}")
            for row in json.loads(shown or "[]")
            if row.get("ifname") not in (None, self.name)
            for one in row.get("addr_info", ())
            if one.get("scope") != "link"
        ]

    def _set_addresses(self, wanted: Sequence[str]) -> None:
        shown = self._do(["ip", "-j", "address", "show", "dev", self.name])
        have = {
            f"{one['local']}/{one['prefixlen']}"
            for row in json.loads(shown or "[]")
            for one in row.get("addr_info", ())
            if one.get("scope") != "link"
        }
        for address in sorted(have - set(wanted)):
            self._do(["ip", "address", "delete", address, "dev", self.name])
        for address in wanted:
            self._do(["ip", "address", "replace", address, "dev", self.name])

    def _set_routes(self, wanted: Sequence[str]) -> None:
        have = set()
        for family in ("-4", "-6"):
            shown = self._run(["ip", family, "-j", "route", "show", "dev", self.name, "proto", PROTOCOL], "").stdout
            have |= {row["dst"] for row in json.loads(shown or "[]")}
        plain = {one.removesuffix("/32") if ":" not in one else one.removesuffix("/128") for one in wanted}
        for route in sorted(have - plain - set(wanted)):
            self._run(["ip", "route", "delete", route, "dev", self.name, "proto", PROTOCOL], "")
        for route in wanted:
            self._do(["ip", "route", "replace", route, "dev", self.name, "proto", PROTOCOL])

    def _do(self, command: Sequence[str], text: str = "") -> str:
        done = self._run(command, text)
        if done.returncode:
            said = (done.stderr or done.stdout).strip()
            hint = ": Jackfield needs the right CAP_NET_ADMIN" if "not permitted" in said else ""
            raise TunnelError(f"{' '.join(command[:3])} failed: {said}{hint}")
        return done.stdout
