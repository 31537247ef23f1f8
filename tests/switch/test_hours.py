"""Time ranges by name: nights, changes of the clock, holidays, and what is switched by hand."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from company import company

from jackfield.switch.hours import next_change, state, turn
from jackfield.switch.snapshot import (
    DatedHours,
    Day,
    Holidays,
    NamedHours,
    Override,
    Service,
    Snapshot,
    TimeRange,
    WeeklyHours,
)

WORKDAYS = ("mon", "tue", "wed", "thu", "fri")
OFFICE = WeeklyHours(days=WORKDAYS, start="08:00", end="17:00")


def house(*weekly: WeeklyHours, holidays: tuple[Day, ...] = (), **fields: Any) -> Snapshot:
    """A company in Berlin with the time range "Office" and the list "Bavaria"."""
    overrides = fields.pop("overrides", ())
    return company(
        general={"time_zone": "Europe/Berlin"},
        holidays=(Holidays(name="Bavaria", dates=holidays),),
        time_ranges=(NamedHours(name="Office", weekly=weekly, **fields),),
        overrides=overrides,
    )


def is_open(snapshot: Snapshot, text: str, name: str = "Office") -> bool:
    """Ask at a moment of UTC."""
    return state(snapshot, name, datetime.fromisoformat(text).replace(tzinfo=UTC)).open


def changes(snapshot: Snapshot, text: str) -> str:
    """When it changes next, as UTC."""
    found = next_change(snapshot, "Office", datetime.fromisoformat(text).replace(tzinfo=UTC))
    return found.strftime("%Y-%m-%d %H:%M") if found else "never"


def test_hours_are_those_of_the_company_s_clock():
    found = house(OFFICE)
    assert not is_open(found, "2026-11-23 06:59"), "eight o'clock in Berlin is seven in UTC"
    assert is_open(found, "2026-11-23 07:00")
    assert is_open(found, "2026-11-23 15:59")
    assert not is_open(found, "2026-11-23 16:00"), "the end is not inside"
    assert not is_open(found, "2026-11-28 10:00"), "Saturday"
    assert is_open(found, "2026-07-01 06:00"), "and in summer eight o'clock is six"


def test_a_night_belongs_to_the_day_on_which_it_begins():
    found = house(WeeklyHours(days=("fri",), start="22:00", end="06:00"))
    assert is_open(found, "2026-11-27 21:00")
    assert is_open(found, "2026-11-28 04:59")
    assert not is_open(found, "2026-11-28 05:00")
    assert not is_open(found, "2026-11-27 04:00"), "the night from Thursday is another"
    assert not is_open(found, "2026-11-28 21:00")


def test_a_night_goes_on_into_a_holiday_but_does_not_begin_on_one():
    found = house(
        WeeklyHours(days=("thu", "fri"), start="22:00", end="06:00"),
        holidays=(Day(first="2026-12-25"),),  # a Friday
        except_on=("Bavaria",),
    )
    assert is_open(found, "2026-12-25 04:00")
    assert not is_open(found, "2026-12-25 21:30")
    assert not is_open(found, "2026-12-26 04:00")


def test_the_whole_day_ends_at_midnight():
    found = house(WeeklyHours(days=("mon",)))
    assert is_open(found, "2026-11-23 22:59")
    assert not is_open(found, "2026-11-23 23:00")


def test_holidays_close_and_single_dates_open_all_the_same():
    found = house(
        OFFICE,
        holidays=(Day(first="2026-12-24", last="2026-12-26"), Day(first="2000-01-01", yearly=True)),
        dates=(DatedHours(first="2026-12-24", start="08:00", end="12:00"),),
        except_on=("Bavaria",),
    )
    assert is_open(found, "2026-12-24 08:00"), "its own dates count whatever is said of holidays"
    assert not is_open(found, "2026-12-24 12:00")
    assert not is_open(found, "2026-12-25 10:00")
    assert not is_open(found, "2027-01-01 10:00"), "every year"
    assert is_open(found, "2027-12-24 10:00"), "without it, a date is of one year"


def test_a_time_range_may_be_the_holidays_themselves():
    found = house(holidays=(Day(first="2026-12-25"),), also_on=("Bavaria",))
    assert is_open(found, "2026-12-24 23:00")
    assert is_open(found, "2026-12-25 22:59")
    assert not is_open(found, "2026-12-25 23:00")


def test_yearly_spans_go_over_new_year_and_a_leap_day_is_there_in_leap_years():
    found = house(holidays=(Day(first="2026-12-28", last="2027-01-03", yearly=True),), also_on=("Bavaria",))
    assert is_open(found, "2030-12-31 12:00")
    assert is_open(found, "2031-01-02 12:00")
    assert not is_open(found, "2031-01-05 12:00")
    leap = house(holidays=(Day(first="2028-02-29", yearly=True),), also_on=("Bavaria",))
    assert is_open(leap, "2032-02-29 12:00")
    assert not is_open(leap, "2031-03-01 12:00")


def test_what_can_t_be_read_holds_nothing_and_hurts_nobody():
    found = house(OFFICE, holidays=(Day(first="24.12.2026"),), except_on=("Bavaria", "gone"))
    assert is_open(found, "2026-12-24 10:00")
    assert is_open(found, "2026-12-24 23:00", "no such"), "a time range that is gone closes nothing"


# --- when the clock is changed: in Berlin on 29 March 2026 from 2 to 3, on 25 October 2026 from 3 to 2 ---------------


@pytest.mark.parametrize(
    ("moment", "inside"),
    [
        ("2026-03-29 00:59", False),  # 01:59
        ("2026-03-29 01:00", True),  # 03:00: half past two was skipped, so it is past it
        ("2026-03-29 01:59", True),  # 03:59
        ("2026-03-29 02:00", False),  # 04:00
        ("2026-10-25 00:29", False),  # 02:29
        ("2026-10-25 00:30", True),  # 02:30 for the first time
        ("2026-10-25 01:00", False),  # 02:00 once more
        ("2026-10-25 01:30", True),  # 02:30 once more
        ("2026-10-25 02:59", True),  # 03:59
        ("2026-10-25 03:00", False),  # 04:00
    ],
)
def test_the_clock_on_the_wall_decides_when_it_is_changed(moment: str, inside: bool):
    assert is_open(house(WeeklyHours(days=("sun",), start="02:30", end="04:00")), moment) is inside


def test_office_hours_stay_where_they_are_when_the_clock_is_changed():
    found = house(WeeklyHours(days=("sat", "sun", "mon"), start="08:00", end="17:00"))
    assert changes(found, "2026-03-28 20:00") == "2026-03-29 06:00", (
        "eight o'clock, an hour earlier than the day before"
    )
    assert changes(found, "2026-10-24 20:00") == "2026-10-25 07:00"


def test_the_next_change_is_found_where_the_clock_jumps_over_it():
    found = house(WeeklyHours(days=("sun",), start="02:30", end="04:00"))
    assert changes(found, "2026-03-28 20:00") == "2026-03-29 01:00"
    assert changes(found, "2026-10-25 00:00") == "2026-10-25 00:30"
    assert changes(found, "2026-10-25 00:30") == "2026-10-25 01:00"


def test_the_next_change_goes_past_holidays():
    found = house(OFFICE, holidays=(Day(first="2026-12-25"),), except_on=("Bavaria",))
    assert changes(found, "2026-12-23 12:00") == "2026-12-23 16:00"
    assert changes(found, "2026-12-24 18:00") == "2026-12-28 07:00", "Friday is a holiday, then comes the weekend"
    assert changes(house(WeeklyHours(days=(*WORKDAYS, "sat", "sun"))), "2026-12-23 12:00") == "never"
    assert next_change(found, "no such", datetime.now(UTC)) is None


# --- by hand ----------------------------------------------------------------------------------------------------------


def test_what_is_switched_by_hand_counts_until_it_ends():
    at = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
    forever = house(OFFICE, overrides=(Override(range="Office", open=False, by="extension 101"),))
    assert not is_open(forever, "2026-11-24 10:00")
    assert state(forever, "Office", at).why == '"Office" is switched to closed by extension 101'
    an_hour = house(OFFICE, overrides=(Override(range="Office", open=False, until=at.timestamp() + 3600),))
    assert not is_open(an_hour, "2026-11-23 12:59")
    assert is_open(an_hour, "2026-11-23 13:00")
    assert changes(forever, "2026-11-23 12:00") == "2026-11-23 16:00", "the hours themselves know nothing of it"


def test_a_schedule_goes_by_its_time_range_and_by_its_own_hours():
    saturday = TimeRange(name="Saturday", days=("sat",), start="10:00", end="12:00")
    both = Service(number="400", kind="schedule", hours="Office", time_ranges=(saturday,), open_target="101",
                   closed_target="102")  # fmt: skip
    found = house(OFFICE)

    def leads(text: str, snapshot: Snapshot = found, service: Service = both) -> str:
        return turn(service, datetime.fromisoformat(text).replace(tzinfo=UTC), snapshot).target

    assert leads("2026-11-23 10:00") == "101"
    assert leads("2026-11-28 10:00") == "101", "Saturday morning, by its own hours"
    assert leads("2026-11-28 13:00") == "102"
    closed = house(OFFICE, overrides=(Override(range="Office", open=False),))
    assert leads("2026-11-28 10:00", closed) == "102", "who closes it by hand closes all of it"
    named = Service(number="400", kind="schedule", hours="Office", open_target="101", closed_target="102")
    assert leads("2026-11-23 10:00", service=named) == "101"
    assert turn(named, datetime(2026, 11, 23, 10, tzinfo=UTC), found).range == "Office"
    assert leads("2026-11-23 20:00", service=named) == "102"
