from datetime import datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest

from jackfield.provisioning.zones import UnknownZone, zone


def offset_told(name, moment):
    """Reckon the offset at a moment of standard time, as a phone does with the rules that it is told."""
    told = zone(name)
    if not told.changes:
        return told.offset
    begins, ends = (_day(change, moment.year) for change in (told.begins, told.ends))
    ends -= timedelta(seconds=told.saving)  # told by the summer clock
    summer = begins <= moment < ends if begins < ends else not ends <= moment < begins
    return told.offset + (told.saving if summer else 0)


def _day(change, year):
    day = datetime(year, change.month, change.day)
    while day.isoweekday() != change.iso_weekday:
        day += timedelta(days=1)
    return day + timedelta(hours=change.time[0], minutes=change.time[1])


# Their clocks also follow Ramadan, year by year in tables, which no phone can be told.
EXCEPTIONS = {"Africa/Casablanca", "Africa/El_Aaiun", "Asia/Gaza", "Asia/Hebron"}


@pytest.mark.parametrize("year", [2040, 2041, 2047])
def test_a_phone_that_reckons_by_what_it_is_told_shows_the_right_hour_in_every_zone(year):
    wrong = []
    for name in sorted(available_timezones() - EXCEPTIONS):
        if name.startswith(("Etc/", "posix/", "right/")) or name in ("Factory", "localtime"):
            continue
        real = ZoneInfo(name)
        for month in range(1, 13):
            for day in (1, 8, 15, 22, 28):
                moment = datetime(year, month, day, 12)
                standard = timedelta(seconds=zone(name).offset)
                utc = (moment - standard).replace(tzinfo=ZoneInfo("UTC"))
                if utc.astimezone(real).utcoffset().total_seconds() != offset_told(name, moment):
                    wrong.append((name, moment))
    assert wrong == []


def test_prague_changes_on_the_last_sundays_of_march_and_october():
    told = zone("Europe/Prague")
    assert (told.offset, told.saving, told.sign, told.hours, told.minutes) == (3600, 3600, "+", 1, 0)
    assert (told.begins.month, told.begins.actual_week, told.begins.iso_weekday, told.begins.time) == (3, 5, 7, (2, 0))
    assert (told.ends.month, told.ends.day, told.ends.time) == (10, 25, (3, 0))


def test_a_zone_of_half_hours_keeps_them():
    kolkata = zone("Asia/Kolkata")
    assert (kolkata.sign, kolkata.hours, kolkata.minutes, kolkata.changes) == ("+", 5, 30, False)
    assert zone("America/St_Johns").minutes == 30


def test_dublins_winter_is_winter():
    told = zone("Europe/Dublin")
    assert (told.abbreviation, told.offset, told.saving, told.begins.month) == ("GMT", 0, 3600, 3)


def test_a_change_after_more_than_a_day_falls_on_the_day_it_really_is():
    gaza = zone("Asia/Gaza").begins  # 50 hours after the fourth Thursday begins
    assert (gaza.iso_weekday, gaza.day, gaza.time) == (6, 24, (2, 0))


@pytest.mark.parametrize("name", ["Mars/Olympus", "", "../../etc/passwd", "/etc/passwd", "Europe/\0", "Europe"])
def test_a_zone_that_is_none_is_told_by_name(name):
    with pytest.raises(UnknownZone, match="is not known; write it as in Europe/Prague"):
        zone(name)
