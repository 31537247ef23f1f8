"""Trunks, incoming and outgoing calls and emergency numbers in the YAML document."""

from __future__ import annotations

from typing import Any

from jackfield.console.declarative.section import Section
from jackfield.numbers.schema import CODECS
from jackfield.switch import snapshot

__all__ = ["SECTIONS"]


def _trunk() -> Any:
    from jackfield.trunks.models import Trunk

    return Trunk


def _inbound() -> Any:
    from jackfield.trunks.models import Inbound

    return Inbound


def _outbound() -> Any:
    from jackfield.trunks.models import Outbound

    return Outbound


def _emergency_number() -> Any:
    from jackfield.trunks.models import EmergencyNumber

    return EmergencyNumber


SECTIONS = (
    Section(
        "trunks",
        "trunk",
        snapshot.Trunk,
        _trunk,
        key=("name",),
        ordered=True,
        details={"password": {"secret": True}, "codecs": CODECS},
    ),
    Section(
        "inbound",
        "incoming number",
        snapshot.Inbound,
        _inbound,
        key=("trunk", "number"),
        ordered=True,
        details={"trunk": {"reference": "trunks"}, "hours": {"reference": "time_ranges"}},
    ),
    Section(
        "outbound",
        "outgoing route",
        snapshot.Outbound,
        _outbound,
        key=("name",),
        details={"hours": {"reference": "time_ranges"}},
    ),
    Section("emergency_numbers", "emergency number", snapshot.EmergencyNumber, _emergency_number, key=("number",)),
)
