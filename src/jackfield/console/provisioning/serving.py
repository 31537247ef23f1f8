"""Phones' questions by HTTPS and HTTP, beside Django: nothing of sessions, languages and middleware is theirs.

All questions are answered on one thread with its own connection to the database, as many at once as have come while
the ones before were answered (`door.answers`). So one phone waits a few milliseconds, and a thousand that start at once
share a commit with fifty others each.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from django.conf import settings as django_settings

from jackfield.console import access
from jackfield.console.lan import directory
from jackfield.console.provisioning.asking import Answer, Request

__all__ = ["PREFIX", "ask", "desk", "serve"]

log = logging.getLogger("jackfield.provisioning")

PREFIX = "/provision/"
BATCH = 48
"""Questions that are answered in one transaction: some 50 ms, in which nobody else can write on SQLite."""
MOST_WAITING = 3000
FORWARDED = frozenset((b"x-forwarded-for", b"x-real-ip", b"forwarded"))
"""Headers of HTTP that proxies write, and no phone."""
BUSY = Answer(
    status=503, body=b"Busy: come again.\n", headers=(("Retry-After", "30"),), why="too many phones wait already"
)
FAULT = Answer(status=500, body=b"A fault stopped this.\n", why="a fault of ours")

Work = tuple[Request, "Future[Answer]"]


class Desk:
    """Takes questions from any thread and answers them in batches on its own, which begins with the first one."""

    def __init__(self) -> None:
        self._waiting: queue.SimpleQueue[Work] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def ask(self, request: Request) -> Future[Answer]:
        """Return what will hold the answer."""
        found: Future[Answer] = Future()
        if self._waiting.qsize() >= MOST_WAITING:
            found.set_result(BUSY)
            return found
        self._waiting.put((request, found))
        if self._thread is None or not self._thread.is_alive():
            with self._lock:
                if self._thread is None or not self._thread.is_alive():
                    self._thread = threading.Thread(target=self._run, name="phones", daemon=True)
                    self._thread.start()
        return found

    def _run(self) -> None:
        while True:
            batch = [self._waiting.get()]
            while len(batch) < BATCH:
                try:
                    batch.append(self._waiting.get_nowait())
                except queue.Empty:
                    break
            self._answer(batch)

    def _answer(self, batch: list[Work]) -> None:
        from jackfield.console.faults import ConsoleError
        from jackfield.console.provisioning.door import answers
        from jackfield.console.provisioning.proofs import secret_in

        after: list[Callable[[], None]] = []
        try:
            found = answers([request for request, _ in batch], later=after.append)
        except ConsoleError as why:  # the database is away
            log.error("%s", why)
            found = [BUSY] * len(batch)
        except Exception:
            if len(batch) > 1:  # one of them is to blame: the others shall have their answers
                for one in batch:
                    self._answer([one])
                return
            path = batch[0][0].path
            secret = secret_in(path)  # which may not have been used yet
            shown = path.replace(secret, "…") if secret else path
            log.exception("a fault while a phone was given its configuration: %s", shown[-80:])
            found = [FAULT]
        for (_request, future), answer in zip(batch, found, strict=True):
            future.set_result(answer)
        for work in after:
            try:
                work()
            except Exception as why:
                log.error("who asked and is nobody's phone could not be written down: %s", why)


desk = Desk()
"""The one of this process."""


async def ask(request: Request) -> Answer:
    """Answer a question without holding up the event loop: for TFTP and plug and play as well."""
    return await asyncio.wrap_future(desk.ask(request))


async def serve(scope: Any, receive: Any, send: Any) -> None:
    """Answer a request whose address begins with `PREFIX` (ASGI 3, HTTP)."""
    if scope["path"].startswith(directory.PREFIX):
        await directory.serve(scope, send)
        return
    if scope["method"] not in ("GET", "HEAD"):
        answer = Answer(status=405, body=b"Only GET is here.\n", headers=(("Allow", "GET, HEAD"),))
    else:
        answer = await ask(_request(scope))
    body = b"" if scope["method"] == "HEAD" else answer.body
    headers = [
        (b"content-type", answer.content_type.encode()),
        (b"cache-control", b"no-store"),
        (b"content-length", b"%d" % len(body)),
        *((name.lower().encode(), value.encode()) for name, value in answer.headers),
    ]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _request(scope: Any) -> Request:
    given = {name: value for name, value in scope["headers"] if name in (b"user-agent", b"authorization", b"host")}
    state = scope.get("state") or {}
    path, query = scope.get("raw_path") or scope["path"].encode(), scope.get("query_string", b"")
    address = (scope.get("client") or ("", 0))[0]
    return Request(
        path=(path + (b"?" + query if query else b"")).decode("ascii", "replace"),
        way="https" if scope["scheme"] == "https" else "http",
        address=address.removeprefix("::ffff:"),
        user_agent=given.get(b"user-agent", b"").decode("latin-1"),
        method=scope["method"],
        authorization=given.get(b"authorization", b"").decode("latin-1"),
        certificate=state.get("certificate", ""),
        host=given.get(b"host", b"").decode("latin-1"),
        relayed=_relayed(address, state.get("peer", address), scope["headers"]),
    )


def _relayed(address: str, peer: str, headers: Any) -> bool:
    """Tell whether `address` is that of a proxy, and not of the phone: then it says nothing of where the phone is.

    `peer`: who connected. A proxy that the settings name has told us another address by now.
    """
    if address != peer:
        return False
    proxies = django_settings.JACKFIELD.trusted_proxies.split(",")
    return any(name in FORWARDED for name, _ in headers) or access.is_within(address, proxies)
