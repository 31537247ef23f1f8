"""Jackfield Phone as the server sees it: whose account a browser gets, how it ends, and what wakes it."""

from __future__ import annotations

import gzip
import time
from typing import Any

import pytest
from django.core import signing
from django.test import Client

from jackfield.browser_phones.models import BrowserPhone
from jackfield.changes.models import Revision
from jackfield.console import change
from jackfield.console.browser_phones import accounts, pushing
from jackfield.console.change import Author, Wish
from jackfield.console.declarative.difference import DocumentError
from jackfield.console.web import assets
from jackfield.console.web.own import phone as pages
from jackfield.contacts.models import Contact, ContactNumber
from jackfield.contacts.numbers import house
from jackfield.control import ControlError, NotRunning
from jackfield.numbers.models import Extension
from jackfield.people.models import Session, User
from jackfield.people.sessions import SessionStore
from jackfield.settings import Settings
from jackfield.sip.digest import ha1
from jackfield.switch import snapshot

from .conftest import person
from .own_people import browser_of, page
from .test_first_load import MOST, fetched

CHROME = "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/130.0 Mobile Safari/537.36"
PUSH = {
    "address": "https://push.example.com/send/abc",
    "key": "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
    "secret": "BTBZMqHH6r4Tts7J_aSIgg",
}


