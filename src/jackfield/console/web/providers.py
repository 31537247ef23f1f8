"""A new trunk from what is known of a provider, so that only the name and the password are left to be typed."""

from __future__ import annotations

from typing import Any

from jackfield.console.declarative.nodes import node
from jackfield.console.declarative.section import Section
from jackfield.console.declarative.values import read
from jackfield.console.presets import Preset, presets, sorted_for

__all__ = ["filled_in", "offered"]


def filled_in(section: Section, row: Any, key: str) -> Preset | None:
    """Give a new trunk what the provider of this key wants; None, and nothing is changed, where nobody knows it."""
    preset = presets().get(key)
    if preset is None:
        return None
    for name, value in (preset.trunk or {}).items():
        known = section.fields[name]
        setattr(row, name, read(node(value), known.type, known.default))
    if key != "other":
        row.name = row.name or preset.name
    return preset


def offered() -> list[Preset]:
    """Return the providers, those of the company's country first."""
    from jackfield.company.models import General

    return sorted_for(General.current().country)
