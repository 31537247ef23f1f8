"""The user's devices and the page about himself."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from jackfield.browser_phones.models import BrowserPhone
from jackfield.changes.models import Revision
from jackfield.console import api
from jackfield.console.web.own import devices
from jackfield.control import ControlError
from jackfield.numbers.models import Extension, Line
from jackfield.people.models import Session, User
from jackfield.settings import Settings
from jackfield.softphones import links

from .conftest import As
from .own_people import browser_of, page

PHONE = {
    "sip_username": "anna101", "model": "Yealink T46S", "user_agent": "Yealink SIP-T46S", "address": "192.0.2.7:5060",
    "transport": "TLS", "reachable": True, "since": 1_700_000_000.0,
}  # fmt: skip


@pytest.fixture
def anna(company: Settings) -> Client:
    """A browser of Anna, whose extension is 101."""
    return browser_of("anna")


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the switch says is registered."""
    rows = [PHONE, PHONE | {"sip_username": "bert102", "address": "192.0.2.8:5060"}]
    monkeypatch.setattr(devices, "asked", lambda verb: rows)
    return rows


def line_of(number: str) -> Line:
    return Line.objects.filter(extension__number=number).first()


def test_a_device_is_shown_with_where_it_is_registered(anna: Client, registered: list[dict[str, Any]]):
    text = page(anna.get("/me/devices/"))
    assert "Yealink T46S" in text
    assert "192.0.2.7:5060" in text
    assert "192.0.2.8" not in text, "another's phone"
    assert "not-to-be-shown" not in text, "nor a password"
    registered.clear()
    assert "not connected" in page(anna.get("/me/devices/"))


def test_without_a_running_switch_the_devices_are_shown_all_the_same(anna: Client, monkeypatch: pytest.MonkeyPatch):
    def nobody(verb: str) -> None:
        raise ControlError("not there")

    monkeypatch.setattr(devices, "asked", nobody)
    text = page(anna.get("/me/devices/"))
    assert "does not run just now" in text
    assert "anna101" in text


def test_a_device_is_added_with_a_password_that_is_shown_once(anna: Client, registered: list[dict[str, Any]]):
    answer = anna.post("/me/devices/add", {"name": "My mobile"})
    text = page(answer)
    line = Line.objects.get(name="My mobile")
    assert line.extension.number == "101"
    assert line.sip_username in text
    assert line.sip_password in text
    assert "<svg" in text
    assert answer["Cache-Control"] == "no-store"
    assert line.sip_password not in page(anna.get("/me/devices/"))
    assert line_of("101").sip_password == "not-to-be-shown-1", "the other phone keeps its own"
    assert Revision.objects.first().author == "Anna Bell"
    assert line.sip_password not in str(Revision.objects.first().summary)


def test_nobody_has_more_than_five(anna: Client, company: Settings, registered: list[dict[str, Any]]):
    for number in range(4):
        anna.post("/me/devices/add", {"name": f"Phone {number}"})
    text = page(anna.post("/me/devices/add", {"name": "One more"}, follow=True))
    assert "as many as fit" in text
    assert 'action="/me/devices/add"' not in text
    assert Line.objects.filter(extension__number="101").count() == 5


def test_a_device_is_removed_and_the_others_stay(anna: Client, registered: list[dict[str, Any]]):
    anna.post("/me/devices/add", {"name": "My mobile"})
    anna.post(f"/me/devices/{line_of('101').pk}/remove")
    assert [line.name for line in Line.objects.filter(extension__number="101")] == ["My mobile"]


def test_a_new_password_cuts_the_old_one_off(anna: Client, registered: list[dict[str, Any]]):
    before = line_of("101")
    text = page(anna.post(f"/me/devices/{before.pk}/renew"))
    after = line_of("101")
    assert (after.pk, after.sip_username) == (before.pk, before.sip_username)
    assert after.sip_password != before.sip_password
    assert after.sip_password in text


@pytest.mark.parametrize("role", ["user", "telephony", "administrator"])
def test_nobody_touches_the_devices_of_another(signed_in: As, role: str, registered: list[dict[str, Any]]):
    browser, theirs = signed_in(role), line_of("101")
    for verb in ("renew", "remove"):
        assert browser.post(f"/me/devices/{theirs.pk}/{verb}").status_code == 404
    assert browser.post("/me/devices/add", {"extension": "101", "name": "spy"}).status_code == 404
    assert Line.objects.get(pk=theirs.pk).sip_password == theirs.sip_password
    assert not Line.objects.filter(name="spy").exists()
    assert "anna101" not in page(browser.get("/me/devices/"))


