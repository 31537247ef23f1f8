"""Well-known providers: what a trunk to each needs, as data in one YAML file each. Nothing in it is secret."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from django.utils.translation import gettext_noop as later

__all__ = ["OTHER", "Preset", "presets", "sorted_for"]


@dataclass(frozen=True, slots=True)
class Preset:
    """A provider. `trunk`: values of a trunk, by the names of the YAML document.

    `username`: what the provider calls the user name; `ask`: further fields of a trunk that the customer must know.
    """

    key: str
    name: str
    countries: tuple[str, ...] = ()
    note: str = ""
    username: str = ""
    ask: tuple[str, ...] = ()
    trunk: Mapping[str, Any] | None = None


OTHER = Preset(
    "other",
    later("Another provider"),
    note=later("The provider gave you a server (also called registrar or domain), a user name and a password."),
    ask=("auth_username", "domain", "outbound_proxy"),
    trunk={"international_format": "as_dialled"},
)


@cache
def presets() -> dict[str, Preset]:
    """Return all providers by their key, "other" last."""
    found = {}
    for path in sorted(Path(__file__).parent.glob("*.yaml")):
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
        found[path.stem] = Preset(
            path.stem,
            data["name"],
            tuple(data.get("countries", ())),
            data.get("note", ""),
            data.get("username", ""),
            tuple(data.get("ask", ())),
            data["trunk"],
        )
    return found | {"other": OTHER}


def sorted_for(country: str) -> list[Preset]:
    """Return the providers of a country first, the others after them by name, "another" at the end."""
    known = [preset for preset in presets().values() if preset is not OTHER]
    return [*sorted(known, key=lambda one: (country not in one.countries, one.name.lower())), OTHER]
