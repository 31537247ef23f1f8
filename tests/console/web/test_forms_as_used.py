"""Forms as people use them: what may stay empty, what is shown for which kind, how much a refusal says."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from jackfield.console import api
from jackfield.console.declarative.sections import LINES, SECTIONS
from jackfield.console.web.screens import SCREENS
from jackfield.console.web.things import LINE_FIELDS
from jackfield.settings import Settings


def inputs(page: str) -> dict[str, str]:
    """Return the tags of a page's inputs by their names."""
    return {found[1]: found[0] for found in re.finditer(r"<input[^>]*?\bname=\"([^\"]+)\"[^>]*>", page)}


@pytest.mark.parametrize(
    ("section", "offered"),
    [("time_ranges", "dates.0.first"), ("holidays", "dates.0.first"), ("services", "time_ranges.0.name")],
)
def test_nobody_must_fill_in_the_row_that_is_offered_for_one_more(admin: Client, section: str, offered: str) -> None:
    tags = inputs(admin.get(f"/admin/{section}/new").content.decode())
    assert "required" not in tags[offered]
    assert any("required" in tags[name] for name in ("name", "number") if name in tags)


def test_a_row_that_is_there_must_keep_what_makes_it_one(admin: Client) -> None:
    row = SECTIONS["time_ranges"].model().objects.get(name="Office")
    tags = inputs(admin.get(f"/admin/time_ranges/{row.pk}").content.decode())
    assert "required" in tags["dates.0.first"]
    assert "required" not in tags["dates.1.first"]


def test_the_parts_of_a_service_say_for_which_kind_they_are(admin: Client) -> None:
    page = admin.get("/admin/services/new").content.decode()
    parts = dict(re.findall(r'<section class="section" data-kinds="([a-z ]+)"><h2>([^<]+)</h2>', page))
    assert parts["schedule night"] == "Hours"
    assert parts["announcement"] == "Announcement"
    kinds = {value for value, _label in SECTIONS["services"].model()._meta.get_field("kind").choices}
    assert {one for group in SCREENS["services"].groups for one in group.kinds} <= kinds


def test_a_phone_has_codecs_of_its_own_by_the_page(admin: Client, company: Settings) -> None:
    row = SECTIONS["extensions"].model().objects.get(number="101")
    form = {"number": "101", "codecs": ["opus", "pcma"]}
    form |= {"lines.0.sip_username": "anna101", "lines.0.codecs": ["g722", "pcma"]}
    assert admin.post(f"/admin/extensions/{row.pk}", form).status_code == 302
    assert row.lines.get().codecs == ("g722", "pcma")
    assert "codecs: [g722, pcma]" in api.export(company)


def test_everything_in_the_document_has_its_place_on_a_page() -> None:
    for name, section in SECTIONS.items():
        shown = {field for group in SCREENS[name].groups for field in group.fields}
        assert set(section.fields) == shown, name
    assert set(LINES.fields) == set(LINE_FIELDS)


def test_a_wrong_name_is_not_answered_with_a_list_of_everybody(admin: Client, company: Settings) -> None:
    people = "".join(f"  - {{login: person{number:03d}}}\n" for number in range(60))
    api.apply(company, f"users:\n{people}")
    form = {"number": "130", "name": "Door", "user": "xyz", "lines.0.name": ""}
    page = admin.post("/admin/extensions/new", form).content.decode()
    assert "There is no user" in page
    assert page.count("person0") - page.count('value="person0') < 25  # beside the field and above all
    assert re.search(r"and \d\d more", page)


def test_numbers_are_sorted_as_people_count_them(admin: Client, company: Settings) -> None:
    api.apply(company, "extensions: [{number: 1000, name: Far}, {number: 99, name: Near}]")

    def order(sort: str) -> list[str]:
        page = admin.get(f"/admin/extensions/{sort}").content.decode()
        return re.findall(r'<th scope="row"><a href="[^"]+">(\d+)</a>', page)

    assert order("") == ["99", "101", "102", "1000"]
    assert order("?sort=-number") == ["1000", "102", "101", "99"]


def test_whoever_comes_from_a_directory_gets_one_of_the_roles_there_are(admin: Client) -> None:
    for page in ("directory", "openid"):
        found = re.search(r'<select id="f-role".*?</select>', admin.get(f"/admin/{page}/").content.decode(), re.S)
        assert found is not None
        assert "Full administration" in found[0]
        assert "Reception" in found[0]


def test_a_form_says_how_the_thing_is_now(admin: Client) -> None:
    row = SECTIONS["trunks"].model().objects.get(name="Provider")
    page = admin.get(f"/admin/trunks/{row.pk}").content.decode()
    assert '<p class="state-now">State: <span class="chip ">not known</span>' in page  # the switch does not run here
    assert "state-now" not in admin.get("/admin/trunks/new").content.decode()
    assert "state-now" not in admin.get("/admin/settings/").content.decode()


