"""A small company for tests: builders of what the snapshot holds."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from jackfield.sip.digest import ha1
from jackfield.switch.route import FromAnonymous, FromExtension, FromHouse, FromTrunk, Origin, Plan, RouteRequest, route
from jackfield.switch.snapshot import (
    EmergencyNumber,
    Extension,
    General,
    Inbound,
    Line,
    Outbound,
    RingGroup,
    Service,
    Snapshot,
    Trunk,
)

REALM = "test"
MONDAY_TEN = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
HOUSE = FromHouse()
STRANGER = FromAnonymous()


def line(name: str, **fields: Any) -> Line:
    """A line with the SIP name "u101" and the password "p-u101"."""
    password = f"p-{name}"
    return Line(
        sip_username=name,
        ha1_md5=ha1(name, REALM, password),
        ha1_sha256=ha1(name, REALM, password, "SHA-256"),
        **fields,
    )


def extension(number: str, name: str = "", *, lines: int = 1, **fields: Any) -> Extension:
    """An extension with lines "u101", "u101b", "u101c"."""
    fields.setdefault("lines", tuple(line(f"u{number}{suffix}") for suffix in ("", "b", "c")[:lines]))
    return Extension(number=number, name=name, **fields)


def trunk(name: str = "Odorik", **fields: Any) -> Trunk:
    fields.setdefault("hosts", ("192.0.2.10",))
    fields.setdefault("kind", "address")
    return Trunk(name=name, **fields)


def company(**fields: Any) -> Snapshot:
    """Extensions 101, 102 and 201, one trunk, one outgoing route behind 9, emergency number 112."""
    general = fields.pop("general", {})
    fields.setdefault("extensions", (extension("101", "Anna"), extension("102", "Bert"), extension("201", "Cleo")))
    fields.setdefault("trunks", (trunk(),))
    fields.setdefault("outbound", (Outbound(name="World", prefix="9", trunks=("Odorik",)),))
    fields.setdefault("emergency_numbers", (EmergencyNumber(number="112"),))
    return Snapshot(general=General(realm=REALM, country="CZ", **general), **fields)


def dial(snapshot: Snapshot, number: str, origin: Origin | str = "101", **fields: Any) -> Plan:
    """Route a number dialled by extension 101, or by whom `origin` says."""
    origin = FromExtension(origin) if isinstance(origin, str) else origin
    return route(snapshot, RouteRequest(number, origin, **fields), fields.pop("at", MONDAY_TEN))


def from_trunk(snapshot: Snapshot, number: str, calling: str = "", name: str = "Odorik", **fields: Any) -> Plan:
    return dial(snapshot, number, FromTrunk(name), calling_number=calling, **fields)


__all__ = [
    "HOUSE",
    "MONDAY_TEN",
    "REALM",
    "STRANGER",
    "EmergencyNumber",
    "Extension",
    "Inbound",
    "Outbound",
    "RingGroup",
    "Service",
    "company",
    "dial",
    "extension",
    "from_trunk",
    "line",
    "trunk",
]
