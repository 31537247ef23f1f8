"""General settings, sounds, time ranges and holidays in the YAML document."""

from __future__ import annotations

from typing import Any

from jackfield.console.declarative.section import Field, Section
from jackfield.console.hours_validation import tidy_dated, tidy_days, tidy_weekly
from jackfield.switch import snapshot

__all__ = ["SECTIONS"]


def _general() -> Any:
    from jackfield.company.models import General

    return General


def _sound() -> Any:
    from jackfield.company.models import Sound

    return Sound


def _address_group() -> Any:
    from jackfield.company.models import AddressGroup

    return AddressGroup


def _holidays() -> Any:
    from jackfield.company.models import Holidays

    return Holidays


def _time_range() -> Any:
    from jackfield.company.models import TimeRange

    return TimeRange


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
    Section(
        "address_groups",
        "address group",
        snapshot.AddressGroup,
        _address_group,
        key=("name",),
        details={"entries": {"lines": True}},
    ),
    Section(
        "holidays",
        "list of holidays",
        snapshot.Holidays,
        _holidays,
        key=("name",),
        details={"dates": {"normalise": tidy_days}},
    ),
    Section(
        "time_ranges",
        "time range",
        snapshot.NamedHours,
        _time_range,
        key=("name",),
        details={"weekly": {"normalise": tidy_weekly}, "dates": {"normalise": tidy_dated}},
    ),
)
