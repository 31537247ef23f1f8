"""Accounts and sessions by the API."""

from __future__ import annotations

import pytest
from django.test import Client

from jackfield.console.web import second_factor
from jackfield.people.models import AccountEvent, Session, User

from ..web.conftest import PASSWORD, As, person
from .conftest import Make, Program

GOOD = "granite-otter-lamp-sixteen"


def test_somebody_is_given_a_link_by_which_he_sets_his_password_once(api: Program):
    made = api.post("accounts/anna/link")
    assert made.status_code == 201, made.content
    path = made.json()["address"].partition("testserver")[2]
    assert Client().get(path).status_code == 200
    assert Client().post(path, {"new": GOOD, "again": GOOD}).status_code == 302
    assert Client().get(path).status_code == 404
    assert api.get("accounts/anna").json()["password"] is True
    event = AccountEvent.objects.get(what="link_made")
    assert (event.login, event.by) == ("anna", "the-administrator")
    User.objects.filter(login="anna").update(enabled=False)
    assert api.post("accounts/anna/link").status_code == 422


def test_a_password_is_set_if_it_is_good_and_ends_sessions(api: Program, signed_in: As):
    reader = signed_in("reader")
    weak = api.put("accounts/the-reader/password", {"password": "the-reader1"})
    assert weak.status_code == 422
    assert weak.json()["errors"][0]["field"] == "password"
    assert api.put("accounts/the-reader/password", {"password": GOOD}).status_code == 204
    assert reader.get("/me/").status_code == 302
    assert Client().post("/sign-in", {"login": "the-reader", "password": GOOD}).status_code == 302
    own = api.put("accounts/the-administrator/password", {"password": GOOD})
    assert own.status_code == 422
    assert "own account" in own.json()["detail"]
    assert api.put("accounts/nobody/password", {"password": GOOD}).status_code == 404


def test_lost_second_factors_are_taken_off(api: Program):
    reader = person("reader")
    second_factor.add(reader, second_factor.new_secret(), 1)
    assert api.get("accounts/the-reader").json()["app"] is True
    assert api.delete("accounts/the-reader/second-factor").status_code == 204
    assert not second_factor.has(User.objects.get(pk=reader.pk))


def test_nobody_touches_the_account_of_one_who_may_more_nor_by_a_narrower_token(program: Make):
    person("administrator", "boss")
    weak = program("telephony")
    for method, path, content in (
        ("POST", "accounts/boss/link", {}),
        ("PUT", "accounts/boss/password", {"password": GOOD}),
        ("DELETE", "accounts/boss/second-factor", None),
        ("DELETE", "accounts/boss/sessions", None),
        ("GET", "accounts/boss/sessions", None),
    ):
        assert weak.send(method, path, content).status_code == 403, path
    narrow = program("administrator", ["people:write"])
    refused = narrow.put("accounts/boss/password", {"password": GOOD})
    assert refused.status_code == 403
    assert "may do more" in refused.json()["detail"]


def test_sessions_are_listed_and_ended(api: Program, signed_in: As):
    reader = signed_in("reader")
    assert api.get("me/sessions").json()["items"] == []
    (one,) = api.get("accounts/the-reader/sessions").json()["items"]
    assert one["user"] == "the-reader"
    assert api.get("sessions").json()["items"] == [one]
    assert Session.objects.get().session_key not in api.get("sessions").content.decode()
    assert api.delete(f"sessions/{one['id']}").status_code == 204
    assert reader.get("/me/").status_code == 302
    assert api.delete(f"sessions/{one['id']}").status_code == 404
    again = Client()
    again.post("/sign-in", {"login": "the-reader", "password": PASSWORD})
    assert api.delete("accounts/the-reader/sessions").status_code == 204
    assert again.get("/me/").status_code == 302
    events = api.get("account-events?login=the-reader&what=session_ended").json()["items"]
    assert len(events) == 2


@pytest.mark.parametrize("everywhere", [True, False])
def test_ones_own_browsers_are_signed_out(program: Make, signed_in: As, everywhere: bool):
    browser = signed_in("user")
    mine = program("user")
    (one,) = mine.get("me/sessions").json()["items"]
    assert mine.delete("me/sessions" if everywhere else f"me/sessions/{one['id']}").status_code == 204
    assert browser.get("/me/").status_code == 302
    assert mine.delete(f"me/sessions/{one['id']}").status_code == 404


def test_ones_own_password_is_changed_by_whoever_knows_the_old_one(program: Make):
    mine = program("user")
    wrong = mine.put("me/password", {"old": "nonsense", "new": GOOD})
    assert wrong.status_code == 422
    assert wrong.json()["errors"][0]["field"] == "old"
    weak = mine.put("me/password", {"old": PASSWORD, "new": "password"})
    assert weak.json()["errors"][0]["field"] == "new"
    done = mine.put("me/password", {"old": PASSWORD, "new": GOOD})
    assert done.status_code == 204
    assert "Set-Cookie" not in done.headers
    assert mine.get("me/account").json()["password"] is True
    assert Client().post("/sign-in", {"login": "the-user", "password": GOOD}).status_code == 302


def test_a_browser_that_changes_its_password_by_the_api_stays_signed_in(signed_in: As):
    browser = signed_in("user")
    answer = browser.put("/api/v1/me/password", {"old": PASSWORD, "new": GOOD}, content_type="application/json")
    assert answer.status_code == 204, answer.content
    assert browser.get("/me/rules/").status_code == 200
