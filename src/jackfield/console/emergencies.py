"""Who looks after the house is told at once when somebody dials an emergency number, and where help has to come to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.utils.translation import gettext_noop as later

from jackfield.console import watching
from jackfield.console.letters import Said, When
from jackfield.notices.choices import Kind

__all__ = ["tell"]

WITHIN = 3600.0
"""Seconds: of what lies further back nobody is told, when the records of a whole day are read at once."""


def tell(entries: Iterable[Mapping[str, Any]], now: float) -> None:
    """Queue notices of the emergency calls among entries of the spool. Raises errors of the database."""
    for entry in entries:
        data = entry["data"]
        if entry["kind"] == "event" and data.get("kind") == "emergency" and now - data["at"] < WITHIN:
            watching.tell(_alert(data), now)


def _alert(data: Mapping[str, Any]) -> watching.Alert:
    told = {name: data.get(name, "") for name in ("caller", "number", "site", "address", "phone")}
    values = told | {"at": When(data["at"])}
    subject = Said(later("Emergency call to %(number)s from %(caller)s"), values)
    if told["address"]:
        text = later("%(caller)s called %(number)s on %(at)s from the site %(site)s. Help has to come to: %(address)s.")
    elif told["site"]:
        text = later("%(caller)s called %(number)s on %(at)s from the site %(site)s, whose address is not known here.")
    else:
        text = later("%(caller)s called %(number)s on %(at)s from the phone at %(phone)s, which belongs to no site.")
    return watching.Alert(Kind.EMERGENCY_CALL, f"emergency {data['call']}", subject, Said(text, values))
