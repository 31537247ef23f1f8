"""How well a password resists those who guess: in the words of people, and what is refused."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

__all__ = ["LEAST", "Strength", "strength"]

LEAST = 10
LONGEST = 100  # zxcvbn's time grows with the square; longer ones are judged by their beginning
_WORDS = ("very weak", "weak", "fair", "good", "strong")
ENOUGH = 2


@dataclass(frozen=True, slots=True)
class Strength:
    """`score` from 0 to 4 with its word; `problem` says why the password is refused, "" when it is taken."""

    score: int
    word: str
    problem: str = ""


def strength(password: str, *, about: Collection[str] = (), least: int = LEAST) -> Strength:
    """Judge a password. `about`: words that are known of the person, such as the name and the company's."""
    if len(password) < least:
        return Strength(0, _WORDS[0], f"Take at least {least} characters: a few words in a row are easy to remember.")
    from zxcvbn import zxcvbn  # its lists of names and common passwords take 60 ms and some memory: when needed

    known = [word for text in about for word in (text, *text.replace("@", " ").split()) if len(word) > 2]
    found = zxcvbn(password[:LONGEST], user_inputs=known, max_length=LONGEST)
    score = int(found["score"])
    if score >= ENOUGH:
        return Strength(score, _WORDS[score])
    patterns = {part["pattern"] for part in found["sequence"]}
    why = "It is too easy to guess"
    if patterns == {"dictionary"} and any(part.get("dictionary_name") == "passwords" for part in found["sequence"]):
        why = "It is on the lists of passwords that attackers try first"
    return Strength(score, _WORDS[score], f"{why}: take a longer one, such as four words that have nothing in common.")
