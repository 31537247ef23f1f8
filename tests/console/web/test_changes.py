"""The history of the configuration, as people read it, and taking changes back."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest
from django.test import Client

from jackfield.changes.models import Item, Revision
from jackfield.console import api, change
from jackfield.console.change import Author, Removal, Wish
from jackfield.console.web import told
from jackfield.settings import Settings

from .conftest import As, person

ANNA = Author("Anna Bell", "page")


def read(answer: Any) -> str:
    """The words of a page, without its tags."""
    page = answer.content.decode()
    page = page[page.index("<main") :]
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", page)))


def save(company: Settings, *wishes: Wish | Removal, author: Author = ANNA) -> Revision:
    change.save(company, wishes, author=author)
    return Revision.objects.first()


def test_the_history_says_who_changed_what_from_what_to_what(admin: Client, company: Settings):
    save(company, Wish("extensions", {"ring_time": 25, "codecs": ["pcma", "g722"]}, ("101",)))
    save(company, Wish("extensions", {"ring_time": 30, "do_not_disturb": True}, ("101",)))
    text = read(admin.get("/admin/changes/"))
    assert "Anna Bell on these pages" in text
    assert "Extension 101 Rings for 25 seconds → is now 30 seconds Do not disturb no → is now yes" in text
    assert "just now" in text
    assert "command line from a document" in text


def test_the_history_never_shows_a_secret(admin: Client, company: Settings):
    lines = [{"sip_username": "anna101", "sip_password": "not-to-be-shown-9"}]
    revision = save(
        company,
        Wish("extensions", {"lines": lines}, ("101",)),
        Wish("trunks", {"password": "not-to-be-shown-8"}, ("Provider",)),
    )
    for address in ("", f"{revision.pk}", f"{revision.pk}/undo"):
        answer = admin.get(f"/admin/changes/{address}")
        assert answer.status_code == 200
        assert "not-to-be-shown" not in answer.content.decode()
        assert "SIP password a new one (never shown)" in read(answer)


def test_a_thing_has_a_history_of_its_own_under_all_its_names(admin: Client, company: Settings):
    save(company, Wish("extensions", {"name": "Before"}, ("102",)))
    save(company, Wish("extensions", {"number": "120"}, ("102",)))
    save(company, Wish("extensions", {"name": "After"}, ("120",)))
    save(company, Wish("extensions", {"name": "Other"}, ("101",)))
    text = read(admin.get(told_address("extensions", "120")))
    assert "Changes of this extension 120" in text
    assert "Before" in text
    assert "After" in text
    assert "Other" not in text


def told_address(section: str, key: str) -> str:
    from jackfield.console.web.changes import address_of

    return address_of(section, key)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["Two", "One"]),
        ("section=extensions", ["One"]),
        ("section=trunks", ["Two"]),
        ("thing=10", ["One"]),
        ("person=carl", ["Two"]),
        ("person=nobody", []),
        ("since=2999-01-01", []),
        ("until=2000-01-01", []),
        ("since=2000-01-01&until=2999-12-31", ["Two", "One"]),
        ("since=9999-99-99&section=what&before=x", ["Two", "One"]),
    ],
)
def test_the_history_is_filtered(admin: Client, company: Settings, query: str, found: list[str]):
    save(company, Wish("extensions", {"name": "One"}, ("101",)))
    save(company, Wish("trunks", {"username": "Two"}, ("Provider",)), author=Author("Carla", "api"))
    assert re.findall(r"<ins>(One|Two)</ins>", admin.get(f"/admin/changes/?{query}").content.decode()) == found


def test_a_long_history_has_pages(admin: Client, company: Settings):
    for number in range(60):
        save(company, Wish("extensions", {"name": f"name-{number}"}, ("101",)))
    page = admin.get("/admin/changes/?section=extensions").content.decode()
    assert len(re.findall(r'class="change"', page)) == 50
    older = html.unescape(re.search(r'href="(\?[^"]*before=[^"]*)"', page)[1])
    page = admin.get(f"/admin/changes/{older}").content.decode()
    assert "<ins>name-9</ins>" in page
    assert "<ins>name-10</ins>" not in page
    assert ">Newest<" in page


def test_a_change_of_very_many_things_is_counted_in_the_list(admin: Client, company: Settings):
    revision = save(company, *(Wish("extensions", {"number": str(n), "name": "x" * 90}) for n in range(200, 400)))
    assert "200 things" in read(admin.get("/admin/changes/"))
    assert "Extension 399" in read(admin.get(f"/admin/changes/{revision.pk}"))


def test_a_change_is_taken_back_after_a_look_at_what_that_does(admin: Client, company: Settings):
    before = api.export(company, secrets=True)
    revision = save(company, Wish("extensions", {"ring_time": 30, "name": "Anna B."}, ("101",)))
    text = read(admin.get(f"/admin/changes/{revision.pk}/undo"))
    assert "Name Anna B. → is now Anna" in text
    assert "Rings for 30 seconds → is now nothing" in text

    answer = admin.post(f"/admin/changes/{revision.pk}/undo")

    assert api.export(company, secrets=True) == before
    newest = Revision.objects.first()
    assert answer.headers["Location"] == f"/admin/changes/{newest.pk}"
    assert (newest.undoes, newest.through, newest.author) == (revision, "undo", "the-administrator")
    text = read(admin.get(answer.headers["Location"]))
    assert "Taken back." in text
    assert "This takes back a change by Anna Bell" in text
    assert "was taken back by the-administrator" in read(admin.get(f"/admin/changes/{revision.pk}"))
    assert "undone" in read(admin.get("/admin/changes/"))
    assert "was taken back already" in read(admin.get(f"/admin/changes/{revision.pk}/undo"))


def test_taking_back_a_taking_back_does_it_again(admin: Client, company: Settings):
    revision = save(company, Wish("extensions", {"name": "Anna B."}, ("101",)))
    admin.post(f"/admin/changes/{revision.pk}/undo")
    admin.post(f"/admin/changes/{Revision.objects.first().pk}/undo")
    assert "Anna B." in api.export(company)


def test_why_a_change_can_not_be_taken_back_is_said_plainly(admin: Client, company: Settings):
    revision = save(company, Wish("extensions", {"ring_time": 30}, ("101",)))
    save(company, Wish("extensions", {"ring_time": 35}, ("101",)))
    answer = admin.get(f"/admin/changes/{revision.pk}/undo")
    assert answer.status_code == 200
    assert "It can't be undone" in read(answer)
    assert "extension 101 was changed again since" in read(answer)
    assert ">Undo<" not in re.sub(r"<svg.*?</svg>", "", answer.content.decode())
    count = Revision.objects.count()
    assert admin.post(f"/admin/changes/{revision.pk}/undo").status_code == 422
    assert Revision.objects.count() == count


def test_what_a_removal_would_break_is_told_when_its_creation_is_taken_back(admin: Client, company: Settings):
    revision = save(company, Wish("extensions", {"number": "130"}))
    save(company, Wish("ring_groups", {"members": ["101", "130"]}, ("190",)))
    text = read(admin.get(f"/admin/changes/{revision.pk}/undo"))
    assert "Ring group 190, Members: 130 leads nowhere" in text


def test_nobody_takes_back_what_he_could_not_change(signed_in: As, company: Settings):
    of_system = save(company, Wish("settings", {"ring_time": 40}))
    of_both = save(company, Wish("extensions", {"name": "X"}, ("101",)), Wish("settings", {"ring_time": 45}))
    of_people = save(company, Wish("extensions", {"name": "Y"}, ("102",)))
    browser = signed_in("telephony")
    for revision in (of_system, of_both):
        assert "Undo …" not in read(browser.get(f"/admin/changes/{revision.pk}"))
        assert browser.get(f"/admin/changes/{revision.pk}/undo").status_code == 422
        answer = browser.post(f"/admin/changes/{revision.pk}/undo")
        assert answer.status_code == 422
        assert "your role does not allow" in read(answer)
    assert "Undo …" in read(browser.get(f"/admin/changes/{of_people.pk}"))
    assert browser.post(f"/admin/changes/{of_people.pk}/undo").status_code == 302
    assert "ring_time: 45" in api.export(company)


def test_a_reader_sees_the_history_and_changes_nothing(signed_in: As, company: Settings):
    revision = save(company, Wish("extensions", {"name": "Y"}, ("102",)))
    browser = signed_in("reader")
    assert "Y" in read(browser.get("/admin/changes/"))
    assert "Undo …" not in read(browser.get(f"/admin/changes/{revision.pk}"))
    assert browser.get(f"/admin/changes/{revision.pk}/undo").status_code == 403
    assert browser.post(f"/admin/changes/{revision.pk}/undo").status_code == 403


def test_areas_that_a_role_does_not_show_stay_out_of_its_history(signed_in: As, company: Settings, monkeypatch: Any):
    from jackfield.console.web import rights

    monkeypatch.setitem(rights.ROLES, "reader", {"history": rights.READ, "people": rights.READ})
    trunk = save(company, Wish("trunks", {"username": "not-for-all"}, ("Provider",)))
    both = save(company, Wish("trunks", {"username": "nor-this"}, ("Provider",)), Wish("users", {"login": "carla"}))
    browser = signed_in("reader")
    assert browser.get(f"/admin/changes/{trunk.pk}").status_code == 404
    text = read(browser.get("/admin/changes/"))
    assert "not-for-all" not in text
    assert "nor-this" not in text
    assert "User carla" in text
    assert "things that your role does not show" in text
    assert "nor-this" not in read(browser.get(f"/admin/changes/{both.pk}"))


def test_a_change_that_does_not_exist_is_said_so(admin: Client, company: Settings):
    assert admin.get("/admin/changes/999999").status_code == 404
    assert admin.get("/admin/changes/999999/undo").status_code == 404


def test_the_order_and_removals_are_told(admin: Client, company: Settings):
    save(company, Wish("trunks", {"name": "Second", "hosts": ["two.example.net"], "username": "u"}))
    save(company, Wish("trunks", {}, ("Second",)), Wish("trunks", {}, ("Provider",)))
    save(company, Removal("extensions", ("102",)))
    text = read(admin.get("/admin/changes/"))
    assert "Order of trunks Order Provider, Second → is now Second, Provider" in text
    assert "Extension 102 removed" in text


def test_what_was_saved_is_said_in_words(company: Settings):
    wishes = [Wish("extensions", {"ring_time": 30, "enabled": False, "name": ""}, ("101",))]
    change.save(company, [Wish("extensions", {"ring_time": 25}, ("101",))], author=ANNA)
    difference = change.save(company, wishes, author=ANNA)
    assert told.notices(difference, wishes) == [
        (
            "good",
            "Extension 101: name: nothing any more (was Anna); rings for 30 seconds instead of 25 seconds; "
            "in use: no instead of yes.",
        )
    ]
    assert told.notices(change.save(company, wishes, author=ANNA)) == [("good", "Nothing was changed.")]


def test_every_item_of_the_history_can_be_told(company: Settings):
    for item in Item.objects.all():
        assert told.thing(item.section, item.key)


def test_nobody_wins_rights_by_taking_back(signed_in: As, company: Settings):
    browser = signed_in("telephony")
    person("administrator")
    save(company, Wish("users", {"role": "administrator"}, ("anna",)))
    lowered = save(company, Wish("users", {"role": "telephony"}, ("anna",)))
    answer = browser.post(f"/admin/changes/{lowered.pk}/undo")
    assert answer.status_code == 422
    assert "reaches further than your own rights" in read(answer)

    save(company, Wish("users", {"role": "administrator"}, ("anna",)))
    named = save(company, Wish("users", {"name": "Somebody"}, ("anna",)))
    answer = browser.post(f"/admin/changes/{named.pk}/undo")
    assert answer.status_code == 422
    assert "reaches further than your own rights" in read(answer)


def test_a_user_who_comes_back_needs_a_new_password(admin: Client, company: Settings):
    save(company, Wish("users", {"login": "carla"}))
    gone = save(company, Removal("users", ("carla",)))
    assert "carla can't sign in until somebody gives" in read(admin.get(f"/admin/changes/{gone.pk}/undo"))


def test_each_database_finds_changes_and_uses(settings: Settings):
    from jackfield.console.web import changes, uses
    from jackfield.numbers.models import Extension

    api.apply(settings, "extensions: [{number: 101}, {number: 102}]\nring_groups: [{number: 190, members: [101]}]\n")
    asked = dict.fromkeys(("section", "key", "thing", "person", "since", "until"), "")
    asked |= {"section": "extensions", "thing": "10", "person": "LINE", "since": "2000-01-01"}
    (found,) = changes._page(changes._found(asked, {"extensions"}, "Europe/Berlin"))
    assert len(found.summary["changes"]) == 5
    (use,) = uses.uses("extensions", Extension.objects.get(number="101"))
    assert (use.section, use.field) == ("ring_groups", "members")


def test_the_list_asks_the_database_no_more_for_more_changes(admin: Client, company: Settings):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    def asked() -> int:
        with CaptureQueriesContext(connection) as queries:
            admin.get("/admin/changes/")
        return len(queries)

    save(company, Wish("users", {"role": "reader"}, ("anna",)))
    asked()
    before = asked()
    for role in ("user", "reader") * 5:
        save(company, Wish("users", {"role": role}, ("anna",)))
    assert asked() == before <= 15
