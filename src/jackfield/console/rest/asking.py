"""Questions to the running switch, for the API."""

from __future__ import annotations

from typing import Any

from django.conf import settings as django_settings

from jackfield.console.rest.problems import Refusal
from jackfield.console.web.forms import sentence
from jackfield.control import ControlError, NotRunning, ask_sync

__all__ = ["ask"]

ANSWER_SECONDS = 10.0


def ask(verb: str, /, *, missing: bool = False, **more: Any) -> Any:
    """Return the switch's answer. Raises `Refusal`: 503 when it does not run, 404 or 422 when it refuses."""
    try:
        return ask_sync(django_settings.JACKFIELD.files.switch_socket, verb, timeout=ANSWER_SECONDS, **more)
    except NotRunning as problem:
        raise Refusal(503, f"The switch does not run: {problem}", headers={"Retry-After": "5"}) from None
    except ControlError as problem:
        raise Refusal(404 if missing else 422, sentence(str(problem))) from None
