"""What somebody has typed into the pages of the first run, kept in the session until it is applied."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from jackfield.console import first_run
from jackfield.console.web.rights import held
from jackfield.people.levels import full

__all__ = ["Draft", "admit", "admitted"]

KEY = "first_run"


def admit(request: HttpRequest) -> None:
    """Let this browser through all pages of the first run."""
    request.session[KEY] = {"admitted": True, "typed": {}, "skipped": []}
    request.session.set_expiry(24 * 3600)


def admitted(request: HttpRequest) -> bool:
    """Tell whether the pages are for this browser: it showed the token, or a full administrator is signed in."""
    user: Any = request.user
    if user.is_authenticated:
        return full(held(user))
    return bool(request.session.get(KEY, {}).get("admitted")) and not first_run.administrator_exists()


class Draft:
    """What was typed, by step. `typed` has a step's values once it was gone through; a skipped one keeps them."""

    def __init__(self, request: HttpRequest) -> None:
        self._session = request.session
        data = request.session.get(KEY, {})
        self.admitted = bool(data.get("admitted"))
        self.typed: dict[str, dict[str, Any]] = dict(data.get("typed", {}))
        self.skipped: list[str] = list(data.get("skipped", []))
        self.wrong: list[str] = list(data.get("wrong", []))

    def counts(self, step: str) -> bool:
        """Tell whether what was typed in a step is to be applied."""
        return step in self.typed and step not in self.skipped

    def state(self, step: str) -> str:
        """Return "done", "skipped", "wrong" or ""."""
        if step in self.skipped or step not in self.typed:
            return "skipped" if step in self.skipped else ""
        return "wrong" if step in self.wrong else "done"

    def take(self, step: str, values: dict[str, Any]) -> None:
        """Keep what was typed."""
        self.typed[step] = values
        self.skipped = [name for name in self.skipped if name != step]
        self._save()

    def judge(self, step: str, *, right: bool) -> None:
        """Note whether what was typed can be."""
        self.wrong = [*(name for name in self.wrong if name != step), *(() if right else (step,))]
        self._save()

    def skip(self, step: str) -> None:
        """Leave a step out; what was typed there stays for when one returns."""
        self.skipped = [*(name for name in self.skipped if name != step), step]
        self._save()

    def forget(self) -> None:
        """Throw away what was typed: there are passwords in it."""
        self.typed, self.skipped, self.wrong = {}, [], []
        self._save()

    def _save(self) -> None:
        self._session[KEY] = {
            "admitted": self.admitted,
            "typed": self.typed,
            "skipped": self.skipped,
            "wrong": self.wrong,
        }
