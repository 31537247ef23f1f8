"""The bridge between the browsers' WebSockets and the switch: who gets over it, and who is cut off."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from websockets.asyncio.server import ServerConnection, serve

from jackfield.console.browser_phones import bridge
from jackfield.console.web.pace import Pace
from jackfield.control import reachable

SIP_MESSAGE = "OPTIONS sip:switch SIP/2.0\r\n\r\n"


class Browser:
    """One end of a WebSocket as ASGI has it."""

    def __init__(self, **changes: Any) -> None:
        headers = {"host": "phone.example.com", "origin": "https://phone.example.com", "cookie": "jackfield_session=s1"}
        headers |= changes.pop("headers", {})
        self.scope = {
            "type": "websocket", "path": bridge.PATH, "client": ("203.0.113.7", 50000), "server": ("192.0.2.10", 8443),
            "subprotocols": ["sip"], "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
            **changes,
        }  # fmt: skip
        self._to: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._to.put_nowait({"type": "websocket.connect"})
        self._from: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.task = asyncio.create_task(bridge.serve(self.scope, self._to.get, self._from.put))

    def says(self, text: str) -> None:
        self._to.put_nowait({"type": "websocket.receive", "text": text})

    def leaves(self) -> None:
        self._to.put_nowait({"type": "websocket.disconnect", "code": 1001})

    async def gets(self) -> dict[str, Any]:
        return await asyncio.wait_for(self._from.get(), 10)


class Switch:
    """Stands for the switch's end: keeps the introduction, and echoes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.introduced: list[str] = []

    async def __aenter__(self) -> Switch:
        async def echo(connection: ServerConnection) -> None:
            async for message in connection:
                await connection.send(message)

        self._inner = await serve(echo, "127.0.0.1", 0, subprotocols=["sip"])  # type: ignore[list-item]
        port = next(iter(self._inner.sockets)).getsockname()[1]

        async def let_in(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self.introduced.append((await reader.readline()).decode().strip())
            to_reader, to_writer = await asyncio.open_connection("127.0.0.1", port)
            await asyncio.gather(_pipe(reader, to_writer), _pipe(to_reader, writer), return_exceptions=True)

        sock = socket.socket(socket.AF_UNIX)
        with reachable(self.path) as name:
            sock.bind(name)
        sock.listen()
        self._server = await asyncio.start_unix_server(let_in, sock=sock)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        self._inner.close()
        await self._inner.wait_closed()


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


@pytest.fixture
def may(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, bool]]:
    """Which sessions have a phone."""
    known = {"s1": True}
    monkeypatch.setattr(bridge, "_may", lambda key: known.get(key, False))
    yield known
    assert not bridge._open, "whoever is gone is forgotten"


@pytest_asyncio.fixture
async def switch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, may: dict[str, bool]) -> AsyncIterator[Switch]:
    """The switch, where the bridge looks for it."""
    from django.conf import settings

    (tmp_path / "run").mkdir()
    files = type("Files", (), {"browser_socket": tmp_path / "run" / "browsers.sock"})
    monkeypatch.setattr(settings, "JACKFIELD", type("Settings", (), {"files": files}), raising=False)
    async with Switch(tmp_path / "run" / "browsers.sock") as running:
        yield running


async def test_messages_cross_both_ways_and_the_switch_learns_the_browsers_address(switch: Switch) -> None:
    browser = Browser()
    assert await browser.gets() == {"type": "websocket.accept", "subprotocol": "sip"}
    browser.says(SIP_MESSAGE)
    assert await browser.gets() == {"type": "websocket.send", "text": SIP_MESSAGE}
    assert switch.introduced == ["PROXY TCP4 203.0.113.7 192.0.2.10 50000 8443"]
    browser.leaves()
    await browser.task


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"headers": {"origin": "https://evil.example.net"}}, 403),
        ({"headers": {"origin": ""}}, 403),
        ({"headers": {"cookie": ""}}, 401),
        ({"headers": {"cookie": "jackfield_session=unknown"}}, 403),
        ({"path": "/me/phone/other"}, 404),
        ({"path": "/admin/live"}, 404),
        ({"subprotocols": []}, 400),
        ({"subprotocols": ["chat"]}, 400),
    ],
)
async def test_nobody_else_gets_on_it(switch: Switch, changes: dict[str, Any], status: int) -> None:
    browser = Browser(**changes)
    assert (await browser.gets())["status"] == status
    await browser.task
    assert switch.introduced == []


async def test_a_session_that_ends_is_cut_off_from_any_thread(switch: Switch) -> None:
    browser = Browser()
    await browser.gets()
    threading.Thread(target=bridge.close_session, args=("s1",)).start()
    assert await browser.gets() == {"type": "websocket.close", "code": bridge.SIGNED_OUT}
    await browser.task


async def test_a_session_that_ends_elsewhere_is_found_out(
    switch: Switch, may: dict[str, bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bridge, "CHECK_SECONDS", 0.01)
    browser = Browser()
    await browser.gets()
    may["s1"] = False
    assert await browser.gets() == {"type": "websocket.close", "code": bridge.SIGNED_OUT}
    await browser.task


async def test_one_who_floods_is_cut_off(switch: Switch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bridge, "_pace", Pace(0.001, 5))
    browser = Browser()
    await browser.gets()
    for _ in range(10):
        browser.says(SIP_MESSAGE)
    while (got := await browser.gets())["type"] == "websocket.send":
        pass
    assert got["code"] == bridge.TOO_FAST
    await browser.task


async def test_a_session_has_a_few_connections_at_most(switch: Switch) -> None:
    browsers = [Browser() for _ in range(bridge.MOST_OF_SESSION)]
    for browser in browsers:
        await browser.gets()
    one_more = Browser()
    assert (await one_more.gets())["status"] == 429
    for browser in browsers:
        browser.leaves()
    await asyncio.gather(one_more.task, *(browser.task for browser in browsers))


async def test_without_a_switch_the_browser_is_told_to_come_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, may: dict[str, bool]
) -> None:
    from django.conf import settings

    files = type("Files", (), {"browser_socket": tmp_path / "nobody.sock"})
    monkeypatch.setattr(settings, "JACKFIELD", type("Settings", (), {"files": files}), raising=False)
    browser = Browser()
    assert (await browser.gets())["status"] == 503
    await browser.task


async def test_all_are_let_go_when_the_console_ends(switch: Switch) -> None:
    browser = Browser()
    await browser.gets()
    bridge.close()
    assert (await browser.gets())["code"] == bridge.AWAY
    await browser.task
