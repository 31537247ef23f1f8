"""What must be in no page, table, answer of the API, message to others or log, whoever looks."""

from __future__ import annotations

import json
import logging
import re
import time
from typing import Any

import pytest
from django.test import Client

from jackfield.console import api
from jackfield.console.rest.tokens import SCOPES, make_token
from jackfield.console.web import second_factor
from jackfield.people.models import Session, User
from jackfield.webhooks.models import Delivery

from .conftest import As
from .test_rights import addresses

PLANTED = """
mail: {host: mail.example.com, username: pbx, password: not-to-be-shown-5, sender: pbx@example.com}
directory: {hosts: [dc1.example.com], base: "dc=example,dc=com", bind_name: reader, bind_password: not-to-be-shown-6}
openid: {issuer: "https://login.example.com", client_id: jackfield, client_secret: not-to-be-shown-7}
webhooks: [{name: CRM, address: "https://crm.example.com/hook", events: ["*"]}]
"""
CHANGED = """
extensions:
  - number: 101
    lines: [{sip_username: anna101, sip_password: not-to-be-shown-8}]
trunks: [{name: Provider, password: not-to-be-shown-9}]
mail: {password: not-to-be-shown-10}
"""
NAMED = {
    "key": "101", "name": "Provider", "login": "anna", "sip_username": "anna101", "number": "101", "section": "trunks",
    "process": "console", "kind": "services", "id": "1", "trunk": "Provider",
}  # fmt: skip


def places() -> list[str]:
    """Every address, filled with what there is."""
    found = []
    for route, _ in addresses():
        for number in ("1", "2"):
            path = re.sub(r"<int:\w+>", number, route)
            path = re.sub(r"<(?:\w+:)?(\w+)>", lambda one: NAMED.get(one[1], "x"), path)
            found.append("/" + path.replace("^", "").replace("$", ""))
    return sorted(set(found) - {"/sign-out", "/admin/live", "/admin/sites/live", "/api/v1/events"})


@pytest.fixture
def secrets(company: Any, signed_in: As, caplog: pytest.LogCaptureFixture) -> dict[str, str]:
    """What must be nowhere, by what it is."""
    caplog.set_level(logging.DEBUG)
    api.apply(company, PLANTED)
    api.apply(company, CHANGED)
    anna = User.objects.get(login="anna")
    anna.set_password("not-to-be-shown-11")
    anna.save()
    app = second_factor.new_secret()
    second_factor.add(anna, app, 1)
    codes = second_factor.new_recovery_codes(anna)
    token, text = make_token(anna, "CRM", SCOPES, time.time() + 9999)
    other = Client()
    other.force_login(anna)
    return {
        "a planted password": "not-to-be-shown",
        "a webhook's secret": "bm90LXRvLWJlLXNob3du",
        "an app's secret": app,
        "a recovery code": codes[0],
        "a hash of a password": anna.password,
        "a hash, as stored": "md5$",
        "a token": text[8:],
        "a token's digest": token.digest,
        "another's session": Session.objects.get(user=anna).session_key,
        "the secret of the installation": company.files.secret().decode(),
        "a private key": "PRIVATE KEY-----\nM",  # and not the place of one in an example
    }


@pytest.mark.timeout(240)  # all pages there are
@pytest.mark.parametrize("role", ["administrator", "telephony", "reader"])
def test_no_page_table_or_answer_shows_a_secret(
    secrets: dict[str, str], signed_in: As, caplog: pytest.LogCaptureFixture, role: str
):
    browser = signed_in(role)
    browser.raise_request_exception = False
    shown, seen = [], 0
    for path in places():
        answer = browser.get(path, {"try": ""}, HTTP_ACCEPT="text/html,*/*")
        assert answer.status_code < 500 or answer.status_code == 503, f"{path}: {answer.status_code}"
        content = b"".join(answer.streaming_content) if answer.streaming else answer.content
        text = content.decode("utf-8", "replace")
        seen += answer.status_code == 200
        shown += [(path, what) for what, secret in secrets.items() if secret in text]
    assert shown == []
    assert seen > 60
    assert [what for what, secret in secrets.items() if secret in caplog.text] == []


def test_no_message_to_a_webhook_has_a_secret(secrets: dict[str, str]):
    told = json.dumps(list(Delivery.objects.values_list("body", flat=True)), default=str)
    assert "trunks" in told
    assert [what for what, secret in secrets.items() if secret in told] == []


def test_pages_with_people_in_them_are_kept_by_no_cache(secrets: dict[str, str], admin: Client):
    for path in places():
        answer = admin.get(path)
        if path.startswith("/static/") or answer.streaming:
            continue
        assert "no-store" in answer.headers["Cache-Control"] or "no-cache" in answer.headers["Cache-Control"], path
