"""What forms do beyond saving: they say what changed, follow a number to where it is used, and notice other people."""

from __future__ import annotations

import re
from typing import Any

from django.test import Client

from jackfield.changes.models import Revision
from jackfield.console import change
from jackfield.console.change import Author, Wish
from jackfield.console.web import uses
from jackfield.numbers.models import Extension, Line, RingGroup, Service
from jackfield.people.models import User
from jackfield.settings import Settings
from jackfield.trunks.models import Inbound, Outbound, Trunk

from .conftest import As
from .test_changes import read
from .test_things import form_of

BERT = Author("Bert", "page")


def opened(page: str) -> dict[str, list[str]]:
    """The form as a browser sends it, with what it was opened with."""
    return form_of(page) | {"opened": [re.search(r'name="opened" value="([0-9a-f]+)"', page)[1]]}


def form(browser: Client, address: str, **changed: str) -> dict[str, list[str]]:
    page = browser.get(address).content.decode()
    return opened(page) | {name: [value] for name, value in changed.items()}


def address_of(number: str) -> str:
    return f"/admin/extensions/{Extension.objects.get(number=number).pk}"


def test_saving_says_what_changed(admin: Client, company: Settings):
    change.save(company, [Wish("extensions", {"ring_time": 25}, ("101",))], author=BERT)
    address = address_of("101")
    assert admin.post(address, form(admin, address, ring_time="30")).status_code == 302
    text = read(admin.get("/admin/extensions/"))
    assert "Extension 101: rings for 30 seconds instead of 25 seconds." in text
    admin.post(address, form(admin, address))
    assert "Nothing was changed." in read(admin.get("/admin/extensions/"))
    admin.post(address, form(admin, address, forward_busy="777"))
    assert "Extension 101, When busy, to: 777 leads nowhere" in read(admin.get("/admin/extensions/"))


def test_a_form_leads_to_the_history_of_its_thing(admin: Client, company: Settings):
    admin.post(address_of("101"), form(admin, address_of("101"), name="Anna B."))
    page = admin.get(address_of("101")).content.decode()
    link = re.search(r'href="(/admin/changes/[^"]*)"[^>]*>(?:<svg.*?</svg>)?Changes of this', page)[1]
    text = read(admin.get(link.replace("&amp;", "&")))
    assert "Name Anna → is now Anna B." in text
    assert "Changes of this" not in admin.get("/admin/extensions/new").content.decode()


def test_a_changed_number_is_changed_where_it_is_used(admin: Client, company: Settings):
    wishes = [
        Wish("extensions", {"forward_busy": "102"}, ("101",)),
        Wish("inbound", {"target": "102"}, ("Provider", "5550101")),
        Wish("services", {"number": "500", "kind": "announcement", "sound": "hello", "then": "102"}),
    ]
    change.save(company, wishes, author=BERT)
    address = address_of("102")
    text = read(admin.get(address))
    assert "ring group 190 : Members" in text
    assert "extension 101 : When busy, to" in text
    count = Revision.objects.count()

    assert admin.post(address, form(admin, address, number="120")).status_code == 302

    assert RingGroup.objects.get().members == ("101", "120")
    assert Extension.objects.get(number="101").forward_busy == "120"
    assert Inbound.objects.get().target == "120"
    assert Service.objects.get(number="500").then == "120"
    assert Revision.objects.count() == count + 1
    change.undo(company, Revision.objects.first(), author=BERT)
    assert RingGroup.objects.get().members == ("101", "102")


def test_a_trunk_can_be_called_otherwise(admin: Client, company: Settings):
    address = f"/admin/trunks/{Trunk.objects.get().pk}"
    assert admin.post(address, form(admin, address, name="Carrier")).status_code == 302
    assert Outbound.objects.get().trunks == ("Carrier",)
    assert Inbound.objects.get().trunk.name == "Carrier"

    without = form(admin, address, name="Other")
    del without["follow"]
    answer = admin.post(address, without)
    assert answer.status_code == 422
    assert "Outgoing route Outside, Trunks: trunk" in read(answer) or "there is no trunk" in read(answer)


def test_who_removes_a_number_may_put_another_in_its_place(admin: Client, company: Settings):
    address = f"{address_of('102')}/remove"
    text = read(admin.get(address))
    assert "ring group 190 : Members" in text
    assert "102 leads nowhere" in text
    assert admin.post(address, {"uses": "other", "other": ""}).status_code == 422
    assert admin.post(address, {"uses": "other", "other": "101"}).status_code == 302
    assert RingGroup.objects.get().members == ("101",)

    address = f"{address_of('101')}/remove"
    assert admin.post(address, {"uses": "out"}).status_code == 302
    assert RingGroup.objects.get().members == ()


