"""An office behind a router, with its system, and phones in the office, in an annex, and out on the Internet.

                              ┌ desk 192.168.1.20
    system 192.168.1.10 ──────┴ 192.168.1.1 router 203.0.113.5 ── 203.0.113.1 internet 198.51.100.1 ── away 198.51.100.7
           10.9.0.1 ── annex 10.9.0.2                             203.0.113.9

IPv6 is routed without NAT: system 2001:db8:1::10, away 2001:db8:7::7. A STUN server is at both addresses of internet.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from .network import _run

__all__ = ["ANNEX", "AWAY", "AWAY6", "DESK", "PUBLIC", "STUN", "SYSTEM", "SYSTEM6", "SYSTEM_ANNEX", "Office"]

SYSTEM, DESK, GATE = "192.168.1.10", "192.168.1.20", "192.168.1.1"
SYSTEM_LATER = "192.168.1.11"
SYSTEM_ANNEX, ANNEX = "10.9.0.1", "10.9.0.2"
PUBLIC, PUBLIC_LATER = "203.0.113.5", "203.0.113.6"
STUN, STUN_OTHER = "203.0.113.1", "203.0.113.9"
AWAY = "198.51.100.7"
SYSTEM6, AWAY6 = "2001:db8:1::10", "2001:db8:7::7"
SERVER = f"""
import asyncio, time
from jackfield.network.stun_server import Pace, StunServer
async def main():
    StunServer(["{STUN}", "{STUN_OTHER}"], 3478, pace=Pace(time.monotonic)).start()
    print("up", flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
"""


class Office:
    """`with Office() as office: …`; `office.inside("desk")` is what stands before a command."""

    PLACES = ("system", "desk", "annex", "router", "internet", "away")

    def __init__(self) -> None:
        self.names = {place: f"jo{os.getpid()}{place}" for place in self.PLACES}
        self._server: subprocess.Popen[str] | None = None

    def __enter__(self) -> Office:
        try:
            self._build()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.terminate()
            self._server.wait()
            assert self._server.stdout is not None
            self._server.stdout.close()
        for name in self.names.values():
            subprocess.run(["ip", "netns", "delete", name], capture_output=True, check=False)

    def inside(self, place: str) -> tuple[str, ...]:
        return ("ip", "netns", "exec", self.names[place])

    def run(self, place: str, *command: str) -> str:
        return _run(*self.inside(place), *command)

    def _build(self) -> None:
        for name in self.names.values():
            _run("ip", "netns", "add", name)
        for place in self.names:
            self.run(place, "ip", "link", "set", "lo", "up")
        self._cable("system", "lan", (f"{SYSTEM}/24", f"{SYSTEM6}/64"), "router", "one", ())
        self._cable("desk", "lan", (f"{DESK}/24",), "router", "two", ())
        self._cable("system", "annex", (f"{SYSTEM_ANNEX}/24",), "annex", "lan", (f"{ANNEX}/24",))
        self._cable(
            "router", "out", (f"{PUBLIC}/24", "2001:db8:5::5/64"),
            "internet", "in", (f"{STUN}/24", f"{STUN_OTHER}/24", "2001:db8:5::1/64"),
        )  # fmt: skip
        self._cable(
            "internet", "away", ("198.51.100.1/24", "2001:db8:7::1/64"), "away", "net", (f"{AWAY}/24", f"{AWAY6}/64")
        )
        self.run("router", "ip", "link", "add", "bridge", "type", "bridge")
        for port in ("one", "two"):
            self.run("router", "ip", "link", "set", port, "master", "bridge")
        self._addresses("router", "bridge", (f"{GATE}/24", "2001:db8:1::1/64"))
        for place in ("router", "internet"):
            self.run(place, "sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")
        for place, gate, gate6 in (
            ("system", GATE, "2001:db8:1::1"), ("desk", GATE, ""), ("router", STUN, "2001:db8:5::1"),
            ("away", "198.51.100.1", "2001:db8:7::1"),
        ):  # fmt: skip
            self.run(place, "ip", "route", "add", "default", "via", gate)
            if gate6:
                self.run(place, "ip", "-6", "route", "add", "default", "via", gate6)
        self.run("internet", "ip", "-6", "route", "add", "2001:db8:1::/64", "via", "2001:db8:5::5")
        self.run(
            "router", "nft",
            "table ip gate { "
            "chain in { type nat hook prerouting priority dstnat; }; "
            'chain out { type nat hook postrouting priority srcnat; oifname "out" masquerade; }; '
            "chain through { type filter hook forward priority filter; policy drop; "
            'iifname "bridge" accept; ct state established,related accept; ct status dnat accept; }; '
            'chain here { type filter hook input priority filter; iifname "out" meta l4proto { tcp, udp } ct state new '
            "drop; }; }",  # before the flow is known: a forward that is made later counts at once
        )  # fmt: skip
        self._server = subprocess.Popen(
            [*self.inside("internet"), sys.executable, "-c", SERVER], stdout=subprocess.PIPE, text=True
        )
        assert self._server.stdout is not None
        assert self._server.stdout.readline() == "up\n"

    def _cable(
        self, one: str, end: str, has: tuple[str, ...], other: str, other_end: str, other_has: tuple[str, ...]
    ) -> None:
        first, second = self.names[one], self.names[other]
        _run("ip", "link", "add", end, "netns", first, "type", "veth", "peer", "name", other_end, "netns", second)
        self._addresses(one, end, has)
        self._addresses(other, other_end, other_has)

    def _addresses(self, place: str, end: str, addresses: tuple[str, ...]) -> None:
        for address in addresses:
            more = ("nodad",) if ":" in address else ()
            self.run(place, "ip", "address", "add", address, "dev", end, *more)
        self.run(place, "ip", "link", "set", end, "up")

    @contextmanager
    def forwarding(self, *ports: tuple[str, int | str]) -> Iterator[None]:
        """Forward these ports, ("udp", "10000-20000"), to the system while the block runs."""
        try:
            for kind, port in ports:
                self.run(
                    "router", "nft", "add", "rule", "ip", "gate", "in",
                    "ip", "daddr", "{", PUBLIC, ",", PUBLIC_LATER, "}", kind, "dport", str(port), "dnat", "to", SYSTEM,
                )  # fmt: skip
            yield
        finally:
            self.run("router", "nft", "flush", "chain", "ip", "gate", "in")

    @contextmanager
    def another_public_address(self) -> Iterator[None]:
        """The provider gives the router another address, as many do every night."""
        self._exchange(PUBLIC, PUBLIC_LATER)
        try:
            yield
        finally:
            self._exchange(PUBLIC_LATER, PUBLIC)

    @contextmanager
    def another_own_address(self) -> Iterator[None]:
        """The office's DHCP server gives the system another address."""
        self._renumber(SYSTEM, SYSTEM_LATER)
        try:
            yield
        finally:
            self._renumber(SYSTEM_LATER, SYSTEM)

    def _renumber(self, old: str, new: str) -> None:
        self.run("system", "ip", "address", "add", f"{new}/24", "dev", "lan")
        self.run("system", "ip", "address", "delete", f"{old}/24", "dev", "lan")
        self.run("system", "ip", "address", "replace", f"{new}/24", "dev", "lan")
        self.run("system", "ip", "route", "replace", "default", "via", GATE)

    def _exchange(self, old: str, new: str) -> None:
        self.run("router", "ip", "address", "add", f"{new}/24", "dev", "out")
        self.run("router", "ip", "address", "delete", f"{old}/24", "dev", "out")
        self.run(
            "router", "ip", "address", "replace", f"{new}/24", "dev", "out"
        )  # it went with the first of its network
        self.run("router", "ip", "route", "replace", "default", "via", STUN)
