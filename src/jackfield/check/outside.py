"""Checks of how we are reached from outside, as the running network process knows and tests it."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Any

from jackfield.check import Finding, Level
from jackfield.control import ControlError, ask_sync
from jackfield.network import outside, public_file
from jackfield.network.addresses import reachable_addresses
from jackfield.settings import Settings

__all__ = ["addresses", "from_outside", "stun_and_turn", "vpn"]

SECONDS = 45.0
WAYS = {
    "hand": "set by hand", "interface": "of the interface", "cloud": "told by", "trunk": "told by the trunk",
    "stun": "told by the STUN server",
}  # fmt: skip
PROOFS = {
    "outside": "a packet from the Internet arrived",
    "hairpin": "what was sent to the public address came back by the router",
    "while_open": "a stranger's packet arrived while the port was open from inside; at other times is not proved",
    "closed": "a packet was sent from the Internet and did not arrive",
    "unproved": "not proved: nobody outside could be asked to send a packet",
}


def addresses(settings: Settings) -> Iterator[Finding]:
    """Phones outside can be told an address that they reach."""
    ours = reachable_addresses(settings.hosts)
    by_hand = [one.address for one in outside.read(settings.public_address)]
    private = [one for one in by_hand if outside.is_literal(one) and outside.is_private(one)]
    found = public_file.load(settings.files.public_addresses).found
    routable = [address for address in ours if ipaddress.ip_address(address).is_global]
    if private:
        yield Finding(
            "warning", "public address", f"{private[0]} is a private address: phones outside can't reach it",
            "set public_address to what the internet sees of this site, or leave it empty",
        )  # fmt: skip
    elif by_hand or routable:
        yield Finding("ok", "public address", ", ".join(by_hand or routable[:1]))
    elif found:
        yield Finding("ok", "public address", "; ".join(f"{one.address}, {WAYS[one.way]} {one.by}" for one in found))
    else:
        yield Finding(
            "ok",
            "public address",
            f"only local ones ({', '.join(ours)}); set public_address where phones outside hear nothing, or name "
            "STUN servers on the page System > Addresses",
        )
    if all(ipaddress.ip_address(address).is_loopback for address in ours):
        yield Finding(
            "warning", "addresses", "only this machine itself can connect", "set --host to an address of the network"
        )


def from_outside(settings: Settings) -> Iterator[Finding]:
    """Packets from the Internet arrive at our ports: tested where a public address or a STUN server is known."""
    try:
        known = ask_sync(settings.files.network_socket, "addresses")
    except ControlError:
        return  # it does not run: nothing could arrive
    if not _wanted(settings, known):
        return
    try:
        report = ask_sync(settings.files.network_socket, "test", timeout=SECONDS)
    except ControlError as problem:
        yield Finding("warning", "from outside", str(problem), "see the log of the network process")
        return
    bad: list[str] = []
    for one in report["ports"]:
        good = one["proof"] in ("outside", "hairpin")
        where = f"{one['kind'].upper()} port {one['port']}"
        if good:
            yield Finding("ok", "from outside", f"{where}: {PROOFS[one['proof']]}")
        elif one["kind"] == "udp":
            audio = f"UDP {settings.rtp_ports}"
            bad.append(audio if one["what"] == "audio" else f"TCP/UDP {one['port']}")
            level: Level = "error" if one["proof"] == "closed" else "warning"
            place = "at the router, forward" if report["behind_router"] else "in the firewall, let in"
            mend = f"{place} {bad[-1]} to {report['ours']}, to the same ports"
            yield Finding(level, "from outside", f"{where}: {PROOFS[one['proof']]}", mend)
    if report["mapping"] == "changes":
        yield Finding(
            "warning", "from outside", "the router gives a port another one towards each party (symmetric NAT)",
            "only forwarded ports will do; or turn this off at the router",
        )  # fmt: skip
    for server in report["problems"]:
        yield Finding("warning", "from outside", f"the STUN server {server} does not answer", "name another one")


def stun_and_turn(settings: Settings) -> Iterator[Finding]:
    """What is to be open for phones and browsers that look for their way is open."""
    try:
        known = ask_sync(settings.files.network_socket, "addresses")
    except ControlError:
        return
    if known["turn_problem"]:
        found, _, mend = known["turn_problem"].partition(": ")
        yield Finding("error", "TURN", found, mend or "see its log")
    elif known["turn"]:
        yield Finding("ok", "TURN", f"coturn runs at port {settings.stun_base}")
    if known["stun"]:
        ports = ", ".join(str(port) for port in sorted({port for _, port in known["stun"]}))
        yield Finding("ok", "STUN", f"UDP {ports}")
    elif known["stun_problem"] and not known["turn"]:
        found, _, mend = known["stun_problem"].partition(": ")
        yield Finding("warning", "STUN", found, mend)


def vpn(settings: Settings) -> Iterator[Finding]:
    """The tunnel is up where the VPN is on."""
    try:
        known = ask_sync(settings.files.network_socket, "vpn")
    except ControlError:
        return
    if known["problem"]:
        found, _, mend = known["problem"].partition(": ")
        yield Finding("error", "VPN", found, mend or "see the page Phones > VPN")
    for left_out in known["left_out"]:
        found, _, mend = left_out.partition(": ")
        yield Finding("warning", "VPN", found, mend)
    if known["up"]:
        connected = sum(1 for peer in known["peers"].values() if peer["handshake"])
        yield Finding("ok", "VPN", f"{known['name']} is up, {connected} of {len(known['peers'])} devices have come in")


def _wanted(settings: Settings, known: dict[str, Any]) -> bool:
    """Tell whether a test is of use: somebody outside is meant to reach us."""
    return bool(settings.public_address or known["state"]["found"])
