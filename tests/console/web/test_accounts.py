"""One's own account, and what administrators do with those of others."""

from __future__ import annotations

import logging
import re
import time
from typing import Any

import pytest
from django.test import Client

from jackfield.console.web import sign_in_rules
from jackfield.console.web.browsers import browser as browser_name
from jackfield.people.models import AccountEvent, Session, SignIn, User

from .conftest import PASSWORD, As, person

NEW = "tulip-Anvil-93-moss"


def enter(login: str, password: str = PASSWORD, **headers: str) -> Client:
    """Return another browser in which somebody has signed in."""
    client = Client(headers=headers)
    answer = client.post("/sign-in", {"login": login, "password": password})
    assert answer.status_code == 302, answer.content.decode()
    return client


def is_in(client: Client) -> bool:
    return client.get("/me/account").status_code == 200


def test_every_page_of_an_account_opens(admin: Client):
    for address in ("/me/account", "/me/account/second-factor", "/admin/sessions", "/admin/users/1/account"):
        answer = admin.get(address)
        assert answer.status_code == 200, address
        assert "style=" not in answer.content.decode()
    assert admin.get("/admin/users/999/account").status_code == 404


def test_a_new_password_ends_the_other_sessions(signed_in: As):
    here = signed_in("user")
    there = enter("the-user")
    answer = here.post("/me/account", {"do": "password", "old": PASSWORD, "new": NEW, "again": NEW})
    assert answer.headers["Location"] == "/me/account"
    assert "Your new password counts" in here.get("/me/account").content.decode()
    assert is_in(here)
    assert not is_in(there)
    assert Client().post("/sign-in", {"login": "the-user", "password": PASSWORD}).status_code == 422
    assert is_in(enter("the-user", NEW))


@pytest.mark.parametrize(
    ("form", "problem"),
    [
        ({"old": "wrong", "new": NEW, "again": NEW}, "Your password is not right"),
        ({"old": PASSWORD, "new": NEW, "again": "other"}, "The two are not the same"),
        ({"old": PASSWORD, "new": "Ab-9!x", "again": "Ab-9!x"}, "at least 10 characters"),
        ({"old": PASSWORD, "new": "x" * 201, "again": "x" * 201}, "at most 200 characters"),
        ({"old": PASSWORD, "new": "password1234", "again": "password1234"}, "very common password"),
        ({"old": PASSWORD, "new": "the-user-2", "again": "the-user-2"}, "easy to guess"),
        ({"old": PASSWORD, "new": "BellSons2024", "again": "BellSons2024"}, "easy to guess"),
    ],
)
def test_a_password_that_will_not_do_is_refused_with_the_reason(signed_in: As, form: dict[str, str], problem: str):
    here = signed_in("user")
    answer = here.post("/me/account", {"do": "password"} | form)
    assert answer.status_code == 422
    page = answer.content.decode()
    assert problem in page
    for value in form.values():
        assert f'value="{value}"' not in page
    assert User.objects.get(login="the-user").check_password(PASSWORD)


def test_the_old_password_can_not_be_guessed_in_an_open_session(signed_in: As):
    here = signed_in("user")
    for _ in range(5):
        here.post("/me/account", {"do": "password", "old": "wrong", "new": NEW, "again": NEW})
    answer = here.post("/me/account", {"do": "password", "old": PASSWORD, "new": NEW, "again": NEW})
    assert "Try again in 1 minute" in answer.content.decode()
    assert is_in(enter("the-user"))  # signing in is counted for itself


def test_sessions_are_listed_and_ended(signed_in: As):
    here = signed_in("user")
    there = enter("the-user", user_agent="Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")
    page = here.get("/me/account").content.decode()
    assert "Firefox on Linux" in page
    assert "127.0.0.1" in page
    for key in Session.objects.values_list("session_key", flat=True):
        assert key not in page
    (name,) = re.findall(r'name="session" value="(\w+)"', page)

    stranger = enter(person("user", "eve").login)
    stranger.post("/me/account", {"do": "end", "session": name})
    assert is_in(there)

    here.post("/me/account", {"do": "end", "session": name})
    assert not is_in(there)
    assert is_in(here)
    others = [enter("the-user"), enter("the-user")]
    here.post("/me/account", {"do": "end-others"})
    assert [is_in(other) for other in others] == [False, False]
    assert is_in(here)
    assert is_in(stranger)


def test_the_language_is_changed_and_kept_in_the_history(signed_in: As):
    here = signed_in("user")
    assert here.post("/me/account", {"do": "language", "language": "de"}).status_code == 302
    assert User.objects.get(login="the-user").language == "de"
    assert here.post("/me/account", {"do": "language", "language": "???"}).status_code == 422
    assert here.post("/me/account", {"do": "nonsense"}).status_code == 200


def test_sessions_end_when_idle_or_old(signed_in: As, monkeypatch: pytest.MonkeyPatch):
    SignIn(pk=1, idle_minutes=30, longest_hours=2).save()
    browser, now = signed_in("reader"), time.time()
    for minutes in (20, 40, 60, 80, 100, 119):
        monkeypatch.setattr(time, "time", lambda minutes=minutes: now + minutes * 60)
        assert browser.get("/admin/").status_code == 200, minutes
    monkeypatch.setattr(time, "time", lambda: now + 121 * 60)
    assert browser.get("/admin/").status_code == 302

    idle = enter("the-reader")
    monkeypatch.setattr(time, "time", lambda: now + 152 * 60)
    assert idle.get("/admin/").status_code == 302


