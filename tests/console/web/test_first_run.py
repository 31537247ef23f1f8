"""The first run, as somebody with a fresh installation goes through it."""

from __future__ import annotations

import re
import time
from typing import Any

import pyotp
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client, RequestFactory

from jackfield.company.models import General
from jackfield.console import api
from jackfield.console.presets import presets, sorted_for
from jackfield.console.web.first_run import connecting, views
from jackfield.console.web.first_run.people_rows import read_pasted
from jackfield.console.web.first_run.proposals import browser_place, login_for, plans
from jackfield.notices.models import Mail
from jackfield.numbers.models import Extension, Line, RingGroup
from jackfield.people.models import Authenticator, User
from jackfield.settings import Settings
from jackfield.trunks.models import EmergencyNumber, Inbound, Outbound, Trunk

PASSWORD = "seven grey lamps hum"
ADMINISTRATOR = {
    "name": "Anna Bell", "email": "anna@example.com", "login": "", "password": PASSWORD, "again": PASSWORD
}  # fmt: skip


@pytest.fixture
def fresh(sqlite: Settings) -> Settings:
    """An installation as `jackfield run` makes it."""
    api.initialise(sqlite, country="US", time_zone="UTC")
    return sqlite


@pytest.fixture
def browser(fresh: Settings) -> Client:
    """A browser that was let in."""
    client = Client(headers={"Accept-Language": "de-AT,de;q=0.9,en;q=0.5"})
    client.cookies["jackfield_language"] = "en"  # what the pages speak; what is proposed comes from the header
    answer = client.get("/first-run", {"token": api.first_run_token(fresh, "run")})
    assert answer.headers["Location"] == "/first-run/place"
    return client


