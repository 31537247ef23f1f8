"""The test button for the e-mail server, in the first run and in the administration, against a real SMTP server."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from jackfield.console import postman
from jackfield.notices.models import Mail
from jackfield.settings import Settings

from ..mailbox import LOGIN, PASSWORD, Mailbox, certificate, serving


@pytest.fixture
def trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A server's certificate for localhost that clients trust."""
    context, chain = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(chain))
    return context


def tried(admin: Client, port: int, **more: str) -> str:
    """Press the button in the first run; return the page."""

    values = {"host": "localhost", "port": str(port), "security": "starttls", "sender": "pbx@example.com"}
    values |= {"username": LOGIN, "password": PASSWORD, "links": "", "recipient": "anna@example.com", "try": "yes"}
    return str(admin.post("/first-run/mail", values | more).content.decode())


@pytest.fixture
def wizard(admin: Client) -> Client:
    """An administrator in the first run."""
    assert admin.get("/first-run/mail").status_code == 200
    return admin


@pytest.mark.parametrize(("security", "at_once"), [("starttls", False), ("tls", True)])
def test_it_works_encrypted_and_with_a_password(wizard, trusted, free_port: Callable[[], int], security, at_once):
    with serving(free_port(), tls=trusted, at_once=at_once) as box:
        page = tried(wizard, box.port, security=security)
    assert "The server took the test message for anna@example.com." in page
    assert box.secure == [True]
    assert "the e-mail server is set up right" in box.plain()
    assert PASSWORD not in page


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"password": "wrong"}, "refused the user name or the password: 535"),
        ({"security": "tls"}, "speaks no TLS as set"),
        ({"recipient": "nobody@example.com"}, "does not take messages for nobody@example.com: 550"),
        ({"recipient": "nobody"}, "say to whom the test message goes"),
        ({"host": "no-such-host.invalid"}, "there is no server of the name no-such-host.invalid"),
    ],
)
def test_what_is_wrong_is_said_with_the_mend(wizard, trusted, free_port: Callable[[], int], more, told: str):
    with serving(free_port(), tls=trusted) as box:
        page = tried(wizard, box.port, **more)
    assert told in page
    assert not box.messages


def test_a_wrong_port_is_said_with_the_usual_ones(wizard, free_port: Callable[[], int]):
    page = tried(wizard, free_port())
    assert "can&#39;t be reached: Connection refused" in page
    assert "587 for STARTTLS" in page


def test_a_server_without_encryption_is_said(wizard, free_port: Callable[[], int]):
    with serving(free_port()) as box:
        assert "does not offer what is set" in tried(wizard, box.port)


def test_a_certificate_that_nobody_knows_is_said(wizard, tmp_path: Path, free_port: Callable[[], int]):
    context, _chain = certificate(tmp_path)
    with serving(free_port(), tls=context) as box:
        assert "has a certificate that this machine does not trust: self-signed" in tried(wizard, box.port)


def test_a_certificate_for_another_name_is_said_with_the_mend(
    wizard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free_port: Callable[[], int]
):
    context, chain = certificate(tmp_path, "mail.elsewhere.example")
    monkeypatch.setenv("SSL_CERT_FILE", str(chain))
    with serving(free_port(), tls=context) as box:
        page = tried(wizard, box.port)
    assert "has a certificate for another name" in page
    assert "Give the name that stands in the certificate as the server" in page


def test_a_server_that_wants_encryption_first_is_said(wizard, trusted, free_port: Callable[[], int]):
    with serving(free_port(), tls=trusted, required=True) as box:
        page = tried(wizard, box.port, security="none", username="", password="")
    assert "wants STARTTLS or a user name first: 530" in page


def test_a_server_that_says_nothing_is_not_waited_for_long(wizard, monkeypatch):
    monkeypatch.setattr(postman, "TIMEOUT", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        page = tried(wizard, silent.getsockname()[1], host="127.0.0.1")
    assert "port 465 wants TLS from the start" in page


def test_the_administration_has_the_same_button(admin, company: Settings, free_port: Callable[[], int]):
    with serving(free_port()) as box:
        Mail(pk=1, host="127.0.0.1", port=box.port, security="none", sender="pbx@example.com").save()
        page = admin.post("/admin/messages/test", {"recipient": "anna@example.com"}, follow=True).content.decode()
    assert "The server took the test message for anna@example.com." in page
    assert len(box.messages) == 1


def test_people_typed_in_the_first_run_are_welcomed(admin, company: Settings, free_port: Callable[[], int]):
    with serving(free_port()) as box:
        mail(admin, box)
        rows = {"rows.0.name": "Eva Maler", "rows.0.email": "eva@example.com", "rows.0.number": "150",
                "rows.0.login": "eva"}  # fmt: skip
        admin.post("/first-run/people", rows)
        page = admin.get("/first-run/finish").content.decode()
        assert 'name="welcome" value="yes" checked' in page
        answer = admin.post("/first-run/finish", {"welcome": "yes"}, follow=True)
        assert "1 welcome mail is on its way." in answer.content.decode()
        import time

        for notice in postman.due(time.time()):
            postman.deliver(notice, time.time())
    assert "https://phone.example.com/set-password/" in box.plain()
    assert "Your number: 150" in box.plain()


def mail(admin: Client, box: Mailbox) -> None:
    """Fill in the step of the e-mail server."""
    values = {"host": "127.0.0.1", "port": str(box.port), "security": "none", "sender": "pbx@example.com"}
    assert admin.post("/first-run/mail", values | {"links": "https://phone.example.com"}).status_code == 302
