"""General settings and sounds in the YAML document."""

from __future__ import annotations

from typing import Any

from jackfield.console.declarative.section import Field, Section
from jackfield.switch import snapshot

__all__ = ["SECTIONS"]


def _general() -> Any:
    from jackfield.company.models import General

    return General


def _sound() -> Any:
    from jackfield.company.models import Sound

    return Sound


SECTIONS = (
    Section(
        "settings",
        "settings",
        snapshot.General,
        _general,
        extra=(Field("keep_calls_days", int, 365),),
        details={
            "company": {"shown": True},
            "country": {"shown": True, "normalise": str.upper},
            "language": {"shown": True},
            "time_zone": {"shown": True},
            "outside_prefix": {"shown": True},
        },
    ),
    Section("sounds", "sound", snapshot.Sound, _sound, key=("name", "language")),
)
