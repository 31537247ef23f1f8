"""Contacts: one's own, the company's, favourites; vCards in and out."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from jackfield.contacts.models import Contact, ContactNumber, Favourite
from jackfield.contacts.numbers import house
from jackfield.numbers.models import Extension
from jackfield.people.models import User
from jackfield.settings import Settings

from .conftest import As, person
from .own_people import NOON, browser_of, call, page, pk

FORM = {"name": "Carla Dorn", "company": "Dorn KG", "email": "carla@example.com", "note": "likes tea",
        "numbers.0.kind": "mobile", "numbers.0.number": "0171 5550101", "numbers.1.kind": "work",
        "numbers.1.number": ""}  # fmt: skip
CARDS = (
    "BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Carla Dorn\r\nTEL;TYPE=CELL:+49 171 5550101\r\n"
    "TEL;TYPE=WORK:030 5550101\r\nEND:VCARD\r\n"
    "BEGIN:VCARD\r\nVERSION:4.0\r\nFN:Dora\r\nTEL;VALUE=uri;TYPE=home:tel:+49-30-5550102\r\nEND:VCARD\r\n"
    "BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Without a number\r\nEND:VCARD\r\n"
)


@pytest.fixture
def anna(company: Settings) -> Client:
    """A browser of Anna, whose extension is 101."""
    return browser_of("anna")


def contact(name: str, number: str, owner: str = "") -> Contact:
    whose = User.objects.get(login=owner) if owner else None
    made = Contact.objects.create(name=name, owner=whose)
    ContactNumber.objects.create(contact=made, number=number, known_as=house().known_as(number))
    return made


def vcf(text: str = CARDS) -> SimpleUploadedFile:
    return SimpleUploadedFile("all.vcf", text.encode(), content_type="text/vcard")


def test_a_contact_is_made_found_changed_and_removed(anna: Client):
    text = page(anna.post("/me/contacts/new", FORM, follow=True))
    assert "Carla Dorn is a contact of yours now." in text
    assert 'name="number" value="001715550101"' in text, "a tap dials it through the outside line"
    row = Contact.objects.get()
    assert row.owner.login == "anna"
    assert [(one.kind, one.known_as) for one in row.numbers.all()] == [("mobile", "+491715550101")]
    for query in ("dorn", "Dorn KG", "0171 555", "+49171", "carla@"):
        assert "Carla Dorn" in page(anna.get("/me/contacts/", {"q": query, "part": "1"})), query
    assert "Nobody was found" in page(anna.get("/me/contacts/", {"q": "0172"}))
    anna.post(f"/me/contacts/{row.pk}", FORM | {"numbers.1.number": "030 5550101", "name": "Carla D."})
    row.refresh_from_db()
    assert (row.name, row.numbers.count()) == ("Carla D.", 2)
    assert "0171 5550101" in page(anna.get(f"/me/contacts/{row.pk}"))
    anna.post(f"/me/contacts/{row.pk}/remove")
    assert not Contact.objects.exists()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"name": " "}, "Give a name."),
        ({"numbers.0.number": ""}, "Give at least one number."),
        ({"numbers.0.number": "by pigeon"}, "can&#39;t be dialled"),
        ({"email": "nowhere"}, "is no e-mail address"),
        ({"name": "x" * 101}, "100 characters"),
    ],
)
def test_what_is_wrong_is_told_and_what_was_typed_stays(anna: Client, change: dict[str, str], told: str):
    answer = anna.post("/me/contacts/new", FORM | change)
    assert answer.status_code == 422
    text = page(answer)
    assert told in text
    assert 'value="Dorn KG"' in text
    assert not Contact.objects.exists()


def test_nobody_sees_or_changes_the_contacts_of_another(signed_in: As, company: Settings):
    theirs = contact("Secret of Anna", "0171 5550199", "anna")
    browser = signed_in("administrator")
    assert "Secret" not in page(browser.get("/me/contacts/"))
    assert "Secret" not in page(browser.get("/me/contacts/", {"q": "0171 5550199", "part": "1"}))
    assert "Secret" not in page(browser.get("/admin/contacts/"))
    assert "Secret" not in browser.get("/me/contacts/export.vcf").content.decode()
    assert "Secret" not in browser.get("/admin/contacts/export.vcf").content.decode()
    for address in (f"/me/contacts/{theirs.pk}", f"/admin/contacts/{theirs.pk}"):
        assert browser.get(address).status_code == 404
        assert browser.post(address, FORM).status_code == 404
        assert browser.post(f"{address}/remove").status_code == 404
    assert browser.post("/me/contacts/favourite", {"kind": "contact", "pk": theirs.pk}).status_code == 404
    theirs.refresh_from_db()
    assert theirs.name == "Secret of Anna"


def test_a_contact_of_the_company_is_not_changed_in_the_own_pages(anna: Client):
    shared = contact("Taxi", "030 111222")
    assert "Taxi" in page(anna.get("/me/contacts/"))
    assert anna.post(f"/me/contacts/{shared.pk}", FORM).status_code == 404
    assert anna.post(f"/me/contacts/{shared.pk}/remove").status_code == 404
    assert Contact.objects.filter(name="Taxi").exists()


def test_favourites_stand_on_top_and_are_ones_own(anna: Client, company: Settings):
    taxi = contact("Taxi", "030 111222")
    anna.post("/me/contacts/favourite", {"kind": "contact", "pk": taxi.pk})
    anna.post("/me/contacts/favourite", {"kind": "extension", "pk": pk("102")})
    text = page(anna.get("/me/contacts/"))
    assert text.index("Favourites") < text.index("<strong>Bert</strong>") < text.index("<strong>Taxi</strong>")
    assert text.count('aria-pressed="true"') == 4, "above, and where they stand else"
    person("user", "bert")
    assert "Favourites" not in page(browser_of("bert").get("/me/contacts/"))
    anna.post("/me/contacts/favourite", {"kind": "contact", "pk": taxi.pk})
    assert Favourite.objects.get().extension == Extension.objects.get(number="102")


@pytest.mark.parametrize("sent", [{}, {"kind": "user", "pk": "1"}, {"kind": "contact", "pk": "x"}, {"pk": "9" * 30}])
def test_odd_favourites_do_nothing(anna: Client, sent: dict[str, str]):
    assert anna.post("/me/contacts/favourite", sent).status_code in (302, 404)
    assert not Favourite.objects.exists()


def test_a_vcard_file_is_read_and_reading_it_again_changes_nothing(anna: Client):
    contact("Carla Dorn", "0171 5550101", "anna")
    contact("Dora", "030 1", "")  # the company's is another one
    text = page(anna.post("/me/contacts/import", {"file": vcf()}, follow=True))
    assert "1 contact is new. 1 got a number more. 1 was left out: without a number, or more than fit." in text
    assert ContactNumber.objects.filter(contact__owner__login="anna").count() == 3
    text = page(anna.post("/me/contacts/import", {"file": vcf()}, follow=True))
    assert "0 contacts are new. 2 were there already" in text
    assert ContactNumber.objects.filter(contact__owner__login="anna").count() == 3


@pytest.mark.parametrize(
    ("file", "told"),
    [
        (None, "Choose a file first"),
        (vcf("no card at all"), "There is no contact in this file"),
        (SimpleUploadedFile("a.vcf", b"\x89PNG\r\n\x00\xff" * 50), "There is no contact in this file"),
        (SimpleUploadedFile("a.vcf", b"x" * (20 << 20) + b"y"), "larger than 20 MB"),
    ],
)
def test_another_file_is_refused_with_a_hint(anna: Client, file: Any, told: str):
    answer = anna.post("/me/contacts/import", {"file": file} if file else {})
    assert answer.status_code == 422
    assert told in page(answer)


def test_the_own_contacts_come_out_as_a_file_that_can_be_read_again(anna: Client):
    anna.post("/me/contacts/new", FORM)
    answer = anna.get("/me/contacts/export.vcf", {"version": "4.0"})
    assert answer["Content-Type"].startswith("text/vcard")
    assert "attachment" in answer["Content-Disposition"]
    text = answer.content.decode()
    assert "VERSION:4.0" in text
    assert "TEL;TYPE=cell:0171 5550101" in text
    Contact.objects.all().delete()
    anna.post("/me/contacts/import", {"file": vcf(text)})
    assert Contact.objects.get().company == "Dorn KG"


def test_company_contacts_are_kept_by_those_who_look_after_people(signed_in: As):
    browser = signed_in("telephony")
    assert "No contacts yet" in page(browser.get("/admin/contacts/"))
    text = page(browser.post("/admin/contacts/new", FORM, follow=True))
    assert "0171 5550101" in text
    row = Contact.objects.get()
    assert row.owner is None
    assert browser.post(f"/admin/contacts/{row.pk}", FORM | {"name": ""}).status_code == 422
    browser.post(f"/admin/contacts/{row.pk}", FORM | {"name": "Carla"})
    assert "Carla" in page(browser.get("/admin/contacts/", {"q": "Dorn"}))
    assert "can bring it back" in page(browser.get(f"/admin/contacts/{row.pk}/remove"))
    browser.post(f"/admin/contacts/{row.pk}/remove")
    assert not Contact.objects.exists()
    assert "2 contacts are new" in page(browser.post("/admin/contacts/import", {"file": vcf()}, follow=True))
    assert "FN:Dora" in browser.get("/admin/contacts/export.vcf").content.decode()
    assert browser.get("/admin/contacts/import").status_code == 200


def test_a_reader_looks_at_company_contacts_only(signed_in: As):
    row = contact("Taxi", "030 111222")
    browser = signed_in("reader")
    text = page(browser.get("/admin/contacts/"))
    assert "Taxi" in text
    assert "New contact" not in text
    assert '<fieldset class="section" disabled>' in page(browser.get(f"/admin/contacts/{row.pk}"))
    assert browser.post(f"/admin/contacts/{row.pk}", FORM).status_code == 403


def test_a_thousand_contacts_are_shown_in_part_and_found_by_searching(anna: Client):
    rows = Contact.objects.bulk_create(Contact(name=f"Person {number:04}") for number in range(1000))
    where = house()
    ContactNumber.objects.bulk_create(
        ContactNumber(contact=row, number=f"030555{number:04}", known_as=where.known_as(f"030555{number:04}"))
        for number, row in enumerate(rows)
    )
    text = page(anna.get("/me/contacts/"))
    assert "There are more. Search to find them." in text
    assert "Person 0777" not in text
    assert "Person 0777" in page(anna.get("/me/contacts/", {"q": "person 0777"}))
    assert "Person 0777" in page(anna.get("/me/contacts/", {"q": "030 555 0777"}))


def test_a_number_of_the_history_becomes_a_contact(anna: Client):
    text = page(anna.get("/me/contacts/new", {"number": "001715550101"}))
    assert 'value="0171 5550101"' in text


def test_names_are_found_in_capitals_and_without(anna: Client):
    anna.post("/me/contacts/new", FORM | {"name": "Žofie Čermáková"})
    for query in ("žofie", "ŽOFIE", "Čermák", "čermákov"):
        assert "Žofie" in page(anna.get("/me/contacts/", {"q": query, "part": "1"})), query
    call("c", "001715550101", "101", at=NOON)
    assert "Žofie" in page(anna.get("/me/", {"q": "žofie", "part": "1"}))
