"""The one door through which phones get their files, whatever the way: HTTPS, HTTP, TFTP, plug and play.

The rules, in their order:

- By HTTP, TFTP and plug and play nothing is given outside the local networks.
- A one-time secret in the address gives the phone's files once, to whoever has it first.
- The phone's own credentials (or its maker's certificate) give them from then on.
- A MAC address alone is a name and no proof: it is enough in the local networks, where provisioning by it is on.

Questions are answered in batches: one transaction, one reading of the configuration, one word to the switch for all
of them, so that a thousand phones that start at once do not wait for a thousand commits.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from django.conf import settings as django_settings
from django.db import transaction

from jackfield.console.provisioning import rotation, strangers, troubles
from jackfield.console.provisioning.asking import Answer, Request
from jackfield.console.provisioning.giving import Giving
from jackfield.console.provisioning.judging import Judging, Question
from jackfield.console.provisioning.pace import Pace
from jackfield.provisioning.requests import PathRefused, recognise

if TYPE_CHECKING:
    from jackfield.provisioning.requests import Asked
    from jackfield.settings import Settings

__all__ = ["answer", "answers", "note"]

noting = Pace(120, 60.0)
"""By address: what is written down of those who ask for MAC addresses that are nobody's."""


def answer(request: Request, *, now: float | None = None) -> Answer:
    """Answer one question. Waits for the database; raises `DatabaseAway` while there is none."""
    return answers([request], now=now)[0]


def answers(
    requests: Sequence[Request], *, now: float | None = None, later: Callable[[Callable[[], None]], None] | None = None
) -> list[Answer]:
    """Answer several questions in their order, as `answer` does one.

    `later` is given what is to be done when the answers are away, where that takes longer for a phone that is not
    ours: nobody shall tell by the time which are. Without it, it is done at once.
    """
    from jackfield.console.database import database_errors

    settings: Settings = django_settings.JACKFIELD
    at = time.time() if now is None else now
    with database_errors(settings):
        found, judging = _answers(settings, requests, at)
    if judging.unknown:
        (later or _now)(functools.partial(note, judging.unknown, at))
    return found


def _now(work: Callable[[], None]) -> None:
    work()


def note(unknown: Sequence[tuple[Asked, Request]], now: float) -> None:
    """Count MAC addresses that were asked for from outside and are nobody's. Raises `DatabaseAway`."""
    from jackfield.console.database import database_errors

    with database_errors(django_settings.JACKFIELD), transaction.atomic():
        for asked, request in unknown:
            if not noting.wait(request.address, now):
                strangers.count(asked, request, local=False, now=now)


def _answers(settings: Settings, requests: Sequence[Request], now: float) -> tuple[list[Answer], Judging]:
    questions = [_question(request) for request in requests]
    found: list[Answer] = []
    judging = Judging(settings, now)
    with transaction.atomic():  # on SQLite it begins with the lock: what is read here stays true until it is written
        judging.read(questions)
        giving = Giving(judging.house, judging, now)
        for question in questions:
            verdict = judging.judge(question)
            found.append(verdict if isinstance(verdict, Answer) else giving.give(question, verdict))
        giving.write()
        troubles.keep(judging.happened, now)
    rotation.tell(settings, giving.rotated)
    return found, judging


def _question(request: Request) -> Question:
    try:
        return Question(request, recognise(request.path.partition("?")[0], request.user_agent))
    except PathRefused as why:
        return Question(request, None, refused=str(why))
