"""Which address a party is told: by where it is, and by which of our addresses its packets leave."""

from __future__ import annotations

import pytest

from jackfield.network.outside import Outside, Telling, read, resolved, told
from jackfield.switch.nat import inside
from jackfield.switch.snapshot import General

LOCAL = inside(General().local_networks)


def telling(text: str) -> Telling:
    return Telling(read(text), LOCAL)


@pytest.mark.parametrize(
    ("who", "ours", "remote", "expected"),
    [
        ("a phone in the office", "192.168.1.10", "192.168.1.50", None),
        ("a phone at home", "192.168.1.10", "198.51.100.7", "203.0.113.5"),
        ("a trunk", "192.168.1.10", "192.0.2.33", "203.0.113.5"),
        ("a trunk at an interface with a routable address", "198.51.100.20", "198.51.100.1", None),
        ("an IPv6 phone, reached without NAT", "2001:db8::10", "2001:db8:1::7", None),
        ("an IPv6 phone, where only IPv4 has an address outside", "fd00::10", "2001:db8:1::7", None),
        ("a phone of a provider's own network (RFC 6598)", "100.64.0.9", "198.51.100.7", "203.0.113.5"),
    ],
)
def test_each_party_is_told_the_address_at_which_it_reaches_us(
    who: str, ours: str, remote: str, expected: str | None
) -> None:
    assert telling("203.0.113.5")(ours, remote) == expected, who


def test_each_family_has_an_address_of_its_own() -> None:
    both = telling("203.0.113.5, 2001:db8::5")
    assert both("192.168.1.10", "198.51.100.7") == "203.0.113.5"
    assert both("fd00::10", "2001:db8:1::7") == "2001:db8::5"


def test_two_interfaces_may_be_behind_two_addresses() -> None:
    two = telling("10.0.1.5=203.0.113.5,10.0.2.5=203.0.113.6")
    assert two("10.0.1.5", "198.51.100.7") == "203.0.113.5"
    assert two("10.0.2.5", "198.51.100.7") == "203.0.113.6"
    assert two("10.0.3.5", "198.51.100.7") is None
    assert told(read("198.51.100.20=203.0.113.9"), "198.51.100.20") == "203.0.113.9", "set by hand wins"


def test_a_name_stands_for_what_it_is_looked_up_as() -> None:
    known = read("phone.example.com")
    assert resolved(known, {}) == ()
    names = {"phone.example.com": ["203.0.113.5", "203.0.113.6", "2001:db8::5"]}
    assert resolved(known, names) == (Outside("203.0.113.5"), Outside("2001:db8::5"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("203.0.113", "is no IP address"),
        ("203.0.113.5/24", "is neither an IP address"),
        ("203.0.113.5,203.0.113.6", "two addresses of one family"),
        ("lan=203.0.113.5", 'before "=" stands one of this machine'),
        ("10.0.0.5=2001:db8::5", "joins IPv4 and IPv6"),
        ("0.0.0.0", "stands for every address"),
        ("203.0.113.5:5060", "is neither an IP address"),
    ],
)
def test_what_is_no_public_address_is_said_with_the_mend(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read(text)
