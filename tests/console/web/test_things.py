"""Lists and forms of what is configured."""

from __future__ import annotations

import re

import msgspec
import pytest
from django.test import Client

from jackfield.console.web.screens import SCREENS
from jackfield.numbers.models import Extension, Line
from jackfield.settings import Settings

from .conftest import As

LISTS = [name for name, screen in SCREENS.items() if screen.section.key]


def form_of(page: str) -> dict[str, list[str]]:
    """What a browser would send of a page's form if nothing were changed."""
    import html

    page = page[page.index("data-form>") :]
    found: dict[str, list[str]] = {}
    for tag in re.findall(r"<input[^>]*>", page):
        named = dict(re.findall(r'(\w[\w-]*)="([^"]*)"', tag))
        if "name" in named and (named.get("type") != "checkbox" or " checked" in tag) and named.get("type") != "hidden":
            found.setdefault(named["name"], []).append(html.unescape(named.get("value", "")))
    for name, inner in re.findall(r'<select[^>]*name="([^"]*)"[^>]*>(.*?)</select>', page, re.DOTALL):
        chosen = re.search(r'value="([^"]*)" selected', inner)
        found[name] = [chosen[1] if chosen else re.search(r'value="([^"]*)"', inner)[1]]
    for name, inner in re.findall(r'<textarea[^>]*name="([^"]*)"[^>]*>(.*?)</textarea>', page, re.DOTALL):
        found[name] = [html.unescape(inner)]
    return found


@pytest.mark.parametrize("name", LISTS)
def test_every_list_and_form_opens_and_shows_no_secret(admin: Client, name: str):
    row = SCREENS[name].section.model().objects.first()
    for address in (
        f"/admin/{name}/",
        f"/admin/{name}/new",
        f"/admin/{name}/{row.pk}",
        f"/admin/{name}/{row.pk}/remove",
    ):
        answer = admin.get(address)
        assert answer.status_code == 200, address
        assert "not-to-be-shown" not in answer.content.decode()


@pytest.mark.parametrize("name", list(SCREENS))
def test_a_form_saved_as_it_is_changes_nothing(admin: Client, company: Settings, name: str):
    from jackfield.console import api

    before = api.export(company, secrets=True)
    row = SCREENS[name].section.model().objects.first()
    address = f"/admin/{name}/{row.pk}" if name in LISTS else f"/admin/{name}/"
    answer = admin.post(address, form_of(admin.get(address).content.decode()))
    assert answer.status_code == 302, answer.content.decode()
    assert api.export(company, secrets=True) == before


@pytest.mark.parametrize("name", list(SCREENS))
def test_every_field_of_a_section_is_on_its_form(name: str):
    screen = SCREENS[name]
    shown = {field for group in screen.groups for field in group.fields}
    assert shown == set(screen.section.fields)


def test_a_new_extension_gets_the_next_number_and_a_password_shown_once(admin: Client, company: Settings):
    page = admin.get("/admin/extensions/new").content.decode()
    assert form_of(page)["number"] == ["103"]
    answer = admin.post("/admin/extensions/new", form_of(page) | {"name": ["Carla"]})

    line = Line.objects.get(extension__number="103")
    assert answer.status_code == 200
    assert line.sip_password in answer.content.decode()
    assert len(line.sip_password) == 20
    shown = admin.get(f"/admin/extensions/{line.extension_id}").content.decode()
    assert line.sip_password not in shown
    assert line.sip_username in shown
    published = msgspec.json.decode(company.files.snapshot.read_bytes())
    assert "Carla" in [one["name"] for one in published["extensions"]]


def test_a_number_that_is_taken_is_refused_with_its_owner(admin: Client):
    page = admin.get("/admin/extensions/new").content.decode()
    answer = admin.post("/admin/extensions/new", form_of(page) | {"number": ["190"], "name": ["Carla"]})
    assert answer.status_code == 422
    text = answer.content.decode()
    assert "Number 190 is already the ring group &#34;Sales&#34;; next free: 191." in text
    assert form_of(text)["name"] == ["Carla"]  # what was typed is not lost

    answer = admin.post("/admin/extensions/new", form_of(page) | {"number": ["101"]})
    assert answer.status_code == 422
    assert "Number 101 is already the extension &#34;Anna&#34;" in answer.content.decode()
    assert Extension.objects.get(number="101").name == "Anna"


def test_what_can_not_be_read_is_told_at_its_field(admin: Client):
    row = Extension.objects.get(number="101")
    address = f"/admin/extensions/{row.pk}"
    form = form_of(admin.get(address).content.decode()) | {"max_calls": ["many"], "forward_busy": ["a b"]}
    answer = admin.post(address, form)
    assert answer.status_code == 422
    text = answer.content.decode()
    assert re.search(r'id="f-max_calls-problem">&#34;many&#34; must be a whole number', text)
    assert form_of(text)["max_calls"] == ["many"]
    assert 'href="#f-forward_busy"' in text