def test_a_device_goes_to_the_own_extension_that_is_chosen(
    anna: Client, company: Settings, registered: list[dict[str, Any]]
):
    api.apply(company, "extensions: [{number: 102, user: anna}, {number: 103}]")
    anna.post("/me/devices/add", {"name": "Second", "extension": "102"})
    assert Line.objects.get(name="Second").extension.number == "102"
    assert anna.post("/me/devices/add", {"name": "Third", "extension": "103"}).status_code == 404


def test_what_the_checks_refuse_is_told(anna: Client, registered: list[dict[str, Any]]):
    text = page(anna.post("/me/devices/add", {"name": "bell\x07"}, follow=True))
    assert "control character" in text
    assert not Line.objects.filter(name__startswith="bell").exists()


def test_everybody_chooses_his_own_language(anna: Client):
    text = page(anna.post("/me/profile", {"language": "de"}, follow=True))
    assert '<option value="de" selected>' in text
    assert User.objects.get(login="anna").language == "de"
    assert Revision.objects.first().author == "Anna Bell"
    anna.post("/me/profile", {"language": "klingon"})
    assert User.objects.get(login="anna").language == "de"


def test_a_language_that_an_administrator_chose_is_kept_in_the_list(anna: Client, company: Settings):
    api.apply(company, "users: [{login: anna, language: pt-BR}]")
    assert '<option value="pt-BR" selected>' in page(anna.get("/me/profile"))


def test_me_leads_to_everything_about_me(anna: Client):
    text = page(anna.get("/me/profile"))
    for address in ("/me/devices/", "/me/account", "/me/notices", "/sign-out"):
        assert f'"{address}"' in text
    assert anna.get("/").headers["Location"] == "/me/"


def test_the_pages_can_be_installed_on_a_telephone(anna: Client):
    text = page(anna.get("/me/"))
    address = text.partition('rel="manifest" href="')[2].partition('"')[0]
    answer = anna.get(address)
    assert answer["Content-Type"] == "application/manifest+json"
    import json

    manifest = json.loads(answer.content)
    assert manifest["start_url"] == "/me/phone"
    for icon in manifest["icons"]:
        assert anna.get(f"{address.rpartition('/')[0]}/{icon['src']}")["Content-Type"] == "image/png"
    assert 'name="theme-color"' in text


def test_an_administrator_gets_back_to_the_administration(signed_in: As):
    assert 'href="/admin/"' in page(signed_in("administrator").get("/me/"))
    assert 'href="/admin/"' not in page(signed_in("user").get("/me/"))
    assert Extension.objects.count() == 2


def test_the_links_of_a_device_are_told_and_can_be_taken_back(anna: Client, registered: list[dict[str, Any]]):
    line = line_of("101")
    used, waiting = links.make(line), links.make(line)
    links.take(used, by="linphone", address="192.0.2.30")
    text = page(anna.get("/me/devices/"))
    assert "from 192.0.2.30: Linphone" in text
    assert text.count("link not used yet") == 1
    assert links.token(waiting) not in text
    text = page(anna.post(f"/me/devices/{line.pk}/links/{waiting.pk}/revoke", follow=True))
    assert "The link is taken back." in text
    assert "link not used yet" not in text
    waiting.refresh_from_db()
    assert links.state(waiting) is links.State.REVOKED
    text = page(anna.post(f"/me/devices/{line.pk}/links/{used.pk}/revoke", follow=True))
    assert "was used, or had ended, before" in text


def test_nobody_takes_back_the_links_of_another(signed_in: As, registered: list[dict[str, Any]]):
    line = line_of("101")
    link = links.make(line)
    assert signed_in("user").post(f"/me/devices/{line.pk}/links/{link.pk}/revoke").status_code == 404
    assert links.state(link) is links.State.OPEN


def test_a_desk_phone_is_named_and_not_changed_by_its_user(
    anna: Client, company: Settings, registered: list[dict[str, Any]]
):
    api.apply(company, "extensions: [{number: 102, user: anna}]")
    theirs = line_of("102")
    text = page(anna.get("/me/devices/"))
    assert "A desk phone (Yealink T46U)" in text
    assert f"/me/devices/{theirs.pk}/" not in text
    for verb in ("renew", "remove"):
        assert "gets its settings by itself" in page(anna.post(f"/me/devices/{theirs.pk}/{verb}", follow=True))
    assert line_of("102").sip_password == "not-to-be-shown-2"


def test_browsers_that_are_phones_stand_among_the_devices(
    anna: Client, company: Settings, registered: list[dict[str, Any]]
):
    user, row = User.objects.get(login="anna"), Extension.objects.get(number="101")
    session = Session.objects.filter(user=user).first()
    for name, its, browser in (("b1", session, "Chrome on Android"), ("b2", None, "Firefox on Linux")):
        BrowserPhone.objects.create(user=user, extension=row, session=its, sip_username=name, browser=browser)
    text = page(anna.get("/me/devices/"))
    assert "Jackfield Phone, Chrome on Android" in text
    assert "Firefox on Linux" not in text, "signed out"
