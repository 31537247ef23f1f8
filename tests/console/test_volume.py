"""How much is called: today against a usual day."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from jackfield.console import volume
from jackfield.history.models import Call, Leg
from jackfield.settings import Settings

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.fixture(autouse=True)
def _forget():
    volume._all.clear()


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN).timestamp()


def call(when: str, outcome: str = "answered", direction: str = "in") -> Call:
    return Call.objects.create(
        id=f"{when} {Call.objects.count()}", started=at(when), outcome=outcome, direction=direction
    )


NOW = at("2026-11-23T12:10:00")


def test_today_is_counted_since_midnight_where_the_company_is(settings: Settings):
    call("2026-11-22T23:59:59")
    call("2026-11-23T00:00:00")
    call("2026-11-23T08:00:00", "no_answer")
    call("2026-11-23T09:00:00", "busy", "out")
    call("2026-11-23T12:09:00", "")
    found = volume.today(NOW, "Europe/Berlin")
    assert (found.now.calls, found.now.answered, found.now.missed) == (4, 1, 1)
    assert found.usual is None, "no other Monday is known"


def test_a_usual_day_is_the_mean_of_the_same_weekday_up_to_this_time(settings: Settings):
    for when in ("2026-11-16T09:00:00", "2026-11-16T10:00:00", "2026-11-09T09:00:00", "2026-11-16T15:00:00"):
        call(when)
    call("2026-11-16T09:30:00", "cancelled")
    call("2026-11-17T09:00:00")  # another weekday
    usual = volume.today(NOW, "Europe/Berlin").usual
    assert usual is not None
    assert (usual.calls, usual.answered, usual.missed) == (2, 1.5, 0.5)


def test_the_last_day_has_each_of_its_hours(settings: Settings):
    call("2026-11-23T12:05:00")
    call("2026-11-23T11:59:00", "unreachable")
    call("2026-11-22T13:00:00")
    call("2026-11-22T12:59:00")  # too long ago
    hours = volume.last_day(NOW)
    assert len(hours) == 24
    assert hours[-1][0] == at("2026-11-23T12:00:00")
    assert [int(one.calls) for _, one in hours] == [1, *[0] * 21, 1, 1]
    assert hours[-2][1].missed == 1


def test_what_twenty_people_look_at_is_counted_once(settings: Settings):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    volume.today(NOW, "Europe/Berlin")
    volume.last_day(NOW)
    volume.quality()
    with CaptureQueriesContext(connection) as queries:
        volume.today(NOW + 1, "Europe/Berlin")
        volume.last_day(NOW + 1)
        volume.quality()
    assert len(queries) == 0


def test_quality_is_told_of_those_who_were_heard(settings: Settings):
    assert volume.quality() is None
    volume._all.clear()
    one = call("2026-11-23T12:05:00")
    for position, media in enumerate(({"mos": 4.4}, {"mos": 3.0}, {"mos": 0.0}, {})):
        Leg.objects.create(call=one, position=position, role="callee", media=media)
    found = volume.quality()
    assert found is not None
    assert (round(found.mos, 2), found.legs, found.poor) == (3.7, 2, 1)
