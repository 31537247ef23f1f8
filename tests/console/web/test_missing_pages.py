"""What people see where there is nothing, and where something is broken: a page of ours, and nothing of the inside."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client

from jackfield.console.web import signing_in

from .conftest import As


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


def test_a_fault_is_told_in_words_and_tells_nothing(company: Any, monkeypatch: pytest.MonkeyPatch):
    def broken(*_: Any, **__: Any) -> Any:
        raise OperationalError("sesame: the database of /srv/data is away")

    monkeypatch.setattr(signing_in, "render", broken)
    browser = Client(raise_request_exception=False)
    answer = browser.get("/sign-in", HTTP_ACCEPT_LANGUAGE="de")
    assert answer.status_code == 500
    text = answer.content.decode()
    assert "console.css" in text
    assert 'lang="de"' in text
    assert "sesame" not in text
    assert "/srv" not in text
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