def test_rules_changed_by_another_process_count_soon(company: Any, monkeypatch: pytest.MonkeyPatch):
    assert sign_in_rules.rules().tries == 5
    SignIn(pk=1).save()
    SignIn.objects.update(tries=7)
    assert sign_in_rules.rules().tries == 7
    SignIn.objects.update(tries=8)
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + 6)
    assert sign_in_rules.rules().tries == 8


def test_an_administrator_gives_a_link_that_works_once(admin: Client):
    anna = User.objects.get(login="anna")
    page = admin.post(f"/admin/users/{anna.pk}/account", {"do": "link"}).content.decode()
    (link,) = re.findall(r"http://testserver(/set-password/[\w-]+/[\w-]+)", page)

    first, second = Client(), Client()
    assert "sign in with: <strong>anna</strong>" in first.get(link).content.decode()
    assert first.post(link, {"new": "short", "again": "short"}).status_code == 422
    answer = first.post(link, {"new": NEW, "again": NEW})
    assert answer.headers["Location"] == "/"
    assert is_in(first)
    assert second.get(link).status_code == 404
    assert "used already" in second.post(link, {"new": PASSWORD, "again": PASSWORD}).content.decode()
    assert is_in(enter("anna", NEW))


def test_a_link_ends_with_time_and_with_the_account(admin: Client, monkeypatch: pytest.MonkeyPatch):
    from jackfield.console.web import passwords

    anna = User.objects.get(login="anna")
    link = passwords.link(anna)
    assert Client().get(link).status_code == 200
    for wrong in (
        link[:-1],
        "/set-password/zz/1-2",
        "/set-password/!/x",
        link.replace("/set-password/", "/set-password/1"),
    ):
        assert Client().get(wrong).status_code == 404
    User.objects.filter(pk=anna.pk).update(enabled=False)
    assert Client().get(link).status_code == 404
    User.objects.filter(pk=anna.pk).update(enabled=True)
    from datetime import datetime, timedelta

    later = datetime.now() + timedelta(days=passwords.LINK_DAYS, minutes=1)
    monkeypatch.setattr(passwords._Links, "_now", lambda self: later)
    assert Client().get(link).status_code == 404


def test_an_administrator_sets_a_password_and_ends_sessions(admin: Client):
    user = person("user", "bert")
    theirs, address = enter("bert"), f"/admin/users/{user.pk}/account"
    assert "Set one yourself" in admin.get(address).content.decode()
    assert "at least 10 characters" in admin.post(address, {"do": "password", "new": "x"}).content.decode()
    assert admin.post(address, {"do": "password", "new": NEW}).status_code == 302
    assert not is_in(theirs)
    theirs = enter("bert", NEW)
    (name,) = re.findall(r'name="session" value="(\w+)"', admin.get(address).content.decode())
    admin.post(address, {"do": "end", "session": name})
    assert not is_in(theirs)
    theirs = enter("bert", NEW)
    admin.post(address, {"do": "end-all"})
    assert not is_in(theirs)

    own = f"/admin/users/{User.objects.get(login='the-administrator').pk}/account"
    assert "Change your own password" in admin.get(own).content.decode()
    assert "Set one yourself" not in admin.get(own).content.decode()
    assert "on the page of your account" in admin.post(own, {"do": "password", "new": NEW}).content.decode()
    assert "on the page of your account" in admin.post(own, {"do": "factors"}).content.decode()
    assert is_in(admin)


def test_administrators_see_and_end_all_sessions(admin: Client):
    person("user", "bert")
    theirs = enter("bert")
    page = admin.get("/admin/sessions").content.decode()
    (name,) = re.findall(r'name="session" value="(\w+)"', page)
    assert "bert" in page
    assert admin.post("/admin/sessions", {"session": name}).status_code == 302
    assert not is_in(theirs)
    assert admin.post("/admin/sessions", {"session": "nonsense"}).status_code == 302


def test_who_holds_less_does_not_end_the_session_of_an_administrator(company: Any):
    from jackfield.console import api

    api.apply(company, "roles: [{name: Technician, areas: {system: write}}]")
    person("administrator")
    boss = enter("the-administrator")
    eve = enter(person("Technician", "eve").login)
    (name,) = re.findall(r'name="session" value="(\w+)"', eve.get("/admin/sessions").content.decode())
    assert eve.post("/admin/sessions", {"session": name}).status_code == 403
    assert is_in(boss)


def test_what_happens_with_accounts_is_kept_without_secrets(admin: Client, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO)
    person("user", "bert")
    for _ in range(5):
        Client().post("/sign-in", {"login": "bert", "password": "wrong-Secret-1"})
    Client().post("/sign-in", {"login": "nobody", "password": "wrong-Secret-1"})
    page = admin.get("/admin/sessions").content.decode()
    for text in ("failed to sign in", "has to wait after too many failures", "nobody", "127.0.0.1"):
        assert text in page
    assert "nobody" not in admin.get("/admin/sessions?q=bert").content.decode()
    assert [event.what for event in AccountEvent.objects.filter(login="bert")] == ["blocked"] + 4 * ["failed"]
    assert "wrong-Secret-1" not in page + caplog.text
    assert "'bert' failed to sign in from 127.0.0.1" in caplog.text
    bert = User.objects.get(login="bert")
    assert "failed to sign in" in admin.get(f"/admin/users/{bert.pk}/account").content.decode()


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 "
         "Safari/537.36 Edg/131.0.0.0", "Edge on Windows"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 "
         "Mobile/15E148 Safari/604.1", "Safari on iPhone"),
        ("Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0 Mobile "
         "Safari/537.36", "Chrome on Android"),
        ("", "unknown"),
    ],
)  # fmt: skip
def test_browsers_are_recognised(line: str, name: str):
    assert browser_name(line) == name
