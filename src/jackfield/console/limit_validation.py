"""What the fields of limits on calls must be like, with words that say how to mend them.

As in `validation`: each function takes the value of a field and raises Django's `ValidationError`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from django.core.exceptions import ValidationError

__all__ = ["NO_COUNTRY", "countries", "opened", "pin", "prefixes"]

NO_COUNTRY = "001"
"""Stands for the networks of no country, as in ITU-T E.164: satellites, at sea, in the air."""
_PREFIX = re.compile(r"\+?[0-9*#]{1,20}")
_PIN = re.compile(r"[0-9]{4,12}")


def countries(values: Iterable[str]) -> None:
    """Accept countries by their ISO 3166-1 alpha-2 codes."""
    _raise(_no_country(one) for one in values if not _is_country(one))


def prefixes(values: Iterable[str]) -> None:
    """Accept beginnings of numbers."""
    _raise(_no_prefix(one) for one in values if not _PREFIX.fullmatch(one))


def opened(values: Iterable[str]) -> None:
    """Accept countries and beginnings of numbers."""
    _raise(
        _no_country(one) if one.isalpha() else _no_prefix(one)
        for one in values
        if not _is_country(one) and not _PREFIX.fullmatch(one)
    )


def pin(value: str) -> None:
    """Accept a PIN that a telephone can dial."""
    if not _PIN.fullmatch(value):
        raise ValidationError("use 4 to 12 digits", code="wrong")
    if len(set(value)) == 1 or value in "0123456789" or value in "9876543210":
        raise ValidationError("is among the first that anybody tries: choose digits without an order", code="wrong")


def _is_country(value: str) -> bool:
    import phonenumbers  # 45 ms to load, needed here only

    return value == NO_COUNTRY or value in phonenumbers.SUPPORTED_REGIONS


def _no_country(value: str) -> str:
    return f'"{value}" is no country: use its two-letter code, such as US, DE or CZ'


def _no_prefix(value: str) -> str:
    return f'"{value}" is no beginning of a number: use digits as they are dialled, as in 9011, or +49'


def _raise(wrong: Iterable[str]) -> None:
    if found := [ValidationError(text, code="wrong") for text in wrong]:
        raise ValidationError(found)
