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
        if (b"accept", b"text/event-stream") in scope["headers"]:  # lasts for hours: not on a thread that others need
            await super().__call__(scope, receive, send)
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
