"""Dates, times and numbers as the reader's language writes them in the company's country."""

from __future__ import annotations

import datetime
import time

import pytest
from django.utils import translation

from jackfield.console import api, formats
from jackfield.settings import Settings

AT = datetime.datetime(2026, 11, 23, 13, 5, 9, tzinfo=datetime.UTC).timestamp()


@pytest.mark.parametrize(
    ("language", "country", "written"),
    [
        ("en", "GB", "23 Nov 2026 14:05"),
        ("en", "US", "Nov 23, 2026, 2:05 PM"),
        ("en", "CZ", "23 Nov 2026 14:05"),  # of which the CLDR knows no English
        ("de", "DE", "23.11.2026 14:05"),
        ("de", "US", "23.11.2026 14:05"),
        ("es", "ES", "23 nov 2026 14:05"),
        ("fr", "FR", "23 nov. 2026 14:05"),
        ("fr", "CA", "23 nov. 2026 14 h 05"),
        ("cs", "CZ", "23. 11. 2026 14:05"),
        ("tlh", "GB", "23 Nov 2026 14:05"),  # no page is in it: English
    ],
)
def test_a_time_is_written_as_the_country_does(sqlite: Settings, language: str, country: str, written: str):
    api.apply(sqlite, f"settings: {{country: {country}}}", prune=False)
    with translation.override(language):
        assert formats.when(AT, "Europe/Berlin").replace("\u202f", " ").replace("\xa0", " ") == written


def test_the_second_is_told_where_it_matters(sqlite: Settings):
    api.apply(sqlite, "settings: {country: DE}", prune=False)
    with translation.override("de"):
        assert formats.when(AT, "Europe/Berlin", exact=True) == "23.11.2026 14:05:09"
        assert formats.clock(AT, "Europe/Berlin") == "14:05"
    assert formats.when(None) == "–"


@pytest.mark.parametrize(
    ("language", "minutes", "days"),
    [
        ("en", "8 minutes ago", "40 days ago"),
        ("de", "vor 8 Minuten", "vor 40 Tagen"),
        ("es", "hace 8 minutos", "hace 40 días"),
        ("fr", "il y a 8 minutes", "il y a 40 jours"),
        ("cs", "před 8 minutami", "před 40 dny"),
    ],
)
def test_how_long_ago_is_told_in_the_language(sqlite: Settings, language: str, minutes: str, days: str):
    now = time.time()
    with translation.override(language):
        assert formats.ago(now - 8 * 60 - 30).replace("\xa0", " ") == minutes
        assert formats.ago(now - 40 * 86400 - 3600).replace("\xa0", " ") == days


def test_numbers_have_the_marks_of_the_language(sqlite: Settings):
    with translation.override("de"):
        assert formats.number(1234567.5) == "1.234.567,5"
        assert formats.number(12.34, 1) == "12,3"
        assert formats.number(99.6, 0) == "100"
    with translation.override("en"):
        assert formats.number(1234) == "1,234"


def test_days_have_names(sqlite: Settings):
    today = datetime.date(2026, 11, 23)
    with translation.override("fr"):
        assert formats.named_day(datetime.date(2026, 11, 16), today) == "Lundi 16 novembre 2026"
    assert formats.named_day(today, today) == "Today"
    assert formats.named_day(datetime.date(2026, 11, 22), today) == "Yesterday"


def test_a_time_of_today_needs_no_date(sqlite: Settings, monkeypatch: pytest.MonkeyPatch):
    api.apply(sqlite, "settings: {country: DE}", prune=False)
    monkeypatch.setattr(time, "time", lambda: AT)
    with translation.override("de"):
        assert formats.near(AT + 3600, "Europe/Berlin") == "15:05"
        assert formats.near(AT + 43200, "Europe/Berlin") == "24.11.2026 02:05"
        assert formats.near(AT + 39600, "UTC") == "24.11.2026 00:05"
        assert formats.short_day(datetime.date(2026, 11, 3)) == "03.11.2026"
