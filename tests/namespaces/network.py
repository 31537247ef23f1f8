"""A small internet in network namespaces: the house with the system, a home with phones, and a router with NAT between.

    office 198.51.100.2 ── 198.51.100.1 house 203.0.113.1 ── 203.0.113.2 router 192.168.77.1 ── 192.168.77.2 home

The names have this process's id in them, and everything is taken down at the end, also after a failure.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence

__all__ = ["Network", "why_no_namespaces"]

HOUSE, HOUSE_INSIDE, OFFICE = "203.0.113.1", "198.51.100.1", "198.51.100.2"
ROUTER_OUTSIDE, ROUTER_INSIDE = "203.0.113.2", "192.168.77.1"
HOME = "192.168.77.2"
UDP_TIMEOUT = 8  # seconds after which the router forgets a flow that nothing goes through


def why_no_namespaces() -> str:
    """Return why there can be no network namespaces here, or ""."""
    if os.geteuid():
        return "network namespaces need root (sudo make test)"
    for program, package in (("ip", "iproute2"), ("nft", "nftables")):
        if shutil.which(program) is None:
            return f"Debian's package {package} is not installed (apt install {package})"
    probe = f"jfprobe{os.getpid()}"
    made = subprocess.run(["ip", "netns", "add", probe], capture_output=True, text=True, check=False)
    if made.returncode:
        return f"network namespaces can't be made here: {made.stderr.strip()}"
    try:
        rules = "table ip probe { chain c { type nat hook postrouting priority 100; masquerade; }; }"
        done = subprocess.run(["ip", "netns", "exec", probe, "nft", rules], capture_output=True, text=True, check=False)
        return f"this kernel has no NAT by nftables: {done.stderr.strip()}" if done.returncode else ""
    finally:
        subprocess.run(["ip", "netns", "delete", probe], check=False)


class Network:
    """`with Network() as network: …`; `network.inside("home")` is what stands before a command."""

    def __init__(self) -> None:
        self.names = {place: f"jf{os.getpid()}{place}" for place in ("office", "house", "router", "home")}

    def __enter__(self) -> Network:
        try:
            self._build()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for name in self.names.values():
            subprocess.run(["ip", "netns", "delete", name], capture_output=True, check=False)

    def _build(self) -> None:
        for place in self.names:
            self.add(place)
        self.cable("house", "out", [f"{HOUSE}/24"], "router", "out", [f"{ROUTER_OUTSIDE}/24"])
        self.cable("house", "office", [f"{HOUSE_INSIDE}/24"], "office", "office", [f"{OFFICE}/24"])
        self.cable("home", "in", [f"{HOME}/24"], "router", "in", [f"{ROUTER_INSIDE}/24"])
        self.run("home", "ip", "route", "add", "default", "via", ROUTER_INSIDE)
        self.run("router", "sysctl", "-qw", "net.ipv4.ip_forward=1")
        # Every flow gets a port that the phone does not know of, and nothing comes in that was not asked for.
        self.run(
            "router", "nft",
            'table ip home { '
            'chain out { type nat hook postrouting priority srcnat; oifname "out" masquerade fully-random; }; '
            'chain through { type filter hook forward priority filter; policy drop; '
            'iifname "in" accept; ct state established,related accept; }; }',
        )  # fmt: skip
        for name in ("udp_timeout", "udp_timeout_stream"):
            self.run("router", "sysctl", "-qw", f"net.netfilter.nf_conntrack_{name}={UDP_TIMEOUT}")

    def add(self, place: str) -> None:
        """Add a place."""
        self.names[place] = f"jf{os.getpid()}{place}"
        _run("ip", "netns", "add", self.names[place])
        self.run(place, "ip", "link", "set", "lo", "up")

    def remove(self, place: str) -> None:
        """Take a place away again, with its cables."""
        _run("ip", "netns", "delete", self.names.pop(place))

    def cable(
        self, one: str, one_end: str, one_has: Sequence[str], other: str, other_end: str, other_has: Sequence[str]
    ) -> None:
        """Connect two places; each end has a name and addresses with the length of their network."""
        first, second = self.names[one], self.names[other]
        _run("ip", "link", "add", one_end, "netns", first, "type", "veth", "peer", "name", other_end, "netns", second)
        for place, end, addresses in ((one, one_end, one_has), (other, other_end, other_has)):
            for address in addresses:
                self.run(place, "ip", "address", "add", address, "dev", end)
            self.run(place, "ip", "link", "set", end, "up")

    def inside(self, place: str) -> tuple[str, ...]:
        """Return what must stand before a command so that it runs there."""
        return ("ip", "netns", "exec", self.names[place])

    def run(self, place: str, *command: str) -> str:
        """Run a command there, and return what it prints. Raises `RuntimeError`."""
        return _run(*self.inside(place), *command)


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout
