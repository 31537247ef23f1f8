"""Plug and play by SIP: what phones send, and what they get back, on the multicast group of loopback."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from jackfield.provisioning.pnp import GROUP, Question, Server, accepted, notify, read_question
from jackfield.sip.message import Request, Response, parse

SNOM = """SUBSCRIBE sip:MAC%3a000413241234@224.0.1.75 SIP/2.0
Via: SIP/2.0/UDP {where};rport
From: <sip:MAC%3a000413241234@224.0.1.75>;tag=83464
To: <sip:MAC%3a000413241234@224.0.1.75>
Call-ID: {call}
CSeq: 1 SUBSCRIBE
Event: ua-profile;profile-type="device";vendor="snom";model="snom370";version="8.4.18"
Expires: 0
Accept: application/url
Contact: <sip:{where}>
User-Agent: snom370/8.4.18
Content-Length: 0

"""
YEALINK = SNOM.replace('vendor="snom";model="snom370";version="8.4.18"', 'vendor="Yealink";model="T46U";version="1.2"')
YEALINK = YEALINK.replace("000413241234", "001565AABBCC").replace(
    "User-Agent: snom370/8.4.18", "User-Agent: Yealink T46U"
)
PLANET = SNOM.replace("MAC%3a", "MAC=").replace("sip:MAC=000413241234@224.0.1.75 SIP", "sip:224.0.1.75 SIP")
URL = "http://192.0.2.1:4021/provision/"


def message(text: str, where: str = "192.0.2.7:5060", call: str = "1") -> bytes:
    return text.format(where=where, call=call).replace("\n", "\r\n").encode()


@pytest.mark.parametrize(
    ("text", "mac", "vendor", "model"),
    [
        (SNOM, "000413241234", "snom", "snom370"),
        (YEALINK, "001565aabbcc", "Yealink", "T46U"),
        (PLANET, "000413241234", "snom", "snom370"),
        (SNOM.replace("000413241234", "00%3a04%3a13%3a24%3a12%3a34"), "000413241234", "snom", "snom370"),
    ],
)
def test_phones_say_who_they_are(text: str, mac: str, vendor: str, model: str) -> None:
    found = read_question(message(text), ("192.0.2.7", 5060))
    assert found is not None
    assert (found[0].mac, found[0].vendor, found[0].model) == (mac, vendor, model)
    assert found[0].address == "192.0.2.7"


@pytest.mark.parametrize(
    "data",
    [
        b"\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        message(SNOM.replace("ua-profile", "presence")),
        message(SNOM.replace('"device"', '"user"')),
        message(SNOM.replace("MAC%3a000413241234", "reception")),
        message(SNOM.replace("SUBSCRIBE", "INVITE")),
        message(SNOM)[:120],
    ],
)
def test_whatever_else_comes_is_no_question(data: bytes) -> None:
    assert read_question(data, ("192.0.2.7", 5060)) is None


def test_the_answer_is_of_the_same_dialog() -> None:
    found = read_question(message(SNOM), ("192.0.2.7", 5060))
    assert found is not None
    _, request = found
    response = parse(accepted(request, ("192.0.2.1", 40000), "ours").to_bytes())
    told = parse(notify(request, ("192.0.2.1", 40000), "ours", URL, "b1").to_bytes())
    assert isinstance(response, Response)
    assert isinstance(told, Request)
    assert (response.status, response.to.tag, response.get("Expires")) == (200, "ours", "0")
    assert (told.uri, told.call_id) == ("sip:192.0.2.7:5060", "1")
    assert (told.from_.tag, told.to.tag) == ("ours", "83464")
    assert told.get("Subscription-State") == "terminated;reason=timeout"
    assert (told.content_type, told.body) == ("application/url", URL.encode())


class Phone(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.came: asyncio.Queue[bytes] = asyncio.Queue()
        self.transport: asyncio.DatagramTransport

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self.transport = transport
        transport.get_extra_info("socket").setsockopt(
            socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1")
        )

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.came.put_nowait(data)
        told = parse(data)
        if isinstance(told, Request):
            self.transport.sendto(told.reply(200).to_bytes(), addr)

    def ask(self, port: int, text: str = SNOM, call: str = "1") -> None:
        where = "127.0.0.1:{}".format(self.transport.get_extra_info("sockname")[1])
        self.transport.sendto(message(text, where, call), (GROUP, port))


@pytest_asyncio.fixture
async def phone() -> AsyncIterator[Phone]:
    loop = asyncio.get_running_loop()
    transport, made = await loop.create_datagram_endpoint(Phone, local_addr=("127.0.0.1", 0))
    yield made
    transport.close()


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind((GROUP, 0))
        return int(probe.getsockname()[1])


async def test_a_phone_asks_the_group_and_is_told_once(phone: Phone) -> None:
    asked: list[Question] = []

    async def answer(question: Question) -> str:
        asked.append(question)
        return URL

    server, port = Server(answer, allowed=lambda _: True), free_port()
    server.start(["127.0.0.1"], GROUP, port)
    phone.ask(port)
    phone.ask(port)  # phones repeat themselves
    first, second = await phone.came.get(), await phone.came.get()
    phone.ask(port, call="2")
    await phone.came.get()
    assert first.startswith(b"SIP/2.0 200")
    assert second.startswith(b"NOTIFY")
    assert second.endswith(URL.encode())
    assert [one.mac for one in asked] == ["000413241234", "000413241234"]
    await server.stop()


async def test_who_is_not_to_be_answered_hears_nothing(phone: Phone) -> None:
    silent: list[str] = []

    async def answer(question: Question) -> str:
        silent.append(question.mac)
        return ""

    local, port = [True], free_port()
    server = Server(answer, allowed=lambda _: local[0])
    server.start(["127.0.0.1"], GROUP, port)
    phone.ask(port)
    while not silent:
        await asyncio.sleep(0)
    local[0] = False
    phone.ask(port, call="2")
    while not server.refused:
        await asyncio.sleep(0)
    assert phone.came.empty()
    await server.stop()
