"""The console as an ASGI application. `jackfield.console.database.setup()` must have been called."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from asgiref.sync import SyncToAsync, ThreadSensitiveContext
from django.core.handlers.asgi import ASGIHandler

__all__ = ["application"]

THREADS = 4
"""Requests that are worked on at once; more of them would only take turns on the interpreter."""


STREAMS = frozenset(("/admin/live", "/api/v1/events"))
LARGEST_BODY, LARGEST_OF_STRANGERS = 64 << 20, 1 << 20
"""Bytes: a body is written to the disk before any view sees it. Views have narrower limits of their own."""


def _limited(scope: Any, receive: Any) -> Any:
    """Return a `receive` that hangs up on a body which is too large; that of somebody unknown is so much earlier."""
    headers = dict(scope["headers"])
    known = b"authorization" in headers or b"jackfield_session=" in headers.get(b"cookie", b"")
    left = LARGEST_BODY if known else LARGEST_OF_STRANGERS

    async def limited() -> Any:
        nonlocal left
        message = await receive()
        left -= len(message.get("body", b""))
        return message if left >= 0 else {"type": "http.disconnect"}

    return limited


class Handler(ASGIHandler):  # type: ignore[misc]
    """Django's handler, on a few threads that stay.

    By itself it makes a thread for each request, and with it a connection to the database, with every cache of it cold:
    a short list takes 8 ms instead of 4 on SQLite, more on PostgreSQL.
    """

    def __init__(self) -> None:
        super().__init__()
        self._free: asyncio.LifoQueue[ThreadPoolExecutor] | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            raise ValueError("only HTTP is served here")
        receive = _limited(scope, receive)
        if scope["path"] in STREAMS or (b"accept", b"text/event-stream") in scope["headers"]:
            await super().__call__(scope, receive, send)  # lasts for hours: not on a thread that others need
            return
        async with self._thread():
            await self.handle(scope, receive, send)

    @contextlib.asynccontextmanager
    async def _thread(self) -> AsyncIterator[None]:
        """Have all of a request's ordinary functions run in one thread: the one used last, whose caches are warm."""
        if self._free is None:
            self._free = asyncio.LifoQueue()
            for number in range(THREADS):
                self._free.put_nowait(ThreadPoolExecutor(1, thread_name_prefix=f"web-{number}"))
        thread = await self._free.get()
        context = ThreadSensitiveContext()
        token = SyncToAsync.thread_sensitive_context.set(context)
        SyncToAsync.context_to_thread_executor[context] = thread
        try:
            yield
        finally:
            SyncToAsync.context_to_thread_executor.pop(context, None)
            SyncToAsync.thread_sensitive_context.reset(token)
            self._free.put_nowait(thread)


application = Handler()
