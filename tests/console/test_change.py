"""Single changes, what is kept of them, and taking them back."""

from __future__ import annotations

import contextlib
import sqlite3
from typing import Any

import pytest

from jackfield.changes.models import Revision
from jackfield.console import api, change
from jackfield.console.change import Author, Removal, Wish
from jackfield.console.declarative.difference import DocumentError
from jackfield.settings import Settings

ME = Author("Anna", "page")
COMPANY = """
users: [{login: anna, name: Anna}]
extensions:
  - {number: 101, name: Anna, user: anna, sip_username: a101, sip_password: very-secret-1, ring_time: 20}
  - {number: 102, name: Bert, sip_username: b102, sip_password: very-secret-2}
trunks:
  - {name: One, hosts: one.example.net, username: u}
  - {name: Two, hosts: two.example.net, username: u}
ring_groups: [{number: 190, members: [101, 102]}]
"""


@pytest.fixture
def company(settings: Settings) -> Settings:
    api.apply(settings, COMPANY)
    return settings


def save(company: Settings, *wishes: Any) -> Revision:
    change.save(company, wishes, author=ME)
    return Revision.objects.first()


WISHES = {
    "a field": [Wish("extensions", {"ring_time": 30}, ("101",))],
    "a field emptied": [Wish("extensions", {"ring_time": None, "user": ""}, ("101",))],
    "a number": [Wish("extensions", {"number": "105"}, ("101",))],
    "a new thing": [Wish("extensions", {"number": "103"})],
    "a phone more": [Wish("extensions", {"lines": [{"sip_username": "a101"}, {"name": "mobile"}]}, ("101",))],
    "a phone less": [Wish("extensions", {"lines": []}, ("101",))],
    "a password": [
        Wish("extensions", {"lines": [{"sip_username": "a101", "sip_password": "new-one-12345"}]}, ("101",))
    ],
    "removed": [Removal("extensions", ("102",))],
    "removed with what names it": [Removal("extensions", ("101",)), Removal("users", ("anna",))],
    "the settings": [Wish("settings", {"ring_time": 40, "country": "DE"})],
    "the order": [Wish("trunks", {}, ("Two",)), Wish("trunks", {}, ("One",))],
    "many at once": [Wish("users", {"login": "bert"}), Wish("extensions", {"user": "bert"}, ("102",))],
}


@pytest.mark.parametrize("wishes", WISHES.values(), ids=WISHES.keys())
def test_whatever_is_changed_can_be_taken_back(company: Settings, wishes: list[Any]):
    before = api.export(company, secrets=True)
    revision = save(company, *wishes)
    assert api.export(company, secrets=True) != before
    assert (revision.author, revision.through) == ("Anna", "page")

    change.undo(company, revision, author=Author("Anna", "undo", undoes=revision.pk))

    assert api.export(company, secrets=True) == before
    assert Revision.objects.first().undoes == revision


def test_taking_back_leaves_what_others_changed_since(company: Settings):
    revision = save(company, Wish("extensions", {"ring_time": 30}, ("101",)))
    save(company, Wish("extensions", {"name": "Anna Bell"}, ("101",)))
    change.undo(company, revision, author=ME)
    document = api.export(company)
    assert "Anna Bell" in document
    assert "ring_time: 20" in document


def test_what_was_changed_again_is_not_taken_back(company: Settings):
    revision = save(company, Wish("extensions", {"ring_time": 30}, ("101",)))
    save(company, Wish("extensions", {"ring_time": 35}, ("101",)))
    with pytest.raises(DocumentError, match=r"extension 101 was changed again since \(ring_time\): undo that first"):
        change.undo(company, revision, author=ME)


def test_what_is_gone_can_not_be_changed_back(company: Settings):
    changed = save(company, Wish("extensions", {"ring_time": 30}, ("102",)))
    save(company, Removal("extensions", ("102",)))
    with pytest.raises(DocumentError, match="extension 102 is not there any more"):
        change.undo(company, changed, author=ME)


def test_the_history_tells_no_secret(company: Settings):
    revision = save(company, *WISHES["a password"])
    assert "new-one" not in str(revision.summary)
    assert "sip_password" in str(revision.summary)


def test_a_dry_run_changes_nothing_and_keeps_nothing(company: Settings):
    before, revisions = api.export(company), Revision.objects.count()
    difference = change.save(company, WISHES["removed"], author=ME, dry_run=True)
    assert difference.counts["remove"] == 1
    assert "102 leads nowhere" in str(difference.warnings[0])
    assert (api.export(company), Revision.objects.count()) == (before, revisions)


@pytest.mark.parametrize(
    ("wish", "told"),
    [
        (Wish("extensions", {"number": "190"}), r"number 190 is already a ring group; next free: 191"),
        (Wish("extensions", {"number": "101"}), r'number 101 is already the extension "Anna"; next free: 103'),
        (Wish("users", {"login": "anna"}), r'there is already the user "anna"'),
        (Wish("trunks", {"name": "Two"}, ("One",)), r'is already that of the trunk "Two"'),
        (Wish("extensions", {"name": "x"}, ("555",)), r"extension 555 is not there any more"),
        (Removal("extensions", ("555",)), r"extension 555 is not there any more"),
        (Wish("extensions", {"number": "104", "colour": "red"}), r'"colour" is not known here'),
    ],
)
def test_what_does_not_fit_is_refused_whole(company: Settings, wish: Any, told: str):
    before = api.export(company, secrets=True)
    with pytest.raises(DocumentError, match=told):
        change.save(company, [Wish("users", {"login": "carla"}), wish], author=ME)
    assert api.export(company, secrets=True) == before


def test_who_only_looks_what_would_change_holds_up_nobody(sqlite: Settings):
    wish = Wish("extensions", {"number": "105"})

    def write() -> None:
        with contextlib.closing(sqlite3.connect(sqlite.files.database, timeout=0)) as other:
            other.execute("BEGIN IMMEDIATE")

    change.save(sqlite, [wish], author=ME, dry_run=True, guard=write)
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        change.save(sqlite, [wish], author=ME, guard=write)
    assert change.save(sqlite, [wish], author=ME)