class FakeSwitch:
    """What the switch was told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, dict[str, Any]]] = []
        self.away = False

    def __call__(self, _socket: object, verb: str, **given: Any) -> None:
        if self.away:
            raise NotRunning("not there")
        self.told.append((verb, given))

    def verbs(self, verb: str) -> list[dict[str, Any]]:
        return [given for name, given in self.told if name == verb]


@pytest.fixture
def switch(monkeypatch: pytest.MonkeyPatch) -> FakeSwitch:
    fake = FakeSwitch()
    monkeypatch.setattr(accounts, "ask_sync", fake)
    return fake


@pytest.fixture
def anna(company: Settings, switch: FakeSwitch) -> Client:
    """A browser of Anna, whose extension is 101."""
    return browser_of("anna")


def account(browser: Client, **given: str) -> dict[str, Any]:
    answer = browser.post("/me/phone/account", given, headers={"user-agent": CHROME})
    assert answer.status_code == 200, answer.content
    assert answer.headers["Cache-Control"] == "no-store"
    return dict(answer.json())


def lines(company: Settings) -> list[snapshot.Line]:
    """The lines of 101 as the switch gets them."""
    found = snapshot.read(company.files.snapshot)
    return list(next(one for one in found.extensions if one.number == "101").lines)


def settings_change(company: Settings, section: str, **values: Any) -> None:
    change.save(company, [Wish(section, values, ())], author=Author("the tests", "page"))


def test_a_browser_gets_an_account_whose_password_nobody_keeps(anna: Client, company: Settings, switch: FakeSwitch):
    revisions = Revision.objects.count()
    given = account(anna)
    assert (given["extension"], given["realm"]) == ("101", snapshot.read(company.files.snapshot).general.realm)
    told = switch.verbs("browser_account")[-1]
    assert told["ha1_md5"] == ha1(given["sip_username"], given["realm"], given["password"])
    assert told["ha1_sha256"] == ha1(given["sip_username"], given["realm"], given["password"], "SHA-256")
    line = lines(company)[-1]
    assert (line.kind, line.sip_username, line.max_contacts) == ("browser", given["sip_username"], 1)
    assert line.name == "Jackfield Phone, Chrome on Android"
    written = company.files.snapshot.read_text() + repr(BrowserPhone.objects.values())
    assert given["password"] not in written
    assert told["ha1_md5"] not in written
    assert Revision.objects.count() == revisions, "it is no change of the configuration"


def test_each_start_gets_another_password_and_the_same_line(anna: Client, company: Settings, switch: FakeSwitch):
    first, second = account(anna), account(anna)
    assert first["sip_username"] == second["sip_username"]
    assert first["instance"] == second["instance"]
    assert first["password"] != second["password"]
    assert len(lines(company)) == 2, "her desk phone, and one browser"


def test_another_session_is_another_phone_and_who_comes_back_gets_the_line_that_is_free(
    anna: Client, company: Settings
):
    first, other = account(anna), account(browser_of("anna"))
    assert first["sip_username"] != other["sip_username"]
    anna.post("/sign-out")
    assert account(browser_of("anna"))["sip_username"] == first["sip_username"]


def test_signing_out_ends_the_registration_and_forgets_the_pushes(anna: Client, switch: FakeSwitch):
    name = account(anna)["sip_username"]
    assert anna.post("/me/phone/push", PUSH).json() == {"woken": True}
    ended: list[str] = []
    accounts.ended.append(ended.append)
    try:
        anna.post("/sign-out")
    finally:
        accounts.ended.remove(ended.append)
    assert switch.verbs("browser_over") == [{"sip_username": name}]
    row = BrowserPhone.objects.get(sip_username=name)
    assert (row.session_id, row.push_address, row.push_secret) == (None, "", "")
    assert ended


def test_a_session_that_ends_by_itself_ends_the_registration_too(anna: Client, switch: FakeSwitch):
    name = account(anna)["sip_username"]
    accounts.sweep(time.time() + 60)
    assert not switch.verbs("browser_over")
    accounts.sweep(time.time() + 400 * 86400)
    assert switch.verbs("browser_over") == [{"sip_username": name}]


def test_a_phone_that_can_be_woken_keeps_a_session_of_own_pages_alone_fresh(anna: Client, company: Settings):
    def seen(login: str) -> float:
        return float(SessionStore(Session.objects.filter(user__login=login).latest("began").pk).get("seen", 0))

    Extension.objects.filter(number="102").update(user=person("administrator", "bert"))
    bert = browser_of("bert")
    for browser in (anna, bert):
        account(browser)
        browser.post("/me/phone/push", PUSH)
    before, later = seen("bert"), time.time() + 3600
    accounts.sweep(later)
    assert seen("anna") == later
    assert seen("bert") == before, "who may administer is idle all the same"


def test_where_the_administrator_has_switched_it_off_there_is_no_phone(anna: Client, company: Settings):
    account(anna)
    settings_change(company, "sign_in", browser_phones=False)
    assert len(lines(company)) == 1
    answer = anna.post("/me/phone/account")
    assert (answer.status_code, "switched off" in answer.json()["problem"]) == (403, True)
    text = page(anna.get("/me/phone"))
    assert "Jackfield Phone is switched off for you." in text
    assert "phone.js" not in text
    assert 'href="/me/phone"' not in page(anna.get("/me/contacts/"))


@pytest.mark.parametrize("by", ["the user", "his role"])
def test_a_user_can_be_left_without_a_phone_where_others_have_one(company: Settings, switch: FakeSwitch, by: str):
    Extension.objects.filter(number="102").update(user=person("telephony", "bert"))
    anna, bert = browser_of("anna"), browser_of("bert")
    account(anna)
    account(bert)
    assert len(lines(company)) == 2
    if by == "the user":
        change.save(company, [Wish("users", {"browser_phone": False}, ("anna",))], author=Author("the tests", "page"))
    else:
        settings_change(company, "sign_in", browser_roles=["telephony"])
    assert len(lines(company)) == 1, "it is registered no longer"
    assert anna.post("/me/phone/account").status_code == 403
    assert 'href="/me/phone"' not in page(anna.get("/me/contacts/"))
    assert bert.post("/me/phone/account").status_code == 200
    assert 'href="/me/phone"' in page(bert.get("/me/contacts/"))


def test_a_role_that_there_is_not_can_not_have_phones_in_browsers(company: Settings):
    with pytest.raises(DocumentError, match="there is no role"):
        settings_change(company, "sign_in", browser_roles=["telefony"])


def test_a_user_who_may_not_sign_in_any_more_has_no_line(anna: Client, company: Settings):
    account(anna)
    change.save(company, [Wish("users", {"enabled": False}, ("anna",))], author=Author("the tests", "page"))
    assert len(lines(company)) == 1


def test_without_a_running_switch_it_says_so(anna: Client, switch: FakeSwitch):
    switch.away = True
    answer = anna.post("/me/phone/account")
    assert answer.status_code == 503
    assert answer.json()["problem"]


def test_nobody_gets_the_line_of_somebody_elses_extension(anna: Client):
    assert account(anna, extension="102")["extension"] == "101"


def test_the_oldest_browser_gives_way_to_one_too_many(anna: Client, company: Settings, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(accounts, "MOST", 2)
    first = account(anna)["sip_username"]
    for _ in range(2):
        account(browser_of("anna"))
    names = [line.sip_username for line in lines(company) if line.kind == "browser"]
    assert len(names) == 2
    assert first not in names


@pytest.mark.parametrize(
    "wrong",
    [
        {"address": "http://push.example.com/send"},
        {"address": "https://192.168.1.1/send"},
        {"address": "https://[::1]/send"},
        {"address": "https://printer/send"},
        {"address": "https://name@push.example.com/"},
        {"address": "https://push.example.com:8443/"},
        {"key": "AAAA"},
        {"secret": "ABC"},
        {"key": "böse"},
    ],
)
def test_a_subscription_that_leads_nowhere_good_is_refused(anna: Client, wrong: dict[str, str]):
    account(anna)
    answer = anna.post("/me/phone/push", PUSH | wrong)
    assert answer.status_code == 422
    assert answer.json()["problem"]
    assert not BrowserPhone.objects.exclude(push_address="").exists()


def test_a_call_is_declined_by_the_token_of_its_notification(anna: Client, monkeypatch: pytest.MonkeyPatch):
    asked: list[tuple[str, dict[str, Any]]] = []
    monkeypatch.setattr(pages, "asked", lambda verb, **given: asked.append((verb, given)))
    user = User.objects.get(login="anna")
    token = signing.dumps(["c1", "101", user.pk], salt=pushing.SALT)
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = anna.cookies  # a service worker has no token of a form
    assert strict.post("/me/phone/decline", {"token": token}).status_code == 200
    assert asked == [("hangup", {"id": "c1", "extension": "101", "by": user.shown_name})]
    for wrong in ("", "made-up", signing.dumps(["c1", "102", user.pk + 1], salt=pushing.SALT)):
        assert anna.post("/me/phone/decline", {"token": wrong}).status_code == 410
    assert len(asked) == 1


def test_a_call_that_is_over_is_declined_without_a_word(anna: Client, monkeypatch: pytest.MonkeyPatch):
    def nobody(verb: str, **given: Any) -> None:
        raise ControlError("no such call")

    monkeypatch.setattr(pages, "asked", nobody)
    token = signing.dumps(["c1", "101", User.objects.get(login="anna").pk], salt=pushing.SALT)
    assert anna.post("/me/phone/decline", {"token": token}).status_code == 200


def test_the_page_may_connect_to_its_own_host_and_no_other(anna: Client):
    policy = anna.get("/me/phone", secure=True, headers={"host": "phone.example.com"}).headers[
        "Content-Security-Policy"
    ]
    assert "connect-src 'self' wss://phone.example.com;" in policy
    assert "worker-src 'self'" in policy
    assert "unsafe" not in policy


def test_the_page_is_light_enough_for_a_slow_line(anna: Client):
    names: set[str] = set()
    answer = anna.get("/me/phone")
    fetched(answer.content.decode(), names)
    assert {"jssip.js", "phone.js", "phone-line.js", "phone-sound.js", "own.js"} <= names
    assert sum(len(gzip.compress((assets.FOLDER / name).read_bytes())) for name in names) < MOST
    names.clear()
    fetched(anna.get("/me/contacts/").content.decode(), names)
    assert "jssip.js" not in names, "only the phone needs it"


def test_the_worker_and_its_page_are_there_for_everybody_and_say_nothing_of_anybody(company: Settings):
    worker = Client().get("/me/phone-worker.js")
    assert worker.headers["Content-Type"] == "text/javascript"
    assert worker.headers["Cache-Control"] == "no-cache"
    text = worker.content.decode()
    assert text.startswith('const VERSION = "')
    assert "/static/" in text
    assert "Anna" not in page(Client().get("/me/phone-offline"))


def test_numbers_are_dialled_as_the_house_dials_them(anna: Client):
    answer = anna.post("/me/phone/number", {"number": "1 0-2"})
    assert answer.json() == {"number": "102", "shown": "102", "name": "Bert"}
    answer = anna.post("/me/phone/number", {"number": "77777"})
    assert answer.status_code == 422
    assert answer.json()["problem"]


def test_audio_may_go_through_the_port_of_the_pages_where_nothing_else_is_let_through(
    anna: Client, company: Settings, switch: FakeSwitch, monkeypatch: pytest.MonkeyPatch
):
    def ways() -> list[str]:
        given = anna.post("/me/phone/account", secure=True, headers={"host": "pbx.example.com:8443"}).json()
        return list(given["ice_servers"][-1]["urls"])

    settings_change(company, "settings", turn=True)
    assert ways() == [
        "turn:pbx.example.com:3478?transport=udp", "turn:pbx.example.com:3478?transport=tcp",
        "turns:pbx.example.com:5349?transport=tcp",
    ], "a proxy's port leads to no relay"  # fmt: skip
    monkeypatch.setattr("django.conf.settings.JACKFIELD", company.replaced(console_tls="on"))
    assert ways()[-1] == "turns:pbx.example.com:8443?transport=tcp"
    later = anna.post("/me/phone/ways", secure=True, headers={"host": "pbx.example.com:8443"})
    assert later.headers["Cache-Control"] == "no-store"
    assert later.json()["ice_servers"][-1]["urls"] == ways()


def test_who_calls_is_told_by_ones_own_contacts_and_written_as_people_write_it(anna: Client):
    mine = Contact.objects.create(name="Dentist", owner=User.objects.get(login="anna"))
    ContactNumber.objects.create(contact=mine, number="0171 5550101", known_as=house().known_as("0171 5550101"))
    told = anna.post("/me/phone/who", {"number": "001715550101"}).json()
    assert told == {"shown": "0171 5550101", "name": "Dentist"}
    person("user", "bert")
    assert browser_of("bert").post("/me/phone/who", {"number": "001715550101"}).json()["name"] == ""


def test_the_page_plays_the_tones_of_the_country(anna: Client):
    tones = account(anna)["tones"]
    assert tones["ringback"] == [[[425], 1], [[], 4]]
    assert set(tones) == {"ringback", "busy", "congestion"}
