"""How many calls there were, when, and whose."""

from __future__ import annotations

import re
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.test import Client

from jackfield.console.web.history import statistics
from jackfield.settings import Settings

from .history_records import DAY, MONDAY, call, incoming, keep, party


def cells(page: str, table: str) -> dict[str, list[str]]:
    """Return the rows of a table by their first cell."""
    inner = re.search(rf'id="{table}"(.*?)</table>', page, re.DOTALL)[1]
    found = {}
    for row in re.findall(r"<tr>(<th scope=\"row\".*?)</tr>", inner, re.DOTALL):
        texts = [re.sub(r"<[^>]*>", "", cell).strip() for cell in re.findall(r"<t[hd].*?</t[hd]>", row, re.DOTALL)]
        found[texts[0]] = texts[1:]
    return found


def figures(admin: Client, query: str) -> str:
    answer = admin.get(f"/admin/statistics/?{query}")
    assert answer.status_code == 200
    return str(answer.content.decode())


@pytest.fixture
def week() -> None:
    """Four calls from Monday to Wednesday."""
    statistics._known.clear()
    missed = {"answered": None, "outcome": "no_answer"}
    keep(
        call("a"),
        call("b", MONDAY + 60, **missed),
        incoming("c", "+4930123456", at=MONDAY + 2 * DAY),
        call("d", MONDAY + 13.9 * 3600, called=party("+4930", trunk="Provider"), direction="out", dialed="004930"),
    )


def test_calls_are_counted_by_day_and_hour_of_the_companys_zone(admin: Client, week: None):
    page = figures(admin, "since=2026-11-16&until=2026-11-18")
    by_day = cells(page, "over-time-table")
    assert by_day["Mon 16 Nov"] == ["3", "2", "1", "3,0 s", "1:00"]
    assert by_day["Tue 17 Nov"] == ["0", "0", "0", "–", "–"]
    assert by_day["Wed 18 Nov"][0] == "1"
    by_hour = cells(page, "by-hour-table")
    assert {hour: row[0] for hour, row in by_hour.items() if row[0] != "0"} == {"10:00": "3", "23:00": "1"}
    assert "<dd>4</dd>" in page
    assert "75 %" in page


def test_one_day_is_told_by_the_hour(admin: Client, week: None):
    by_hour = cells(figures(admin, "since=2026-11-16&until=2026-11-16"), "over-time-table")
    assert len(by_hour) == 24
    assert by_hour["10:00"][:3] == ["2", "1", "1"]


def test_a_long_time_is_told_by_the_month(admin: Client, week: None):
    by_month = cells(figures(admin, "since=2025-01-01&until=2026-12-31"), "over-time-table")
    assert len(by_month) == 24
    assert by_month["November 2026"][0] == "4"


def test_extensions_and_trunks_are_told_with_what_they_made_and_got(admin: Client, week: None):
    page = figures(admin, "since=2026-11-16&until=2026-11-18")
    extensions = cells(page, "extensions")
    assert extensions["101 Anna"] == ["", "3", "1", "1", "0", "3,0 s", "3:00"]
    assert extensions["102 Bert"] == ["", "0", "2", "1", "1", "3,0 s", "1:00"]
    assert cells(page, "trunks")["Provider"] == ["", "1", "100 %", "1", "100 %", "2:00"]
    assert "/admin/calls/?extension=101&since=2026-11-16&until=2026-11-18" in page
    assert cells(page, "ends")["No answer"] == ["1", "25,0 %"]


def test_a_time_without_calls_and_days_that_make_no_sense_are_said(admin: Client, week: None):
    assert "There were no calls in this time" in figures(admin, "since=2020-01-01&until=2020-01-02")
    assert "The first day must come before" in figures(admin, "since=2026-02-01&until=2026-01-01")
    assert "Days are written as" in figures(admin, "since=x")
    assert 'href="?period=today"' in figures(admin, "period=today")


def test_figures_are_the_same_on_every_database(settings: Settings):
    import datetime

    from jackfield.console.web.history.figures import figures as added_up

    keep(call("a"), call("b", MONDAY + 1500), incoming("c", "+49301", at=MONDAY + DAY))
    found = added_up(datetime.date(2026, 11, 16), datetime.date(2026, 11, 17), ZoneInfo("Asia/Kolkata"))
    assert [(label, tally.calls) for label, tally in found.over_time if tally.calls] == [
        ("Mon 14:00", 2), ("Tue 14:00", 1),
    ]  # fmt: skip
    assert [(number, ends.made.calls, ends.got.calls) for number, ends in found.extensions] == [
        ("101", 2, 1), ("102", 0, 2),
    ]  # fmt: skip


def test_how_calls_sounded_is_told_for_each_day_with_the_share_that_was_poor(admin: Client):
    def sounding(id: str, at: float, *scores: float) -> dict[str, Any]:
        made = call(id, at)
        for leg, score in zip(made["legs"], scores, strict=True):
            leg["media"] = {"mos": score}
        return made

    statistics._known.clear()
    keep(sounding("a", MONDAY, 4.4, 4.2), sounding("b", MONDAY + DAY, 4.0, 2.0), sounding("c", MONDAY + DAY, 0, 0))
    page = figures(admin, "since=2026-11-15&until=2026-11-17")
    told = cells(page, "sound-table")
    assert told["Mon 16 Nov"][:4] == ["4,30", "4,20", "2", "0"]
    assert told["Tue 17 Nov"][:2] == ["3,00", "2,00"]
    assert "50,0 %" in told["Tue 17 Nov"][3]
    assert told["Sun 15 Nov"][:3] == ["–", "–", "0"]


def test_where_nobody_was_heard_there_is_no_picture_of_it(admin: Client):
    statistics._known.clear()
    keep(call("a", outcome="no_answer", answered=None) | {"legs": []})
    assert "sound-table" not in figures(admin, "since=2026-11-16&until=2026-11-16")
