"""What was done with contacts is kept and can be taken back: the company's and one's own."""

from __future__ import annotations

import re

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from jackfield.contacts.models import Contact, ContactChange
from jackfield.settings import Settings

from .own_people import browser_of, page

COMPANY, OWN = "/admin/contacts/changes", "/me/contacts/changes"
CARDS = b"""BEGIN:VCARD
VERSION:3.0
FN:Carla
TEL:+49 171 5550101
END:VCARD
BEGIN:VCARD
VERSION:3.0
FN:Dora
TEL:+49 171 5550102
END:VCARD
"""


def put(client: Client, address: str, name: str = "Carla", number: str = "0171 5550101", company: str = "") -> None:
    values = {"name": name, "company": company, "numbers.0.kind": "mobile", "numbers.0.number": number}
    assert client.post(address, values).status_code == 302


def take_back(client: Client, address: str, place: int = 0) -> str:
    """Press a button of the page, counted from above; return the next page."""
    found = re.findall(r'name="change" value="(\d+)"', client.get(address).content.decode())
    return page(client.post(address, {"change": found[place]}, follow=True))


def test_a_removed_contact_comes_back_with_its_numbers(admin: Client):
    put(admin, "/admin/contacts/new", company="Carla & Co")
    carla = Contact.objects.get()
    assert "can bring it back" in page(admin.get(f"/admin/contacts/{carla.pk}/remove"))
    admin.post(f"/admin/contacts/{carla.pk}/remove")
    assert not Contact.objects.exists()
    text = page(admin.get(COMPANY))
    assert "Carla is removed" in text
    assert "the-administrator" in text
    assert "Taken back." in take_back(admin, COMPANY)
    again = Contact.objects.get()
    assert (again.name, again.company, again.owner) == ("Carla", "Carla & Co", None)
    assert [(one.kind, one.number) for one in again.numbers.all()] == [("mobile", "0171 5550101")]
    assert "taken back" in page(admin.get(COMPANY))


def test_a_change_is_taken_back_unless_there_was_another_since(admin: Client):
    put(admin, "/admin/contacts/new")
    pk = Contact.objects.get().pk
    put(admin, f"/admin/contacts/{pk}", number="0171 5550199")
    put(admin, f"/admin/contacts/{pk}", name="Carola", number="0171 5550199")
    assert "Carla → Carola" in page(admin.get(COMPANY))
    assert "Changed again since, so left as they are: Carla." in take_back(admin, COMPANY, 1)
    take_back(admin, COMPANY, 0)
    assert Contact.objects.get().name == "Carla"
    take_back(admin, COMPANY, 1)  # the undoing stands on top
    assert [one.number for one in Contact.objects.get().numbers.all()] == ["0171 5550101"]


def test_a_file_that_was_brought_in_is_taken_back_at_once(admin: Client):
    put(admin, "/admin/contacts/new", number="030 111111")
    admin.post("/admin/contacts/import", {"file": SimpleUploadedFile("a.vcf", CARDS)})
    assert Contact.objects.count() == 2
    take_back(admin, COMPANY)
    assert [one.number for one in Contact.objects.get().numbers.all()] == ["030 111111"]


def test_own_contacts_have_a_history_that_nobody_else_sees(company: Settings, admin: Client):
    anna = browser_of("anna")
    put(anna, "/me/contacts/new")
    anna.post(f"/me/contacts/{Contact.objects.get().pk}/remove")
    change = ContactChange.objects.first()
    assert "Carla" not in page(admin.get(COMPANY))
    assert "Carla" not in page(admin.get(OWN))
    admin.post(COMPANY, {"change": change.pk})
    admin.post(OWN, {"change": change.pk})
    assert not Contact.objects.exists()
    assert "Taken back." in take_back(anna, OWN)
    assert Contact.objects.get().owner.login == "anna"


def test_who_only_reads_takes_nothing_back(signed_in, admin: Client):
    put(admin, "/admin/contacts/new")
    reader = signed_in("reader")
    text = page(reader.get(COMPANY))
    assert "Carla is new" in text
    assert "Take it back" not in text
    assert reader.post(COMPANY, {"change": ContactChange.objects.get().pk}).status_code == 403


def test_contacts_of_the_api_are_kept_too(admin: Client):
    body = {"name": "Carla", "numbers": [{"number": "0171 5550101"}]}
    made = admin.post("/api/v1/contacts", body, content_type="application/json")
    assert made.status_code == 201, made.content
    id = made.json()["id"]
    mark = {"HTTP_IF_MATCH": made.headers["ETag"]}
    assert admin.delete(f"/api/v1/contacts/{id}", **mark).status_code == 204
    listed = admin.get("/api/v1/contacts/changes").json()["items"]
    assert [(one["author"], one["contacts"][0]["after"]) for one in listed] == [
        ("the-administrator", None), ("the-administrator", listed[1]["contacts"][0]["after"]),
    ]  # fmt: skip
    address = f"/api/v1/contacts/changes/{listed[0]['id']}/undo"
    assert admin.post(address, content_type="application/json").json() == {"left": []}
    assert Contact.objects.get().name == "Carla"
    assert admin.post(address, content_type="application/json").status_code == 404
    assert admin.get("/api/v1/me/contacts/changes").json()["items"] == []
