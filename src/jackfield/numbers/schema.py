"""Extensions with their lines, ring groups and services in the YAML document."""

from __future__ import annotations

import secrets
from typing import Any

from jackfield.console.declarative.section import Field, Section
from jackfield.switch import snapshot

__all__ = ["CODEC_SPELLINGS", "LINES", "SECTIONS", "codec_names", "new_password", "new_sip_username"]

CODEC_SPELLINGS = {
    "ulaw": "pcmu", "mulaw": "pcmu", "mu-law": "pcmu", "g711u": "pcmu", "g.711u": "pcmu", "pcmu/8000": "pcmu",
    "alaw": "pcma", "a-law": "pcma", "g711a": "pcma", "g.711a": "pcma", "pcma/8000": "pcma",
    "g.722": "g722", "g.729": "g729", "g729a": "g729", "g726": "g726-32", "g.726": "g726-32", "gsm-fr": "gsm",
}  # fmt: skip
"""What other systems call the codecs."""

_READABLE = "abcdefghjkmnpqrstuvwxyz23456789"  # nothing that is mistaken for another on a small screen
_MIXED = _READABLE + "ABCDEFGHJKLMNPQRSTUVWXYZ"


def new_sip_username() -> str:
    """Return a random SIP name: it begins with a letter and can't be guessed from the number (50 bits)."""
    return secrets.choice(_READABLE[:23]) + "".join(secrets.choice(_READABLE) for _ in range(9))


def new_password() -> str:
    """Return a random password that phones take and people can type: 20 characters, 115 bits."""
    return "".join(secrets.choice(_MIXED) for _ in range(20))


def codec_names(value: Any) -> Any:
    """Return a codec list with each codec under our name of it."""
    return tuple(CODEC_SPELLINGS.get(name.lower(), name.lower()) for name in value)


def _extension() -> Any:
    from jackfield.numbers.models import Extension

    return Extension


def _line() -> Any:
    from jackfield.numbers.models import Line

    return Line


def _ring_group() -> Any:
    from jackfield.numbers.models import RingGroup

    return RingGroup


def _service() -> Any:
    from jackfield.numbers.models import Service

    return Service


CODECS = {"normalise": codec_names}

LINES = Section(
    "lines",
    "line",
    snapshot.Line,
    _line,
    key=("sip_username",),
    without=frozenset({"ha1_md5", "ha1_sha256", "previous_md5", "previous_sha256", "kind", "provisioned"}),
    extra=(Field("sip_password", str, required=True, secret=True, generate=new_password),),
    details={"sip_username": {"generate": new_sip_username}, "codecs": CODECS},
)


def _speed_dial() -> Any:
    from jackfield.numbers.models import SpeedDial

    return SpeedDial


def _permission() -> Any:
    from jackfield.numbers.models import Permission

    return Permission


SECTIONS = (
    Section("permissions", "permission", snapshot.Permission, _permission, key=("name",)),
    Section(
        "extensions",
        "extension",
        snapshot.Extension,
        _extension,
        key=("number",),
        without=frozenset({"lines"}),
        details={
            "user": {"reference": "users"},
            "hours": {"reference": "time_ranges"},
            "permission": {"reference": "permissions"},
            "site": {"reference": "sites"},
            "codecs": CODECS,
        },
    ),
    Section("ring_groups", "ring group", snapshot.RingGroup, _ring_group, key=("number",)),
    Section(
        "services",
        "service",
        snapshot.Service,
        _service,
        key=("number",),
        details={"hours": {"reference": "time_ranges"}},
    ),
    Section("speed_dials", "speed dial", snapshot.SpeedDial, _speed_dial, key=("number",)),
)