def test_a_user_is_removed_with_his_name_taken_off_the_extension(admin: Client, company: Settings):
    address = f"/admin/users/{User.objects.get(login='anna').pk}/remove"
    answer = admin.get(address)
    assert "is to be removed, but is used here" in read(answer)
    assert admin.post(address).status_code == 422
    assert admin.post(address, {"uses": "out"}).status_code == 302
    assert Extension.objects.get(number="101").user is None
    change.undo(company, Revision.objects.first(), author=BERT)
    assert Extension.objects.get(number="101").user.login == "anna"


def test_uses_know_a_number_from_one_that_has_it_within(company: Settings):
    change.save(company, [Wish("extensions", {"number": "10"})], author=BERT)
    assert uses.uses("extensions", Extension.objects.get(number="10")) == []


def test_what_one_may_not_change_is_not_changed_along(signed_in: As, company: Settings, monkeypatch: Any):
    from jackfield.console.web import rights

    held = {"people": rights.WRITE, "lines": rights.READ}
    monkeypatch.setitem(rights.ROLES, "reader", held)
    browser = signed_in("reader")
    address = address_of("101")
    assert browser.post(address, form(browser, address, number="121")).status_code == 302
    assert RingGroup.objects.get().members == ("121", "102")
    assert Inbound.objects.get().target == "101"


def test_a_new_sip_password_is_shown_once(admin: Client, company: Settings):
    line = Line.objects.get(sip_username="anna101")
    address = f"{address_of('101')}/password/{line.pk}"
    assert admin.get(address).status_code == 302
    answer = admin.post(address, {"name": "not saved"})
    line.refresh_from_db()
    assert line.sip_password != "not-to-be-shown-1"
    assert line.sip_password in read(answer)
    assert Extension.objects.get(number="101").name == "Anna"
    assert line.sip_password not in read(admin.get("/admin/changes/"))
    assert "SIP password a new one" in read(admin.get("/admin/changes/"))
    assert admin.post(f"{address_of('102')}/password/{line.pk}").status_code == 404


def test_a_second_phone_shows_its_password_once(admin: Client, company: Settings):
    answer = admin.post(address_of("101"), form(admin, address_of("101")) | {"lines.1.name": ["mobile"]})
    line = Line.objects.get(name="mobile")
    assert line.sip_password in read(answer)
    assert "anna101" not in read(answer)
    assert line.sip_password not in read(admin.get(address_of("101")))


def test_two_people_at_one_form_lose_nothing(admin: Client, company: Settings):
    address = address_of("101")
    mine = form(admin, address, name="Anna Bell", ring_time="30")
    change.save(company, [Wish("extensions", {"max_calls": 2, "name": "Annie"}, ("101",))], author=BERT)

    answer = admin.post(address, mine)

    assert answer.status_code == 409
    text = read(answer)
    assert "Bert changed this just now, while you had it open" in text
    assert "Calls at once 4 → is now 2" in text
    assert "Name Anna → is now Annie" in text
    assert Extension.objects.get(number="101").name == "Annie"
    again = opened(answer.content.decode())
    assert (again["name"], again["ring_time"], again["max_calls"]) == (["Anna Bell"], ["30"], ["2"])

    assert admin.post(address, again).status_code == 302
    row = Extension.objects.get(number="101")
    assert (row.name, row.ring_time, row.max_calls) == ("Anna Bell", 30, 2)


def test_a_form_opened_before_the_history_began_is_asked_about_too(admin: Client, company: Settings):
    address = address_of("101")
    mine = form(admin, address, name="Anna Bell")
    change.save(company, [Wish("extensions", {"max_calls": 2}, ("101",))], author=BERT)
    Revision.objects.all().delete()
    answer = admin.post(address, mine)
    assert answer.status_code == 409
    assert "Somebody changed this" in read(answer)
    assert admin.post(address, opened(answer.content.decode())).status_code == 302


def test_a_secret_that_the_other_changed_is_not_told(admin: Client, company: Settings):
    address = f"/admin/trunks/{Trunk.objects.get().pk}"
    mine = form(admin, address, max_calls="7")
    change.save(company, [Wish("trunks", {"password": "not-to-be-shown-4"}, ("Provider",))], author=BERT)
    answer = admin.post(address, mine)
    assert answer.status_code == 409
    assert "not-to-be-shown" not in answer.content.decode()
    assert "Password a new one (never shown)" in read(answer)


def test_the_company_settings_notice_other_people_too(admin: Client, company: Settings):
    mine = form(admin, "/admin/settings/", company="Bell")
    change.save(company, [Wish("settings", {"ring_time": 33})], author=BERT)
    answer = admin.post("/admin/settings/", mine)
    assert answer.status_code == 409
    assert "Phones ring for 25 seconds → is now 33 seconds" in read(answer)
