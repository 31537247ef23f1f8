"""Counts, periods, budgets and rules of limits on calls, with time as an argument."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from jackfield.console.numbering import numbering, world
from jackfield.switch.limits.budgets import look_ahead
from jackfield.switch.limits.counts import Counts
from jackfield.switch.limits.data import CallLimit
from jackfield.switch.limits.habits import Habits
from jackfield.switch.limits.journal import Journal
from jackfield.switch.limits.periods import periods_at
from jackfield.switch.limits.places import Places
from jackfield.switch.limits.rates import Rate
from jackfield.switch.limits.rules import Outgoing, Used, fits, judge

KEY = ("R", "")
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC).timestamp()
MINUTE = Rate("per minute", 0, 600_000, 60, 60)  # 0.60 a minute
SECOND = Rate("per second", 100_000, 600_000, 1, 1)  # 0.10 and 0.01 a second
GERMANY = Places(numbering("DE"), world(), "DE")


def counted(rate: Rate | None = None, *, zone: Any = UTC) -> Counts:
    counts = Counts(zone)
    counts.answer(counts.begin("a", [KEY], rate, NOON), NOON)
    return counts


@pytest.mark.parametrize(
    ("dialed", "kind", "country"),
    [
        ("030123456", "national", "DE"), ("01511234567", "mobile", "DE"), ("09001234567", "premium", "DE"),
        ("004930123456", "national", "DE"), ("+4930123456", "national", "DE"), ("0080012345678", "free", "001"),
        ("00442079460000", "international", "GB"), ("004490912345", "premium", "GB"),
        ("0012425550123", "international", "BS"), ("0014165550123", "international", "CA"),
        ("0012125550123", "international", "US"), ("0088213123456", "premium", "001"),
        ("00447781123456", "international", "GG"), ("0077271234567", "international", "KZ"), ("115", "national", "DE"),
        ("0025261123456789012", "international", "SO"), ("08001234567", "free", "DE"),
    ],
)  # fmt: skip
def test_a_number_is_known_by_country_and_kind(dialed: str, kind: str, country: str):
    found = GERMANY.called(dialed)
    assert (found.kind, found.country) == (kind, country)


def outgoing(dialed: str, **more: Any) -> Outgoing:
    return Outgoing(dialed=dialed, called=GERMANY.called(dialed.removeprefix("0")), outside="0", **more)


@pytest.mark.parametrize(
    ("rule", "number", "about"),
    [
        ({}, "0030123456", True),
        ({"applies_to": "listed", "prefixes": ("00900",)}, "009001234567", True),
        ({"applies_to": "listed", "prefixes": ("00900",)}, "000499001234567", True),  # the same number, from abroad
        ({"applies_to": "listed", "prefixes": ("+44",)}, "000442079460000", True),
        ({"applies_to": "listed", "prefixes": ("+44",)}, "0044123456", False),  # a place at home
        ({"applies_to": "listed", "countries": ("GB",)}, "000442079460000", True),
        ({"applies_to": "except", "kinds": ("national", "free")}, "0030123456", False),
        ({"applies_to": "except", "kinds": ("national", "free")}, "001511234567", True),
        ({"applies_to": "listed", "kinds": ("international",), "opened": ("GB",)}, "000442079460000", False),
        ({"applies_to": "listed", "kinds": ("premium",), "opened": ("GB",)}, "0004490912345", True),
        ({"applies_to": "listed", "kinds": ("premium",), "opened": ("+4490912345",)}, "0004490912345", False),
    ],
)  # fmt: skip
def test_which_calls_a_rule_is_about(rule: dict[str, Any], number: str, about: bool):
    assert fits(CallLimit(name="R", **rule), outgoing(number), GERMANY) is about


def test_rules_are_looked_at_in_their_order_with_a_trace():
    rules = (
        CallLimit(name="Off", enabled=False, always=True),
        CallLimit(name="Others", per="extension", only=("102",), always=True),
        CallLimit(name="Office", hours="Office", when="outside", always=True),
        CallLimit(name="Watch", calls_per_hour=5, action="warn"),
        CallLimit(name="Mine", per="user", calls_per_hour=10),
        CallLimit(name="Never", always=True),
    )
    spent = {("Watch", ""): Used(calls=5), ("Mine", "anna"): Used(calls=3)}

    def said(*some: CallLimit) -> Any:
        return judge(
            some, outgoing("0030123456", extension="101", user="anna"), lambda key: spent.get(key, Used()), GERMANY,
            periods_at(NOON, UTC), UTC, lambda name: True,
        )  # fmt: skip

    found = said(*rules)
    assert found.refused is not None
    assert found.refused.rule.name == "Never"
    assert [hit.rule.name for hit in found.warned] == ["Watch"]
    assert [step.text for step in found.trace] == [
        'limit "Watch": the 5 calls per hour are used up; it opens again at 2026-11-23 13:00: '
        "the administrator is told",
        'limit "Mine" of anna: 3 of 10 calls per hour used',
        'limit "Never": these calls are closed: refused',
    ]
    assert said(*rules[:-1]).counts == (("Watch", ""), ("Mine", "anna"))


def test_each_call_is_in_the_hour_in_which_it_began():
    counts = counted()
    assert counts.used(KEY, NOON + 3599).calls == 1
    assert counts.used(KEY, NOON + 3600) == Used(calls=0, at_once=1, seconds=3600.0)


def test_intervals_are_paid_when_they_begin():
    counts = counted(MINUTE)
    assert [counts.used(KEY, NOON + second).money_hour for second in (0, 59, 60, 61, 119, 121)] == [
        600_000, 600_000, 600_000, 1_200_000, 1_200_000, 1_800_000,
    ]  # fmt: skip


def test_an_hour_later_an_interval_is_paid_into_that_hour():
    counts = counted(MINUTE)
    found = counts.used(KEY, NOON + 3600 + 61)
    assert found.money_hour == 1_200_000
    assert found.money_day == 62 * 600_000


def test_summer_time_does_not_lose_or_repeat_an_hour():
    zone = ZoneInfo("Europe/Prague")
    day = datetime(2026, 10, 25, 1, 30, tzinfo=zone).timestamp()  # at three it is two again
    hours = {periods_at(day + step * 600, zone).hour.start for step in range(18)}
    assert len(hours) == 4
    found = periods_at(day, zone)
    assert found.day.end - found.day.start == 25 * 3600
    assert periods_at(day + 86400, zone).month == found.month


def test_what_stands_in_the_journal_makes_the_same_counts(tmp_path: Path):
    journal = Journal(tmp_path / "counts")
    counts = Counts(UTC, journal.write)
    first = counts.begin("a", [KEY, ("S", "x")], SECOND, NOON)
    second = counts.begin("b", [KEY], None, NOON + 5)
    counts.answer(first, NOON + 10)
    counts.answer(second, NOON + 20)
    counts.end(second, NOON + 50)
    counts.alive(NOON + 100)
    again = Counts(UTC)
    assert again.replay(Journal(tmp_path / "counts").read()) == 0
    for key in (KEY, ("S", "x")):
        assert again.used(key, NOON + 100) == counts.used(key, NOON + 100)
    assert again.close_all(NOON + 900) == 1  # found a quarter of an hour later: a minute is counted of it
    assert again.used(KEY, NOON + 1000).seconds == pytest.approx(90 + 60 + 30)
    # Written down anew, the files before go, and nothing else changes.
    journal.begin_anew(counts.state(NOON + 100))
    journal.tidy()
    journal.close()
    assert len(list((tmp_path / "counts").iterdir())) == 1
    third = Counts(UTC)
    assert third.replay(Journal(tmp_path / "counts").read()) == 0
    assert third.used(KEY, NOON + 200) == counts.used(KEY, NOON + 200)


def test_a_torn_or_foreign_journal_loses_only_what_is_torn(tmp_path: Path):
    journal = Journal(tmp_path / "counts")
    counts = Counts(UTC, journal.write)
    counts.end(counts.begin("a", [KEY], None, NOON), NOON + 1)
    journal.write("end", "never begun", {"at": NOON})
    journal.write("begin", "b", {"nothing": "that is known"})
    journal.close()
    (file,) = (tmp_path / "counts").iterdir()
    file.write_bytes(file.read_bytes() + b"\x40\x00\x00\x00torn")
    again = Counts(UTC)
    assert again.replay(Journal(tmp_path / "counts").read()) == 2
    assert again.used(KEY, NOON + 2).calls == 1


def test_a_clock_that_is_put_back_forgives_nothing():
    counts = counted()
    counts.used(KEY, NOON + 7200)
    counts.begin("b", [KEY], None, NOON + 7200)
    assert counts.used(KEY, NOON).calls == 1
    counts.begin("c", [KEY], None, NOON)
    assert counts.used(KEY, NOON + 7300).calls == 2


def test_money_of_two_calls_ends_each_before_the_interval_that_can_not_be_paid():
    counts = Counts(UTC)
    rule = CallLimit(name="R", money_per_day=3.0)
    first, second = counts.begin("a", [KEY], MINUTE, NOON), counts.begin("b", [KEY], SECOND, NOON)
    counts.answer(first, NOON)
    counts.answer(second, NOON)
    now = NOON
    ends: dict[str, float] = {}
    while counts.meters and now < NOON + 3600:
        found = look_ahead(rule, counts.in_progress(KEY), counts.used(KEY, now), counts.periods(now), now)
        due = [one for one in found.deadlines if one.at <= now]
        for one in due:
            ends[one.meter.id] = now
            counts.end(one.meter, now)
        now += 0.25
    assert set(ends) == {"a", "b"}
    spent = counts.used(KEY, now).money_day
    assert 3_000_000 - 600_000 < spent <= 3_000_000


@pytest.mark.parametrize("action", ["warn", "pin", "ask"])
def test_a_budget_ends_calls_only_of_rules_that_block(action: Any):
    counts = counted(MINUTE)
    rule = CallLimit(name="R", money_per_day=1.0, minutes_per_day=1, action=action, pin="4711")
    found = look_ahead(rule, counts.in_progress(KEY), counts.used(KEY, NOON), counts.periods(NOON), NOON)
    assert not found.deadlines


def test_a_budget_that_comes_back_before_it_is_used_up_ends_nothing():
    counts = Counts(UTC)
    late = NOON + 3600 - 90
    counts.answer(counts.begin("a", [KEY], MINUTE, late), late)
    rule = CallLimit(name="R", money_per_hour=1.2)
    found = look_ahead(rule, counts.in_progress(KEY), counts.used(KEY, late), counts.periods(late), late)
    assert not found.deadlines  # at the full hour another budget begins, before the third minute does
    assert found.look == NOON + 3600


def learned(*, country: str = "DE", cost: int = 1_000_000) -> Habits:
    """Somebody who calls on ten working days at ten and at two o'clock, for a quarter of an hour."""
    habits = Habits()
    first = datetime(2026, 11, 2, 10, 0, tzinfo=UTC).timestamp()
    for day in range(14):
        if day % 7 < 5:
            for hour in (0, 4):
                habits.learn("101", country, first + day * 86400 + hour * 3600, 900.0, cost, UTC)
    return habits


