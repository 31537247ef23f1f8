"""Sites in the configuration: they reach the switch, and what is doubtful about them is told with the mend."""

from __future__ import annotations

import pytest

from jackfield.console import api
from jackfield.console.change import Author, Removal, Wish, save
from jackfield.console.declarative.difference import DocumentError
from jackfield.settings import Settings
from jackfield.switch import snapshot

HOUSE = """
sites:
  - name: Prague
    networks: [192.168.1.0/24]
    public_addresses: [203.0.113.7, prague.example.com]
    bandwidth_up: 2000
    codecs: [G.711A, gsm]
    country: cz
    emergency_address: Street 1, Prague
extensions:
  - {number: 101, site: Prague, codecs: [pcma, gsm], lines: [{sip_username: a1}]}
  - {number: 102, codecs: [opus], lines: [{sip_username: a2}]}
"""
ME = Author("Anna", "page", address="192.0.2.9")


def problems(settings: Settings, text: str) -> str:
    with pytest.raises(DocumentError) as found:
        api.apply(settings, text)
    return "\n".join(f"{one.path}: {one.message}" for one in found.value.problems)


def warnings(settings: Settings, **site: object) -> str:
    """What is said when another site is made beside Prague."""
    difference = save(settings, [Wish("sites", {"name": "Brno", **site})], author=ME)
    return "\n".join(f"{one.path}: {one.message}" for one in difference.warnings)


@pytest.fixture
def house(sqlite: Settings) -> Settings:
    assert not api.apply(sqlite, HOUSE).warnings
    return sqlite


def test_sites_reach_the_switch_and_come_back_in_the_export(house: Settings):
    found = snapshot.read(house.files.snapshot)
    assert found.sites[0].codecs == ("pcma", "gsm")
    assert found.sites[0].country == "CZ"
    assert found.sites[0].public_addresses == ("203.0.113.7", "prague.example.com")
    assert [one.site for one in found.extensions] == ["Prague", ""]
    assert not api.apply(house, api.export(house, secrets=True))


@pytest.mark.parametrize(
    ("site", "words"),
    [
        ("networks: [192.168.1.0/33]", "is no network"), ('public_addresses: ["group: Office"]', "names a group"),
        ("layer: atm", "atm"), ("bandwidth_up: -1", "give 0 to"), ("codecs: [mp3]", "is not a codec"),
        ("time_zone: Mars/North", "is no time zone"), ("country: XX", "is no country"),
        ("caller_id: office", "can't be shown"), ("public_addresses: [203.0.113.256]", "is no address"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_told_with_the_mend(sqlite: Settings, site: str, words: str):
    said = problems(sqlite, f"sites: [{{name: Brno, {site}}}]")
    assert words in said
    assert said.startswith("sites[0].")


def test_a_site_that_is_not_there_and_one_that_is_used_are_refused(house: Settings):
    assert 'did you mean "Prague"' in problems(house, HOUSE.replace("site: Prague", "site: Prage"))
    with pytest.raises(DocumentError) as found:
        save(house, [Removal("sites", ("Prague",))], author=ME)
    assert 'the site "Prague" is to be removed, but is used here' in found.value.problems[0].message


def test_two_sites_at_one_address_with_one_network_can_not_be_told_apart(house: Settings):
    said = warnings(house, public_addresses=["203.0.113.7"], networks=["192.168.1.128/25"])
    assert '203.0.113.7 and 192.168.1.128/25 are those of the site "Prague" too' in said


def test_two_sites_at_one_address_need_networks(house: Settings):
    said = warnings(house, public_addresses=["203.0.113.7"])
    assert '203.0.113.7 is an address of the site "Prague" too: give both the networks' in said


def test_the_same_name_of_a_host_is_the_same_address(house: Settings):
    assert "Prague.example.com is an address of" in warnings(house, public_addresses=["Prague.example.com"])


def test_one_network_inside_two_sites_is_fine_where_they_are_seen_from_different_addresses(house: Settings):
    assert warnings(house, public_addresses=["203.0.113.8"], networks=["192.168.1.0/24"]) == ""


def test_one_network_inside_two_sites_is_told_where_nothing_else_tells_them_apart(house: Settings):
    assert '192.168.1.0/24 is a network of the site "Prague" too' in warnings(house, networks=["192.168.1.0/24"])


def test_a_narrower_address_within_that_of_another_site_is_fine(house: Settings):
    assert warnings(house, public_addresses=["203.0.113.0/24"]) == ""


def test_a_line_too_thin_for_a_single_call_is_told(house: Settings):
    said = warnings(house, bandwidth_up=30, layer="pppoe")
    assert "bandwidth_up: 30 kbit/s carry not even one call: the smallest, with g729, takes 34.4" in said
    assert not save(house, [Wish("sites", {"bandwidth_up": 35}, ("Brno",))], author=ME).warnings


def test_codecs_that_its_phones_have_not_are_told(house: Settings):
    said = warnings(house, codecs=["g729"])
    assert "none of these is a codec of extension 101, 102" in said
    difference = save(house, [Wish("sites", {"codecs": ["opus"]}, ("Prague",))], author=ME)
    assert "codec of extension 101:" in difference.warnings[0].message, "102 is not set to it"
