"""The console as an ASGI application. `jackfield.console.database.setup()` must have been called."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from asgiref.sync import SyncToAsync, ThreadSensitiveContext, sync_to_async
from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import ASGIHandler
from django.urls import get_resolver

from jackfield.console.access import table
from jackfield.console.browser_phones import bridge
from jackfield.console.provisioning import serving as phones
from jackfield.console.receiving import Received, TooLarge, is_known, limited
from jackfield.network.firewall.services import ServiceName

__all__ = ["application"]

THREADS = 4
"""Requests that are worked on at once; more of them would only take turns on the interpreter."""


MOST = 200
"""Requests of people and programs at once. Phones have room of their own beyond it: see `__main__`."""
STREAMS = frozenset(("/admin/live", "/admin/sites/live", "/api/v1/events"))


class Handler(ASGIHandler):  # type: ignore[misc]
    """Django's handler, on a few threads that stay.

    By itself it makes a thread for each request, and with it a connection to the database, with every cache of it cold:
    a short list takes 8 ms instead of 4 on SQLite, more on PostgreSQL.
    """

    def __init__(self) -> None:
        super().__init__()
        self._inside = 0
        self._free: asyncio.LifoQueue[ThreadPoolExecutor] | None = None
        self._loaded = False

    async def load(self) -> None:
        """Have the pages' code read beside the event loop: on a busy machine that takes seconds, and phones wait."""
        if not self._loaded:
            await asyncio.to_thread(_import_pages)
            self._loaded = True

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer a request."""
        if scope["type"] == "websocket":
            if _may(scope, "own_pages"):
                await bridge.serve(scope, receive, send)
            else:
                await receive()
                await send({"type": "websocket.close", "code": 1008, "reason": "closed to your address"})
            return
        if scope["type"] != "http":
            raise ValueError("only HTTP and WebSockets are served here")
        if scope["path"].startswith(phones.PREFIX):
            if _may(scope, "provisioning"):
                await phones.serve(scope, receive, send)
            else:
                await _refuse(send, 403)
            return
        if (scope.get("state") or {}).get("phones_only"):
            await _refuse(send, 404)  # a connection by plain HTTP that began with a phone's question
            return
        if self._inside >= MOST:
            await _refuse(send, 503)
            return
        self._inside += 1
        try:
            await self._serve(scope, receive, send)
        finally:
            self._inside -= 1

    async def _serve(self, scope: Any, receive: Any, send: Any) -> None:
        await self.load()
        try:
            body = await super().read_body(limited(receive, lambda: self._known(scope["headers"])))
        except RequestAborted:
            return
        except (TooLarge, TimeoutError) as why:
            await _refuse(send, 413 if isinstance(why, TooLarge) else 408)
            return
        received = Received(body, receive)
        if scope["path"] in STREAMS:  # by its address alone: what a request claims to be is no way past the limit
            await super().__call__(scope, received, send)  # lasts for hours: not on a thread that others need
            return
        async with self._thread() as give_back:

            async def sending(message: Any) -> None:
                if message["type"] == "http.response.body":
                    give_back()  # the answer is made: who reads it slowly holds up nobody
                await send(message)

            await self.handle(scope, received, sending)

    async def read_body(self, receive: Any) -> Any:
        """Return the body, which was read before a thread was taken: who sends slowly holds up nobody."""
        return receive.body

    async def _known(self, headers: Any) -> bool:
        async with self._thread():
            found: bool = await sync_to_async(is_known)(headers)
        return found

    @contextlib.asynccontextmanager
    async def _thread(self) -> AsyncIterator[Callable[[], None]]:
        """Have all of a request's ordinary functions run in one thread: the one used last, whose caches are warm.

        What the block gets lets others have the thread before it ends; what it still asks of it comes in its turn.
        """
        if self._free is None:
            self._free = asyncio.LifoQueue()
            for number in range(THREADS):
                self._free.put_nowait(ThreadPoolExecutor(1, thread_name_prefix=f"web-{number}"))
        free, thread = self._free, await self._free.get()
        context = ThreadSensitiveContext()
        token = SyncToAsync.thread_sensitive_context.set(context)
        SyncToAsync.context_to_thread_executor[context] = thread
        held = True

        def give_back() -> None:
            nonlocal held
            if held:
                held = False
                free.put_nowait(thread)

        try:
            yield give_back
        finally:
            SyncToAsync.context_to_thread_executor.pop(context, None)
            SyncToAsync.thread_sensitive_context.reset(token)
            give_back()


def _import_pages() -> None:
    """Import all views, as the first request would."""
    list(get_resolver().url_patterns)


_REFUSED = {
    403: b"Closed to your address.\n",
    404: b"By plain HTTP there are only phones' files here.\n",
    408: b"This took too long.\n",
    413: b"This is too large.\n",
    503: b"Too many people at once: try again in a moment.\n",
}


def _may(scope: Any, service: ServiceName) -> bool:
    """Ask the firewall for what is not answered by a view: see `web.doors` for all others."""
    return table().allows(service, (scope.get("client") or ("", 0))[0])


async def _refuse(send: Any, status: int) -> None:
    """Answer somebody who is not served, and hang up."""
    text = _REFUSED[status]
    headers = [(b"content-type", b"text/plain"), (b"content-length", b"%d" % len(text)), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": text})


application = Handler()