def test_what_is_as_always_is_not_told():
    at = datetime(2026, 11, 17, 10, 40, tzinfo=UTC).timestamp()
    habits = learned()
    assert habits.strange("101", "DE", at, UTC) == []
    assert habits.strange("102", "SO", at, UTC) == []  # nobody knows it yet


def test_another_country_hour_or_cost_is_told_once_a_day():
    night = datetime(2026, 11, 21, 3, 0, tzinfo=UTC).timestamp()  # a Saturday
    habits = learned()
    assert [what for what, _ in habits.strange("101", "SO", night, UTC)] == ["country SO", "hour"]
    assert habits.strange("101", "SO", night + 60, UTC) == []
    habits.learn("101", "SO", night, 7200.0, 50_000_000, UTC)
    assert [text for _, text in habits.strange("101", "SO", night + 7300, UTC)] == [
        "50.00 today, and 2.00 on the dearest day before", "120 minutes today, and 30 on the longest day before",
    ]  # fmt: skip
    sunday = [what for what, _ in habits.strange("101", "SO", night + 86400, UTC)]
    assert sunday == []  # Somalia and this hour of weekends are known by now


def test_habits_outlive_a_restart():
    habits = learned()
    again = Habits()
    again.restore(msgspec.json.decode(msgspec.json.encode(habits.state())))
    assert again.known["101"].learned
    assert again.state() == habits.state()


