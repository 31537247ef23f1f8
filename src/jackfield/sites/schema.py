"""Sites in the YAML document."""

from __future__ import annotations

from typing import Any

from jackfield.console.declarative.section import Section
from jackfield.numbers.schema import CODECS
from jackfield.switch import snapshot

__all__ = ["SECTIONS"]


def _site() -> Any:
    from jackfield.sites.models import Site

    return Site


SECTIONS = (
    Section(
        "sites",
        "site",
        snapshot.Site,
        _site,
        key=("name",),
        details={"codecs": CODECS, "country": {"normalise": str.upper}},
    ),
)
