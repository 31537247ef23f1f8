"""WebSockets that the web server hands on: who connected stands in a line before them."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidMessage
from websockets.typing import Subprotocol

from jackfield.sip.transport import TransportLimits
from jackfield.sip.transport.bridged import BridgedFlow, introduction

from .peers import PATIENCE, Side, options

NewSide = Callable[..., Side]
SERVER = ("192.0.2.10", 8443)


async def opened(side: Side, folder: Path) -> Path:
    """Let the transports listen on a Unix socket."""
    path = folder / "browsers.sock"
    sock = socket.socket(socket.AF_UNIX)
    sock.bind(str(path))
    sock.listen()
    await side.transports.listen_bridge(sock)
    return path


async def handed_on(path: Path, line: bytes) -> ClientConnection:
    """Connect as the web server does."""
    sock = socket.socket(socket.AF_UNIX)
    sock.connect(str(path))
    sock.sendall(line)
    return await connect("ws://switch/", sock=sock, subprotocols=[Subprotocol("sip")], open_timeout=PATIENCE)


@pytest.mark.parametrize(("client", "server"), [("203.0.113.7", SERVER), ("2001:db8::7", ("2001:db8::1", 8443))])
async def test_a_browser_is_known_by_its_own_address(
    new_side: NewSide, tmp_path: Path, client: str, server: tuple[str, int]
) -> None:
    side = new_side()
    path = await opened(side, tmp_path)
    browser = await handed_on(path, introduction((client, 50123), server))
    await browser.send(options("WSS df7jal23ls0d.invalid").decode())
    request, flow = await side.request()
    assert isinstance(flow, BridgedFlow)
    assert (flow.transport, flow.remote, flow.local, flow.secure) == ("WSS", (client, 50123), server, True)
    assert request.via.received == client
    assert str(await browser.recv()).startswith("SIP/2.0 200 ")
    assert side.transports.existing(flow.key) is flow
    await browser.close()


async def test_behind_a_proxy_nobody_is_told_that_audio_goes_to_loopback() -> None:
    assert introduction(("203.0.113.7", 5), ("127.0.0.1", 8443)) == b"PROXY TCP4 203.0.113.7 0.0.0.0 5 8443\r\n"
    assert introduction(("2001:db8::7", 5), ("127.0.0.1", 1)) == b"PROXY TCP6 2001:db8::7 :: 5 1\r\n"
    assert introduction(("127.0.0.1", 5), ("127.0.0.1", 1)) == b"PROXY TCP4 127.0.0.1 127.0.0.1 5 1\r\n"
    with pytest.raises(ValueError, match="no IP address"):
        introduction(("testclient", 5), SERVER)


@pytest.mark.parametrize(
    "line",
    [
        b"GET / HTTP/1.1\r\n",
        b"PROXY UNKNOWN\r\n",
        b"PROXY TCP4 999.0.113.7 192.0.2.10 1 2\r\n",
        b"PROXY TCP4 203.0.113.7 192.0.2.10 1 2 " + b"x" * 200,
        b"\0" * 300,
    ],
)
async def test_what_begins_with_anything_else_is_hung_up_on(new_side: NewSide, tmp_path: Path, line: bytes) -> None:
    path = await opened(new_side(), tmp_path)
    with pytest.raises((OSError, InvalidMessage, EOFError)):
        async with asyncio.timeout(PATIENCE):
            await handed_on(path, line)


async def test_the_limits_are_those_of_the_browsers_own_address(new_side: NewSide, tmp_path: Path) -> None:
    side = new_side(limits=TransportLimits(max_connections_per_address=1))
    path = await opened(side, tmp_path)
    first = await handed_on(path, introduction(("203.0.113.7", 1), SERVER))
    second = await handed_on(path, introduction(("203.0.113.8", 2), SERVER))
    with pytest.raises((OSError, InvalidMessage, EOFError)):
        await handed_on(path, introduction(("203.0.113.7", 3), SERVER))
    await first.close()
    await second.close()
