"""A change of the firewall on trial: it takes itself back after a minute, unless somebody who still gets in keeps it.

So nobody shuts himself out for longer than that. What is on trial stands in a file, so that a console that is started
again in the meantime takes it back all the same.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from jackfield.settings import Settings

__all__ = ["SECONDS", "Trial", "TrialKeeper", "begin", "current", "keep", "take_back"]

log = logging.getLogger("jackfield.firewall")

SECONDS = 60
TICK = 1.0


@dataclass(frozen=True, slots=True)
class Trial:
    """A revision on trial. `until`: UTC seconds since 1970; `by`, `address`: who wanted it, and from where."""

    revision: int
    until: float
    by: str
    address: str = ""


def current(settings: Settings) -> Trial | None:
    """Return what is on trial now."""
    try:
        return msgspec.json.decode(settings.files.firewall_trial.read_bytes(), type=Trial)
    except (OSError, msgspec.DecodeError):
        return None


def begin(settings: Settings, trial: Trial) -> None:
    """Put a revision that was just made on trial. Raises `OSError`."""
    path: Path = settings.files.firewall_trial
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_bytes(msgspec.json.encode(trial))
    draft.replace(path)


def keep(settings: Settings) -> Trial | None:
    """End the trial, so that the change stays. Returns it; None where there is none any more."""
    found = current(settings)
    with contextlib.suppress(FileNotFoundError):
        settings.files.firewall_trial.unlink()
    return found


def take_back(settings: Settings, trial: Trial) -> str:
    """Undo the change that is on trial. Returns why that was not possible, "" when it was. Raises `DatabaseAway`."""
    from jackfield.changes.models import Revision
    from jackfield.console import change
    from jackfield.console.declarative.apply import Author
    from jackfield.console.declarative.difference import DocumentError

    revision = Revision.objects.filter(pk=trial.revision).first()
    problem = ""
    if revision is not None and not revision.undone_by.exists():
        try:
            change.undo(settings, revision, author=Author("firewall", "undo", undoes=revision.pk))
        except DocumentError as why:
            problem = str(why)
            log.error("a change of the firewall on trial could not be taken back: %s", problem)
        else:
            log.warning("nobody kept the change of the firewall that %s tried: it was taken back", trial.by)
    if current(settings) == trial:
        keep(settings)
    return problem


class TrialKeeper:
    """`run(stop)` takes back what nobody keeps. In a thread of its own."""

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.time) -> None:
        self._settings = settings
        self._clock = clock

    def run(self, stop: threading.Event) -> None:
        """Look every second until told to stop."""
        while not stop.wait(TICK):
            try:
                self.look()
            except Exception as problem:  # the database is away: the next round
                log.error("a change of the firewall on trial can't be taken back yet: %s", problem)

    def look(self) -> bool:
        """Take back what is due; True when there was something."""
        found = current(self._settings)
        if found is None or self._clock() < found.until:
            return False
        take_back(self._settings, found)
        return True
