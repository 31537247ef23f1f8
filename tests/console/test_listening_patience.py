"""Who opens connections and does not come to the point, or opens too many, leaves room for the others."""

from __future__ import annotations

import asyncio
import contextlib
import re
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from jackfield.console import listening
from jackfield.console.crowd import Crowd
from jackfield.settings import load


@asynccontextmanager
async def door(folder: Path, **settings: Any) -> AsyncIterator[int]:
    """A port at which everything is answered with 204; with the state of uvicorn's own server."""

    async def application(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    front = listening.front(load(**({"data_dir": folder / "data", "console_tls": "off"} | settings)))
    config = uvicorn.Config(application, lifespan="off", ws="none", http=front, limit_concurrency=200)  # type: ignore[arg-type]
    config.load()
    state, loop = ServerState(), asyncio.get_running_loop()
    server = await loop.create_server(lambda: front(config, state, {}, loop), "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]
        for one in list(state.connections):
            one.transport.abort()


async def ask(port: int, *parts: bytes) -> bytes:
    """Send parts, each once the one before was looked at; return all that comes until the other side hangs up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for part in parts:
            writer.write(part)
            await writer.drain()
        return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()


WHOLE = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


@pytest.mark.parametrize("beginning", [b"", b"G", b"GET / HTTP/1.1\r\nHost: x\r\n"])
async def test_a_head_that_does_not_end_ends_the_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, beginning: bytes
):
    monkeypatch.setattr(listening, "PATIENCE", 0.05)
    async with door(tmp_path) as port:
        assert await ask(port, beginning) == b""
        assert b"204" in await ask(port, WHOLE)


async def test_one_address_leaves_room_for_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(listening, "MOST_OF_ONE", 3)
    async with door(tmp_path) as port:
        waiting = [await asyncio.open_connection("127.0.0.1", port) for _ in range(5)]
        assert b"204" in await ask(port, WHOLE)  # the machine itself is not counted
        monkeypatch.setattr(listening, "_LOOPBACK", re.compile("none"))
        assert await ask(port, WHOLE) == b""
        for _, writer in waiting:
            writer.close()


async def test_a_proxy_speaks_for_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(listening, "MOST_OF_ONE", 3)
    monkeypatch.setattr(listening, "_LOOPBACK", re.compile("none"))
    async with door(tmp_path, trusted_proxies="2001:db8::1,127.0.0.0/8") as port:
        waiting = [await asyncio.open_connection("127.0.0.1", port) for _ in range(5)]
        assert b"204" in await ask(port, WHOLE)
        for _, writer in waiting:
            writer.close()


@pytest.mark.parametrize(
    ("address", "counted"),
    [("192.0.2.7", "192.0.2.7/32"), ("::ffff:192.0.2.7", "192.0.2.7/32"), ("2001:db8:1:2:3::6", "2001:db8:1:2::/64"),
     ("fe80::1%eth0", "fe80::/64"), ("nonsense", "None")],
)  # fmt: skip
def test_what_counts_as_one_address(address: str, counted: str):
    assert str(listening._network(address)) == counted


# --- phones of one office, behind one router -------------------------------------------------------------------------


async def secure(port: int, *, keep: bool = False) -> bytes:
    """Ask by TLS, as a phone that keeps its connection or one that closes it; return what came until it was closed."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    writer.write(WHOLE.replace(b"close", b"keep-alive") if keep else WHOLE)
    try:
        return await reader.read()
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            await writer.wait_closed()


async def test_phones_of_one_office_wait_in_line_and_all_are_served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(listening, "MOST_OF_ONE", 3)
    monkeypatch.setattr(listening, "_LOOPBACK", re.compile("none"))
    async with door(tmp_path, console_tls="on") as port:
        # Those who keep their connections would hold it for five seconds: they have what they came for.
        found = await asyncio.gather(*(secure(port, keep=bool(number % 2)) for number in range(16)))
        assert sum(b"204" in one for one in found) == 16


async def test_who_speaks_no_tls_after_all_keeps_nobodys_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(listening, "MOST_OF_ONE", 1)
    monkeypatch.setattr(listening, "_LOOPBACK", re.compile("none"))
    async with door(tmp_path, console_tls="on") as port:
        for _ in range(3):
            assert b"204" not in await ask(port, b"\x16 nonsense, and no hello of TLS at all" * 20)
        assert b"204" in await secure(port)


def test_a_place_goes_to_the_first_in_line_and_lines_end_somewhere():
    crowd, came = Crowd(lambda: 1, line=2, lines=3), []
    turns = {name: (lambda name=name: came.append(name)) for name in "abcd"}
    assert crowd.enter("x", turns["a"])
    assert crowd.enter("x", turns["b"]) is False
    assert crowd.enter("x", turns["c"]) is False
    assert crowd.enter("x", turns["d"]) is None  # of one
    assert crowd.enter("y", turns["d"])
    assert crowd.enter("y", turns["d"]) is False
    assert crowd.enter("y", turns["d"]) is None  # of all
    assert crowd.waits("x")
    crowd.give_up("x", turns["b"])
    crowd.leave("x")
    assert came == ["c"]
    assert not crowd.waits("x")
    crowd.leave("x")
    assert crowd.enter("x", turns["a"])
