"""Contacts by the API: the company's, one's own, favourites, vCards."""

from __future__ import annotations

import pytest

from jackfield.contacts.models import Contact, Favourite

from .conftest import Make, Program

TAXI = {"name": "Taxi", "company": "Yellow Cabs", "numbers": [{"kind": "work", "number": "+49 30 5550199"}]}
CARDS = """BEGIN:VCARD
VERSION:3.0
FN:Florist
TEL;TYPE=work:030 5550177
END:VCARD
BEGIN:VCARD
VERSION:3.0
FN:Nobody
END:VCARD
"""


@pytest.mark.parametrize("base", ["contacts", "me/contacts"])
def test_a_contact_is_made_found_changed_and_removed(api: Program, base: str):
    made = api.post(base, TAXI, Idempotency_Key="t")
    assert made.status_code == 201, made.content
    assert api.post(base, TAXI, Idempotency_Key="t").json() == made.json()
    contact = made.json()
    assert contact["numbers"] == [{"kind": "work", "number": "+49 30 5550199", "known_as": "+49305550199"}]
    address = made.headers["Location"]
    assert api.get(address).json() == contact
    assert [one["name"] for one in api.get(f"{base}?q=5550199&count=1").json()["items"]] == ["Taxi"]
    changed = api.patch(address, {"note": "by night"}, If_Match=made.headers["ETag"])
    assert changed.json()["note"] == "by night"
    assert changed.json()["numbers"] == contact["numbers"]
    assert api.patch(address, {"note": "x"}, If_Match=made.headers["ETag"]).status_code == 412
    assert api.delete(address).status_code == 204
    assert api.get(address).status_code == 404
    assert not Contact.objects.exists()


def test_what_is_wrong_with_a_contact_is_told_by_field(api: Program):
    answer = api.post("contacts", {"name": "", "email": "nonsense", "numbers": [{"number": "zero"}]})
    assert answer.status_code == 422
    assert {one["field"] for one in answer.json()["errors"]} == {"name", "email", "numbers[0].number"}
    wrong = api.post("contacts", {"name": 7, "colour": "red"}).json()["errors"]
    assert {one["field"] for one in wrong} == {"name", "colour", "numbers"}
    assert api.post("contacts", TAXI | {"note": "a\0b"}).status_code == 422


def test_lists_of_contacts_are_paged_by_cursor(api: Program):
    for name in ("Cab", "Bakery", "Dentist", "Alarm"):
        api.post("contacts", TAXI | {"name": name})
    first = api.get("contacts?limit=3&count=1").json()
    assert first["count"] == 4
    second = api.get(f"contacts?limit=3&cursor={first['next']}").json()
    assert [one["name"] for one in first["items"] + second["items"]] == ["Alarm", "Bakery", "Cab", "Dentist"]
    assert second["next"] is None


def test_cards_are_imported_after_a_look_and_exported(api: Program):
    kind = {"Content-Type": "text/vcard"}
    look = api.post("contacts.vcf?dry_run=1", CARDS, **kind)
    assert look.json() == {"applied": False, "new": 1, "added_to": 0, "same": 0, "left_out": 1}
    assert not Contact.objects.exists()
    assert api.post("contacts.vcf", CARDS, **kind).json()["applied"] is True
    exported = api.get("contacts.vcf?version=4.0")
    assert exported.headers["Content-Type"].startswith("text/vcard")
    assert "FN:Florist" in exported.content.decode()
    assert api.post("contacts.vcf", "no cards here", **kind).status_code == 422


def test_own_contacts_are_nobody_elses_and_need_their_scope(program: Make):
    anna, bert = program("user"), program("reader", ["own:read"])
    address = anna.post("me/contacts", TAXI).headers["Location"]
    assert bert.get(address).status_code == 404
    assert bert.get("me/contacts").json()["items"] == []
    assert anna.get("contacts").status_code == 403
    narrow = program("user", ["people:read"])
    assert narrow.get("me/contacts").status_code == 403
    assert '"own:read"' in narrow.get("me/contacts").json()["detail"]


def test_contacts_and_colleagues_are_marked(program: Make, api: Program):
    anna = program("user")
    id = api.post("contacts", TAXI).json()["id"]
    for _ in range(2):
        assert anna.send("PUT", f"me/favourites/contacts/{id}").status_code == 204
    assert anna.send("PUT", "me/favourites/extensions/102").status_code == 204
    found = anna.get("me/favourites").json()["items"]
    assert [(one["contact"], one["extension"], one["name"]) for one in found] == [
        (id, None, "Taxi"), (None, "102", "Bert")
    ]  # fmt: skip
    assert anna.delete(f"me/favourites/contacts/{id}").status_code == 204
    assert Favourite.objects.count() == 1
    foreign = api.post("me/contacts", TAXI).json()["id"]
    assert anna.send("PUT", f"me/favourites/contacts/{foreign}").status_code == 404
    assert anna.send("PUT", "me/favourites/extensions/999").status_code == 404
