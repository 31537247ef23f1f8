"""Signing in and out, and what those who guess get."""

from __future__ import annotations

import time

import pytest
from django.test import Client

from jackfield.people.models import Failure, Session, User

from .conftest import PASSWORD, As, person


def test_who_is_not_signed_in_comes_back_to_where_he_wanted(company):
    person("administrator")
    browser = Client()
    answer = browser.get("/admin/extensions/?q=101")
    assert answer.headers["Location"] == "/sign-in?next=%2Fadmin%2Fextensions%2F%3Fq%3D101"
    assert "Sign in" in browser.get(answer.headers["Location"]).content.decode()

    answer = browser.post(
        "/sign-in", {"login": "THE-administrator", "password": PASSWORD, "next": "/admin/extensions/?q=101"}
    )

    assert answer.headers["Location"] == "/admin/extensions/?q=101"
    session = Session.objects.get()
    assert (session.user.login, session.address) == ("the-administrator", "127.0.0.1")
    assert browser.post("/sign-out").status_code == 302
    assert browser.get("/admin/").headers["Location"].startswith("/sign-in")


def test_nobody_is_led_to_another_site(company):
    person("administrator")
    for address in ("https://example.net/", "//example.net", "/\\example.net"):
        answer = Client().post("/sign-in", {"login": "the-administrator", "password": PASSWORD, "next": address})
        assert answer.headers["Location"] == "/admin/"


@pytest.mark.real_passwords
def test_a_wrong_password_tells_nothing_of_the_account(company):
    person("user")
    texts = []
    for login in ("the-user", "nobody-here"):
        answer = Client().post("/sign-in", {"login": login, "password": "wrong"})
        assert answer.status_code == 422
        texts.append(answer.content.decode().replace(login, "…").split("<form")[0])
    assert texts[0] == texts[1]
    assert "is not right" in texts[0]


def test_who_guesses_must_wait_and_the_right_password_does_not_help_then(company, monkeypatch):
    person("user")
    browser = Client()
    for _ in range(5):
        assert browser.post("/sign-in", {"login": "the-user", "password": "wrong"}).status_code == 422
    answer = browser.post("/sign-in", {"login": "the-user", "password": PASSWORD})
    assert answer.status_code == 429
    assert "Try again in 1 minute." in answer.content.decode()

    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 16)
    assert browser.post("/sign-in", {"login": "the-user", "password": PASSWORD}).status_code == 302
    assert not Failure.objects.filter(who__startswith="user:").exists()


def test_who_is_disabled_is_out_at_once(signed_in: As):
    browser = signed_in("reader")
    assert browser.get("/admin/").status_code == 200
    User.objects.filter(login="the-reader").update(enabled=False)
    assert browser.get("/admin/").headers["Location"].startswith("/sign-in")


def test_an_idle_session_ends(signed_in: As, monkeypatch):
    browser = signed_in("reader")
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 13 * 3600)
    assert browser.get("/admin/").headers["Location"].startswith("/sign-in")


def test_each_goes_to_the_pages_that_are_his(signed_in: As):
    assert signed_in("user").get("/").headers["Location"] == "/me/"
    assert signed_in("reader").get("/").headers["Location"] == "/admin/"


def test_browsers_are_told_to_protect_people(company):
    answer = Client().get("/sign-in")
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["Cache-Control"] == "no-store"
    assert "style=" not in answer.content.decode()


def test_a_form_from_elsewhere_is_refused(company):
    person("administrator")
    browser = Client(enforce_csrf_checks=True)
    answer = browser.post("/sign-in", {"login": "the-administrator", "password": PASSWORD})
    assert answer.status_code == 403
    assert "save again" in answer.content.decode()
