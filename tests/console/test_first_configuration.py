"""The first configuration, and what it takes from the machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from jackfield.console import api
from jackfield.console.emergency import emergency_numbers
from jackfield.console.first_configuration import document
from jackfield.console.whereabouts import country_of, time_zone_here
from jackfield.settings import Settings
from jackfield.switch import snapshot


def test_it_makes_phones_a_group_and_services(settings: Settings):
    made = api.initialise(settings, country="CZ", time_zone="Europe/Prague", company="Acme")
    assert made.created
    assert (made.country, made.time_zone, made.outside_prefix, made.realm) == ("CZ", "Europe/Prague", "0", "jackfield")
    assert [phone.number for phone in made.phones] == ["101", "102", "103", "104"]
    found = snapshot.read(settings.files.snapshot)
    assert found.general.company == "Acme"
    for phone in made.phones:
        assert phone.sip_username in found.lines
        assert len(phone.sip_password) >= 16
    assert len({phone.sip_username for phone in made.phones} | {phone.sip_password for phone in made.phones}) == 8
    assert found.ring_groups[0].members == ("101", "102", "103", "104")
    assert {(service.number, service.kind) for service in found.services} == {
        ("*43", "echo"), ("*60", "time"), ("*61", "announcement"), ("*62", "music"),
    }  # fmt: skip
    assert "112" in found.emergency
    assert ("112", "Emergency") in made.numbers
    assert ("200", "Everybody") in made.numbers


def test_it_is_made_once_only(settings: Settings):
    api.initialise(settings, country="US", time_zone="UTC")
    before = api.export(settings, secrets=True)
    again = api.initialise(settings, country="DE")
    assert not again.created
    assert again.phones == ()
    assert api.export(settings, secrets=True) == before


def test_a_configuration_by_hand_is_not_touched(settings: Settings):
    api.apply(settings, "settings: {company: Acme}")
    assert not api.initialise(settings).created
    assert snapshot.read(settings.files.snapshot).extensions == ()


def test_what_is_not_said_comes_from_the_machine(sqlite: Settings, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TZ", "Europe/Vienna")
    made = api.initialise(sqlite, extensions=2)
    assert (made.country, made.time_zone, len(made.phones)) == ("AT", "Europe/Vienna", 2)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"country": "XX"}, '"XX" is no country'),
        ({"time_zone": "Prague"}, '"Prague" is no time zone'),
        ({"language": "klingon language"}, "is no language"),
        ({"extensions": 0}, "give 1 to 50"),
    ],
)
def test_what_is_not_known_is_refused_and_nothing_made(sqlite: Settings, given: dict, words: str):
    with pytest.raises(api.ConsoleError, match=words):
        api.initialise(sqlite, **given)
    assert api.initialise(sqlite, country="US", time_zone="UTC").created


def test_where_101_is_the_fire_brigade_phones_begin_at_201():
    numbers = [extension["number"] for extension in document("", "UA", "en", "UTC", 4)["extensions"]]
    assert numbers == ["201", "202", "203", "204"]


def test_every_country_of_the_table_gives_a_configuration_without_clashes(sqlite: Settings):
    from jackfield.console.emergency import _ONE

    api.initialise(sqlite, country="US", time_zone="UTC")
    for country in _ONE:
        import yaml

        difference = api.apply(sqlite, yaml.safe_dump(document("", country, "en", "UTC", 4)), prune=True, dry_run=True)
        assert all("emergency" in warning.path for warning in difference.warnings), country


def test_emergency_numbers_are_those_of_the_country():
    assert emergency_numbers("US") == {"911": "Emergency"}
    assert emergency_numbers("CZ")["155"] == "Ambulance"
    assert set(emergency_numbers("GB")) == {"999", "112"}
    assert emergency_numbers("AU")["000"] == "Emergency"
    assert emergency_numbers("JM") == {"911": "Emergency"}  # not in the table, but of the North American plan
    assert emergency_numbers("MD") == {"112": "Emergency"}


def test_the_time_zone_is_what_the_machine_says(tmp_path: Path):
    assert time_zone_here(environment={"TZ": ":Asia/Tokyo"}, etc=tmp_path) == "Asia/Tokyo"
    assert time_zone_here(environment={}, etc=tmp_path) == "UTC"
    (tmp_path / "timezone").write_text("Europe/Paris\n")
    assert time_zone_here(environment={"TZ": "no/such"}, etc=tmp_path) == "Europe/Paris"
    (tmp_path / "localtime").symlink_to("/usr/share/zoneinfo/America/Lima")
    assert time_zone_here(environment={}, etc=tmp_path) == "America/Lima"
    assert time_zone_here(environment={"TZ": "Etc/UTC"}, etc=tmp_path) == "UTC"


def test_the_country_is_that_of_the_time_zone(tmp_path: Path):
    (tmp_path / "zone.tab").write_text("# x\nCZ\t+5005+01426\tEurope/Prague\n")
    assert country_of("Europe/Prague", zones=tmp_path) == "CZ"
    assert country_of("UTC", zones=tmp_path) == "US"
    assert country_of("Europe/Prague", zones=tmp_path / "nowhere") == "US"
