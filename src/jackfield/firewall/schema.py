"""The firewall in the YAML document."""

from __future__ import annotations

from typing import Any

from jackfield.console.declarative.section import Section
from jackfield.network.firewall import rules

__all__ = ["SECTIONS"]


def _firewall() -> Any:
    from jackfield.firewall.models import Firewall

    return Firewall


SECTIONS = (Section("firewall", "settings", rules.Firewall, _firewall),)
