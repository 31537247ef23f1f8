"""How well a password resists those who guess, in a word, while somebody types it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from django.utils.translation import gettext
from django.utils.translation import gettext_noop as later

from jackfield.console.web.passwords import READ_BY_ZXCVBN, weakness

__all__ = ["Strength", "strength"]

_WORDS = (later("very weak"), later("weak"), later("fair"), later("good"), later("strong"))


@dataclass(frozen=True, slots=True)
class Strength:
    """`score` from 0 to 4 with its word; `problem` says why the password is refused, "" when it is taken."""

    score: int
    word: str
    problem: str = ""


def strength(password: str, *, about: Collection[str] = ()) -> Strength:
    """Judge a password. `about`: words that are known of the person, such as the name and the company's."""
    from zxcvbn import zxcvbn  # its word lists take a moment

    known = [part for text in about for part in (text, *text.replace("@", " ").split()) if len(part) > 2]
    score = int(zxcvbn(password[:READ_BY_ZXCVBN], user_inputs=known)["score"]) if password else 0
    return Strength(score, gettext(_WORDS[score]), weakness(password, None, *about))