def test_whatever_happens_the_sums_are_those_of_the_calls():
    chance = random.Random(7)
    written: list[dict[str, Any]] = []
    counts = Counts(UTC, lambda kind, id, data: written.append({"kind": kind, "id": id, "data": data}))
    keys = [("R", ""), ("S", "a"), ("S", "b")]
    now, talked = datetime(2026, 11, 23, 22, 30, tzinfo=UTC).timestamp(), 0.0
    midnight = datetime(2026, 11, 24, tzinfo=UTC).timestamp()
    for number in range(300):
        now += chance.random() * 60
        open_calls = list(counts.meters.values())
        what = chance.choice(("begin", "answer", "end", "alive"))
        if what == "begin" or not open_calls:
            counts.begin(str(number), chance.sample(keys, 2), chance.choice((None, MINUTE, SECOND)), now)
        elif what == "alive":
            counts.alive(now)
        else:
            meter = chance.choice(open_calls)
            if what == "answer":
                counts.answer(meter, now)
            elif meter.answered is not None:
                talked += max(0.0, now - max(meter.answered, midnight)) * len(meter.keys)
                counts.end(meter, now)
            else:
                counts.end(meter, now)
    running = [one for one in counts.meters.values() if one.answered is not None]
    talked += sum((now - max(one.answered or 0.0, midnight)) * len(one.keys) for one in running)
    assert now > midnight
    assert sum(counts.used(key, now).seconds for key in keys) == pytest.approx(talked, abs=0.01)
    again = Counts(UTC)
    assert again.replay(msgspec.json.decode(msgspec.json.encode(written))) == 0
    third = Counts(UTC)
    third.replay([{"kind": "state", "id": "", "data": msgspec.json.decode(msgspec.json.encode(counts.state(now)))}])
    for key in keys:
        assert again.used(key, now) == counts.used(key, now)
        assert third.used(key, now) == counts.used(key, now)
    for key in keys:
        assert third.used(key, now + 100) == counts.used(key, now + 100)
    for meter in list(counts.meters.values()):
        counts.end(meter, now + 100)
    for key in keys:
        used = counts.used(key, now + 100)
        assert used.at_once == 0
        assert counts.used(key, now + 200) == used  # nothing goes on
