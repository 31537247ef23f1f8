"""Services: echo test, announcement, music, time of day, schedule, plug-ins."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import get_args

import pytest
from company import Service, company
from fake_call import FakeCall, run

from jackfield.media import sounds
from jackfield.switch.destinations import SERVICES, destination_of
from jackfield.switch.destinations.time_of_day import say_number, say_time
from jackfield.switch.hours import is_open, minutes, zone
from jackfield.switch.snapshot import ServiceKind, Sound, TimeRange

WORKDAYS = TimeRange(name="Workdays", days=("mon", "tue", "wed", "thu", "fri"), start="08:00", end="16:30")
NIGHT = TimeRange(name="Night", days=("fri",), start="22:00", end="06:00")


async def call(at=None, general=None, **fields):
    service = Service(number="*1", **fields)
    made = FakeCall(company(general=general or {}), at=at or datetime(2026, 11, 23, 10, 0, tzinfo=UTC))
    return await run(destination_of(service), made, service), made


async def test_the_echo_test_says_what_it_is_and_echoes():
    _, made = await call(kind="echo")
    assert made.did == ["answer", "play echo-test", "echo"]
    _, made = await call(kind="echo", sound="own")
    assert "play own" in made.did


async def test_an_announcement_plays_as_often_as_set_and_hangs_up():
    ended, made = await call(kind="announcement", sound="closed", repeat=2)
    assert made.did[:3] == ["answer", "play closed", "play closed"]
    assert ended == "480"  # only after the answer: a BYE, no status


async def test_an_announcement_may_go_on():
    assert (await call(kind="announcement", sound="hello", then="101"))[0] == "goes to 101"


async def test_music_plays_until_the_caller_hangs_up():
    _, made = await call(kind="music", sound="jazz")
    assert made.did == ["answer", "music jazz", "waits", "music ends"]
    _, made = await call(kind="music")
    assert "music of the company" in made.did


async def test_the_time_is_told_twice_in_the_company_s_zone():
    at = datetime(2026, 11, 23, 9, 5, tzinfo=UTC)
    _, made = await call(at, {"time_zone": "Europe/Prague"}, kind="time")
    told = [d for d in made.did if d.startswith("play")]
    assert told == ["play time/the-time-is digits/10 digits/0 digits/5 time/am"] * 2


@pytest.mark.parametrize(
    ("hour", "minute", "words"),
    [
        (0, 0, "digits/12 time/oclock time/am"),
        (12, 0, "digits/12 time/oclock time/pm"),
        (13, 7, "digits/1 digits/0 digits/7 time/pm"),
        (23, 59, "digits/11 digits/50 digits/9 time/pm"),
        (6, 20, "digits/6 digits/20 time/am"),
        (6, 30, "digits/6 digits/30 time/am"),
    ],
)
def test_how_a_time_is_said(hour: int, minute: int, words: str):
    assert " ".join(say_time(datetime(2026, 1, 1, hour, minute))[1:]) == words


async def test_where_a_language_says_the_time_in_phrases_it_is_said_in_these():
    whole = tuple(Sound(name=f"time/hour/{hour}", language="de", path="/x") for hour in range(24))
    at = datetime(2026, 1, 1, 14, 5, tzinfo=UTC)
    made = FakeCall(company(general={"time_zone": "UTC"}, sounds=whole), at=at)
    service = Service(number="*1", kind="time")
    await run(destination_of(service), made, service)
    assert "play time/hour/14 time/minute/5" in made.did


def test_every_time_of_the_day_has_its_sounds_in_the_set_that_we_ship():
    folder = Path(sounds.__file__).parent / "en"
    shipped = {str(f.relative_to(folder).with_suffix("")) for f in folder.rglob("*.flac")}
    midnight = datetime(2026, 1, 1)
    said = {sound for m in range(24 * 60) for sound in say_time(midnight + timedelta(minutes=m))}
    assert said <= shipped
    assert "echo-test" in shipped
    assert {say_number(n)[0] for n in range(60)} <= shipped


@pytest.mark.parametrize(
    ("day", "hour", "target"),
    [(23, 8, "open"), (23, 7, "closed"), (23, 16, "closed"), (22, 10, "closed")],
)
async def test_a_schedule_leads_by_day_and_hour_of_the_company_s_zone(day: int, hour: int, target: str):
    at = datetime(2026, 11, day, hour - 1, 35, tzinfo=UTC)  # Prague is an hour ahead
    ended, _ = await call(
        at,
        {"time_zone": "Europe/Prague"},
        kind="schedule",
        time_ranges=(WORKDAYS,),
        open_target="open",
        closed_target="closed",
    )
    assert ended == f"goes to {target}"


async def test_a_schedule_without_a_number_for_the_moment_ends_the_call():
    ended, made = await call(kind="schedule", time_ranges=(WORKDAYS,), closed_target="101")
    assert ended == "480"
    assert "no number is set" in made.did[-1]


@pytest.mark.parametrize(
    ("day", "hour", "inside"),
    [(27, 21, False), (27, 22, True), (28, 5, True), (28, 6, False), (26, 23, False), (27, 5, False)],
)
def test_a_range_over_midnight_belongs_to_its_first_day(day: int, hour: int, inside: bool):
    assert is_open([NIGHT], datetime(2026, 11, day, hour, 0, tzinfo=UTC)) is inside


def test_a_whole_day_ends_at_twenty_four():
    always = TimeRange(name="Day", days=("mon",))
    assert is_open([always], datetime(2026, 11, 23, 23, 59, tzinfo=UTC))
    assert not is_open([always], datetime(2026, 11, 24, 0, 0, tzinfo=UTC))
    assert not is_open([], datetime(2026, 11, 23, 12, 0, tzinfo=UTC))


def test_odd_times_and_zones_are_no_obstacle():
    assert (minutes("24:00"), minutes("7:30"), minutes("7"), minutes("noon"), minutes("99:00")) == (
        1440,
        450,
        420,
        0,
        1440,
    )
    assert str(zone("Nowhere/Land")) == "UTC"
    assert str(zone("../etc/passwd")) == "UTC"


def test_every_kind_of_service_has_its_destination():
    assert set(SERVICES) == set(get_args(ServiceKind))
