"""What hours, dates and rules of permissions must be like, with words that say how to mend them.

As in `validation`: each function takes the value of a field and raises Django's `ValidationError`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date
from typing import Any, TypeVar

from django.core.exceptions import ValidationError

from jackfield.switch.snapshot import DatedHours, Day, PermissionRule, WeeklyHours

__all__ = ["dated", "days", "rules", "tidy_dated", "tidy_days", "tidy_weekly", "weekly"]

_CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d|24:00")
_LOOSE_CLOCK = re.compile(r"(\d{1,2})(?:[:.h](\d{2})?)?")
_LOOSE_DAY = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})|(\d{4})-(\d{1,2})-(\d{1,2})")
_PREFIX = re.compile(r"\+?[0-9*#]{1,20}")

Dated = TypeVar("Dated", Day, DatedHours)
Timed = TypeVar("Timed", WeeklyHours, DatedHours)


def weekly(values: Iterable[WeeklyHours]) -> None:
    """Accept hours of the week, over midnight too."""
    wrong = []
    for number, value in enumerate(values, 1):
        if not value.days:
            wrong.append(f"row {number} has no days: choose at least one")
        wrong += _clocks(value, f"row {number}")
    _raise(wrong)


def dated(values: Iterable[DatedHours]) -> None:
    """Accept hours of single dates."""
    wrong = []
    for value in values:
        wrong += _dates(value)
        wrong += _clocks(value, value.first)
    _raise(wrong)


def days(values: Iterable[Day]) -> None:
    """Accept single days and spans of them."""
    _raise([text for value in values for text in _dates(value)])


def rules(values: Sequence[PermissionRule]) -> None:
    """Accept the rules of a permission."""
    wrong = []
    for number, rule in enumerate(values, 1):
        if (rule.calls == "prefix" or (rule.calls == "internal" and rule.only)) and not _PREFIX.fullmatch(rule.only):
            wrong.append(f'rule {number}: "{rule.only}" is no beginning of a number: use digits, as in 0900 or +49900')
        elif rule.calls == "route" and not rule.only:
            wrong.append(f"rule {number} needs the name of an outgoing route")
        elif rule.calls not in ("prefix", "route", "internal") and rule.only:
            wrong.append(
                f'rule {number} is about {rule.calls} calls, so it can\'t be for "{rule.only}" only: leave it out'
            )
    _raise(wrong)


def _raise(wrong: Iterable[str]) -> None:
    if found := [ValidationError(text, code="wrong") for text in wrong]:
        raise ValidationError(found)


def _clocks(value: WeeklyHours | DatedHours, where: str) -> list[str]:
    wrong = [
        f'"{clock}" in {where} is no time of day: write it as 08:30, or 24:00'
        for clock in (value.start, value.end)
        if not _CLOCK.fullmatch(clock)
    ]
    if not wrong and value.start in (value.end, "24:00"):
        wrong.append(f"{where} begins and ends at {value.start}: for a whole day write 00:00 to 24:00")
    return wrong


def _dates(value: Day | DatedHours) -> list[str]:
    wrong, read = [], []
    for text in (value.first, value.last):
        try:
            read.append(date.fromisoformat(text) if text else None)
        except ValueError:
            wrong.append(f'"{text}" is no date: write it as 2026-12-24')
    if not wrong and read[0] and read[1] and not read[0] <= read[1] <= date(read[0].year + 2, 12, 31):
        wrong.append(f"{value.first} to {value.last} is no span: the last day comes after the first, within two years")
    return wrong


# --- as people write them ---------------------------------------------------------------------------------------------


def tidy_weekly(values: Any) -> Any:
    """Return hours of the week with times as they are kept: "8" and "8:00" become "08:00"."""
    return tuple(map(_tidy_times, values))


def tidy_dated(values: Any) -> Any:
    """Return dated hours with times and dates as they are kept."""
    return tuple(_tidy_day(_tidy_times(value)) for value in values)


def tidy_days(values: Any) -> Any:
    """Return days with dates as they are kept: "24.12.2026" becomes "2026-12-24"."""
    return tuple(map(_tidy_day, values))


def _tidy_times(value: Timed) -> Timed:
    start, end = _clock(value.start), _clock(value.end)
    return replace(value, start=start, end="24:00" if end == "00:00" else end)


def _clock(text: str) -> str:
    found = _LOOSE_CLOCK.fullmatch(text.strip())
    return f"{int(found[1]):02}:{found[2] or '00'}" if found else text


def _tidy_day(value: Dated) -> Dated:
    first, last = _day(value.first), _day(value.last)
    return replace(value, first=first, last="" if last == first else last)


def _day(text: str) -> str:
    found = _LOOSE_DAY.fullmatch(text.strip())
    if found is None:
        return text
    year, month, day = (found[3], found[2], found[1]) if found[1] else (found[4], found[5], found[6])
    return f"{int(year):04}-{int(month):02}-{int(day):02}"
