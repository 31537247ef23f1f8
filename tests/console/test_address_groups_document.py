"""Address groups in the configuration: entries with clear words, names that are there, nobody shuts himself out."""

from __future__ import annotations

import pytest

from jackfield.console import api
from jackfield.console.change import Author, Removal, Wish, save
from jackfield.console.declarative.difference import DocumentError
from jackfield.settings import Settings
from jackfield.switch import snapshot

HOUSE = """
address_groups:
  - {name: Office, entries: [192.0.2.0/24, "2001:db8::/32"]}
  - {name: All, entries: ["group: Office", "group: local networks", 198.51.100.10-198.51.100.20]}
extensions:
  - {number: 101, phones_from: Office, lines: [{sip_username: a1, phones_from: local networks}]}
"""
ME = Author("Anna", "page", address="192.0.2.9")


def problems(settings: Settings, text: str) -> str:
    with pytest.raises(DocumentError) as found:
        api.apply(settings, text)
    return "\n".join(f"{one.path}: {one.message}" for one in found.value.problems)


def wrong(settings: Settings, *wishes: Wish | Removal, author: Author = ME) -> str:
    with pytest.raises(DocumentError) as found:
        save(settings, wishes, author=author)
    return "\n".join(f"{one.path}: {one.message}" for one in found.value.problems)


def test_groups_reach_the_switch_and_come_back_in_the_export(sqlite: Settings):
    api.apply(sqlite, HOUSE)
    found = snapshot.read(sqlite.files.snapshot)
    assert {one.name: len(one.entries) for one in found.address_groups} == {"All": 3, "Office": 2}
    assert found.extensions[0].phones_from == "Office"
    assert found.lines["a1"][1].phones_from == "local networks"
    assert "group: local networks" in api.export(sqlite)
    assert not api.apply(sqlite, api.export(sqlite, secrets=True))


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ("192.0.2.300", "is no address"), ("10.0.0.0/99", "is no network"), ("10.0.0.9-10.0.0.1", "the smaller"),
        ("10.0.0.1-::1", "both ends must be IPv4"), ("a b", "neither an address"), ("group:", "says nothing"),
        ("group: Gone", 'there is no address group "Gone"'),
    ],
)  # fmt: skip
def test_a_wrong_entry_is_told_with_the_mend(sqlite: Settings, entry: str, words: str):
    said = problems(sqlite, f'address_groups: [{{name: A, entries: ["{entry}"]}}]')
    assert words in said
    assert said.startswith("address_groups")


def test_loops_names_that_are_not_there_and_the_name_of_the_built_in_one_are_refused(sqlite: Settings):
    loop = 'address_groups: [{name: A, entries: ["group: B"]}, {name: B, entries: ["group: A"]}]'
    assert "A → B → A" in problems(sqlite, loop)
    assert 'did you mean "Office"?' in problems(sqlite, HOUSE.replace("phones_from: Office", "phones_from: Offce"))
    assert "always there" in problems(sqlite, "address_groups: [{name: Local Networks, entries: [10.0.0.0/8]}]")
    assert "administration" in problems(sqlite, "firewall: {administration: [Gone]}")


def test_a_group_that_is_used_is_not_removed(sqlite: Settings):
    api.apply(sqlite, HOUSE)
    said = wrong(sqlite, Removal("address_groups", ("Office",)))
    assert 'the address group "Office" is to be removed, but is used here' in said
    save(sqlite, [Removal("address_groups", ("All",))], author=ME)


def test_nobody_shuts_himself_out(sqlite: Settings):
    api.apply(sqlite, HOUSE)
    outside = Author("Anna", "page", address="203.0.113.5")
    wish = Wish("firewall", {"administration": ["Office"]}, ())
    said = wrong(sqlite, wish, author=outside)
    assert said.startswith("firewall")
    assert "you are at 203.0.113.5" in said
    for author in (ME, Author("x", "page", address="127.0.0.1"), Author("x", "page", address="::1")):
        save(sqlite, [wish], author=author)
    # nor by way of the group, or of a group in it
    save(sqlite, [Wish("firewall", {"administration": ["All"]}, ())], author=ME)
    said = wrong(sqlite, Wish("address_groups", {"entries": ["10.0.0.0/8"]}, ("Office",)))
    assert "address_groups" in said
    assert "shut you out" in said
    # what has nothing to do with it goes on; the command line owns the machine; a program has a rule of its own
    save(sqlite, [Wish("extensions", {"name": "New"}, ("101",))], author=outside)
    api.apply(sqlite, "firewall: {administration: [Office]}")
    by_api = Author("Program", "api", address="203.0.113.5")
    assert "api" in wrong(sqlite, Wish("firewall", {"api": ["Office"]}, ()), author=by_api)
    save(sqlite, [Wish("sign_in", {"idle_minutes": 60}, ())], author=by_api)


def test_a_document_from_before_the_firewall_is_told_where_it_is_now(sqlite: Settings):
    said = problems(sqlite, "sign_in: {administration_from: Office}")
    assert 'it is the firewall\'s now: "firewall: {administration: [GROUP]}"' in said
