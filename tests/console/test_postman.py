"""E-mail servers that are slow, away or full, and what is told of by links."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from django.utils.translation import override

from jackfield.console import links, own_door, postman
from jackfield.console.letters import Letter
from jackfield.console.watching import Watch
from jackfield.notices.models import Mail, Notice
from jackfield.settings import Settings

from .mailbox import serving

NOW = 1_790_000_000.0


def mail(port: int, host: str = "127.0.0.1", **more: str) -> Mail:
    found = Mail(pk=1, host=host, port=port, security="none", sender="pbx@example.com", **more)
    found.save()
    return found


def waiting(*recipients: str) -> None:
    for recipient in recipients:
        Notice.objects.create(at=NOW, kind="system", cause=recipient, recipient=recipient, subject="s", text="t")


@contextmanager
def answering(text: bytes) -> Iterator[tuple[int, list[int]]]:
    """A server that says one thing to each who connects, and hangs up. Yields its port and how many came."""
    came: list[int] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def work() -> None:
            while True:
                try:
                    one, _ = server.accept()
                except OSError:
                    return
                came.append(1)
                one.sendall(text)
                one.close()

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        yield server.getsockname()[1], came
        server.shutdown(socket.SHUT_RDWR)
    thread.join(5)


def test_a_server_that_can_not_be_talked_to_is_tried_once_a_minute_however_many_wait(sqlite: Settings):
    waiting("a@example.com", "b@example.com", "c@example.com")
    with answering(b"421 too busy now\r\n") as (port, came):
        mail(port)
        Watch(sqlite, clock=lambda: NOW).deliver()
        assert len(came) == 1
        assert not postman.due(NOW + 30)
        assert len(postman.due(NOW + 61)) == 3
        assert [one.tries for one in Notice.objects.order_by("pk")] == [1, 0, 0]
        Watch(sqlite, clock=lambda: NOW + 61).deliver()
        assert len(came) == 2


def test_a_mailbox_that_is_refused_does_not_hold_up_the_others(sqlite: Settings, free_port: Callable[[], int]):
    waiting("nobody@example.com", "b@example.com")
    with serving(free_port()) as box:
        mail(box.port)
        Watch(sqlite, clock=lambda: NOW).deliver()
    assert [to for _, to, _ in box.messages] == [["b@example.com"]]


def test_what_an_administrator_may_mend_is_tried_for_a_day(sqlite: Settings, free_port: Callable[[], int]):
    waiting("relay@example.com", "nobody@example.com")
    with serving(free_port()) as box:
        mail(box.port)
        Watch(sqlite, clock=lambda: NOW).deliver()
    assert [(one.recipient[:5], one.progress) for one in Notice.objects.order_by("pk")] == [
        ("relay", "waiting"), ("nobod", "failed")
    ]  # fmt: skip


@pytest.mark.parametrize("language", ["en", "de", "es", "fr", "cs"])
def test_the_lines_around_a_notice_speak_the_reader_s_language(sqlite: Settings, language: str):
    mail(25, links="https://phone.example.com")
    notice = Notice(kind="missed_call", subject="s", text="t", recipient="a@example.com", language=language)
    with override(language):
        text = postman.letter(notice).text()
    assert "https://phone.example.com/me/notices" in text
    assert "https://phone.example.com/me/\n" in text
    assert ("Which messages you get" in text) is (language == "en")
    assert ("See your calls" in text) is (language == "en")


def test_a_server_that_takes_its_time_is_waited_for_and_gets_nothing_twice(
    sqlite: Settings, free_port: Callable[[], int], monkeypatch: pytest.MonkeyPatch
):
    """Longer than for somebody who looks on: else it takes the message after we gave up, and gets it again."""
    monkeypatch.setattr(postman, "TIMEOUT", 0.3)
    go = threading.Event()
    waiting("a@example.com")
    with serving(free_port()) as box:
        mail(box.port)
        take = box.handle_DATA

        async def slowly(server, session, envelope):
            import asyncio

            await asyncio.to_thread(go.wait, 10)
            return await take(server, session, envelope)

        box.handle_DATA = slowly
        with pytest.raises(postman.Undeliverable, match="took the connection and then did not answer"):
            postman.send(Mail.current(), "b@example.com", Letter("s"))
        go.set()
        Watch(sqlite, clock=lambda: NOW).deliver()
    assert Notice.objects.get().progress == "sent"


@pytest.mark.parametrize(
    ("known", "console", "own", "address"),
    [
        ("https://phone.example.com", "0.0.0.0", 8443, "https://phone.example.com/admin/"),  # a proxy before both
        ("https://192.0.2.1:8443", "0.0.0.0", 8443, "https://192.0.2.1:4021/admin/"),
        ("https://phone.example.com", "0.0.0.0", 443, "https://phone.example.com:4021/admin/"),
        ("https://[2001:db8::1]:8443", "::", 8443, "https://[2001:db8::1]:4021/admin/"),
        ("https://192.0.2.1:8443", "127.0.0.1", 8443, ""),  # only this machine reaches the administration
        ("https://192.0.2.1:8443", "127.0.0.1", 0, "https://192.0.2.1:8443/admin/"),
        ("", "0.0.0.0", 8443, ""),
    ],
)
def test_administrators_are_led_to_where_the_administration_is(
    sqlite: Settings, monkeypatch: pytest.MonkeyPatch, known: str, console: str, own: int, address: str
):
    from django.conf import settings as django_settings

    monkeypatch.setattr(own_door, "port", own)
    changed = sqlite.model_copy(update={"console_host": console, "console_port": 4021})
    vars(changed).pop("console_hosts", None)  # what was worked out of the other
    monkeypatch.setattr(django_settings, "JACKFIELD", changed)
    mail(25, links=known)
    assert links.address_for_administrators("/admin/") == address
    assert links.address_for_users("/me/") == (f"{known}/me/" if known else "")
