"""The console as uvicorn calls it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from jackfield.console import asgi
from jackfield.settings import Settings


async def post(size: int, headers: list[tuple[bytes, bytes]] = []) -> list[Any]:  # noqa: B006 - read only
    """Send a body in pieces of 256 kB; return what was answered, nothing when the connection was cut."""
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
        return {"type": "http.request", "body": pieces.pop(), "more_body": bool(pieces)}

    async def send(message: Any) -> None:
        answered.append(message)

    await asgi.application(scope, receive, send)
    return answered


async def test_a_stranger_can_not_fill_the_disk(sqlite: Settings):
    assert (await post(512 << 10))[0]["status"] == 403  # without the token of a form
    assert await post(2 << 20) == []


async def test_somebody_known_may_send_more_but_not_without_end(sqlite: Settings, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(asgi, "LARGEST_BODY", 4 << 20)
    known = [(b"cookie", b"jackfield_session=abc")]
    assert (await post(2 << 20, known))[0]["status"] == 403
    assert await post(6 << 20, known) == []