def words(answer: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def go(browser: Client, step: str, **typed: Any) -> Any:
    return browser.post(f"/first-run/{step}", typed)


def test_without_the_token_all_pages_are_shut(fresh: Settings):
    token = api.first_run_token(fresh, "run")
    for address in ("", "/place", "/finish", "/phones", "?token=wrong"):
        answer = Client().get(f"/first-run{address}")
        assert answer.status_code == 403, address
        assert "jackfield administrator" in words(answer)
    api.make_administrator(fresh, "anna")
    answer = Client().get("/first-run", {"token": token})
    assert answer.headers["Location"] == "/sign-in"


def test_where_nobody_can_sign_in_yet_the_first_page_says_how_one_gets_in(fresh: Settings):
    answer = Client().get("/", follow=True)
    assert "it ends with a token" in words(answer)
    api.apply(fresh, "users: [{login: anna}]")  # such as one who signs in by another service
    assert 'name="password"' in Client().get("/", follow=True).content.decode()


def test_whoever_guesses_tokens_has_to_wait(fresh: Settings):
    token = api.first_run_token(fresh, "run")
    guessing = Client()
    for _ in range(views.TRIES):
        assert guessing.get("/first-run?token=no").status_code == 403
    assert guessing.get("/first-run", {"token": token}).status_code == 429
    assert Client(REMOTE_ADDR="192.0.2.7").get("/first-run", {"token": token}).status_code == 302


def test_language_and_country_are_proposed_by_the_browser_where_the_machine_knows_nothing(browser: Client):
    page = browser.get("/first-run/place").content.decode()
    assert '<option value="de" selected>Deutsch' in page
    assert '<option value="AT" selected>Austria' in page
    go(browser, "place", language="de", country="AT")
    assert 'value="Europe/Vienna"' in browser.get("/first-run/company").content.decode()


def test_from_the_token_to_the_first_phones(browser: Client):
    secrets = dict(Line.objects.values_list("extension__number", "sip_password"))
    assert go(browser, "place", language="de", country="DE").headers["Location"] == "/first-run/company"
    go(browser, "company", company="Bell & Sons", time_zone="Europe/Berlin")
    go(browser, "numbers", first="10")
    go(browser, "administrator", **ADMINISTRATOR)
    go(browser, "network", public_address="203.0.113.5")
    go(browser, "mail", skip="yes")
    go(
        browser, "trunk", provider="sipgate", name="sipgate", hosts="sipconnect.sipgate.de", username="1234567t0",
        password="trunk-secret", transport="udp", target="200",
    )  # fmt: skip
    rows = {"rows.0.name": "Anna Bell", "rows.0.login": "anna", "rows.1.name": "Bert Ring", "rows.1.number": "55"}
    assert go(browser, "people", **rows).headers["Location"] == "/first-run/finish"
    assert General.current().company == ""  # nothing is changed before the end
    page = words(browser.get("/first-run/finish"))
    assert "Bell &amp; Sons, Europe/Berlin" in page
    assert "10 Anna Bell, 55 Bert Ring" in page
    assert "trunk-secret" not in page

    answer = browser.post("/first-run/finish")
    assert answer.headers["Location"] == "/first-run/phones", words(answer)
    general = General.current()
    assert (general.company, general.country, general.language) == ("Bell & Sons", "DE", "de")
    assert (general.first_number, general.outside_prefix, general.public_address) == ("10", "0", "203.0.113.5")
    assert [(one.number, one.name) for one in Extension.objects.order_by("number")] == [
        ("10", "Anna Bell"), ("11", "Phone 11"), ("12", "Phone 12"), ("13", "Phone 13"), ("55", "Bert Ring")
    ]  # fmt: skip
    assert Line.objects.get(extension__number="10").sip_password == secrets["101"]
    assert Extension.objects.get(number="55").lines.count() == 1
    group = RingGroup.objects.get()
    assert (group.number, set(group.members)) == ("80", {"10", "11", "12", "13", "55"})
    assert set(EmergencyNumber.objects.values_list("number", flat=True)) == {"110", "112"}
    assert Trunk.objects.get().password == "trunk-secret"
    assert (Outbound.objects.get().prefix, Outbound.objects.get().trunks) == ("0", ("sipgate",))
    assert Inbound.objects.get().target == "80"
    anna = User.objects.get(login="anna")
    assert (anna.role, anna.check_password(PASSWORD)) == ("administrator", True)
    assert User.objects.get(login="bert.ring").role == "user"

    page = browser.get("/first-run/phones")  # and the administrator is signed in
    assert secrets["101"] in page.content.decode()
    assert browser.get("/admin/").status_code == 200
    assert "trunk-secret" not in str(dict(browser.session.items()))
    assert "with their passwords" in browser.get("/admin/changes/").content.decode()
    session = browser.session
    session[views.SHOWN_UNTIL] -= 7200
    session.save()
    assert secrets["101"] not in browser.get("/first-run/phones").content.decode()


def test_a_step_that_is_not_right_yet_is_marked_until_it_is(browser: Client):
    assert go(browser, "company", company="Bell", time_zone="Mars/Olympus").status_code == 422
    assert "Company · not yet right" in words(browser.get("/first-run/numbers"))
    assert "not yet right" in words(browser.get("/first-run/finish"))
    go(browser, "company", company="Bell", time_zone="Europe/Berlin")
    assert "not yet right" not in words(browser.get("/first-run/numbers"))


def test_a_name_to_sign_in_with_that_was_made_is_made_anew(browser: Client):
    page = go(browser, "administrator", **ADMINISTRATOR | {"email": "nonsense"}).content.decode()
    assert re.search(r'<input[^>]*name="login"[^>]*value=""', page)
    go(browser, "administrator", **ADMINISTRATOR)
    browser.post("/first-run/finish")
    assert User.objects.get().login == "anna"


def test_the_administrator_sets_up_a_second_step_right_there(browser: Client):
    page = browser.get("/first-run/administrator").content.decode()
    secret = page.partition('<code class="secret">')[2].partition("<")[0]
    assert go(browser, "administrator", **ADMINISTRATOR, code="000000").status_code == 422
    code = pyotp.TOTP(secret).now()
    assert go(browser, "administrator", **ADMINISTRATOR, code=code).status_code == 302
    assert "The app is set up with your account" in browser.get("/first-run/administrator").content.decode()
    browser.post("/first-run/finish")
    assert Authenticator.objects.get(user__login="anna").secret == secret
    assert secret not in str(dict(browser.session.items()))
    other = Client()
    answer = other.post("/sign-in", {"login": "anna", "password": PASSWORD}, follow=True)
    assert "igits" in answer.content.decode(), "the password alone is not enough"


def test_what_is_left_open_is_offered_on_the_overview_until_it_is_put_away(browser: Client):
    go(browser, "administrator", **ADMINISTRATOR)
    browser.post("/first-run/finish")
    page = browser.get("/admin/").content.decode()
    assert '<a class="chip" href="/first-run/mail">E-mail</a>' in page
    assert '<a class="chip" href="/first-run/trunk">Trunk</a>' in page
    Mail.objects.update_or_create(pk=1, defaults={"host": "smtp.example.net"})
    page = browser.get("/admin/").content.decode()
    assert "/first-run/mail" not in page
    assert "/first-run/trunk" in page
    assert browser.post("/admin/first-steps/away").status_code == 302
    page = words(browser.get("/admin/"))
    assert "First steps" not in page.partition("The first steps are put away")[2]


def test_every_step_can_be_skipped_and_returned_to_and_keeps_what_was_typed(browser: Client):
    go(browser, "company", company="Bell", time_zone="Europe/Berlin")
    for step in ("place", "company", "numbers", "administrator", "network", "mail", "trunk", "people"):
        assert go(browser, step, skip="yes").status_code == 302
    assert 'value="Bell"' in browser.get("/first-run/company").content.decode()
    page = words(browser.get("/first-run/finish"))
    assert page.count("skipped") >= 8
    assert "nobody can sign in" in page
    browser.post("/first-run/finish")
    assert General.current().company == ""
    assert [one.number for one in Extension.objects.all()] == ["101", "102", "103", "104"]
    assert browser.get("/first-run/place").status_code == 200  # the door stays open


@pytest.mark.parametrize(
    ("step", "typed", "told"),
    [
        ("company", {"company": "Bell", "time_zone": "Berlin"}, "is no time zone"),
        ("place", {"language": "de", "country": "XX"}, "is no country"),
        ("network", {"public_address": "not an address"}, "neither an IP address nor a host name"),
        ("numbers", {"first": "own", "own": "x"}, "two to eight digits"),
        ("numbers", {"first": "own", "own": "9" * 30}, "two to eight digits"),
        ("trunk", {"provider": "sipgate", "hosts": "sipgate.de"}, "Give the user name that you got from the provider"),
        ("administrator", ADMINISTRATOR | {"password": "1234567890"}, "Not yet right"),
        ("administrator", ADMINISTRATOR | {"again": "other"}, "not the same"),
        ("administrator", ADMINISTRATOR | {"login": "a b/c"}, "is no login name"),
        ("trunk", {"provider": "other", "name": "x", "hosts": "", "username": "u"}, "provider's domain or address"),
        ("trunk", {"provider": "twilio", "name": "x", "hosts": "my-trunk.pstn.twilio.com"}, "in place of my-trunk"),
        (
            "trunk",
            {"provider": "vodafone", "hosts": "arcor.de", "outbound_proxy": "0000.sip.arcor.de", "username": "u"},
            "in place of the zeros",
        ),
        ("people", {"rows.0.name": "A", "rows.0.number": "200"}, "200"),
        ("people", {"rows.0.name": "A", "rows.0.number": "5", "rows.1.name": "B", "rows.1.number": "5"}, "in row 1"),
    ],
)
def test_what_can_not_be_is_told_at_once_on_its_page(browser: Client, step: str, typed: dict[str, Any], told: str):
    answer = go(browser, step, **typed)
    assert answer.status_code == 422
    assert told in words(answer).replace("&#39;", "'")


def test_people_are_taken_from_pasted_rows_and_from_a_file(browser: Client):
    go(browser, "administrator", **ADMINISTRATOR)
    answer = go(
        browser, "people", read="yes", pasted="Anna Bell\tanna@example.com\nJiří Novák\tjiri@example.com\t120\n"
    )
    assert answer.headers["Location"] == "/first-run/people"
    page = browser.get("/first-run/people").content.decode()
    assert re.findall(r'name="rows\.\d\.number" [^>]*value="(\d+)"', page) == ["101", "120"]
    assert re.findall(r'name="rows\.\d\.login" [^>]*value="([^"]+)"', page) == ["anna", "jiri"]
    table = SimpleUploadedFile("people.csv", "Vorname;Nachname;E-Mail\nKarl;Größe;k@example.com\n".encode("cp1252"))
    go(browser, "people", read="yes", table=table)
    assert "Karl Größe" in browser.get("/first-run/people").content.decode()
    answer = go(browser, "people", read="yes", table=SimpleUploadedFile("people.xlsx", b"PK\x03\x04..."))
    assert answer.status_code == 422
    assert "save it as CSV" in words(answer)


def test_a_table_is_understood_with_and_without_a_head():
    assert read_pasted("") == []
    (row,) = read_pasted("Name,Number,E-mail\nAnna Bell,12,anna@example.com")
    assert (row["name"], row["number"], row["email"]) == ("Anna Bell", "12", "anna@example.com")
    (row,) = read_pasted("<anna@example.com>; Anna; Bell; 12")
    assert (row["name"], row["number"], row["email"]) == ("Anna Bell", "12", "anna@example.com")


@pytest.mark.parametrize(
    ("country", "first", "numbers", "group"),
    [
        ("US", "100", ["100", "101", "102", "103"], "199"),
        ("US", "103", ["103", "104", "105", "106"], "199"),
        ("DE", "10", ["10", "11", "12", "13"], "80"),
        ("DE", "199", ["200", "201", "202", "203"], "199"),
    ],
)
def test_the_first_extensions_move_to_every_plan_that_is_chosen(browser: Client, country, first, numbers, group):
    before = set(Line.objects.values_list("sip_username", "sip_password"))
    go(browser, "place", language="en", country=country)
    answer = go(browser, "numbers", first="own", own=first)
    assert answer.status_code == 302, words(answer)
    browser.post("/first-run/finish")
    found = Extension.objects.order_by("number")
    assert [(one.number, one.name) for one in found] == [(number, f"Phone {number}") for number in numbers]
    everybody = RingGroup.objects.get()
    assert (everybody.number, sorted(everybody.members)) == (group, numbers)
    assert set(Line.objects.values_list("sip_username", "sip_password")) == before


def test_first_extensions_stay_where_somebody_has_used_them(browser: Client, fresh: Settings):
    api.apply(fresh, "extensions: [{number: 102, name: Reception}]")
    from jackfield.history.models import Call

    Call.objects.create(id="k", started=1.0, caller_extension="101")
    go(browser, "numbers", first="10")
    browser.post("/first-run/finish")
    assert "101" in Extension.objects.values_list("number", flat=True)
    assert General.current().first_number == "10"


def test_the_test_of_a_trunk_says_what_the_provider_answered(browser: Client, monkeypatch: pytest.MonkeyPatch):
    from jackfield.console import trunk_test

    asked: list[Any] = []

    def answered(trunk: Any) -> trunk_test.Outcome:
        asked.append(trunk)
        return trunk_test.Outcome(True, "It works.", "203.0.113.5")

    monkeypatch.setattr(trunk_test, "try_trunk", answered)
    page = browser.get("/first-run/trunk?provider=zadarma").content.decode()
    assert "sip.zadarma.com" in page
    typed = {
        "provider": "zadarma",
        "name": "Zadarma",
        "hosts": "sip.zadarma.com",
        "username": "1",
        "password": "p-secret",
    }
    answer = go(browser, "trunk", try_="", **typed | {"try": "yes"})
    assert "It works." in words(answer)
    assert asked[0]["password"] == "p-secret"
    assert "p-secret" not in answer.content.decode()
    go(browser, "trunk", **typed | {"password": ""})  # kept from before
    browser.post("/first-run/finish")
    assert Trunk.objects.get().password == "p-secret"


def test_the_test_of_a_trunk_tells_a_certificate_from_silence():
    from jackfield.console.trunk_test import _words
    from jackfield.phone import Account, PhoneError

    account = Account("u", "p", "sip.example.com", 5061, "TLS")
    fault = "TLS 192.0.2.1:5061: its certificate is not valid for sip.example.com: self-signed certificate"
    told = _words(PhoneError(f"TLS 192.0.2.1:5061 can't be reached: {fault}"), account)
    assert "its certificate is not trusted here for this name: self-signed certificate" in told
    assert "does not answer by TLS" in _words(PhoneError("no answer"), account)


def test_a_test_call_is_told_in_words(browser: Client, monkeypatch: pytest.MonkeyPatch):
    answer = browser.post("/first-run/phones")
    assert "The test call did not go through." in words(answer)  # nothing runs here
    monkeypatch.setattr(connecting, "test_call", lambda: (True, ["a call was answered after 12 ms"]))
    assert "A call was answered after 12 ms" in words(browser.post("/first-run/phones"))


def test_a_link_sets_a_phone_up_until_its_password_changes(browser: Client, fresh: Settings):
    line = Line.objects.get(extension__number="102")
    link = next(
        one
        for one in connecting.cards(RequestFactory().get("/", headers={"Host": "pbx.example"}), ["102"])
        if one.number == "102"
    )
    address = link.link.removeprefix("http://pbx.example")
    assert "<svg" in link.code
    phone = Client()
    page = phone.get(address).content.decode()
    assert line.sip_password not in page  # programs look at links too, before anybody does
    assert "linphone-config:" in page
    assert "provlinkb://testserver/phone/" in page
    line.sip_password = "another-password-1"
    line.save()
    assert phone.get(address).status_code == 404
    assert phone.get(f"{address}/linphone.xml").status_code == 404
    assert connecting.cards(RequestFactory().get("/", headers={"Host": "127.0.0.1:4021"}), ["102"])[0].link == ""


def test_linphone_is_offered_only_what_it_would_fetch(browser: Client, fresh: Settings):
    """It refuses a certificate that nobody signed, and says nothing: a browser asks."""
    of_https = RequestFactory().get("/", headers={"Host": "pbx.example"}, secure=True)
    (card,) = connecting.cards(of_https, ["102"])
    assert card.code
    assert not card.linphone
    address = card.link.removeprefix("https://pbx.example")
    assert "linphone-config:" not in Client().get(address, secure=True).content.decode()
    (card,) = connecting.cards(RequestFactory().get("/", headers={"Host": "pbx.example"}), ["102"])
    assert card.linphone
    assert "linphone-config:http://testserver/phone/" in Client().get(address).content.decode()


def test_the_address_of_the_browser_is_proposed_as_the_public_one(browser: Client):
    assert 'value="8.8.4.4"' in browser.get("/first-run/network", headers={"Host": "8.8.4.4:4021"}).content.decode()
    seen = browser.get("/first-run/network?address=8.8.8.8").content.decode()
    assert 'value="8.8.8.8"' in seen
    assert 'value="10.0.0.1"' not in browser.get("/first-run/network?address=10.0.0.1").content.decode()


def test_the_pages_go_on_in_the_language_that_was_chosen(browser: Client):
    answer = go(browser, "place", language="fr", country="FR")
    assert answer.cookies["jackfield_language"].value == "fr"
    page = browser.get("/first-run/place").content.decode()
    assert '<html lang="fr"' in page
    assert ">Allemagne</option>" in page


def test_who_sends_mails_is_the_user_name_unless_told_otherwise(browser: Client):
    go(browser, "administrator", **ADMINISTRATOR)
    assert 'id="recipient" name="recipient" type="email" autocomplete="email" value="anna@example.com"' in (
        browser.get("/first-run/mail").content.decode()
    )
    go(browser, "mail", host="smtp.example.com", port="587", security="starttls", username="pbx@example.com")
    assert browser.session["first_run"]["typed"]["mail"]["sender"] == "pbx@example.com"


def test_the_strength_of_a_password_is_told_while_it_is_typed(browser: Client):
    weak = browser.post("/first-run/strength", {"password": "annabell12", "name": "Anna Bell"}).json()
    assert weak["problem"]
    assert browser.post("/first-run/strength", {"password": PASSWORD}).json()["problem"] == ""
    assert Client().post("/first-run/strength", {"password": PASSWORD}).status_code == 403


def test_an_administrator_may_come_back_to_it_and_others_may_not(fresh: Settings):
    from .conftest import person

    for role, status in (("administrator", 200), ("telephony", 302)):
        user = person(role)
        client = Client()
        client.force_login(user, backend="jackfield.console.web.signing_in.Passwords")
        session = client.session
        session["began"] = session["seen"] = time.time()
        session.save()
        assert client.get("/first-run/company").status_code == status, role


def test_passwords_of_phones_in_use_are_not_shown_again(fresh: Settings):
    from .conftest import person

    api.apply(fresh, "extensions: [{number: 101, name: Reception}]")
    client = Client()
    client.force_login(person("administrator"), backend="jackfield.console.web.signing_in.Passwords")
    session = client.session
    session["began"] = session["seen"] = time.time()
    session.save()
    go(client, "people", **{"rows.0.name": "Bert", "rows.0.number": "150"})
    client.post("/first-run/finish")
    page = client.get("/first-run/phones").content.decode()
    assert Line.objects.get(extension__number="150").sip_password in page
    assert Line.objects.get(extension__number="101").sip_password not in page


def test_proposals():
    assert browser_place("cs") == ("cs", "CZ")
    assert browser_place("pl-PL,fr-CH;q=0.8") == ("fr", "CH")
    assert browser_place("*;q=x, ,en-GB") == ("en", "GB")
    assert [plan.first for plan in plans("FR", "0")] == ["20", "100", "1000"]  # 15 is an emergency number
    assert login_for("Žofie Nová", "", {"zofie.nova"}) == "zofie.nova2"
    assert login_for("", "", ()) == "user"


def test_every_preset_makes_a_trunk(fresh: Settings):
    from jackfield.console import change

    author = change.Author("test", "page")
    for key, preset in presets().items():
        values = dict(preset.trunk or {}) | {"name": preset.name, "username": "u", "password": "p"}
        values.setdefault("hosts", ["sip.example.net"])
        change.save(fresh, [change.Wish("trunks", values)], author=author, dry_run=True)
        assert preset.note, key
    assert sorted_for("CZ")[0].name == "FAYN"
    assert sorted_for("CZ")[-1].key == "other"
