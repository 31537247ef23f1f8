"""Time ranges, holidays and permissions in the document: as people write them, and as the switch gets them."""

from __future__ import annotations

import pytest
import yaml

from jackfield.console import api
from jackfield.console.declarative.difference import DocumentError
from jackfield.settings import Settings
from jackfield.switch import snapshot as snapshots
from jackfield.switch.snapshot import DatedHours, Day, PermissionRule, WeeklyHours

HOUSE = """
settings: {country: DE, outside_prefix: "0"}
holidays:
  - {name: Bavaria, dates: [{first: 6.1.2026, name: Epiphany}, {first: 2026-12-24, last: 2026-12-26, yearly: yes}]}
time_ranges:
  - name: Office
    weekly:
      - {days: [mon, tue, wed, thu, fri], start: 8, end: "17:30"}
      - {days: fri, start: "22:00", end: "2:00"}
    dates: [{first: 2026-12-31, last: 2026-12-31, start: 8h, end: "0:00"}]
    except_on: Bavaria
permissions:
  - name: Hall
    default: deny
    rules:
      - {calls: national, allow: true, hours: Office}
      - {calls: route, only: World, allow: true}
extensions:
  - {number: 101, hours: Office, forward_closed: 102, permission: Hall}
  - {number: 102}
trunks: [{name: Carrier, kind: address, hosts: [192.0.2.1]}]
inbound: [{number: 5550101, target: 101, hours: Office, closed_target: 102}]
outbound: [{name: World, prefix: "0", trunks: [Carrier], hours: Office}]
services:
  - {number: 400, kind: schedule, hours: Office, open_target: 101, closed_target: 102}
  - {number: "*28", kind: night, hours: Office, until_change: true}
"""


def problems(settings: Settings, text: str) -> str:
    with pytest.raises(DocumentError) as refused:
        api.apply(settings, text)
    return "\n".join(f"{one.path}: {one.message}" for one in refused.value.problems)


def test_hours_are_kept_in_one_form_however_they_are_written(settings: Settings):
    api.apply(settings, HOUSE)
    found = snapshots.read(settings.files.snapshot)
    (office,) = found.time_ranges
    assert office.weekly[0] == WeeklyHours(days=("mon", "tue", "wed", "thu", "fri"), start="08:00", end="17:30")
    assert office.weekly[1] == WeeklyHours(days=("fri",), start="22:00", end="02:00")
    assert office.dates == (DatedHours(first="2026-12-31", start="08:00", end="24:00"),)
    assert office.except_on == ("Bavaria",)
    assert found.holidays[0].dates[0] == Day(first="2026-01-06", name="Epiphany")
    assert found.permissions[0].rules[0] == PermissionRule(calls="national", allow=True, hours="Office")


def test_all_that_goes_by_hours_names_them(settings: Settings):
    api.apply(settings, HOUSE)
    found = snapshots.read(settings.files.snapshot)
    assert found.numbers["101"].hours == found.inbound[0].hours == found.outbound[0].hours == "Office"
    assert [service.hours for service in found.services] == ["Office", "Office"]
    assert (found.numbers["101"].permission, found.numbers["102"].permission) == ("Hall", "")
    assert found.numbering.national == "0"


def test_tables_of_numbers_are_published_only_where_a_permission_needs_them(settings: Settings):
    api.apply(settings, "settings: {country: DE}\nextensions: [{number: 101}]")
    assert snapshots.read(settings.files.snapshot).numbering.country_code == ""


def test_what_is_exported_restores_it(settings: Settings):
    api.apply(settings, HOUSE)
    text = api.export(settings, secrets=True)
    assert not api.apply(settings, text, prune=True)
    document = yaml.safe_load(text)
    assert document["services"][0] == {
        "number": "400", "kind": "schedule", "open_target": "101", "closed_target": "102", "hours": "Office",
    }  # fmt: skip
    api.apply(settings, "\n".join(f"{name}: []" for name in document if name != "settings"), prune=True)
    api.apply(settings, text)
    assert api.export(settings, secrets=True) == text


def test_what_is_wrong_is_told_with_its_place_and_mend(settings: Settings):
    told = problems(
        settings,
        """
time_ranges:
  - {name: Empty}
  - {name: Days, weekly: [{days: [], start: "08:00"}]}
  - {name: Clock, weekly: [{days: [mon], start: "25:00"}, {days: [mon], start: "08:00", end: "08:00"}]}
  - {name: Dates, dates: [{first: tomorrow}, {first: 2026-12-26, last: 2026-12-24}], except_on: [Moon]}
holidays: [{name: H, dates: [{first: 2026-02-30}]}]
permissions:
  - name: P
    rules: [{calls: prefix, only: abc}, {calls: route}, {calls: mobile, only: "0171"}, {calls: route, only: X}]
  - {name: Q, rules: [{hours: Never}]}
extensions: [{number: 101, forward_closed: 102, permission: R}]
inbound: [{number: 1, target: 101, closed_target: 102}]
services: [{number: 400, kind: schedule}, {number: "*28", kind: night}]
""",
    )
    for place, text in (
        ("time_ranges[0].weekly", "must have hours"),
        ("time_ranges[1].weekly", "row 1 has no days"),
        ("time_ranges[2].weekly", '"25:00" in row 1 is no time of day'),
        ("time_ranges[2].weekly", "row 2 begins and ends at 08:00"),
        ("time_ranges[3].dates", '"tomorrow" is no date: write it as 2026-12-24'),
        ("time_ranges[3].dates", "2026-12-26 to 2026-12-24 is no span"),
        ("time_ranges[3].except_on[0]", 'there is no list of holidays "Moon"'),
        ("holidays[0].dates", '"2026-02-30" is no date'),
        ("permissions[0].rules", '"abc" is no beginning of a number'),
        ("permissions[0].rules", "rule 2 needs the name of an outgoing route"),
        ("permissions[0].rules", "rule 3 is about mobile calls"),
        ("permissions[0].rules[3].only", 'there is no outgoing route "X"'),
        ("permissions[1].rules[0].hours", 'there is no time range "Never"'),
        ("extensions[0].hours", "must be given"),
        ("extensions[0].permission", 'there is no permission "R"'),
        ("inbound[0].hours", "must be given"),
        ("services[0].time_ranges", "must be given"),
        ("services[1].hours", "must be given"),
    ):
        assert any(line.startswith(f"{place}: ") and text in line for line in told.splitlines()), (place, text, told)


def test_what_is_in_use_is_not_pruned_away(settings: Settings):
    api.apply(settings, HOUSE)
    with pytest.raises(DocumentError) as refused:
        api.apply(settings, "time_ranges: []\npermissions: []\nholidays: []", prune=True)
    text = str(refused.value)
    assert 'the time range "Office" is to be removed, but is used here' in text
    assert 'the permission "Hall" is to be removed, but is used here' in text


def test_a_number_outside_of_hours_that_leads_nowhere_is_a_warning(settings: Settings):
    api.apply(settings, HOUSE)
    difference = api.apply(settings, "extensions: [{number: 101, forward_closed: 999}]")
    assert any("999 leads nowhere" in one.message for one in difference.warnings)
