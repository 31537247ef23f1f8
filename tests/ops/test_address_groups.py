"""Groups of addresses: what an entry may be, and who is in a group."""

from __future__ import annotations

import ipaddress
import random

import pytest

from jackfield.network.groups import (
    LOCAL,
    Addresses,
    EntryError,
    Host,
    Nested,
    addresses_of,
    loop_in,
    names_in,
    read_entry,
)
from jackfield.network.host_names import HostNames


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("192.0.2.7", ["192.0.2.7", "::ffff:192.0.2.7"], ["192.0.2.6", "192.0.2.8", "", "x", "2001:db8::1"]),
        ("192.0.2.10 - 192.0.2.20", ["192.0.2.10", "192.0.2.20"], ["192.0.2.9", "192.0.2.21"]),
        ("10.1.2.3/8", ["10.0.0.0", "10.255.255.255"], ["9.255.255.255", "11.0.0.0"]),
        ("10.0.0.0/255.255.0.0", ["10.0.9.9"], ["10.1.0.0"]),
        ("2001:db8::/32", ["2001:db8::1", "2001:db8:ffff::"], ["2001:db9::", "10.0.0.1"]),
        ("fe80::1-fe80::9", ["fe80::5%eth0"], ["fe80::a"]),
        ("::ffff:192.0.2.7", ["192.0.2.7"], ["192.0.2.8"]),
        ("::1", ["::1"], ["::2", "127.0.0.1"]),
    ],
)
def test_an_entry_is_an_address_a_range_or_a_network(text: str, inside: list[str], outside: list[str]):
    found = addresses_of("A", {"A": [text]}, (), {})
    assert [address in found for address in inside] == [True] * len(inside)
    assert [address in found for address in outside] == [False] * len(outside)


def test_an_entry_is_the_name_of_a_host_or_another_group():
    assert read_entry("Home.Example.com.") == Host("home.example.com")
    assert read_entry("group: Branch offices") == Nested("Branch offices")


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("", "empty"), ("group:", "empty"), ("192.0.2.300", "address"), ("192.0.2", "address"),
        ("10.0.0.0/33", "network"), ("10.0.0.9-10.0.0.1", "order"), ("10.0.0.1-::1", "families"), ("a b", "name"),
        ("fe80::g", "name"), ("abc::1::2", "address"), ("-a.example", "name"), ("x" * 70, "name"),
    ],
)  # fmt: skip
def test_what_is_no_entry_is_told_by_its_kind(text: str, kind: str):
    with pytest.raises(EntryError) as found:
        read_entry(text)
    assert found.value.kind == kind


def test_groups_hold_groups_names_and_the_local_networks():
    groups = {"All": ["group: Branches", "group: local networks", "bad entry!"], "Branches": ["home.example.com"]}
    found = addresses_of("All", groups, ["10.0.0.0/8"], {"home.example.com": ("203.0.113.5", "2001:db8::5")})
    assert "203.0.113.5" in found
    assert "2001:db8::5" in found
    assert "10.9.9.9" in found
    assert "203.0.113.6" not in found
    assert names_in("All", groups) == {"home.example.com"}
    assert "10.0.0.1" in addresses_of(LOCAL, {}, ["10.0.0.0/8"], {})
    assert "10.0.0.1" not in addresses_of("Gone", groups, ["10.0.0.0/8"], {})


def test_a_loop_is_found_and_does_not_hang():
    groups = {"A": ["group: B", "10.0.0.1"], "B": ["group: C"], "C": ["group: B", "10.0.0.2"], "D": ["group: A", "x y"]}
    assert loop_in(groups) == ["B", "C", "B"]
    assert "10.0.0.2" in addresses_of("A", groups, (), {})
    assert loop_in(groups | {"C": ["group: gone"]}) == []


def test_many_ranges_answer_as_the_plain_way_does():
    chance = random.Random(7)
    networks = [
        ipaddress.ip_network((chance.randrange(2**32), chance.randrange(12, 33)), strict=False) for _ in range(500)
    ]
    found = addresses_of("A", {"A": [str(one) for one in networks]}, (), {})
    for _ in range(500):
        address = ipaddress.ip_address(chance.randrange(2**32))
        assert (str(address) in found) == any(address in one for one in networks)
    assert len(found) <= 500


def test_names_keep_their_last_addresses_while_nobody_answers():
    answers: dict[str, tuple[str, ...]] = {"a.example": ("192.0.2.1",)}

    def look_up(name: str) -> tuple[str, ...]:
        if name not in answers:
            raise OSError("nobody answers")
        return answers[name]

    names = HostNames(look_up)
    assert names.refresh({"a.example", "b.example"})
    assert names.known == {"a.example": ("192.0.2.1",)}
    answers.clear()
    assert not names.refresh({"a.example"})
    assert names.known == {"a.example": ("192.0.2.1",)}
    answers["a.example"] = ("192.0.2.2",)
    assert names.refresh({"a.example"})
    assert names.refresh(set())
    assert names.known == {}


def test_an_empty_group_has_nobody():
    assert "10.0.0.1" not in Addresses()
