"""What zxcvbn says of a password, so that the translators find it: the library speaks English only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop as later

__all__ = ["advice"]

SAID = (
    later("Use a few words, avoid common phrases."),
    later("No need for symbols, digits, or uppercase letters."),
    later("Add another word or two. Uncommon words are better."),
    later("Straight rows of keys are easy to guess."),
    later("Short keyboard patterns are easy to guess."),
    later("Use a longer keyboard pattern with more turns."),
    later('Repeats like "aaa" are easy to guess.'),
    later('Repeats like "abcabcabc" are only slightly harder to guess than "abc".'),
    later("Avoid repeated words and characters."),
    later('Sequences like "abc" or "6543" are easy to guess.'),
    later("Avoid sequences."),
    later("Recent years are easy to guess."),
    later("Avoid recent years."),
    later("Avoid years that are associated with you."),
    later("Dates are often easy to guess."),
    later("Avoid dates and years that are associated with you."),
    later("This is a top-10 common password."),
    later("This is a top-100 common password."),
    later("This is a very common password."),
    later("This is similar to a commonly used password."),
    later("A word by itself is easy to guess."),
    later("Names and surnames by themselves are easy to guess."),
    later("Common names and surnames are easy to guess."),
    later("Capitalization doesn't help very much."),
    later("All-uppercase is almost as easy to guess as all-lowercase."),
    later("Reversed words aren't much harder to guess."),
    later("Predictable substitutions like '@' instead of 'a' don't help very much."),
)
"""The sentences of zxcvbn 4.5 (feedback.py); another one is shown as it is."""


def advice(told: Mapping[str, Any]) -> str:
    """Return the feedback of zxcvbn (`warning`, `suggestions`) in the page's language."""
    texts = [told["warning"] or later("This password is easy to guess."), *told["suggestions"]]
    return " ".join(_(text if text.endswith(".") else f"{text}.") for text in texts)
