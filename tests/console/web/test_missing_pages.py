"""What people see where there is nothing, and where something is broken: a page of ours, and nothing of the inside."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client

from jackfield.console import publish
from jackfield.console.faults import ConsoleError
from jackfield.console.web import saving, signing_in
from jackfield.control import ControlError
from jackfield.people.models import User

from .conftest import As, person


@pytest.mark.parametrize("address", ["/nowhere", "/admin/nowhere", "/admin/\0", "/%ff"])
@pytest.mark.parametrize("role", ["", "administrator"])
def test_an_address_that_there_is_not(company: Any, signed_in: As, role: str, address: str):
    browser = signed_in(role) if role else Client()
    answer = browser.get(address, HTTP_ACCEPT_LANGUAGE="de")
    assert answer.status_code == 404
    text = answer.content.decode()
    assert "console.css" in text
    assert 'href="/"' in text
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize(("fault", "status"), [(OperationalError, 503), (RuntimeError, 500)])
def test_a_fault_is_told_in_words_and_tells_nothing(
    company: Any, monkeypatch: pytest.MonkeyPatch, fault: type[Exception], status: int
):
    def broken(*_: Any, **__: Any) -> Any:
        raise fault("sesame: the database of /srv/data is away")

    monkeypatch.setattr(signing_in, "render", broken)
    browser = Client(raise_request_exception=False)
    answer = browser.get("/sign-in", HTTP_ACCEPT_LANGUAGE="de")
    assert answer.status_code == status
    text = answer.content.decode()
    assert "console.css" in text
    assert 'lang="de"' in text
    assert "sesame" not in text
    assert "/srv" not in text
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]


def test_an_administrator_is_told_the_mend_that_the_program_knows(
    company: Any, signed_in: As, monkeypatch: pytest.MonkeyPatch
):
    def full(*_: Any, **__: Any) -> Any:
        raise ConsoleError("the configuration can't be written. Make room on the disk")

    browser = signed_in("administrator")
    browser.raise_request_exception = False
    monkeypatch.setattr(saving.change, "save", full)
    answer = browser.post("/admin/speed_dials/new", {"number": "71", "target": "101"})
    assert answer.status_code == 503
    assert "The configuration can&#39;t be written. Make room on the disk." in answer.content.decode()


def test_a_change_that_the_switch_has_not_taken_is_told_so(
    company: Any, signed_in: As, monkeypatch: pytest.MonkeyPatch
):
    def asleep(*_: Any, **__: Any) -> Any:
        raise ControlError("the switch process does not answer")

    browser = signed_in("administrator")
    monkeypatch.setattr(publish, "ask_sync", asleep)
    browser.post("/admin/speed_dials/new", {"number": "71", "target": "101"})
    page = browser.get("/admin/speed_dials/").content.decode()
    assert "Speed dial 71 is created." in page
    assert "It is saved, but the running system has not taken it yet" in page
    publish.trouble.clear()


def test_who_removes_himself_is_led_to_the_sign_in_page(admin: Client):
    person("administrator", "second")
    own = User.objects.get(login="the-administrator")
    answer = admin.post(f"/admin/users/{own.pk}/remove", {"sure": "yes"})
    assert not User.objects.filter(pk=own.pk).exists()
    assert answer.headers["Location"] in ("/sign-in", "/admin/users/")
    assert admin.get("/admin/").headers["Location"].startswith("/sign-in")


def test_an_endless_address_and_a_host_that_is_none_are_refused_without_a_fault(company: Any):
    answer = Client().get("/admin/extensions/?q=" + "%27" * 9000)
    assert answer.headers["Location"] == "/sign-in?next=%2F"
    answer = Client().post("/sign-in/passkey/options", headers={"Host": "a b"})
    assert answer.status_code == 400
    assert "console.css" in answer.content.decode()
