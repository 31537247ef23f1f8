"""Characters that nobody types, on PostgreSQL, which refuses to store them or to look for them."""

from __future__ import annotations

import pytest
from django.test import Client

from jackfield.console import api
from jackfield.settings import Settings

from .conftest import COMPANY, PASSWORD, person

PAGES = (
    "/admin/extensions/?q=%00", "/admin/calls/?q=%00&extension=%00&trunk=%00", "/admin/find?q=a%00",
    "/admin/contacts/?q=%00", "/admin/dialplan/?q=%00", "/admin/changes/?q=%00&who=%00&section=%00",
    "/admin/phones/?q=%00", "/admin/logs/?q=%00&process=%00", "/admin/messages/?state=%00", "/me/contacts/?q=%00",
    "/me/?q=%00", "/admin/setting/extensions/%00", "/admin/calls/%00", "/admin/number/%00", "/set-password/%00/%00",
)  # fmt: skip
FORMS = {
    "/admin/contacts/new": {"name": "a\0b", "number": "030\0123"},
    "/me/contacts/new": {"name": "a\0b", "number": "030\0123"},
    "/admin/extensions/new": {"number": "13\0", "name": "a\0"},
    "/admin/extensions/import": {"text": "number,name\n130,a\0b"},
    "/admin/document/apply": {"text": "users: [{login: a\0}]"},
    "/admin/languages/": {"language": "\0"},
    "/admin/retention/": {"keep_calls_days": "\0"},
    "/admin/active/hang-up": {"call": "\0"},
    "/me/call": {"number": "\0"},
    "/me/profile": {"language": "\0", "name": "\0"},
    "/sign-in": {"login": "a\0", "password": "\0"},
    "/forgot-password": {"login": "a\0"},
}


@pytest.fixture
def company(postgres: Settings) -> Settings:
    """The small company, on PostgreSQL."""
    api.apply(postgres, COMPANY)
    return postgres


@pytest.fixture
def browser(company: Settings) -> Client:
    """A browser of a full administrator."""
    browser = Client(raise_request_exception=False)
    user = person("administrator")
    assert browser.post("/sign-in", {"login": user.login, "password": PASSWORD}).status_code == 302
    return browser


@pytest.mark.parametrize("address", PAGES)
def test_a_nul_in_an_address_breaks_no_page(browser: Client, address: str) -> None:
    assert browser.get(address).status_code in (200, 302, 404)


@pytest.mark.parametrize("address", FORMS)
def test_a_nul_in_a_form_breaks_nothing(browser: Client, address: str) -> None:
    asking = Client(raise_request_exception=False) if address in ("/sign-in", "/forgot-password") else browser
    assert asking.post(address, FORMS[address]).status_code < 500
