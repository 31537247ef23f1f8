"""Dates, times, durations and numbers as people write them: in the page's language, in the company's country.

By the Unicode CLDR, through Babel. What programs read (CSV, the API, logs) stays ISO 8601 and is not made here. What
was written for a day, a minute or a span is kept: a list of 100 rows asks for the same ones again and again.
"""

from __future__ import annotations

import datetime
import time
import zoneinfo
from functools import lru_cache
from typing import Literal

from babel import Locale, dates, numbers
from django.utils.translation import gettext as _

from jackfield.console.languages import locale

__all__ = ["ago", "clock", "day", "lasting", "named_day", "near", "number", "short_day", "span", "stamp", "when"]

Form = Literal["medium", "full"]
Unit = Literal["day", "hour", "minute"]
UNITS: tuple[tuple[int, Unit], ...] = ((86400, "day"), (3600, "hour"), (60, "minute"))
NEVER_CHANGE_UNIT = 1e9
"""For `format_timedelta`: 40 days ago stay days, and do not become a month."""


def when(seconds: float | None, zone: str = "UTC", exact: bool = False) -> str:
    """Return a time (seconds since 1970) in a time zone: "23 Nov 2026 14:05", "23.11.2026 14:05".

    `exact`: to the second. A comma stands between date and time only where the date has one itself, as in the USA.
    """
    if seconds is None:
        return "–"
    at, where = _at(seconds, zone), locale()
    date = _date(where, at.date(), "medium")
    return f"{date}{', ' if ',' in date else ' '}{_clock(where, at.hour, at.minute, at.second if exact else None)}"


def clock(seconds: float, zone: str = "UTC", exact: bool = False) -> str:
    """Return the time of day: "14:05", "2:05 PM"."""
    at = _at(seconds, zone)
    return _clock(locale(), at.hour, at.minute, at.second if exact else None)


def day(date: datetime.date) -> str:
    """Return a day with its name, as a heading: "Monday, 23 November 2026"."""
    text = _date(locale(), date, "full")
    return text[:1].upper() + text[1:]


def named_day(date: datetime.date, today: datetime.date) -> str:
    """Return the same, but "Today" and "Yesterday" for those."""
    if date == today:
        return str(_("Today"))
    return str(_("Yesterday")) if date == today - datetime.timedelta(days=1) else day(date)


def near(seconds: float, zone: str = "UTC") -> str:
    """Return a time that may be today, which then needs no date: "18:00", "24 Nov 2026 08:00"."""
    today = _at(time.time(), zone).date()
    return clock(seconds, zone) if _at(seconds, zone).date() == today else when(seconds, zone)


def short_day(date: datetime.date) -> str:
    """Return a day without its name: "23 Nov 2026", "23.11.2026"."""
    return _date(locale(), date, "medium")


def ago(seconds: float | None) -> str:
    """Return how long ago a time was: "8 minutes ago"."""
    if not seconds:
        return str(_("never"))
    passed = max(0, int(time.time() - seconds))
    for length, name in UNITS:
        if passed >= length:
            return _passed(locale(), passed // length * length, name)
    return str(_("just now"))


def span(seconds: float | None) -> str:
    """Return a duration as 1:02:03 or 2:03, which every language writes so."""
    if seconds is None:
        return "–"
    whole = int(seconds)
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours}:{minutes:02d}:{whole % 60:02d}" if hours else f"{minutes}:{whole % 60:02d}"


def lasting(since: float) -> str:
    """Return how long something has lasted by now."""
    return span(max(0.0, time.time() - since))


def number(value: float, decimals: int | None = None) -> str:
    """Return a number with the marks of the language: "1,234.5", "1.234,5"; at most (or just) so many `decimals`."""
    form = None if decimals is None else f"#,##0.{'0' * decimals}" if decimals else "#,##0"
    return _number(locale(), value, form)


def stamp(seconds: float) -> str:
    """Return a time as `<time datetime=…>` takes it."""
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).isoformat(timespec="seconds")


def _at(seconds: float, zone: str) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(seconds, zoneinfo.ZoneInfo(zone))


@lru_cache(4096)
def _date(where: Locale, date: datetime.date, form: Form) -> str:
    return dates.format_date(date, form, locale=where)


@lru_cache(4096)
def _clock(where: Locale, hour: int, minute: int, second: int | None) -> str:
    form = "short" if second is None else "medium"
    return dates.format_time(datetime.time(hour, minute, second or 0), form, locale=where)


@lru_cache(4096)
def _passed(where: Locale, seconds: int, unit: Unit) -> str:
    return dates.format_timedelta(
        datetime.timedelta(seconds=-seconds), unit, threshold=NEVER_CHANGE_UNIT, add_direction=True, locale=where
    )  # fmt: skip


@lru_cache(1024)
def _number(where: Locale, value: float, form: str | None) -> str:
    return numbers.format_decimal(value, form, locale=where)
