"""The language of pages: the person's own, the browser's before the sign-in, the company's, and English at last."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from jackfield.console import api
from jackfield.settings import Settings

from .conftest import PASSWORD, person


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
