"""An internet with a system at a public address and sites behind routers of every kind of NAT, in namespaces.

    cone 192.168.10.2 ── router 203.0.113.10 ──┐
    restricted 192.168.11.2 ── 203.0.113.11 ───┤
    …                                          ├── the system, 203.0.113.1 and 203.0.113.2

How the kinds are made with nftables (RFC 3489 section 5 names them): Linux keeps the port of a phone where it can and
lets in what answers, which is the port-restricted kind. The open ones let in more, by a second rule that leads to the
site's first phone; the symmetric one takes another port for each flow.
"""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

__all__ = ["SITES", "SYSTEM", "SYSTEM_TOO", "Internet", "Site", "why_no_alg"]

SYSTEM, SYSTEM_TOO = "203.0.113.1", "203.0.113.2"

_OPEN = 'chain in_ {{ type nat hook prerouting priority dstnat; iifname "out" meta l4proto udp dnat to {phone}; }}; '
_CONTACTED = (
    "set contacted {{ type ipv4_addr; flags timeout; timeout 60s; size 1000; }}; "
    'chain note {{ type filter hook forward priority filter - 1; oifname "out" update @contacted {{ ip daddr }}; }}; '
    'chain in_ {{ type nat hook prerouting priority dstnat; iifname "out" meta l4proto udp ip saddr @contacted '
    "dnat to {phone}; }}; "
)
_HAIRPIN = (
    'chain in_ {{ type nat hook prerouting priority dstnat; iifname "in" ip daddr {outside} dnat to {phone}; }}; '
    'chain back {{ type nat hook postrouting priority srcnat - 1; iifname "in" oifname "in" masquerade; }}; '
)
_LETS_IN_ALL = "chain through { type filter hook forward priority filter; policy accept; }; "
_LETS_IN_ANSWERS = (
    "chain through { type filter hook forward priority filter; policy drop; "
    'iifname "in" accept; ct state established,related accept; }; '
)
_NO_UDP = (
    "chain through { type filter hook forward priority filter; policy drop; "
    'meta l4proto udp drop; iifname "in" accept; ct state established,related accept; }; '
)
_ALG = (
    'ct helper sip { type "sip" protocol udp; }; '
    "chain helped { type filter hook prerouting priority filter; meta l4proto udp udp dport SIP_PORT "
    'ct helper set "sip"; }; '
)


@dataclass(frozen=True)
class Site:
    """A site, and what its router does."""

    name: str
    kind: str
    """As administrators call it."""
    rules: str = ""
    filter: str = _LETS_IN_ANSWERS
    masquerade: str = "masquerade"
    transport: str = "udp"
    audio: bool = True
    """Whether audio can pass at all."""


SITES = (
    Site("cone", "full cone", _OPEN, _LETS_IN_ALL),
    Site("restr", "address-restricted cone", _CONTACTED, _LETS_IN_ALL),
    Site("port", "port-restricted cone"),
    Site("hair", "port-restricted cone with hairpin", _HAIRPIN),
    Site("symm", "symmetric", masquerade="masquerade fully-random"),
    Site("alg", "port-restricted cone with SIP ALG", _ALG),
    Site("tls", "symmetric, phones by TLS", masquerade="masquerade fully-random", transport="tls"),
    Site("noudp", "UDP blocked, phones by TLS", filter=_NO_UDP, transport="tls", audio=False),
)


def why_no_alg() -> str:
    """Return why no router here can change SIP messages, or ""."""
    subprocess.run(["modprobe", "-q", "nf_nat_sip"], capture_output=True, check=False)  # built in, or not there: fine
    if "nf_nat_sip" in Path("/proc/kallsyms").read_text(encoding="ascii", errors="replace"):
        return ""
    return "this kernel has no SIP ALG (module nf_nat_sip)"


class Internet:
    """`with Internet(sip_port) as internet: …`; `inside("cone")` is what stands before a command."""

    def __init__(self, sip_port: int) -> None:
        self._sip_port = sip_port
        self._made: list[str] = []

    def name(self, place: str) -> str:
        """The namespace of a place: "system", a site's name, or "r-" before it for its router."""
        return f"ji{os.getpid()}{place}"

    def inside(self, place: str) -> tuple[str, ...]:
        """Return what must stand before a command so that it runs there."""
        return ("ip", "netns", "exec", self.name(place))

    def run(self, place: str, *command: str) -> str:
        """Run a command there, and return what it prints. Raises `RuntimeError`."""
        return _run(*self.inside(place), *command)

    def outside(self, site: Site) -> str:
        """The public address of a site."""
        return f"203.0.113.{10 + SITES.index(site)}"

    def phone(self, site: Site, number: int = 0) -> str:
        """The address of a phone there."""
        return f"192.168.{10 + SITES.index(site)}.{2 + number}"

    def __enter__(self) -> Internet:
        try:
            self._build()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for place in self._made:
            subprocess.run(["ip", "netns", "delete", self.name(place)], capture_output=True, check=False)

    def _build(self) -> None:
        self._add("system")
        self.run("system", "ip", "link", "add", "net", "type", "bridge")
        for address in (SYSTEM, SYSTEM_TOO):
            self.run("system", "ip", "address", "add", f"{address}/24", "dev", "net")
        self.run("system", "ip", "link", "set", "net", "up")
        for number, site in enumerate(SITES):
            self._add_site(number, site)

    def _add(self, place: str) -> None:
        self._made.append(place)
        _run("ip", "netns", "add", self.name(place))
        self.run(place, "ip", "link", "set", "lo", "up")

    def _add_site(self, number: int, site: Site) -> None:
        router, inside = f"r-{site.name}", f"192.168.{10 + number}.1"
        self._add(router)
        self._add(site.name)
        for one, end, other, other_end in (("system", f"s{number}", router, "out"), (router, "in", site.name, "lan")):
            _run("ip", "link", "add", end, "netns", self.name(one), "type", "veth",
                 "peer", "name", other_end, "netns", self.name(other))  # fmt: skip
            self.run(one, "ip", "link", "set", end, "up")
            self.run(other, "ip", "link", "set", other_end, "up")
        self.run("system", "ip", "link", "set", f"s{number}", "master", "net")
        self.run(router, "ip", "address", "add", f"{self.outside(site)}/24", "dev", "out")
        self.run(router, "ip", "address", "add", f"{inside}/24", "dev", "in")
        for phone in (0, 1):
            self.run(site.name, "ip", "address", "add", f"{self.phone(site, phone)}/24", "dev", "lan")
        self.run(site.name, "ip", "route", "add", "default", "via", inside)
        self.run(router, "sysctl", "-qw", "net.ipv4.ip_forward=1")
        more = "" if site.rules is _ALG and why_no_alg() else site.rules
        if "{{" in more:
            more = more.format(phone=self.phone(site), outside=self.outside(site))
        rules = more.replace("SIP_PORT", str(self._sip_port)) + site.filter
        out = f'chain out {{ type nat hook postrouting priority srcnat; oifname "out" {site.masquerade}; }}; '
        self.run(router, "nft", f"table ip site {{ {rules} {out} }}")


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout
