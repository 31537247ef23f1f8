"""Firewall and guard in the YAML document."""

from __future__ import annotations

from typing import Any

from jackfield.console.declarative.section import Section
from jackfield.network.firewall import rules
from jackfield.network.guard.rules import GuardRules

__all__ = ["SECTIONS"]


def _firewall() -> Any:
    from jackfield.firewall.models import Firewall

    return Firewall


def _guard() -> Any:
    from jackfield.firewall.models import Guard

    return Guard


SECTIONS = (
    Section("firewall", "settings", rules.Firewall, _firewall),
    Section("guard", "settings", GuardRules, _guard),
)
