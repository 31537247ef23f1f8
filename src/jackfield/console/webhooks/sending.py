"""One message to a webhook by HTTP: sent straight, with a limit of the time in all, no redirects, a short answer.

Many at once need no thread each: all are tasks of one event loop. httpcore is loaded with the first message only.
"""

from __future__ import annotations

import asyncio
import ssl
import threading
import time
from collections.abc import Iterable
from concurrent.futures import Future
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from jackfield import __version__

if TYPE_CHECKING:
    import httpcore

__all__ = ["Answer", "Post", "Sender", "send_now"]

SECONDS = 20.0
"""For all of it: Standard Webhooks recommends 15 to 30."""
ANSWER_BYTES = 1000
"""Of the answer that are read and kept."""
CONNECTIONS = 20


@dataclass(frozen=True, slots=True)
class Post:
    """What is sent, and where to."""

    address: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of it. `status`: of HTTP, 0 when there was no answer; then `error` says why in words."""

    status: int = 0
    text: str = ""
    error: str = ""
    seconds: float = 0.0
    retry_after: float | None = None  # seconds that the other side asks for

    @property
    def good(self) -> bool:
        """Whether the message was taken."""
        return 200 <= self.status < 300


class Sender:
    """Sends from a thread of its own, which begins with the first message."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._pool: httpcore.AsyncConnectionPool | None = None

    def send(self, post: Post) -> Future[Answer]:
        """Begin to send; the future never fails."""
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            self._pool = _pool()
            threading.Thread(target=_run, args=(self._loop,), name="webhook-sender", daemon=True).start()
        assert self._pool is not None
        return asyncio.run_coroutine_threadsafe(_answer(self._pool, post, SECONDS), self._loop)

    def close(self) -> None:
        """Let go of all connections and end the thread; what is on its way is given up."""
        loop, pool, self._loop, self._pool = self._loop, self._pool, None, None
        if loop is None or pool is None:
            return

        async def end() -> None:
            for task in asyncio.all_tasks() - {asyncio.current_task()}:
                task.cancel()
            await pool.aclose()
            loop.stop()

        asyncio.run_coroutine_threadsafe(end(), loop)


def _run(loop: asyncio.AbstractEventLoop) -> None:
    try:
        loop.run_forever()
    finally:
        loop.close()


def send_now(post: Post, seconds: float = SECONDS) -> Answer:
    """Send and wait for the answer. Not for threads that have an event loop."""

    async def send() -> Answer:
        async with _pool() as pool:
            return await _answer(pool, post, seconds)

    return asyncio.run(send())


def _pool() -> httpcore.AsyncConnectionPool:
    import httpcore

    # The system's authorities count, so that a company's own can be added there.
    return httpcore.AsyncConnectionPool(
        ssl.create_default_context(), max_connections=None, max_keepalive_connections=CONNECTIONS, keepalive_expiry=30.0
    )


async def _answer(pool: httpcore.AsyncConnectionPool, post: Post, seconds: float) -> Answer:
    import httpcore

    headers = {"Host": _host(post.address), "Content-Type": "application/json", "Accept": "*/*",
               "User-Agent": f"Jackfield/{__version__}", "Content-Length": str(len(post.body)),
               **post.headers}  # fmt: skip
    began, error = time.monotonic(), ""
    try:
        async with (
            asyncio.timeout(seconds),
            pool.stream("POST", post.address, headers=list(headers.items()), content=post.body) as response,
        ):
            text = await _beginning(response)
            return Answer(response.status, text, "", time.monotonic() - began, _retry_after(response.headers))
    except TimeoutError:
        error = _("there was no answer within %(seconds)d seconds") % {"seconds": seconds}
    except httpcore.ConnectError as problem:
        error = _connecting(problem)
    except (httpcore.NetworkError, httpcore.ProtocolError) as problem:
        error = _("the connection broke: %(reason)s") % {"reason": _reason(problem)}
    except Exception as problem:  # whatever else the other side causes must not end the courier
        error = _("it could not be sent: %(reason)s") % {"reason": _reason(problem)}
    return Answer(error=error, seconds=time.monotonic() - began)


def _host(address: str) -> str:
    return address.partition("://")[2].partition("/")[0].partition("?")[0]


async def _beginning(response: Any) -> str:
    """Return the beginning of the answer as text; the rest is not read."""
    found = b""
    async for chunk in response.aiter_stream():
        found += chunk
        if len(found) >= ANSWER_BYTES:
            break
    return found[:ANSWER_BYTES].decode("utf-8", "replace").replace("\0", "")


def _retry_after(headers: Iterable[tuple[bytes, bytes]]) -> float | None:
    """Return the seconds of Retry-After (RFC 9110 section 10.2.3), written either way."""
    value = next((value.decode("latin-1") for name, value in headers if name.lower() == b"retry-after"), "")
    try:
        return max(0.0, float(value) if value.isdigit() else parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, TypeError):
        return None


def _connecting(problem: BaseException) -> str:
    text, reason = _("it can't be reached: %(reason)s"), _reason(problem)
    cause: BaseException | None = problem
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            text, reason = _("its certificate can't be trusted: %(reason)s"), cause.verify_message
            break
        if isinstance(cause, ssl.SSLError):
            text, reason = _("it speaks no TLS: %(reason)s"), str(cause.reason or cause)
            break
        cause = cause.__cause__ or cause.__context__
    return str(text % {"reason": reason})


def _reason(problem: BaseException) -> str:
    cause: BaseException | None = problem
    while cause is not None:
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror
        cause = cause.__cause__ or cause.__context__
    return str(problem) or type(problem).__name__