def test_a_password_is_not_to_be_kept_before_there_is_one(admin: Client) -> None:
    row = SECTIONS["trunks"].model().objects.get(name="Provider")
    assert "Leave empty to keep it as it is." in admin.get(f"/admin/trunks/{row.pk}").content.decode()
    assert "Leave empty to keep it" not in admin.get("/admin/trunks/new").content.decode()


def test_languages_and_countries_are_proposed_by_name(admin: Client) -> None:
    page = admin.get("/admin/settings/").content.decode()
    assert '<option value="de">Deutsch</option>' in page
    assert '<option value="CZ">' in page
    assert 'list="suggest-languages"' in admin.get("/admin/users/new").content.decode()


def test_the_page_of_the_mail_server_leads_to_a_test_of_it(admin: Client) -> None:
    assert 'href="/admin/messages/">Send a test message</a>' in admin.get("/admin/mail/").content.decode()


def test_whose_session_is_over_goes_on_where_he_was(admin: Client, company: Settings) -> None:
    admin.logout()
    form = {"HTTP_REFERER": "http://testserver/admin/extensions/1?q=2"}
    assert (
        admin.post("/admin/extensions/1", {}, **form)["Location"] == "/sign-in?next=%2Fadmin%2Fextensions%2F1%3Fq%3D2"
    )
    elsewhere = {"HTTP_REFERER": "http://elsewhere.example/admin/"}
    assert admin.post("/admin/extensions/1", {}, **elsewhere)["Location"] == "/sign-in?next=%2F"
    panel = {"HTTP_HX_REQUEST": "true", "HTTP_HX_CURRENT_URL": "http://testserver/admin/extensions/1"}
    assert admin.post("/admin/extensions/1", {}, **panel)["HX-Redirect"] == "/sign-in?next=%2Fadmin%2Fextensions%2F1"


def test_what_is_gone_is_said_within_the_panel(admin: Client) -> None:
    answer = admin.get("/admin/extensions/999", HTTP_HX_TARGET="panel")
    assert answer.status_code == 404
    assert '<div class="panel-page">' in answer.content.decode()
    assert "<!doctype" not in answer.content.decode().lower()


def test_several_trunks_that_are_down_are_told_of_in_one_sentence() -> None:
    from jackfield.console.web.overview import _in_short

    said = 'no trunk can be used, so there are no calls to or from outside: "One" down: why; "Two" down: why'
    assert _in_short("trunks", said, 2) == "no trunk can be used, so there are no calls to or from outside"
    assert _in_short("trunks", said, 1) == said
    assert _in_short("disk", said, 2) == said


def test_a_trunk_begins_with_what_is_known_of_its_provider(admin: Client, company: Settings) -> None:
    page = admin.get("/admin/trunks/new").content.decode()
    assert '<option value="sipgate">sipgate trunk</option>' in page
    page = admin.get("/admin/trunks/new?provider=sipgate").content.decode()
    tags = inputs(page)
    assert 'value="sipgate trunk"' in tags["name"]
    assert 'value="sipconnect.sipgate.de"' in tags["hosts"]
    assert "SIP-ID, such as 1234567t0" in page
    assert "its password are on the page of the trunk" in page
    assert '<option value="e164" selected>' in page
    assert admin.get("/admin/trunks/new?provider=nobody").status_code == 200
    row = SECTIONS["trunks"].model().objects.get(name="Provider")
    assert 'name="provider"' not in admin.get(f"/admin/trunks/{row.pk}").content.decode()


def test_every_provider_fills_in_a_trunk(admin: Client) -> None:
    from jackfield.console.presets import presets

    for key in presets():
        assert admin.get(f"/admin/trunks/new?provider={key}").status_code == 200


def test_lists_say_hours_days_rules_and_areas_shortly(admin: Client) -> None:
    assert "Mo–Fr 08:00–17:00" in admin.get("/admin/time_ranges/").content.decode()
    assert "Christmas" in admin.get("/admin/holidays/").content.decode()
    assert "may call national, hours Office" in admin.get("/admin/permissions/").content.decode()
    assert "People and numbers: see and change, History: see" in admin.get("/admin/roles/").content.decode()
    office = SECTIONS["time_ranges"].model().objects.get(name="Office")
    assert "Mo–Fr 08:00–17:00" in admin.get(f"/admin/card?of=/admin/time_ranges/{office.pk}").content.decode()
    for section, column in (("time_ranges", "weekly"), ("permissions", "rules"), ("roles", "areas")):
        assert f"sort={column}" not in admin.get(f"/admin/{section}/").content.decode()
        assert admin.get(f"/admin/{section}/?sort={column}").status_code == 200
