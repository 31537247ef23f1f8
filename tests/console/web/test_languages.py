"""The language of pages: the person's own, the browser's before the sign-in, the company's, and English at last."""

from __future__ import annotations

import re

import pytest
from django.test import Client, override_settings
from django.utils.translation import override

from jackfield.console import api
from jackfield.console.letters import Letter
from jackfield.people.models import User
from jackfield.settings import Settings

from .conftest import PASSWORD, person
from .own_people import NOON, browser_of, call, page, pk


def language_of(client: Client, address: str = "/sign-in", **headers: str) -> str:
    answer = client.get(address, headers=headers)
    return re.search(r'<html lang="([\w-]+)"', answer.content.decode())[1]


def reader(language: str) -> Client:
    """Return a browser of somebody who reads `language`."""
    client = Client()
    user = person("administrator", login=f"reads-{language}", language=language)
    assert client.post("/sign-in", {"login": user.login, "password": PASSWORD}).status_code == 302
    return client


def test_the_browser_says_in_which_language_one_signs_in(company: Settings):
    assert language_of(Client(), **{"Accept-Language": "fr-CA,fr;q=0.8,de;q=0.3"}) == "fr"
    assert language_of(Client(), **{"Accept-Language": "ja,cs;q=0.4"}) == "cs"
    assert language_of(Client(), **{"Accept-Language": "ja"}) == "en"
    assert language_of(Client(), **{"Accept-Language": "§$%&"}) == "en"


def test_the_company_decides_where_nobody_else_does(company: Settings):
    api.apply(company, "settings: {language: es}", prune=False)
    assert language_of(Client()) == "es"
    assert language_of(reader("de"), "/me/profile") == "de"
    assert language_of(reader(""), "/me/profile") == "es"
    assert language_of(reader("ja"), "/me/profile") == "es"


def test_a_language_is_chosen_on_the_page_and_kept(company: Settings):
    client = Client()
    page = client.get("/sign-in?next=/me/rules/").content.decode()
    assert 'value="cs" lang="cs">Čeština' in page.replace(' aria-current="true"', "")
    answer = client.post("/language", {"language": "cs", "next": "/sign-in?next=%2Fme%2Frules%2F"})
    assert (answer.status_code, answer["Location"]) == (302, "/sign-in?next=%2Fme%2Frules%2F")
    assert language_of(client, **{"Accept-Language": "fr"}) == "cs"


@pytest.mark.parametrize("target", ["https://elsewhere.example/", "//elsewhere.example/", ""])
def test_a_choice_leads_nowhere_else(company: Settings, target: str):
    client = Client()
    assert client.post("/language", {"language": "de", "next": target})["Location"] == "/sign-in"
    assert client.post("/language", {"language": "tlh", "next": target}).cookies == {}


def test_ones_own_language_is_chosen_among_ones_own_pages(company: Settings):
    client = reader("en")
    assert client.post("/me/profile", {"language": "de"}).status_code == 302
    assert language_of(client, "/me/profile") == "de"
    assert client.post("/me/account", {"do": "language", "language": "fr"}).status_code == 302
    assert language_of(client, "/me/account") == "fr"


def test_programs_are_answered_in_english(company: Settings):
    answer = reader("de").get("/api/v1/extensions/999", headers={"Accept-Language": "de"})
    assert answer.status_code == 404
    assert "Content-Language" not in answer


# --- what is read ----------------------------------------------------------------------------------------------------

COMPANY_OF_ANNA = "users: [{login: anna, language: LANGUAGE, email: anna@example.com}]"


@pytest.fixture
def anna(company: Settings) -> Client:
    """A browser of Anna, who reads German."""
    api.apply(company, COMPANY_OF_ANNA.replace("LANGUAGE", "de"), prune=False)
    return browser_of("anna")


def test_own_pages_are_german_for_who_reads_german(anna: Client):
    call("missed", "001715550101", "101", at=NOON)
    calls = page(anna.get("/me/"))
    assert '<html lang="de"' in calls
    assert "<h1>Anrufe</h1>" in calls
    assert "Dienstag, 14. November 2023" in calls
    assert "23:13 · verpasst" in calls
    assert "0171 5550101" in calls
    rules = page(anna.get("/me/rules/", follow=True))
    assert "Sie haben noch kein Telefon" in rules or "Ihre Telefone klingeln 25 s" in rules
    assert "Nicht stören" in rules
    account = page(anna.get("/me/account"))
    assert ">Angemeldet<" in account
    assert "gerade eben" in account
    assert re.search(r"<td>\d\d\.\d\d\.20\d\d \d\d:\d\d:\d\d</td>", account)