def test_a_second_phone_and_one_removed(admin: Client):
    row = Extension.objects.get(number="101")
    address = f"/admin/extensions/{row.pk}"
    admin.post(address, form_of(admin.get(address).content.decode()) | {"lines.1.name": ["mobile"]})
    assert [line.name for line in row.lines.all()] == ["", "mobile"]
    first = row.lines.first()
    assert (first.sip_username, first.sip_password) == ("anna101", "not-to-be-shown-1")

    admin.post(address, form_of(admin.get(address).content.decode()) | {"lines.0.remove": ["yes"]})
    assert [line.name for line in row.lines.all()] == ["mobile"]


def test_a_changed_number_stays_the_same_extension(admin: Client):
    row = Extension.objects.get(number="102")
    address = f"/admin/extensions/{row.pk}"
    answer = admin.post(address, form_of(admin.get(address).content.decode()) | {"number": ["112"]})
    assert answer.status_code == 422  # the emergency number
    form = form_of(admin.get(address).content.decode()) | {"number": ["120"]}
    del form["follow"]
    assert admin.post(address, form).status_code == 302
    row.refresh_from_db()
    assert (row.number, row.lines.get().sip_username) == ("120", "bert102")
    assert "102 leads nowhere" in admin.get("/admin/extensions/").content.decode()  # the ring group still names it


def test_opening_hours_are_typed_as_rows(admin: Client):
    page = admin.get("/admin/services/new").content.decode()
    form = form_of(page) | {
        "number": ["500"], "kind": ["schedule"], "open_target": ["190"], "closed_target": ["101"],
        "time_ranges.0.name": ["office"], "time_ranges.0.days": ["mon", "tue"],
        "time_ranges.0.start": ["08:00"], "time_ranges.0.end": ["17:30"],
        "time_ranges.1.name": [""], "time_ranges.1.start": ["00:00"], "time_ranges.1.end": ["24:00"],
    }  # fmt: skip
    assert admin.post("/admin/services/new", form).status_code == 302
    row = SCREENS["services"].section.model().objects.get(number="500")
    assert [(one.name, one.days, one.start, one.end) for one in row.time_ranges] == [
        ("office", ("mon", "tue"), "08:00", "17:30")
    ]
    form |= {"number": ["501"], "time_ranges.0.end": ["08:00"]}
    answer = admin.post("/admin/services/new", form)
    assert answer.status_code == 422
    assert "begins and ends at 08:00" in answer.content.decode()


def test_removing_says_what_depends_on_a_thing(admin: Client):
    trunk = SCREENS["trunks"].section.model().objects.get()
    page = admin.get(f"/admin/trunks/{trunk.pk}/remove").content.decode()
    assert "is to be removed, but is used here" in page
    assert admin.post(f"/admin/trunks/{trunk.pk}/remove").status_code == 422

    row = Extension.objects.get(number="102")
    page = admin.get(f"/admin/extensions/{row.pk}/remove").content.decode()
    assert "102 leads nowhere" in page
    assert admin.post(f"/admin/extensions/{row.pk}/remove").status_code == 302
    assert not Extension.objects.filter(number="102").exists()


def test_a_list_is_searched_filtered_and_sorted(admin: Client):
    def numbers(query: str) -> list[str]:
        page = admin.get(f"/admin/extensions/?{query}").content.decode()
        return re.findall(r'<th scope="row"><a href="[^"]*">(\d+)</a>', page)

    assert numbers("") == ["101", "102"]
    assert numbers("q=bert102") == ["102"]
    assert numbers("q=nobody") == []
    assert numbers("sort=-number") == ["102", "101"]
    assert numbers("enabled=no") == []
    assert numbers("sort=password&page=99&enabled=what") == ["101", "102"]


def test_a_reader_sees_forms_that_he_can_not_save(signed_in: As):
    browser = signed_in("reader")
    row = Extension.objects.get(number="101")
    page = browser.get(f"/admin/extensions/{row.pk}").content.decode()
    assert '<fieldset class="whole" disabled>' in page
    assert ">Save<" not in page
    assert browser.post(f"/admin/extensions/{row.pk}", {"name": "Mallory"}).status_code == 403


def test_what_is_gone_is_said_so(admin: Client):
    answer = admin.get("/admin/extensions/4711")
    assert answer.status_code == 404
    assert "somebody removed it" in answer.content.decode()
