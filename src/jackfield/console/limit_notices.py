"""Administrators are told when a limit on outgoing calls is reached, with what it refused."""

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
    """Queue notices of the limits among entries of the spool. Raises errors of the database."""
    for entry in entries:
        data = entry["data"]
        if entry["kind"] == "call_limit" and now - data["at"] < WITHIN and data.get("did") in _TEXTS:
            watching.tell(_alert(data), now)


_TEXTS = {
    "refused": (
        later("A call to %(number)s was refused by a limit"),
        later(
            "%(who)s called %(number)s on %(at)s, and was refused: %(text)s. If such calls are wanted, open them on "
            "the page of limits on calls. If nobody of yours made the call, change the password of the phone."
        ),
    ),
    "reached": (
        later("The limit %(rule)s on outgoing calls is reached"),
        later("%(who)s called %(number)s on %(at)s: %(text)s. The call was let through, as the limit only warns."),
    ),
    "ended": (
        later("A call was ended by a limit"),
        later("On %(at)s a call was ended, since its budget is used up: %(text)s."),
    ),
    "unusual": (
        later("Extension %(extension)s calls unlike before"),
        later(
            "%(who)s called %(number)s on %(at)s: %(text)s. If nobody of yours made the call, change the password of "
            "the phone."
        ),
    ),
}


def _alert(data: Mapping[str, Any]) -> watching.Alert:
    extension = data.get("extension")
    values = {
        "who": Said(later("Extension %(number)s"), {"number": extension}) if extension else Said(later("Somebody")),
        "number": data.get("number") or data.get("dialed", ""),
        "rule": data.get("rule", ""),
        "extension": extension or "",
        "text": data.get("text", ""),
        "at": When(data["at"]),
    }
    subject, text = _TEXTS[data["did"]]
    if data["did"] == "unusual":
        cause = f"unusual {extension} {data.get('what')}"
        return watching.Alert(Kind.UNUSUAL_CALL, cause, Said(subject, values), Said(text, values))
    about = values["number"] if data.get("what") == "always" else ""
    cause = f"call limit {data.get('rule')} {data.get('whose')} {data.get('what')} {about}"
    return watching.Alert(Kind.CALL_LIMIT, cause, Said(subject, values), Said(text, values))
