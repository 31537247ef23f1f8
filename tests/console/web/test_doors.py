"""Own pages at a port of their own; and each page for whom the firewall opens it."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client, RequestFactory, override_settings

from console.rest.conftest import Make, program  # noqa: F401
from jackfield.console import api, own_door
from jackfield.console.web.first_run import connecting
from jackfield.notices.models import Mail
from jackfield.settings import Settings

from .conftest import PASSWORD, As, person
from .test_rights import addresses, filled

PORT = {"SERVER_PORT": "8443"}
OUTSIDE, INSIDE = {"REMOTE_ADDR": "203.0.113.5"}, {"REMOTE_ADDR": "192.0.2.9"}


class AtOwnPort(Client):
    """A browser that comes by that port."""

    def generic(self, *arguments: Any, **more: Any) -> Any:
        return super().generic(*arguments, **more | PORT)


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_door, "port", 8443)


def test_at_the_port_of_own_pages_there_is_nothing_of_the_administration(signed_in: As, own: None):
    browser = signed_in("administrator")
    browser.raise_request_exception = False
    for route, view in addresses():
        path = filled(route)
        area: Any = view.area
        if area in ("", "own") and not path.startswith(("/first-run", "/metrics", "/api/")):
            continue
        if path.startswith("/api/v1/me") or path == "/api/v1/openapi.json":
            continue
        for method in ("get", "post"):
            assert getattr(browser, method)(path, **PORT).status_code == 404, f"{method} {path}"


def test_own_pages_signing_in_and_the_own_part_of_the_api_are_there(company: Settings, own: None):
    person("user", "bert")
    browser = AtOwnPort()
    assert browser.get("/me/").headers["Location"].startswith("/sign-in")
    assert browser.get("/sign-in").status_code == 200
    browser.post("/sign-in", {"login": "bert", "password": PASSWORD})
    for path in ("/me/", "/me/account", "/me/contacts/", "/me/devices/", "/api/v1/me", "/api/v1/openapi.json"):
        assert browser.get(path).status_code == 200, path
    assert browser.get("/api/v1/extensions").status_code == 404


def test_who_may_administer_is_told_where_and_who_may_not_learns_nothing(signed_in: As, own: None):
    text = signed_in("administrator").get("/admin/", **PORT, HTTP_HOST="pbx.example:8443").content.decode()
    assert "The administration is at http://pbx.example:4021/admin/" in text
    for browser in (signed_in("user"), Client()):
        answer = browser.get("/admin/users/", **PORT)
        assert answer.status_code == 404
        assert "4021" not in answer.content.decode()


def test_an_administrator_who_signs_in_there_begins_with_the_own_pages(company: Settings, own: None):
    person("administrator", "boss")
    browser = AtOwnPort()
    answer = browser.post("/sign-in", {"login": "boss", "password": PASSWORD})
    assert answer.headers["Location"] == "/me/"
    assert browser.get("/").headers["Location"] == "/me/"


def test_at_the_port_of_the_console_everything_stays(admin: Client, own: None):
    for path in ("/admin/", "/me/", "/api/v1/extensions"):
        assert admin.get(path, SERVER_PORT="4021", HTTP_HOST="x:8443").status_code == 200, path


def test_the_administration_is_reached_from_its_address_group_only(admin: Client, company: Settings):
    api.apply(company, "firewall: {administration: [Office]}")
    answer = admin.get("/admin/", **OUTSIDE)
    assert answer.status_code == 403
    assert "your address, 203.0.113.5" in answer.content.decode()
    assert admin.post("/admin/users/new", {"login": "x"}, **OUTSIDE).status_code == 403
    for whence in (INSIDE, {"REMOTE_ADDR": "127.0.0.1"}, {"REMOTE_ADDR": "::1"}, {"REMOTE_ADDR": "::ffff:192.0.2.9"}):
        assert admin.get("/admin/", **whence).status_code == 200
    assert admin.get("/me/", **OUTSIDE).status_code == 200
    assert admin.get("/api/v1/extensions", **OUTSIDE).status_code == 200  # which has a rule of its own


def test_the_api_is_reached_from_its_address_group_only(program: Make, company: Settings):  # noqa: F811
    api.apply(company, "firewall: {api: [Office]}")
    found = program()
    for path, outside in (("extensions", 403), ("several", 403), ("me", 200)):
        answer = found.client.get(f"/api/v1/{path}", headers=found.headers, **OUTSIDE)
        assert answer.status_code == outside, path
    refused = found.client.get("/api/v1/extensions", headers=found.headers, **OUTSIDE)
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert found.client.get("/api/v1/extensions", headers=found.headers, **INSIDE).status_code == 200


def test_a_change_of_the_group_counts_at_once(admin: Client, company: Settings):
    api.apply(company, "firewall: {administration: [Office]}")
    assert admin.get("/admin/", **OUTSIDE).status_code == 403
    api.apply(company, "address_groups: [{name: Office, entries: [203.0.113.0/24]}]")
    assert admin.get("/admin/", **OUTSIDE).status_code == 200
    assert admin.get("/admin/", **INSIDE).status_code == 403


def test_the_page_refuses_to_shut_out_who_fills_it_in(admin: Client, company: Settings):
    answer = admin.post("/admin/firewall/", {"administration": "Office"}, **OUTSIDE)
    assert answer.status_code == 422
    assert "this would shut you out yourself" in answer.content.decode()
    assert admin.post("/admin/firewall/", {"administration": "Office"}, **INSIDE).status_code == 302


def test_links_to_phones_lead_where_people_reach_their_pages(company: Settings, own: None):
    def link(host: str) -> str:
        return connecting.base(RequestFactory().get("/", HTTP_HOST=host))

    assert link("pbx.example:4021") == "http://pbx.example:4021"  # nobody outside reaches the other port
    assert link("127.0.0.1:4021") == ""
    with override_settings(JACKFIELD=company.replaced(user_host="127.0.0.1,192.0.2.1", user_port="8443")):
        assert link("pbx.example:4021") == "http://pbx.example:8443"
        assert link("pbx.example") == "http://pbx.example"  # something stands before us and knows the way
        assert link("127.0.0.1:4021") == "https://192.0.2.1:8443"
    Mail.objects.update_or_create(pk=1, defaults={"links": "https://phones.example"})
    assert link("pbx.example:4021") == "https://phones.example"
