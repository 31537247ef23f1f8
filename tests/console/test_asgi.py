"""The console as uvicorn calls it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from jackfield.console import asgi, receiving
from jackfield.settings import Settings

from .web.conftest import person


@pytest.fixture(autouse=True)
def fresh_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads keep their connection to the database, which is another one in each test."""
    monkeypatch.setattr(asgi.application, "_free", None)


async def post(
    size: int,
    headers: list[tuple[bytes, bytes]] = [],  # noqa: B006 - read only
    *,
    slow: bool = False,
    unread: bool = False,
) -> list[Any]:
    """Send a body in pieces of 256 kB; return what was answered, nothing when the connection was cut.

    `slow`: the rest never comes; `unread`: the answer is never taken.
    """
    pieces = [b"x" * (256 << 10)] * (size // (256 << 10))
    scope = {
        "type": "http", "method": "POST", "path": "/sign-in", "query_string": b"", "client": ("127.0.0.1", 1),
        "headers": [(b"host", b"localhost"), (b"content-type", b"text/plain"), *headers], "server": ("127.0.0.1", 80),
        "scheme": "http", "http_version": "1.1",
    }  # fmt: skip
    answered: list[Any] = []

    async def receive() -> Any:
        if not pieces:
            await asyncio.Event().wait()  # nothing more comes, and nobody leaves
        return {"type": "http.request", "body": pieces.pop(), "more_body": slow or bool(pieces)}

    async def send(message: Any) -> None:
        if unread and message["type"] == "http.response.body":
            await asyncio.Event().wait()
        answered.append(message)

    await asgi.application(scope, receive, send)
    return answered


async def test_a_stranger_can_not_fill_the_disk(sqlite: Settings):
    assert (await post(512 << 10))[0]["status"] == 403  # without the token of a form
    assert (await post(2 << 20))[0]["status"] == 413


@pytest.mark.parametrize(
    "claim",
    [(b"cookie", b"jackfield_session=abc"), (b"cookie", b"jackfield_session"), (b"cookie", b"\xff=;;"),
     (b"authorization", b"Bearer jf_madeup"), (b"authorization", b"\xff"), (b"authorization", b"Basic eDp5")],
)  # fmt: skip
async def test_who_only_claims_to_be_known_is_a_stranger(sqlite: Settings, claim: tuple[bytes, bytes]):
    assert (await post(2 << 20, [claim]))[0]["status"] == 413


async def test_somebody_known_may_send_more_but_not_without_end(sqlite: Settings, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(receiving, "LARGEST_BODY", 4 << 20)
    for known in await asyncio.to_thread(_somebody_known):
        assert (await post(2 << 20, [known]))[0]["status"] in (403, 404, 405)
        assert (await post(6 << 20, [known]))[0]["status"] == 413


def _somebody_known() -> list[tuple[bytes, bytes]]:
    """Return what a browser sends in which somebody has signed in, and what a program sends."""
    from django.db import connections
    from django.test import Client

    from jackfield.console.rest.tokens import make_token

    user = person("user")
    browser = Client()
    browser.force_login(user)
    _, text = make_token(user, "a program", [], None)
    session = browser.cookies["jackfield_session"].value
    connections.close_all()
    return [(b"cookie", f"a=b; jackfield_session={session}".encode()), (b"authorization", f"Bearer {text}".encode())]


async def test_nobody_gets_past_the_few_threads_by_claiming_to_want_a_stream(
    sqlite: Settings, monkeypatch: pytest.MonkeyPatch
):
    """Each check of a password takes 100 MB: as many at once as strangers like would take all of the memory."""
    taken: list[str] = []
    real = asgi.application._thread
    monkeypatch.setattr(asgi.application, "_thread", lambda: taken.append("one") or real())
    await post(256 << 10, [(b"accept", b"text/event-stream")])
    assert taken == ["one"]


async def test_who_sends_slowly_holds_up_nobody(sqlite: Settings, monkeypatch: pytest.MonkeyPatch):
    slow = [asyncio.create_task(post(1, slow=True)) for _ in range(2 * asgi.THREADS)]
    await asyncio.sleep(0)  # all of them are there
    assert (await post(256 << 10))[0]["status"] == 403
    assert not any(task.done() for task in slow)
    for task in slow:
        task.cancel()
    monkeypatch.setattr(receiving, "PATIENCE", 0.0)
    assert (await post(1, slow=True))[0]["status"] == 408


async def test_who_reads_slowly_holds_up_nobody(sqlite: Settings):
    stuck = [asyncio.create_task(post(256 << 10, unread=True)) for _ in range(2 * asgi.THREADS)]
    assert (await post(256 << 10))[0]["status"] == 403
    for task in stuck:
        task.cancel()
