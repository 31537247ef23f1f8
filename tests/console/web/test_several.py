"""Several rows of a list at once."""

from __future__ import annotations

import pytest
from django.test import Client

from jackfield.changes.models import Revision
from jackfield.console import change
from jackfield.console.change import Author, Wish
from jackfield.console.web.screens import SCREENS
from jackfield.console.web.several import fields_of
from jackfield.numbers.models import Extension
from jackfield.settings import Settings
from jackfield.trunks.models import Trunk

from .conftest import As
from .test_changes import read
from .test_things import form_of


def pks(*numbers: str) -> list[str]:
    return [str(Extension.objects.get(number=number).pk) for number in numbers]


@pytest.mark.parametrize("name", [name for name, screen in SCREENS.items() if screen.section.key])
def test_every_list_can_be_edited_in_one(admin: Client, name: str):
    row = SCREENS[name].section.model().objects.first()
    if row is not None:
        answer = admin.get(f"/admin/{name}/several?pk={row.pk}")
        assert answer.status_code == 200
        assert "not-to-be-shown" not in answer.content.decode()


def test_only_the_chosen_fields_change(admin: Client, company: Settings):
    chosen = pks("101", "102")
    page = admin.get("/admin/extensions/several", {"pk": chosen})
    assert "Edit 2 extensions" in read(page)
    count = Revision.objects.count()
    form = {
        "pk": chosen,
        "set": ["ring_time", "outside_calls"],
        "ring_time": "40",
        "max_calls": "9",
        "outside_calls": "no",
    }

    answer = admin.post("/admin/extensions/several", form | {"preview": "yes"})
    assert "Extension 101 Rings for 40 seconds May call outside yes → is now no" in read(answer)
    assert Revision.objects.count() == count

    assert admin.post("/admin/extensions/several", form).status_code == 302
    assert Revision.objects.count() == count + 1
    for row in Extension.objects.all():
        assert (row.ring_time, row.outside_calls, row.max_calls) == (40, False, 4)
        assert row.lines.get().sip_password.startswith("not-to-be-shown")


def test_what_is_wrong_is_told_once_and_what_was_typed_stays(admin: Client, company: Settings):
    form = {"pk": pks("101", "102"), "set": ["ring_time"], "ring_time": "ages"}
    answer = admin.post("/admin/extensions/several", form)
    assert answer.status_code == 422
    assert 'Extension 101, Rings for: "ages" must be a number.' in read(answer)
    assert form_of(answer.content.decode().replace("data-several-form>", "data-form>"))["ring_time"] == ["ages"]
    answer = admin.post("/admin/extensions/several", {"pk": pks("101"), "ring_time": "3"})
    assert answer.status_code == 422
    assert "Choose at least one field" in read(answer)


def test_keys_names_and_passwords_are_not_set_for_several(admin: Client, company: Settings):
    assert not {"number", "name", "user"} & set(fields_of(SCREENS["extensions"]))
    assert "password" not in fields_of(SCREENS["trunks"])
    admin.post("/admin/extensions/several", {"pk": pks("101", "102"), "set": ["name"], "name": "Everybody"})
    assert Extension.objects.get(number="101").name == "Anna"


def test_all_that_a_search_found_can_be_chosen(admin: Client, company: Settings):
    change.save(company, [Wish("extensions", {"number": str(n), "name": "Room"}) for n in range(200, 310)],
                author=Author("x", "page"))  # fmt: skip
    page = admin.get("/admin/extensions/?q=Room").content.decode()
    assert "All 110 found, not only those of this page" in page
    assert "Edit 110 extensions" in read(admin.get("/admin/extensions/several?all=yes&q=Room"))


def test_nothing_chosen_is_said_so(admin: Client, company: Settings):
    for address in ("several", "several?pk=x", "several?pk=999999", "several/remove"):
        answer = admin.get(f"/admin/extensions/{address}")
        assert answer.status_code == 404
        assert "mark some in the list" in answer.content.decode()


def test_several_are_removed_after_what_depends_on_them_was_told(admin: Client, company: Settings):
    text = read(admin.get("/admin/extensions/several/remove", {"pk": pks("101", "102")}))
    assert "Ring group 190, Members: 101 leads nowhere" in text
    count = Revision.objects.count()
    assert admin.post("/admin/extensions/several/remove", {"pk": pks("101", "102")}).status_code == 302
    assert not Extension.objects.exists()
    assert Revision.objects.count() == count + 1

    trunk = Trunk.objects.get().pk
    assert "is to be removed, but is used here" in read(admin.get(f"/admin/trunks/several/remove?pk={trunk}"))
    assert admin.post("/admin/trunks/several/remove", {"pk": trunk}).status_code == 422
    assert Trunk.objects.exists()


def test_a_row_of_an_ordered_list_is_moved(admin: Client, company: Settings):
    new = [Wish("trunks", {"name": name, "hosts": ["x.example.net"], "username": "u"}) for name in ("B", "C")]
    change.save(company, new, author=Author("x", "page"))
    third = Trunk.objects.get(name="C").pk
    page = admin.get("/admin/trunks/").content.decode()
    assert f'action="/admin/trunks/{third}/move"' in page
    assert "/move" not in admin.get("/admin/trunks/?sort=name").content.decode()

    def order() -> list[str]:
        return [row.name for row in Trunk.objects.all()]

    for to, after in (("up", ["Provider", "C", "B"]), ("up", ["C", "Provider", "B"]), ("up", ["C", "Provider", "B"]),
                      ("down", ["Provider", "C", "B"])):  # fmt: skip
        assert admin.post(f"/admin/trunks/{third}/move", {"to": to}).status_code == 302
        assert order() == after
    assert admin.post("/admin/trunks/999999/move", {"to": "up"}).status_code == 404
    assert admin.get(f"/admin/trunks/{third}/move").status_code == 302


def test_a_reader_has_no_boxes(signed_in: As, company: Settings):
    browser = signed_in("reader")
    assert "data-mark" not in browser.get("/admin/extensions/").content.decode()
    assert browser.get(f"/admin/extensions/several?pk={pks('101')[0]}").status_code == 403
