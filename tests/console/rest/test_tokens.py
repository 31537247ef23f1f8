"""Who may use the API, and how far."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
from django.test import Client

from jackfield.console import api as console
from jackfield.people.models import User
from jackfield.people.tokens import Token
from jackfield.settings import Settings

from ..web.conftest import PASSWORD, As, person
from .conftest import Make, Program


def test_without_a_token_nothing_is_told(api: Program):
    answer = Program().get("extensions")
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["status"] == 401
    assert "Authorization" in answer.json()["detail"]


def test_a_token_does_no_more_than_its_scopes(program: Make):
    reader = program(scopes=["people:read"])
    assert reader.get("extensions").status_code == 200
    refused = reader.patch("extensions/101", {"name": "X"})
    assert refused.status_code == 403
    assert '"people:write"' in refused.json()["detail"]
    assert reader.get("trunks").status_code == 403


def test_a_token_does_no_more_than_the_role_of_its_user(program: Make):
    weak = program("reader")
    assert weak.get("trunks").status_code == 200
    refused = weak.delete("trunks/Provider")
    assert refused.status_code == 403
    assert "role" in refused.json()["detail"]
    own = program("user")
    assert own.get("me").json()["areas"]["people"] == "nothing"
    assert own.get("extensions").status_code == 403


@pytest.mark.parametrize(
    ("method", "path", "content"),
    [
        ("POST", "users", {"login": "eve", "role": "administrator"}),
        ("POST", "users", {"login": "eve", "role": "reader"}),
        ("PATCH", "users/anna", {"role": "telephony"}),
        ("PATCH", "users/the-administrator", {"email": "eve@example.net"}),
        ("PATCH", "users/the-administrator", {"enabled": False}),
        ("DELETE", "users/second", None),
        ("POST", "accounts/second/link", {}),
        ("PUT", "accounts/second/password", {"password": "tulip-Anvil-93-moss"}),
        ("POST", "several", {"changes": [{"section": "users", "action": "change", "key": "anna",
                                         "values": {"role": "administrator"}}]}),
    ],
)  # fmt: skip
def test_a_token_of_an_administrator_gives_away_no_more_than_its_scopes(
    program: Make, company: Settings, method: str, path: str, content: Any
):
    person("administrator", "second")
    narrow = program(scopes=["people:write"])
    before = console.export(company, secrets=True)
    answer = narrow.send(method, path, content)
    assert answer.status_code in (403, 404, 405, 422), answer.content
    assert console.export(company, secrets=True) == before


def test_a_narrow_token_still_does_what_it_is_for(program: Make):
    narrow = program(scopes=["people:write"])
    assert narrow.post("users", {"login": "eve", "role": "user"}).status_code == 201
    assert narrow.patch("users/eve", {"name": "Eve"}).status_code == 200
    assert program().post("users", {"login": "adam", "role": "administrator"}).status_code == 201


def test_who_may_no_longer_sign_in_may_no_longer_use_a_token(program: Make):
    anna = program("reader")
    User.objects.filter(login="the-reader").update(enabled=False)
    refused = anna.get("extensions")
    assert refused.status_code == 401
    assert "is disabled" in refused.json()["detail"]


def test_a_token_of_somebody_whose_role_is_gone_says_so(program: Make):
    from jackfield.people.models import OwnRole

    OwnRole.objects.create(name="machines", areas={"system": "write"})
    robot = program("machines")
    assert robot.get("tokens").status_code == 200
    OwnRole.objects.all().delete()
    refused = robot.get("tokens")
    assert refused.status_code == 401
    assert "no role any more" in refused.json()["detail"]


def test_a_token_of_somebody_who_needs_a_second_factor_works_once_he_has_one(program: Make):
    from jackfield.console.web import second_factor
    from jackfield.people.models import SignIn

    api = program("reader")
    rules = SignIn.current()
    rules.second_factor = ("reader",)
    rules.save()
    refused = api.get("me")
    assert refused.status_code == 401
    assert "needs a second factor" in refused.json()["detail"]
    second_factor.add(User.objects.get(login="the-reader"), second_factor.new_secret(), 1)
    assert api.get("me").status_code == 200


def test_a_token_expires(program: Make):
    assert program(expires=time.time() + 60).get("me").status_code == 200
    assert program(expires=time.time() - 1).get("me").status_code == 401


def test_only_a_digest_of_a_token_is_kept_and_its_use_is_noted(api: Program):
    text = api.headers["Authorization"].removeprefix("Bearer ")
    api.get("me")
    row = Token.objects.get()
    assert text not in str(vars(row).values())
    assert text.startswith(row.begins)
    assert row.used is not None
    assert row.address == "127.0.0.1"


def test_guessing_at_tokens_is_slowed_down_but_a_good_one_still_works(api: Program):
    stranger = Program("jf_guessed")
    answers = [stranger.get("me") for _ in range(25)]
    assert answers[0].status_code == 401
    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["Retry-After"]) > 0
    assert answers[-1].headers["Content-Type"] == "application/problem+json"
    assert api.get("me").status_code == 200


def test_a_browser_that_is_signed_in_reads_but_changes_only_with_the_pages_token(signed_in: As):
    browser = signed_in("administrator")
    assert browser.get("/api/v1/extensions/101").status_code == 200
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = browser.cookies
    change = {"data": {"name": "Anna B"}, "content_type": "application/json"}
    refused = strict.patch("/api/v1/extensions/101", **change)
    assert refused.status_code == 403
    assert "X-CSRFToken" in refused.json()["detail"]
    page = strict.get("/api/v1/").content.decode()
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)[1]
    assert strict.patch("/api/v1/extensions/101", headers={"X-CSRFToken": token}, **change).status_code == 200
    form = strict.post("/api/v1/extensions", {"csrfmiddlewaretoken": token, "number": "150"})
    assert form.status_code == 415


def test_the_page_makes_a_token_shows_it_once_and_revokes_it(signed_in: As):
    admin = signed_in("administrator")
    form = {"name": "Door", "user": "the-administrator", "expires": "30", "scope.people": "people:read"}
    page = admin.post("/admin/api/", form).content.decode()
    text = re.search(r"<code data-token>(jf_[\w-]+)</code>", page)[1]
    assert Program(text).get("extensions").status_code == 200
    assert Program(text).get("trunks").status_code == 403
    page = admin.get("/admin/api/").content.decode()
    assert text not in page
    assert "Door" in page
    assert "people:read" in page
    row = Token.objects.get()
    assert admin.post(f"/admin/api/{row.pk}/revoke").status_code == 302
    assert Program(text).get("extensions").status_code == 401
    assert "is revoked" in admin.get("/admin/api/").content.decode()


def test_what_is_missing_on_the_form_is_told_and_nothing_is_made(signed_in: As):
    admin = signed_in("administrator")
    answer = admin.post("/admin/api/", {"name": "", "user": "nobody", "expires": "7"})
    assert answer.status_code == 422
    text = answer.content.decode()
    for words in ("what will use it", "may not reach further", "at least one area", "Choose one of these."):
        assert words in text
    assert not Token.objects.exists()


def test_nobody_makes_a_token_of_somebody_who_may_more(signed_in: As):
    from jackfield.people.models import OwnRole

    OwnRole.objects.create(name="machines", areas={"system": "write", "own": "write"})
    person("administrator", "boss")
    person("machines", "robot")
    client = Client()
    client.post("/sign-in", {"login": "robot", "password": PASSWORD})
    form = {"name": "x", "user": "boss", "expires": "30", "scope.people": "people:write"}
    assert client.post("/admin/api/", form).status_code == 422
    assert client.post("/admin/api/", form | {"user": "robot"}).status_code == 200


def test_tokens_are_listed_and_revoked_by_the_api_but_not_made(api: Program, program: Make):
    other = program("reader", ["people:read"])
    found = {one["user"]: one for one in api.get("tokens").json()["items"]}
    assert found["the-reader"]["scopes"] == ["people:read"]
    assert "digest" not in found["the-reader"]
    assert api.delete(f"tokens/{found['the-reader']['id']}").status_code == 204
    assert other.get("me").status_code == 401
    assert api.delete("tokens/999").status_code == 404
    assert api.post("tokens", {"name": "x"}).status_code == 405
