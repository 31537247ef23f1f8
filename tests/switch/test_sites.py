"""Which site a phone is at."""

from __future__ import annotations

from dataclasses import replace

import pytest

from jackfield.switch.contact import Contact
from jackfield.switch.sites import host_names, site_by_address, site_of, site_of_phone
from jackfield.switch.snapshot import Extension, Line, Site, Snapshot

LINES = tuple(Line(sip_username=name, ha1_md5="", ha1_sha256="") for name in ("desk101", "desk102"))
HOUSE = Snapshot(
    extensions=(
        Extension(number="101", lines=LINES[:1]),
        Extension(number="102", lines=LINES[1:], site="Home"),
    ),
    sites=(
        Site(name="Prague", networks=("192.168.1.0/24",), public_addresses=("203.0.113.0/24",)),
        Site(name="Brno", networks=("192.168.2.0/24", "10.8.2.0/24"), public_addresses=("203.0.113.7",)),
        Site(name="Brno workshop", networks=("192.168.3.0/24",), public_addresses=("203.0.113.7", "2001:db8:3::/48")),
        Site(name="Home", public_addresses=("home.example.com",)),
    ),
)


def name_of(source: str, local: str = "", snapshot: Snapshot = HOUSE) -> str:
    found = site_by_address(snapshot, source, local)
    return found.name if found is not None else ""


def test_the_narrowest_public_address_wins():
    assert name_of("203.0.113.200", "192.168.9.9") == "Prague"
    assert name_of("203.0.113.7", "192.168.2.20") == "Brno"
    assert name_of("198.51.100.1", "192.168.1.20") == ""


def test_the_address_inside_tells_sites_apart_that_are_seen_from_one_address():
    assert name_of("203.0.113.7", "192.168.3.20") == "Brno workshop"
    assert name_of("203.0.113.7", "phone.local") == "Brno"


def test_a_private_address_alone_makes_nobody_a_phone_of_the_office():
    """Half the homes of the world are 192.168.1.0/24, and the emergency address of the office would be a wrong one."""
    assert name_of("198.51.100.1", "192.168.1.20") == ""


def test_a_phone_that_comes_from_a_network_of_the_site_itself_is_there():
    assert name_of("10.8.2.5", "10.8.2.5") == "Brno"
    assert name_of("2001:db8:3::5") == "Brno workshop"
    assert name_of("::ffff:10.8.2.5") == "Brno"


def test_what_is_set_by_hand_wins_and_a_name_that_is_gone_does_not():
    assert site_of(HOUSE, "desk102", "203.0.113.7", "192.168.2.5") == HOUSE.sites[3]
    assert site_of(HOUSE, LINES[0], "203.0.113.7", "192.168.2.5") == HOUSE.sites[1]
    without = replace(HOUSE, sites=HOUSE.sites[:3])
    assert site_of(without, "desk102", "203.0.113.7", "192.168.2.5") == HOUSE.sites[1]


def test_names_of_hosts_stand_for_the_addresses_that_they_have():
    assert host_names(HOUSE) == {"home.example.com"}
    assert name_of("198.51.100.9") == ""
    known = replace(HOUSE, hosts={"home.example.com": ("198.51.100.9", "2001:db8::9")})
    assert name_of("198.51.100.9", snapshot=known) == name_of("2001:db8::9", snapshot=known) == "Home"


@pytest.mark.parametrize(("uri", "name"), [
    ("sip:desk101@192.168.3.4:5060", "Brno workshop"), ("sip:desk101@192.168.2.4", "Brno"), ("sip:a@[::1", "Brno"),
])  # fmt: skip
def test_a_registered_phone_tells_its_own_address_in_its_contact(uri: str, name: str):
    contact = Contact(1, "desk101", uri)
    contact.source = ("203.0.113.7", 40000)
    found = site_of_phone(HOUSE, contact)
    assert found is not None
    assert found.name == name


def test_without_sites_nobody_is_at_one():
    assert site_of(Snapshot(), "desk101", "203.0.113.7") is None
    assert site_by_address(Snapshot(), "203.0.113.7") is None
