"""What the network process knows and does, for the pages and the API; and its findings in plain words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
from django.utils.translation import gettext as _

from jackfield.control import ControlError, ask_sync
from jackfield.network import outside_in
from jackfield.network.outside_in import Port, Report
from jackfield.network.public_file import State

if TYPE_CHECKING:
    from jackfield.settings import Settings

__all__ = ["SUGGESTED", "Known", "Verdict", "advice", "known", "mapping", "search", "test", "verdicts", "ways"]

SUGGESTED = ("stun.cloudflare.com:3478", "stun.l.google.com:19302", "stun.nextcloud.com:443")
"""Public servers that anyone may ask. Nobody asks them before an administrator has said so."""
TEST_SECONDS = 45.0


@dataclass(frozen=True, slots=True)
class Known:
    """What the network process says of itself."""

    state: State
    interfaces: list[tuple[str, str]]
    inside: str
    stun: list[tuple[str, int]]
    stun_problem: str
    turn: bool
    turn_problem: str
    report: Report | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """One line of the test: what, at which port, how it stands ("good", "warning", "bad", "") and why in words."""

    what: str
    port: str
    kind: str
    text: str


def known(settings: Settings) -> Known:
    """Ask what is known. Raises `ControlError` while the system does not run."""
    return msgspec.convert(ask_sync(settings.files.network_socket, "addresses"), Known)


def search(settings: Settings) -> State:
    """Have it look for our addresses now. Raises `ControlError`."""
    return msgspec.convert(ask_sync(settings.files.network_socket, "search", timeout=TEST_SECONDS), State)


def test(settings: Settings) -> Report:
    """Have it test from outside in; takes some seconds. Raises `ControlError`."""
    return msgspec.convert(ask_sync(settings.files.network_socket, "test", timeout=TEST_SECONDS), Report)


def ways() -> dict[str, str]:
    """Return in words how an address was found."""
    return {
        "hand": _("set by hand"),
        "interface": _("an interface of this machine"),
        "cloud": _("told by the cloud"),
        "trunk": _("told by a trunk's provider"),
        "stun": _("told by a STUN server"),
    }


def mapping(report: Report) -> str:
    """Say in words what the router does with ports."""
    texts: dict[str, str] = {
        "none": _("No router translates addresses between this machine and the Internet."),
        "kept": _("The router gives a port the same address outside towards everybody, which is good."),
        "changes": _(
            "The router gives a port another one towards each party (symmetric NAT): only forwarded ports will do."
        ),
        "unknown": _("What the router does with ports is not known: that needs two STUN servers."),
    }
    return texts[report.mapping]


def verdicts(report: Report) -> list[Verdict]:
    """Return what was proved and what was not, one line for each port."""
    names = {
        "sip": _("Signalling (SIP over UDP)"),
        "audio": _("Audio"),
        "sip_tcp": _("Signalling (SIP over TCP)"),
        "sip_tls": _("Signalling (SIP over TLS)"),
        "console": _("Everybody's own pages"),
    }
    return [Verdict(names[one.what], f"{one.kind.upper()} {one.port}", *_proof(one, report)) for one in report.ports]


def _proof(port: Port, report: Report) -> tuple[str, str]:
    if port.proof == "outside":
        return "good", _("Proved: a packet that %(helper)s sent from the Internet arrived.") % {"helper": report.helper}
    if port.proof == "hairpin":
        return "good", _(
            "It came back: what was sent to the public address arrived here by the router. A firewall that lets in "
            "from inside only was not tested."
        )
    if port.proof == "while_open":
        return "warning", _(
            "A packet from a stranger arrived while the port was open from inside. Whether it does at other times is "
            "not proved."
        )
    if port.proof == "closed":
        return "bad", _("Closed: %(helper)s sent a packet from the Internet, and it did not arrive.") % {
            "helper": report.helper
        }
    if port.kind == "tcp" and not report.behind_router:
        return "", _("Not proved: STUN servers can't test this one.")
    if port.kind == "tcp":
        return "", _("Not proved: STUN servers can't test this one, and nothing came back from inside.")
    return "", _("Not proved: nobody outside could be asked to send a packet.")


def advice(report: Report, settings: Settings) -> list[str]:
    """Say what to change at the router or the firewall, in whole sentences; [] when all is proved."""
    low, high = settings.rtp_range
    udp = [settings.sip_port] if settings.sip_port else []
    tested = [one.port for one in report.ports if one.what == "console"]  # where the pages are for others at all
    known = (settings.sip_port, settings.sip_tls_port, settings.sip_tls_second_port, *tested)
    tcp = [port for port in known if port]
    bad = outside_in.advice(report, (low, high), udp, tcp)
    if not bad:
        return []
    ports = _joined([f"{kinds} {port}" for kinds, port in bad])
    values = {"ports": ports, "address": report.ours}
    sure = any(one.proof == "closed" for one in report.ports)
    if report.behind_router and sure:
        return [_("At the router, forward %(ports)s to %(address)s, to the same ports.") % values]
    if report.behind_router:
        return [_("See that the router forwards %(ports)s to %(address)s, to the same ports.") % values]
    if sure:
        return [_("A firewall is in the way: let in %(ports)s to %(address)s.") % values]
    return []


def _joined(parts: Sequence[str]) -> str:
    if len(parts) < 2:
        return "".join(parts)
    text: str = _("%(first)s and %(last)s")
    return text % {"first": ", ".join(parts[:-1]), "last": parts[-1]}


def vpn(settings: Settings) -> dict[str, Any]:
    """Return the state of the tunnel, and what is known of each device. Never raises."""
    try:
        return dict(ask_sync(settings.files.network_socket, "vpn"))
    except ControlError as problem:
        return {"name": "", "up": False, "problem": str(problem), "left_out": [], "peers": {}}
