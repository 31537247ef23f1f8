"""The bridge: the WebSocket of a browser at the port of its pages, carried to the switch by a Unix socket.

So one port and one certificate are enough for pages and phone. Nobody gets through without a session that has a phone,
from a page of ours. What goes over the bridge is SIP that the switch checks itself, as from any phone.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import urlsplit

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.typing import Subprotocol

from jackfield.console.web.pace import Pace
from jackfield.control import reachable
from jackfield.sip.transport.bridged import introduction

__all__ = ["LARGEST", "PATH", "Sockets", "close", "close_session", "serve"]

log = logging.getLogger(__name__)

PATH = "/me/phone/sip"
LARGEST = 65_535
"""Bytes of one message, as the switch has it too."""
MOST = 5_000
"""Browsers at once."""
MOST_OF_SESSION = 4
"""Connections of one session: a page that is loaded anew comes before the old one is missed."""
CHECK_SECONDS = 30.0
"""Between looks whether the session goes on."""
SIP = Subprotocol("sip")
TAKEN_OVER, SIGNED_OUT, TOO_FAST, AWAY = 4409, 4401, 4429, 1012
"""Codes of closing, the first three our own (RFC 6455 section 7.4.2)."""

_open: dict[str, set[_Crossing]] = {}
_pace = Pace(50.0, 300)
_database = ThreadPoolExecutor(1, thread_name_prefix="phones")


class Sockets(WebSocketsSansIOProtocol):
    """Uvicorn's WebSockets, not counted among the connections that pages may have: phones stay for hours."""

    _all: set[Any] = set()  # noqa: RUF012 - of the process, as the server's own is

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.connections, self.tasks = self._all, set()


class _Crossing:
    """One browser on the bridge. `stop` may be called from any thread."""

    def __init__(self) -> None:
        self.code = 0
        self._loop = asyncio.get_running_loop()
        self._stopped = asyncio.Event()

    def stop(self, code: int) -> None:
        self.code = self.code or code
        with contextlib.suppress(RuntimeError):  # its loop has ended
            self._loop.call_soon_threadsafe(self._stopped.set)

    async def stopped(self) -> None:
        await self._stopped.wait()


def close_session(key: str, code: int = SIGNED_OUT) -> None:
    """Cut the browsers of a session off: it has ended, or its phone was started in another window."""
    for crossing in list(_open.get(key, ())):
        crossing.stop(code)


def close() -> None:
    """Cut everybody off: the process is about to end."""
    for crossings in list(_open.values()):
        for crossing in list(crossings):
            crossing.stop(AWAY)


async def serve(scope: Any, receive: Any, send: Any) -> None:
    """Answer a WebSocket (ASGI)."""
    await receive()
    headers = dict(scope["headers"])
    key = _session(headers)
    status = 404 if scope["path"] != PATH else _refusal(scope, headers, key)
    if not status and not await asyncio.get_running_loop().run_in_executor(_database, _may, key):
        status = 403
    if status:
        return await _refuse(send, status)
    crossing = _Crossing()
    _open.setdefault(key, set()).add(crossing)
    try:
        try:
            switch = await _to_switch(scope)
        except (OSError, ValueError, TimeoutError, WebSocketException) as problem:
            log.info("no browser reaches the switch: %s", problem)
            return await _refuse(send, 503)
        async with switch:
            await send({"type": "websocket.accept", "subprotocol": SIP})
            await _carry(key, crossing, switch, receive, send)
    finally:
        _open[key].discard(crossing)
        if not _open[key]:
            del _open[key]


def _session(headers: dict[bytes, bytes]) -> str:
    try:
        found = SimpleCookie(headers.get(b"cookie", b"").decode("latin-1")).get("jackfield_session")
    except CookieError:
        return ""
    return "" if found is None else found.value


def _refusal(scope: Any, headers: dict[bytes, bytes], key: str) -> int:
    """Return the status for who is turned away without a look into the database; 0 for all others."""
    origin, host = headers.get(b"origin", b"").decode("latin-1"), headers.get(b"host", b"").decode("latin-1")
    if not host or urlsplit(origin).netloc != host:  # RFC 6455 section 10.2: a page of somebody else's
        return 403
    if not key:
        return 401
    if SIP not in scope["subprotocols"]:
        return 400
    return 429 if len(_open.get(key, ())) >= MOST_OF_SESSION or len(_open) >= MOST else 0


def _may(key: str) -> bool:
    from django.db import Error

    from jackfield.console.browser_phones import accounts

    try:
        now = time.time()
        if not accounts.alive(key, now) or not accounts.of_session(key).exists():
            return False
        accounts.keep_fresh(key, now)
    except Error:
        return True  # the database is away: calls go on, and the switch asks for the password all the same
    return True


async def _refuse(send: Any, status: int) -> None:
    headers = [(b"content-type", b"text/plain"), (b"content-length", b"0")]
    await send({"type": "websocket.http.response.start", "status": status, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": b""})


async def _to_switch(scope: Any) -> ClientConnection:
    from django.conf import settings

    loop, server = asyncio.get_running_loop(), scope["server"]
    line = introduction(tuple(scope["client"][:2]), (server[0], server[1] or 0))
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        with reachable(settings.JACKFIELD.files.browser_socket) as name:
            await loop.sock_connect(sock, name)
        await loop.sock_sendall(sock, line)
        return await connect(
            "ws://switch/", sock=sock, subprotocols=[SIP], compression=None, max_size=LARGEST, open_timeout=5.0,
            close_timeout=2.0, ping_interval=60.0, ping_timeout=60.0, user_agent_header=None, proxy=None,
        )  # fmt: skip
    except BaseException:
        sock.close()
        raise


async def _carry(key: str, crossing: _Crossing, switch: ClientConnection, receive: Any, send: Any) -> None:
    """Carry messages both ways until one side leaves or may stay no longer."""
    works = [
        asyncio.create_task(work)
        for work in (
            _upwards(key, crossing, switch, receive), _downwards(switch, send), _watch(key, crossing),
            crossing.stopped(),
        )
    ]  # fmt: skip
    try:
        await asyncio.wait(works, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for work in works:
            work.cancel()
        await asyncio.gather(*works, return_exceptions=True)
    with contextlib.suppress(Exception):  # it may have left
        await send({"type": "websocket.close", "code": crossing.code or AWAY})


async def _upwards(key: str, crossing: _Crossing, switch: ClientConnection, receive: Any) -> None:
    loop = asyncio.get_running_loop()
    while (message := await receive())["type"] == "websocket.receive":
        if _pace.take(key, loop.time()) > 0:
            crossing.stop(TOO_FAST)
            return
        try:
            await switch.send(message.get("text") or message.get("bytes") or "")
        except ConnectionClosed:
            return


async def _downwards(switch: ClientConnection, send: Any) -> None:
    with contextlib.suppress(ConnectionClosed):
        async for message in switch:
            kind = "text" if isinstance(message, str) else "bytes"
            await send({"type": "websocket.send", kind: message})


async def _watch(key: str, crossing: _Crossing) -> None:
    loop = asyncio.get_running_loop()
    while True:
        await asyncio.sleep(CHECK_SECONDS)
        if not await loop.run_in_executor(_database, _may, key):
            crossing.stop(SIGNED_OUT)
            return
