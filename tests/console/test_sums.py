"""Sums of calls by the day: the same figures as from the calls themselves, whatever happens to these."""

from __future__ import annotations

import datetime
import random
import zoneinfo

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from jackfield.console.importer import Importer
from jackfield.console.web.history import figures as made
from jackfield.history import retention, storing, sums
from jackfield.history.models import Call, DaySums
from jackfield.settings import Settings
from jackfield.switch.party import Party

from .records import record

BEGIN = datetime.datetime(2026, 10, 1, tzinfo=datetime.UTC).timestamp()
NOW = BEGIN + 60 * 86400
ZONES = ("Europe/Berlin", "Asia/Kolkata", "America/New_York")


def entry(id: str, started: float, **more: object) -> dict[str, object]:
    call = record(id, started=started, **more)
    return {"kind": "call", "id": id, "data": call.to_dict()}


@pytest.fixture
def calls(settings: Settings) -> None:
    """Two months with calls, over the change of the clocks on 25 October and 1 November."""
    chance = random.Random(7)
    entries = []
    for number in range(700):
        caller = Party(str(100 + chance.randrange(9)), extension=str(100 + chance.randrange(9)))
        more = {"caller": caller} if number % 3 else {"direction": "in", "caller": Party("0301234567", trunk="A")}
        started = BEGIN + chance.random() * 59.5 * 86400
        entries.append(entry(f"c{number}", started, answered=started + 5 if number % 4 else None, **more))
    storing.store(entries, NOW)


def every_period() -> list[made.Figures]:
    days = [(1, 59), (0, 0), (3, 9), (20, 45), (24, 25), (30, 32), (-30, 90), (58, 60), (-500, -400)]
    first = datetime.date(2026, 10, 1)
    return [
        made.figures(first + datetime.timedelta(since), first + datetime.timedelta(until), zoneinfo.ZoneInfo(zone))
        for since, until in days
        for zone in ZONES
    ]


def listened(one: made.Figures) -> list[tuple[str, made.Sounded]]:
    """How calls sounded in a time that is short enough to be told without sums."""
    return one.sounded if one.unit == "hour" or len(one.sounded) <= made.LISTENED_DAYS else []


def rounded(found: list[made.Figures]) -> str:
    def tally(one: made.Tally) -> tuple[float, ...]:
        return one.calls, one.answered, round(one.waited, 1), round(one.talked, 1)

    def ends(several: list[tuple[str, made.Ends]]) -> list[object]:
        return [(name, tally(one.made), tally(one.got)) for name, one in several]

    return "\n".join(
        str([
            one.unit, tally(one.all), [(name, tally(each)) for name, each in one.over_time],
            [(name, tally(each)) for name, each in one.by_hour],
            sorted((name, tally(each)) for name, each in one.by_direction.items()), sorted(one.by_outcome.items()),
            ends(one.extensions), ends(one.trunks),
            [(name, each.parties, round(each.total, 1), each.poor, each.lowest) for name, each in listened(one)],
        ])
        for one in found
    )  # fmt: skip


def test_figures_are_the_same_with_sums_as_without_in_every_zone(calls):
    before = rounded(every_period())
    while sums.keep(NOW, most=7):
        pass
    assert DaySums.objects.count() == 60
    assert DaySums.objects.exclude(extensions="").count() == 15
    assert rounded(every_period()) == before


def test_only_some_days_being_added_up_changes_nothing_either(calls):
    before = rounded(every_period())
    sums.keep(NOW, most=23)
    assert rounded(every_period()) == before


def test_a_call_that_comes_late_takes_the_sums_of_its_day_and_they_are_made_anew(calls):
    sums.keep(NOW, most=100)
    storing.store([entry("late", BEGIN + 30.5 * 86400)], NOW)
    assert list(DaySums.objects.values_list("day", flat=True))[-1] == int(BEGIN // 86400) + 29
    with_gap = rounded(every_period())
    sums.keep(NOW, most=100)
    assert rounded(every_period()) == with_gap
    DaySums.objects.all().delete()
    assert rounded(every_period()) == with_gap


def test_a_call_that_never_ended_takes_them_too(calls):
    begun = {"kind": "call_started", "id": "open", "data": record("open", started=BEGIN + 86400).beginning()}
    storing.store([begun], NOW)
    sums.keep(NOW, most=100)
    assert storing.interrupt(["boot-1"], NOW) == 1
    assert DaySums.objects.count() == 1


def test_what_is_too_old_goes_with_its_calls(calls):
    from jackfield.company.models import General

    sums.keep(NOW, most=100)
    General.objects.update_or_create(pk=1, defaults={"keep_calls_days": 20})
    retention.clean(NOW)
    assert not Call.objects.filter(started__lt=NOW - 20 * 86400).exists()
    with_sums = rounded(every_period())
    DaySums.objects.all().delete()
    assert rounded(every_period()) == with_sums


def test_the_importer_adds_up_a_few_days_at_a_time_when_it_has_nothing_else_to_do(calls, settings: Settings):
    importer = Importer(settings, clock=lambda: NOW, active=set)
    importer.step()
    first = DaySums.objects.count()
    importer.step()
    assert 0 < first < DaySums.objects.count() < 60


def test_a_year_takes_few_queries(calls):
    sums.keep(NOW, most=100)
    with CaptureQueriesContext(connection) as asked:
        made.figures(datetime.date(2026, 1, 1), datetime.date(2026, 12, 31), zoneinfo.ZoneInfo("Europe/Berlin"))
    assert len(asked) < 25
