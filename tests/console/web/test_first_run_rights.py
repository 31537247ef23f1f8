"""The first run is no way around the rights of those who have accounts."""

from __future__ import annotations

import time
from typing import Any

import pytest
from django.test import Client

from jackfield.console import api
from jackfield.people.models import User
from jackfield.settings import Settings

from .conftest import PASSWORD, person

OTHERS = "tulip-Anvil-93-moss"


@pytest.fixture
def fresh(sqlite: Settings) -> Settings:
    """An installation as `jackfield run` makes it."""
    api.initialise(sqlite, country="US", time_zone="UTC")
    return sqlite


def signed_in(user: Any) -> Client:
    client = Client()
    client.force_login(user, backend="jackfield.console.web.signing_in.Passwords")
    session = client.session
    session["began"] = session["seen"] = time.time()
    session.save()
    return client


def take(browser: Client, user: Any) -> Any:
    """Name an account that there is as the administrator's, with another password, and apply that."""
    typed = {"login": user.login, "name": user.name, "email": user.email, "password": OTHERS, "again": OTHERS}
    browser.post("/first-run/administrator", typed)
    return browser.post("/first-run/finish")


def test_nobody_takes_over_the_account_of_an_administrator(fresh: Settings):
    chief = person("administrator", "chief", name="Chief", email="chief@example.com")
    take(signed_in(person("administrator")), chief)
    chief.refresh_from_db()
    assert chief.check_password(PASSWORD)


def test_a_browser_left_open_sets_no_password_of_its_own(fresh: Settings):
    chief = person("administrator", "chief")
    answer = take(signed_in(chief), chief)
    assert answer.status_code == 422
    chief.refresh_from_db()
    assert chief.check_password(PASSWORD)


def test_it_is_for_those_alone_who_may_do_everything(fresh: Settings):
    person("administrator", "chief")
    areas = "{people: write, lines: write, safety: write, system: write}"
    api.apply(fresh, f"roles: [{{name: Nearly, areas: {areas}}}]")
    browser = signed_in(person("Nearly"))
    assert browser.get("/first-run/administrator").status_code == 302
    assert browser.post("/first-run/finish").status_code == 302


def test_the_token_lets_nobody_on_once_somebody_can_sign_in(fresh: Settings):
    browser = Client()
    browser.get("/first-run", {"token": api.first_run_token(fresh, "run")})
    typed = {"login": "eve", "name": "Eve", "email": "", "password": OTHERS, "again": OTHERS}
    assert browser.post("/first-run/administrator", typed).status_code == 302
    api.make_administrator(fresh, "anna")
    assert browser.post("/first-run/finish").headers["Location"] == "/sign-in"
    assert not User.objects.filter(login="eve").exists()
