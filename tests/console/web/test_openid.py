"""Signing in at another server: an OpenID Connect provider that runs for the test."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from django.test import Client
from oidc_provider_mock import User as Somebody
from oidc_provider_mock import app
from werkzeug.serving import make_server

from jackfield.console.web import openid
from jackfield.directory.models import Identity, OpenId
from jackfield.people.models import User

from .conftest import person

PEOPLE = (
    Somebody(sub="eva", claims={"email": "eva@example.com", "email_verified": True, "name": "Eva Field",
                                "preferred_username": "eva.field"}),
    Somebody(sub="mallory", claims={"email": "the-user@example.com", "email_verified": False}),
    Somebody(sub="stranger", claims={"email": "x@elsewhere.org", "email_verified": True}),
)  # fmt: skip


@pytest.fixture(scope="module")
def provider() -> Iterator[str]:
    server = make_server("127.0.0.1", 0, app(user_claims=PEOPLE), threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openid, "_described", {})


def configure(provider: str, **more: Any) -> None:
    values: dict[str, Any] = {"enabled": True, "issuer": provider, "client_id": "jackfield", "client_secret": "s"}
    OpenId(pk=1, **values | more).save()


def go(browser: Client, subject: str, target: str = "") -> Any:
    """Press the button, sign in at the provider, and come back."""
    answer = browser.get("/sign-in/openid", {"next": target})
    assert answer.status_code == 302, answer.content.decode()
    address = answer.headers["Location"]
    there = requests.post(address, data={"sub": subject}, allow_redirects=False, timeout=10)
    assert there.status_code == 302, there.text
    parts = urlsplit(there.headers["Location"])
    return browser.get(f"{parts.path}?{parts.query}")


def test_a_user_is_known_by_his_address_and_then_by_the_servers_word(company, provider: str):
    configure(provider, name="Example")
    person("reader", "eva", email="eva@example.com")
    browser = Client()
    assert "Sign in with Example" in browser.get("/sign-in").content.decode()
    answer = go(browser, "eva", "/admin/extensions/?q=1")
    assert answer.headers["Location"] == "/admin/extensions/?q=1"
    assert browser.get("/admin/extensions/").status_code == 200

    User.objects.filter(login="eva").update(email="new@example.com")
    browser = Client()
    assert go(browser, "eva").headers["Location"] == "/admin/"
    assert Identity.objects.get().user.login == "eva"


def test_an_address_that_the_server_did_not_check_makes_nobody_somebody_else(company, provider: str):
    configure(provider)
    person("user", email="the-user@example.com")
    answer = go(Client(), "mallory")
    assert answer.status_code == 422
    assert "there is no user here with your e-mail address" in answer.content.decode()


def test_users_are_made_where_that_is_wanted(company, provider: str):
    configure(provider, create_users=True, domains=("example.com",))
    browser = Client()
    assert go(browser, "eva").headers["Location"] == "/"
    user = User.objects.get(login="eva.field")
    assert (user.name, user.email, user.role, user.password) == ("Eva Field", "eva@example.com", "user", "")
    answer = go(Client(), "stranger")
    assert "not of this company" in answer.content.decode()


def test_who_is_switched_off_here_stays_out(company, provider: str):
    configure(provider)
    person("user", "eva", email="eva@example.com", enabled=False)
    assert "switched off here" in go(Client(), "eva").content.decode()


def test_an_answer_that_was_not_asked_for_is_refused(company, provider: str):
    configure(provider)
    person("administrator", email="eva@example.com")
    victim = Client()
    assert "Please try once more" in victim.get("/sign-in/openid/back?code=x&state=y").content.decode()
    victim.get("/sign-in/openid")
    answer = victim.get("/sign-in/openid/back?code=x&state=y")
    assert "does not belong to what was begun here" in answer.content.decode()
    assert "_auth_user_id" not in victim.session
    victim.get("/sign-in/openid")
    assert victim.get("/sign-in/openid/back", {"code": "x", "state": "é"}).status_code == 422


def test_who_is_signed_in_stays_so_whatever_another_site_sends_him_to(company, provider: str, signed_in):
    configure(provider)
    browser = signed_in("reader")
    lasts = browser.session.get_expiry_age()
    assert browser.get("/sign-in/openid").headers["Location"] == "/sign-in"
    assert browser.session.get_expiry_age() > lasts - 60


def test_an_address_that_the_server_did_not_check_does_not_make_one_of_the_company(company, provider: str):
    configure(provider, create_users=True, domains=("example.com",))
    answer = go(Client(), "mallory")
    assert "has not made sure that your e-mail address is yours" in answer.content.decode()
    assert not User.objects.filter(email__startswith="the-user").exists()


def test_a_token_for_somebody_else_is_refused(company, provider: str, monkeypatch):
    configure(provider)
    person("administrator", email="eva@example.com")
    browser = Client()
    address = browser.get("/sign-in/openid").headers["Location"]
    address = re.sub(r"nonce=[^&]+", "nonce=another", address)
    there = requests.post(address, data={"sub": "eva"}, allow_redirects=False, timeout=10)
    parts = urlsplit(there.headers["Location"])
    assert "can&#39;t be trusted" in browser.get(f"{parts.path}?{parts.query}").content.decode()

    monkeypatch.setattr(openid, "ALGORITHMS", ["ES256"])  # a key that signs otherwise than we allow
    assert "can&#39;t be trusted" in go(Client(), "eva").content.decode()


def test_the_request_is_bound_to_the_browser(company, provider: str):
    configure(provider)
    query = parse_qs(urlsplit(Client().get("/sign-in/openid").headers["Location"]).query)
    assert query["code_challenge_method"] == ["S256"]
    assert query["response_type"] == ["code"]
    assert query["redirect_uri"] == ["http://testserver/sign-in/openid/back"]
    assert "openid" in query["scope"][0].split()


@pytest.mark.parametrize("target", ["https://example.net/", "//example.net", "/\\example.net"])
def test_nobody_is_led_to_another_site(company, provider: str, target: str):
    configure(provider)
    person("administrator", email="eva@example.com")
    assert go(Client(), "eva", target).headers["Location"] == "/admin/"


def test_a_server_that_is_away_is_said_so_and_one_that_is_off_has_no_button(company, provider: str):
    configure("http://127.0.0.1:1")
    answer = Client().get("/sign-in/openid")
    assert "The other server does not answer" in answer.content.decode()
    OpenId.objects.update(enabled=False)
    assert Client().get("/sign-in/openid").headers["Location"] == "/sign-in"
    assert "/sign-in/openid" not in Client().get("/sign-in").content.decode()


def test_strangers_who_press_the_button_do_not_make_everybody_wait_for_the_other_server(
    company, provider: str, monkeypatch: pytest.MonkeyPatch
):
    asked: list[str] = []
    real = openid._get
    monkeypatch.setattr(openid, "_get", lambda address: asked.append(address) or real(address))
    configure(provider)
    for _ in range(5):
        assert Client().get("/sign-in/openid").status_code == 302
    assert len(asked) == 1
    configure("http://127.0.0.1:1")
    for _ in range(5):
        assert "does not answer" in Client().get("/sign-in/openid").content.decode()
    assert len(asked) == 2
    monkeypatch.setattr(openid, "AWAY_SECONDS", -1.0)
    openid._described.clear()
    Client().get("/sign-in/openid")
    Client().get("/sign-in/openid")
    assert len(asked) == 4  # it is tried anew
