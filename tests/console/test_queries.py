"""Questions to the history, and what leaves it with time."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from jackfield.console import api
from jackfield.history import retention
from jackfield.history.models import Call, Event, Journal, Leg
from jackfield.history.storing import store
from jackfield.settings import Settings
from jackfield.switch.party import Party

from .records import record

DAY = 86400.0
BASE = datetime(2026, 11, 20, 12, tzinfo=UTC).timestamp()


@pytest.fixture
def history(settings: Settings) -> Settings:
    outside = Party("90123456", "Customer", trunk="Carrier")
    calls = [
        record("aa1", started=BASE),
        record(
            "ab2", started=BASE + 60, outcome="busy", answered=None, called=Party("103", extension="103"), dialed="103"
        ),
        record("bb3", started=BASE + DAY, caller=outside, direction="in"),
        record("cc4", started=BASE + 2 * DAY, called=outside, dialed="90123456", direction="out"),
    ]
    entries = [{"kind": "call", "id": call.id, "data": call.to_dict()} for call in calls]
    begun = record("dd5", started=BASE + 3 * DAY)
    store([*entries, {"kind": "call_started", "id": begun.id, "data": begun.beginning()}], BASE)
    return settings


def ids(settings: Settings, **filters) -> list[str]:
    return [call["id"] for call in api.calls(settings, **filters)]


def test_calls_come_newest_first(history: Settings):
    assert ids(history) == ["dd5", "cc4", "bb3", "ab2", "aa1"]
    assert ids(history, limit=2) == ["dd5", "cc4"]
    assert ids(history, limit=2, offset=3) == ["ab2", "aa1"]


def test_calls_are_found_by_what_is_known_of_them(history: Settings):
    assert ids(history, number="103") == ["ab2"]
    assert ids(history, number="90123456") == ["cc4", "bb3"]
    assert ids(history, trunk="Carrier") == ["cc4", "bb3"]
    assert ids(history, direction="in") == ["bb3"]
    assert ids(history, outcome="busy") == ["ab2"]
    since, until = (datetime.fromtimestamp(BASE + days * DAY, UTC) for days in (1, 2))
    assert ids(history, since=since) == ["dd5", "cc4", "bb3"]
    assert ids(history, since=since, until=until) == ["bb3"]


def test_times_are_texts_and_spans_are_seconds(history: Settings):
    (found,) = api.calls(history, number="103")
    assert found["started"] == "2026-11-20T12:01:00.000+00:00"
    assert (found["answered"], found["talked"], found["duration"]) == (None, 0.0, 63.0)
    assert found["called"]["extension"] == "103"
    (going_on,) = api.calls(history, limit=1)
    assert (going_on["ended"], going_on["duration"], going_on["talked"], going_on["outcome"]) == (None, None, None, "")


def test_one_call_is_found_by_the_beginning_of_its_id(history: Settings):
    found = api.call(history, "aa")
    assert found is not None
    assert found["id"] == "aa1"
    assert len(found["legs"]) == 2
    assert found["journal"][0]["at"] == "2026-11-20T12:00:00.000+00:00"
    assert api.call(history, "zz") is None
    assert api.call(history, "") is None
    unfinished = api.call(history, "dd5")
    assert unfinished is not None
    assert unfinished["journal"] == []
    with pytest.raises(api.ConsoleError, match='several calls begin with "a"'):
        api.call(history, "a")


@pytest.mark.parametrize(
    ("filters", "words"),
    [
        ({"direction": "up"}, '"up" is no direction; known: internal, in, out, through'),
        ({"outcome": "good"}, '"good" is no outcome; known: answered'),
        ({"since": datetime(2026, 1, 1)}, "must say its zone"),
        ({"limit": -1}, "must not be negative"),
    ],
)
def test_what_is_not_known_is_refused(sqlite: Settings, filters: dict, words: str):
    with pytest.raises(api.ConsoleError, match=words):
        api.calls(sqlite, **filters)


def test_old_calls_leave_with_everything_of_theirs(history: Settings):
    Event.objects.create(id="old", kind="event", at=BASE)
    Event.objects.create(id="new", kind="event", at=BASE + 400 * DAY)
    assert retention.clean(BASE + 366 * DAY + 1) == 4
    assert set(Call.objects.values_list("id", flat=True)) == {"cc4", "dd5"}
    assert (Leg.objects.count(), Journal.objects.count(), Event.objects.get().id) == (2, 1, "new")
    assert retention.clean(BASE + 366 * DAY + 1) == 0


def test_how_long_calls_are_kept_is_a_setting(history: Settings):
    api.apply(history, "settings: {keep_calls_days: 0}")
    assert retention.clean(BASE + 10000 * DAY) == 0
    api.apply(history, "settings: {keep_calls_days: 1}")
    assert retention.clean(BASE + 10000 * DAY, most=1) == 5
