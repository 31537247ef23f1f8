"""SIP over WebSocket, as a browser speaks it (RFC 7118)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.http11 import Response as HttpResponse
from websockets.typing import Origin, Subprotocol
from websockets.uri import parse_uri

from jackfield.sip.message import parse
from jackfield.sip.transport import TransportLimits, client_context, server_context

from .peers import PATIENCE, Certificates, Side, StreamPeer, options

NewSide = Callable[..., Side]
SIP_OVER_WS = options("WS df7jal23ls0d.invalid")


class Browser:
    """A WebSocket client on a bare connection, so that a test can send what no library would."""

    def __init__(self, peer: StreamPeer, path: str, origin: str | None, subprotocols: Iterable[str]) -> None:
        self.peer = peer
        self.protocol = ClientProtocol(
            parse_uri(f"ws://pbx.example.com{path}"),
            origin=Origin(origin) if origin else None,
            subprotocols=[Subprotocol(name) for name in subprotocols] or None,
        )
        self._events: list[Any] = []
        self.response: HttpResponse | None = None

    @classmethod
    async def open(
        cls,
        port: int,
        *,
        path: str = "/ws",
        origin: str | None = "https://phone.example.com",
        subprotocols: Iterable[str] = ("sip",),
        **more: Any,
    ) -> Browser:
        browser = cls(await StreamPeer.open(port, **more), path, origin, subprotocols)
        browser.protocol.send_request(browser.protocol.connect())
        browser.flush()
        browser.response = await browser.event()
        return browser

    async def event(self) -> Any:
        while not self._events:
            data = await asyncio.wait_for(self.peer.reader.read(65_536), PATIENCE)
            if not data:
                self.protocol.receive_eof()
                return None
            self.protocol.receive_data(data)
            self._events += self.protocol.events_received()
            self.flush()
        return self._events.pop(0)

    def flush(self) -> None:
        for data in self.protocol.data_to_send():
            self.peer.send(data)

    def send(self, data: bytes, *, pieces: int = 1, opcode: Opcode = Opcode.TEXT) -> None:
        size = -(-len(data) // pieces)
        for index in range(pieces):
            piece = data[index * size : (index + 1) * size]
            kind = opcode if index == 0 else Opcode.CONT
            self.peer.send(Frame(kind, piece, index == pieces - 1).serialize(mask=True))

    async def message(self) -> Frame:
        event = await self.event()
        assert isinstance(event, Frame)
        return event

    async def closed(self) -> int:
        """Return the code with which the other side closed."""
        while await self.event() is not None:
            pass
        return self.protocol.close_rcvd.code if self.protocol.close_rcvd else 0

    def __enter__(self) -> Browser:
        return self

    def __exit__(self, *_: object) -> None:
        self.peer.writer.close()


async def listening(side: Side) -> int:
    return await side.transports.listen("WS", "127.0.0.1", 0)


async def test_a_browser_registers_and_is_reached_by_its_flow(new_side: NewSide) -> None:
    side = new_side()
    with await Browser.open(await listening(side)) as browser:
        assert browser.response is not None
        assert browser.response.status_code == 101
        assert browser.protocol.subprotocol == "sip"
        browser.send(SIP_OVER_WS)
        request, flow = await side.request()
        assert (flow.transport, flow.reliable, flow.secure) == ("WS", True, False)
        assert request.via.received == "127.0.0.1"
        answer = await browser.message()
        assert answer.opcode is Opcode.TEXT
        assert parse(bytes(answer.data)).status == 200
        flow.send(options("WS 127.0.0.1:80"))
        assert parse(bytes((await browser.message()).data)).method == "OPTIONS"
        assert side.transports.existing(flow.key) is flow


async def test_secure_websockets_are_the_same_over_tls(new_side: NewSide, certificates: Certificates) -> None:
    side = new_side()
    context = server_context(*certificates.issue("pbx", "pbx.example.com"))
    port = await side.transports.listen("WSS", "::1", 0, tls=context)
    trust = client_context(authorities=certificates.authority)
    with await Browser.open(port, host="::1", ssl=trust, server_hostname="pbx.example.com") as browser:
        browser.send(SIP_OVER_WS, opcode=Opcode.BINARY)
        _, flow = await side.request()
        assert (flow.transport, flow.secure) == ("WSS", True)
        assert parse(bytes((await browser.message()).data)).status == 200


async def test_a_message_in_fragments_with_a_ping_between_is_one_message(new_side: NewSide) -> None:
    side = new_side()
    with await Browser.open(await listening(side)) as browser:
        first, rest = SIP_OVER_WS[:40], SIP_OVER_WS[40:]
        browser.peer.send(Frame(Opcode.TEXT, first, False).serialize(mask=True))
        browser.peer.send(Frame(Opcode.PING, b"now").serialize(mask=True))
        pong = await browser.message()
        assert (pong.opcode, bytes(pong.data)) == (Opcode.PONG, b"now")
        browser.peer.send(Frame(Opcode.CONT, rest, True).serialize(mask=True))
        assert (await side.request())[0].method == "OPTIONS"
        browser.send(SIP_OVER_WS, pieces=7)
        assert (await side.request())[0].method == "OPTIONS"


async def test_bytes_that_come_one_by_one_give_the_same_message(new_side: NewSide) -> None:
    side = new_side()
    with await Browser.open(await listening(side)) as browser:
        for byte in Frame(Opcode.TEXT, SIP_OVER_WS).serialize(mask=True):
            browser.peer.send(bytes([byte]))
            await asyncio.sleep(0)
        assert (await side.request())[0].method == "OPTIONS"


async def test_text_that_is_no_utf_8_goes_out_as_binary(new_side: NewSide) -> None:
    side = new_side(answer=False)
    with await Browser.open(await listening(side)) as browser:
        browser.send(SIP_OVER_WS)
        _, flow = await side.request()
        for data, opcode in ((b"J\xc3\xb8rgen", Opcode.TEXT), (b"J\xf8rgen", Opcode.BINARY)):
            flow.send(data)
            frame = await browser.message()
            assert (frame.opcode, bytes(frame.data)) == (opcode, data)


async def test_keep_alives_of_both_kinds(new_side: NewSide) -> None:
    side = new_side()
    with await Browser.open(await listening(side)) as browser:
        browser.send(b"\r\n\r\n")
        assert bytes((await browser.message()).data) == b"\r\n"
        browser.send(b"\r\n")
        browser.send(SIP_OVER_WS)
        _, flow = await side.request()
        await browser.message()
        side.transports.keep_alive(flow)
        assert (await browser.message()).opcode is Opcode.PING
        browser.send(SIP_OVER_WS)
        await side.request()
    assert side.transports.stats["WS"].keep_alives == 2
    assert side.transports.stats["WS"].cut_off == {}


async def test_a_plain_http_request_is_told_to_upgrade(new_side: NewSide) -> None:
    side = new_side()
    async with await StreamPeer.open(await listening(side)) as client:
        client.send(b"GET / HTTP/1.1\r\nHost: pbx.example.com\r\n\r\n")
        answer = await client.read_to_end()
    assert answer.startswith(b"HTTP/1.1 426 ")
    assert b"Upgrade: websocket\r\n" in answer
    assert side.transports.stats["WS"].handshakes_failed == 1
    assert side.failures.empty()


@pytest.mark.parametrize("subprotocols", [(), ("chat",)])
async def test_a_client_that_does_not_speak_sip_is_refused(new_side: NewSide, subprotocols: tuple[str, ...]) -> None:
    side = new_side()
    with await Browser.open(await listening(side), subprotocols=subprotocols) as browser:
        assert browser.response is not None
        assert browser.response.status_code == 400
        assert b"subprotocol" in (browser.response.body or b"")


async def test_pages_of_other_origins_are_refused(new_side: NewSide, caplog: pytest.LogCaptureFixture) -> None:
    side = new_side(origin_allowed={"https://phone.example.com", None}.__contains__)
    port = await listening(side)
    with await Browser.open(port, origin="https://evil.example.com") as browser:
        assert browser.response is not None
        assert browser.response.status_code == 403
    assert "https://evil.example.com is not among the allowed ones" in caplog.text
    for origin in (None, "https://phone.example.com"):
        with await Browser.open(port, origin=origin) as browser:
            assert browser.response is not None
            assert browser.response.status_code == 101


@pytest.mark.parametrize(
    "rubbish", [b"\x16\x03\x01\x02\x00 no HTTP\r\n\r\n", b"GET /" + b"x" * 20_000 + b" HTTP/1.1\r\n"]
)
async def test_rubbish_instead_of_a_handshake_ends_the_connection(new_side: NewSide, rubbish: bytes) -> None:
    side = new_side()
    async with await StreamPeer.open(await listening(side)) as client:
        client.send(rubbish)
        await client.read_to_end()
    assert side.transports.stats["WS"].handshakes_failed == 1


async def test_a_handshake_that_does_not_come_is_not_waited_for(new_side: NewSide) -> None:
    side = new_side(limits=TransportLimits(handshake_time=0.03))
    async with await StreamPeer.open(await listening(side)) as client:
        client.send(b"GET / HTTP/1.1\r\nHost: ")
        assert await client.read_to_end() == b""
    assert side.transports.stats["WS"].cut_off == {"silent": 1}


async def test_a_frame_that_trickles_in_is_cut_off(new_side: NewSide) -> None:
    side = new_side(limits=TransportLimits(message_time=0.03))
    port = await listening(side)
    for frame in (
        Frame(Opcode.TEXT, SIP_OVER_WS).serialize(mask=True)[:50],
        Frame(Opcode.TEXT, SIP_OVER_WS[:50], False).serialize(mask=True),
    ):
        with await Browser.open(port) as browser:
            browser.send(SIP_OVER_WS)
            await browser.message()
            browser.peer.send(frame)
            await browser.closed()
            assert "a message took over" in (await side.failure())[1]
    assert side.transports.stats["WS"].cut_off == {"slow message": 2}


async def test_an_oversized_message_is_refused_as_websockets_do(new_side: NewSide) -> None:
    side = new_side(limits=TransportLimits(max_message=1_000))
    port = await listening(side)
    for pieces in (1, 5):
        with await Browser.open(port) as browser:
            browser.send(b"x" * 2_000, pieces=pieces)
            assert await browser.closed() == 1009
    assert side.transports.stats["WS"].cut_off == {"unreadable": 2}


async def test_an_unmasked_frame_is_refused(new_side: NewSide) -> None:
    side = new_side()
    with await Browser.open(await listening(side)) as browser:
        browser.peer.send(Frame(Opcode.TEXT, SIP_OVER_WS).serialize(mask=False))
        assert await browser.closed() == 1002
    assert side.transports.stats["WS"].cut_off == {"unreadable": 1}


async def test_what_is_no_sip_is_cut_off(new_side: NewSide) -> None:
    side = new_side()
    with await Browser.open(await listening(side)) as browser:
        browser.send(b"hello")
        await browser.closed()
    assert side.transports.stats["WS"].cut_off == {"unreadable": 1}


async def test_a_browser_that_says_good_bye_is_answered_and_its_flow_fails(new_side: NewSide) -> None:
    side = new_side()
    with await Browser.open(await listening(side)) as browser:
        browser.send(SIP_OVER_WS)
        _, flow = await side.request()
        await browser.message()
        browser.protocol.send_close(1001)
        browser.flush()
        assert await browser.closed() == 1001
    assert await side.failure() == (flow, "closed by the peer")
    flow.send(b"too late")
    assert (await side.failure())[1] == "the connection has gone"
    assert side.transports.flow_for_response((await sent_request()), flow) is flow  # nothing can reach a browser


async def sent_request() -> Any:
    return parse(SIP_OVER_WS)


async def test_we_say_good_bye_when_all_is_closed(new_side: NewSide) -> None:
    side = new_side()
    with await Browser.open(await listening(side)) as browser:
        browser.send(SIP_OVER_WS)
        await browser.message()
        await side.transports.close()
        assert await browser.closed() == 1001
    assert side.failures.empty()


async def test_a_peer_that_just_goes_is_noticed(new_side: NewSide) -> None:
    side = new_side()
    with await Browser.open(await listening(side)) as browser:
        browser.send(SIP_OVER_WS)
        _, flow = await side.request()
    assert (await side.failure())[0] is flow