def test_what_is_wrong_with_a_form_is_said_in_german(anna: Client):
    text = page(anna.post(f"/me/rules/{pk('101')}", {"forward_busy": "101", "ring_time": "99999"}))
    assert "Das ist diese Nummer selbst" in text
    text = page(anna.post(f"/me/rules/{pk('101')}", {"ring_time": "99999"}))
    assert "liegt außerhalb" in text
    text = page(anna.post("/me/contacts/new", {"name": "", "numbers.0.number": "wer"}))
    assert "Geben Sie einen Namen an." in text
    assert "„wer“ lässt sich nicht wählen" in text


def test_a_wrong_password_is_told_in_the_browsers_language(company: Settings):
    answer = Client().post("/sign-in", {"login": "anna", "password": "x"}, headers={"Accept-Language": "fr"})
    text = page(answer)
    assert "Nom ou mot de passe incorrect." in text
    assert "Se connecter" in text
    assert answer["Content-Language"] == "fr"


def test_pages_that_are_not_there_or_not_allowed_say_so_in_the_language(anna: Client):
    assert "Ihre Rolle erlaubt Ihnen nicht, diese Seite zu sehen." in page(anna.get("/admin/users/"))
    assert "Diese Nebenstelle gehört nicht (mehr) Ihnen." in page(anna.get("/me/rules/99999"))


def test_scripts_get_their_words_with_the_page(anna: Client):
    assert "Schließen" in page(anna.get("/me/"))
    assert 'name="words"' not in page(Client().get("/sign-in", headers={"Accept-Language": "en"}))


def test_a_missed_call_is_told_in_the_language_of_who_missed_it(company: Settings):
    from jackfield.console.watching import Watch
    from jackfield.notices.models import Mail, Notice, Preference

    api.apply(company, COMPANY_OF_ANNA.replace("LANGUAGE", "es"), prune=False)
    Mail(pk=1, host="mail.example.net", sender="pbx@example.net").save()
    Preference.objects.update_or_create(user=User.objects.get(login="anna"), defaults={"missed_call": True})
    Watch(company, clock=lambda: NOON).missed_calls()
    call("missed", "001715550101", "101", at=NOON)
    Watch(company, clock=lambda: NOON + 100).missed_calls()
    notice = Notice.objects.get()
    assert notice.subject.startswith("Llamada perdida de ")
    assert "No contestó nadie." in notice.text
    assert "14 nov 2023" in notice.text


OWN_PAGES = (
    "/me/", "/me/?show=missed", "/me/?q=zzz", "/me/contacts/", "/me/contacts/new", "/me/contacts/import",
    "/me/contacts/changes", "/me/rules/", "/me/devices/", "/me/profile", "/me/account", "/me/account/second-factor",
    "/me/notices", "/me/call/abc", "/sign-in", "/forgot-password", "/set-password/1/abc",
)  # fmt: skip


def sentences(client: Client, address: str) -> set[str]:
    """Return the texts of a page that have a blank: single words may be the same in two languages."""
    body = re.sub(r"<(script|style|svg)\b.*?</\1>|<form[^>]*languages.*?</form>", "", page(client.get(address)))
    said = re.findall(r'>([^<>]+)<|(?:aria-label|placeholder|title)="([^"]+)"', body)
    return {text.strip() for several in said for text in several if " " in text.strip()}


@pytest.mark.parametrize("language", ["de", "es", "fr", "cs"])
def test_nothing_english_is_left_on_own_pages(anna: Client, company: Settings, language: str):
    call("missed", "001715550101", "101", at=NOON)
    users = User.objects.filter(login="anna")
    users.update(language="en")
    english = {address: sentences(anna, address) for address in OWN_PAGES}
    users.update(language=language)
    data = {"Anna Bell", "101 · anna@example.com", "Contacts · Jackfield"}  # French for it, too
    left = {(address, one) for address in OWN_PAGES for one in sentences(anna, address) & english[address] - data}
    assert {(address, one) for address, one in left if re.search("[a-z]{3}", one)} == set()


def test_a_language_that_is_read_from_right_to_left_turns_the_page(company: Settings):
    client = Client()
    assert ' dir="rtl"' not in page(client.get("/sign-in", headers={"Accept-Language": "de"}))
    with override_settings(LANGUAGES_BIDI=["de"]):
        assert '<html lang="de" dir="rtl">' in page(client.get("/sign-in", headers={"Accept-Language": "de"}))
        with override("de"):
            assert '<html lang="de" dir="rtl">' in Letter("Betreff").html()


def test_a_ring_time_that_is_no_number_is_told_in_the_language(anna: Client):
    answer = anna.post(f"/me/rules/{pk('101')}", {"ring_time": "bald"})
    assert answer.status_code == 422
    assert "„bald“ ist keine Zahl: Geben Sie Sekunden an, etwa 20." in page(answer)
