"""TFTP: one transfer without sockets, with what gets lost and what is asked too much; then the server on loopback."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio

from jackfield.provisioning.tftp import (
    ACK,
    DATA,
    ERROR,
    MOST_BLOCK,
    MOST_PER_SOURCE,
    MOST_WINDOW,
    NO_ACCESS,
    NOT_FOUND,
    OACK,
    TRIES,
    UNKNOWN_TID,
    Request,
    Server,
    TftpError,
    Transfer,
    read_request,
)

FILE = bytes(range(256)) * 40


def asks(name: str, *options: object, mode: str = "octet", code: int = 1) -> bytes:
    return struct.pack("!H", code) + b"".join(str(part).encode() + b"\0" for part in (name, mode, *options))


def ack(number: int) -> bytes:
    return struct.pack("!HH", ACK, number % 65536)


def fetch(transfer: Transfer, *, lose: Callable[[int], bool] = lambda _: False) -> bytes:
    """Be a client that keeps to RFC 7440: it acknowledges the last block in order, whenever a window is full."""
    found: dict[int, bytes] = {}
    going = transfer.start()
    seen = 0
    for _ in range(5000):
        if transfer.ended:
            return b"".join(found[number] for number in sorted(found))
        arrived = [packet for packet in going if not lose(seen := seen + 1)]
        if not arrived:
            going = transfer.timed_out()
            continue
        for packet in arrived:
            code, number = struct.unpack_from("!HH", packet)
            if code == DATA and number == len(found) + 1:
                found[number] = packet[4:]
        going = transfer.received(ack(len(found)))
        if not going and not transfer.ended:
            going = transfer.timed_out()
    raise AssertionError("the transfer does not end")


@pytest.mark.parametrize("length", [0, 1, 511, 512, 513, 5120])
def test_a_file_of_any_length_arrives_whole(length: int) -> None:
    transfer = Transfer(FILE[:length], Request("a"))
    assert fetch(transfer) == FILE[:length]
    assert transfer.complete


@pytest.mark.parametrize("window", ["1", "4", "16"])
def test_lost_packets_are_sent_again(window: str) -> None:
    transfer = Transfer(FILE, Request("a", options={"windowsize": window}))
    assert fetch(transfer, lose=lambda number: number % 3 == 0) == FILE


def test_options_are_granted_and_told() -> None:
    transfer = Transfer(FILE, Request("a", options={"blksize": "1024", "tsize": "0", "timeout": "3", "odd": "1"}))
    (oack,) = transfer.start()
    assert oack == struct.pack("!H", OACK) + b"blksize\x001024\x00timeout\x003\x00tsize\x0010240\x00"
    (block,) = transfer.received(ack(0))
    assert block[4:] == FILE[:1024]
    assert transfer.timeout == 3


@pytest.mark.parametrize("asked", ["65535", "999999999"])
def test_an_oversized_window_is_cut_to_what_we_send_at_once(asked: str) -> None:
    transfer = Transfer(FILE * 10, Request("a", options={"windowsize": asked, "blksize": asked}))
    (oack,) = transfer.start()
    assert f"windowsize\0{MOST_WINDOW}\0".encode() in oack
    assert f"blksize\0{MOST_BLOCK}\0".encode() in oack
    going = transfer.received(ack(0))
    assert len(going) == MOST_WINDOW
    assert max(map(len, going)) == MOST_BLOCK + 4


@pytest.mark.parametrize(
    "options", [{"windowsize": "0"}, {"blksize": "7"}, {"timeout": "255"}, {"windowsize": "-1"}, {"blksize": "1e3"}]
)
def test_options_that_make_no_sense_are_left_out(options: dict[str, str]) -> None:
    (first,) = Transfer(FILE, Request("a", options=options)).start()
    assert first[:4] == struct.pack("!HH", DATA, 1)
    assert len(first) == 516


def test_doubled_acknowledgements_do_not_double_the_blocks() -> None:
    transfer = Transfer(FILE, Request("a"))
    transfer.start()
    assert len(transfer.received(ack(1))) == 1
    assert transfer.received(ack(1)) == []
    assert transfer.received(ack(9)) == []


def test_a_file_of_more_blocks_than_their_numbers_goes_on_from_zero() -> None:
    transfer = Transfer(bytes(8 * 65600), Request("a", options={"blksize": "8", "windowsize": "16"}))
    transfer.start()
    going, arrived = transfer.received(ack(0)), 0
    while not transfer.ended:
        arrived += len(going)
        going = transfer.received(ack(arrived))
    assert arrived == 65601
    assert transfer.complete


def test_a_client_that_is_silent_is_given_up() -> None:
    transfer = Transfer(FILE, Request("a"))
    transfer.start()
    for _ in range(TRIES):
        assert transfer.timed_out()
    assert transfer.timed_out() == []
    assert transfer.ended
    assert not transfer.complete


def test_a_client_that_wants_the_size_alone_ends_it() -> None:
    transfer = Transfer(FILE, Request("a", options={"tsize": "0"}))
    transfer.start()
    assert transfer.received(struct.pack("!HH", ERROR, 0) + b"enough\0") == []
    assert transfer.ended


def test_netascii_has_the_line_ends_of_a_terminal() -> None:
    assert fetch(Transfer(b"a\nb\r\nc\rd", Request("a", netascii=True))) == b"a\r\nb\r\nc\r\0d"


@pytest.mark.parametrize(
    ("packet", "code"),
    [
        (asks("a.cfg", code=2), NO_ACCESS),
        (asks("a.cfg", mode="mail"), 4),
        (asks("", mode="octet"), NOT_FOUND),
        (asks("a\nb.cfg"), NOT_FOUND),
        (b"\0\1\xff\xfe\0octet\0", NOT_FOUND),
        (b"\0\1a.cfg\0octet", 4),
        (b"\0\1a.cfg\0", 4),
        (b"\0\7a.cfg\0octet\0", 4),
        (b"\0", 4),
        (asks("a" * 1100), 4),
    ],
)
def test_what_is_no_request_to_read_is_refused_with_its_reason(packet: bytes, code: int) -> None:
    with pytest.raises(TftpError) as problem:
        read_request(packet)
    assert problem.value.code == code


def test_options_are_read_whatever_their_case() -> None:
    found = read_request(asks("a.cfg", "BLKSIZE", 1024, "tsize", 0, mode="OCTET"))
    assert found == Request("a.cfg", False, {"blksize": "1024", "tsize": "0"})


# --- the server ------------------------------------------------------------------------------------------------------


class Client(asyncio.DatagramProtocol):
    """A socket that keeps what came, and from where."""

    def __init__(self) -> None:
        self.came: asyncio.Queue[tuple[bytes, tuple[str, int]]] = asyncio.Queue()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.came.put_nowait((data, addr))


Dial = Callable[[], Awaitable[tuple[asyncio.DatagramTransport, Client]]]


@pytest_asyncio.fixture
async def dial() -> AsyncIterator[Dial]:
    opened: list[asyncio.DatagramTransport] = []

    async def make() -> tuple[asyncio.DatagramTransport, Client]:
        loop = asyncio.get_running_loop()
        transport, client = await loop.create_datagram_endpoint(Client, local_addr=("127.0.0.1", 0))
        opened.append(transport)
        return transport, client

    yield make
    for transport in opened:
        transport.close()


Files = dict[str, bytes]


@pytest_asyncio.fixture
async def server() -> AsyncIterator[Server]:
    async def source(name: str, address: str) -> bytes:
        assert address == "127.0.0.1"
        if name == "fault":
            raise RuntimeError("a fault")
        if name != "a.cfg":
            raise TftpError(NOT_FOUND, "there is no such file")
        return FILE[:700]

    made = Server(source, allowed=lambda address: address.startswith("127."))
    made.start(["0.0.0.0"], 0)
    yield made
    await made.stop()


async def test_a_file_is_fetched_from_a_port_of_its_own(server: Server, dial: Dial) -> None:
    transport, client = await dial()
    transport.sendto(asks("a.cfg"), ("127.0.0.1", server.ports[0]))
    block, there = await client.came.get()
    assert there[0] == "127.0.0.1"
    assert there[1] != server.ports[0]
    transport.sendto(ack(1), there)
    last, _ = await client.came.get()
    transport.sendto(ack(2), there)
    assert block[4:] + last[4:] == FILE[:700]


async def test_somebody_else_can_not_meddle_with_a_transfer(server: Server, dial: Dial) -> None:
    transport, client = await dial()
    transport.sendto(asks("a.cfg"), ("127.0.0.1", server.ports[0]))
    _, there = await client.came.get()
    stranger, ear = await dial()
    stranger.sendto(ack(1), there)
    said, _ = await ear.came.get()
    assert said[:4] == struct.pack("!HH", ERROR, UNKNOWN_TID)
    transport.sendto(ack(1), there)
    last, _ = await client.came.get()
    assert last[:4] == struct.pack("!HH", DATA, 2)


@pytest.mark.parametrize("name", ["../../etc/passwd", "fault", "b.cfg"])
async def test_what_is_not_there_is_answered_with_an_error(server: Server, dial: Dial, name: str) -> None:
    transport, client = await dial()
    transport.sendto(asks(name), ("127.0.0.1", server.ports[0]))
    said, _ = await client.came.get()
    assert said[:2] == struct.pack("!H", ERROR)
    assert b"passwd" not in said


async def test_one_source_can_not_take_all_transfers(server: Server, dial: Dial) -> None:
    clients = [await dial() for _ in range(MOST_PER_SOURCE + 1)]
    for transport, client in clients[:-1]:
        transport.sendto(asks("a.cfg"), ("127.0.0.1", server.ports[0]))
        await client.came.get()
    transport, client = clients[-1]
    transport.sendto(asks("a.cfg"), ("127.0.0.1", server.ports[0]))
    while not server.refused:
        await asyncio.sleep(0)
    assert [(one.kind, one.address) for one in server.events] == [("crowded", "127.0.0.1")]
    first, ear = clients[0]
    assert client.came.empty()
    assert ear.came.empty()


async def test_a_stranger_hears_nothing(dial: Dial) -> None:
    async def source(name: str, address: str) -> bytes:
        raise AssertionError("nobody may ask")

    made = Server(source, allowed=lambda address: False)
    made.start(["127.0.0.1"], 0)
    transport, client = await dial()
    transport.sendto(asks("a.cfg"), ("127.0.0.1", made.ports[0]))
    for _ in range(2):
        transport.sendto(asks("a.cfg"), ("127.0.0.1", made.ports[0]))
    while made.refused < 3:
        await asyncio.sleep(0)
    assert client.came.empty()
    (event,) = made.events
    assert (event.kind, event.address, event.count) == ("outside", "127.0.0.1", 3)
    await made.stop()


async def test_a_port_that_is_taken_is_named_and_nothing_is_left_open(server: Server) -> None:
    async def source(name: str, address: str) -> bytes:
        return b""

    second = Server(source, allowed=lambda address: True)
    with pytest.raises(OSError, match="in use"):
        second.start(["127.0.0.1", "0.0.0.0"], server.ports[0])
    assert second.ports == []


async def test_what_was_wished_for_too_much_or_in_vain_is_kept_for_the_page(server: Server, dial: Dial) -> None:
    transport, client = await dial()
    transport.sendto(asks("a.cfg", "windowsize", "65535"), ("127.0.0.1", server.ports[0]))
    granted, _ = await client.came.get()
    assert b"windowsize\x0016\x00" in granted
    transport, client = await dial()
    transport.sendto(b"\0\2a.cfg\0octet\0", ("127.0.0.1", server.ports[0]))
    await client.came.get()
    assert [(one.kind, one.detail) for one in server.events] == [
        ("window", "a.cfg: 65535 blocks at once, given 16"), ("wrong", "files are given here, not taken"),
    ]  # fmt: skip
