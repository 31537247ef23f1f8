"""Clients that are slow, silent, oversized or no SIP clients at all are cut off, and nobody else notices."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio

from jackfield.sip.flow import Flow
from jackfield.sip.transport import TransportLimits
from jackfield.sip.transport.connections import Connections
from jackfield.sip.transport.inbox import Inbox
from jackfield.sip.transport.sparse_log import SparseLog
from jackfield.sip.transport.stats import Stats
from jackfield.sip.transport.stream import StreamFlow

from .peers import Side, StreamPeer, options

NewSide = Callable[..., Side]
PATIENT = TransportLimits(message_time=60.0, greeting_time=60.0, idle_time=60.0, write_time=60.0)
SHORT = 0.03


class Office:
    """A side that listens, with one good phone whose calls must go on."""

    def __init__(self, side: Side, port: int, phone: StreamPeer) -> None:
        self.side = side
        self.port = port
        self.phone = phone

    @property
    def cut_off(self) -> dict[str, int]:
        return dict(self.side.transports.stats["TCP"].cut_off)

    async def check_that_the_phone_works(self) -> None:
        self.phone.send(options())
        assert b"200 OK" in await self.phone.read_message()


@pytest_asyncio.fixture
async def new_office(new_side: NewSide) -> AsyncIterator[Callable[..., object]]:
    phones: list[StreamPeer] = []

    async def make(limits: TransportLimits) -> Office:
        side = new_side(limits=limits)
        port = await side.transports.listen("TCP", "127.0.0.1", 0)
        phones.append(await StreamPeer.open(port))
        office = Office(side, port, phones[-1])
        await office.check_that_the_phone_works()
        return office

    yield make
    for phone in phones:
        phone.writer.close()


async def test_a_message_that_trickles_in_is_cut_off(
    new_office: Callable[..., object], caplog: pytest.LogCaptureFixture
) -> None:
    office = await new_office(replace(PATIENT, message_time=SHORT))  # type: ignore[misc]
    async with await StreamPeer.open(office.port) as slow:
        slow.send(options() + options()[:100])
        assert b"200 OK" in await slow.read_message()
        assert await slow.read_to_end() == b""
        flow, reason = await office.side.failure()
        assert flow.remote[1] == slow.port
    assert office.cut_off == {"slow message": 1}
    assert f"cut off: a message took over {SHORT:g} s" == reason
    assert f"TCP 127.0.0.1:{slow.port} cut off: a message took over {SHORT:g} s" in caplog.text
    await office.check_that_the_phone_works()


async def test_a_connection_that_says_nothing_is_cut_off_but_not_a_quiet_phone(
    new_office: Callable[..., object],
) -> None:
    office = await new_office(replace(PATIENT, greeting_time=SHORT))  # type: ignore[misc]
    async with await StreamPeer.open(office.port) as silent, await StreamPeer.open(office.port) as pinging:
        pinging.send(b"\r\n\r\n")
        assert await pinging.read(2) == b"\r\n"
        assert await silent.read_to_end() == b""
        assert await pinging.read_to_end() == b""
    assert office.cut_off == {"silent": 2}
    await office.check_that_the_phone_works()


async def test_a_phone_that_is_quiet_for_longer_than_any_registration_is_let_go(
    new_office: Callable[..., object],
) -> None:
    office = await new_office(replace(PATIENT, greeting_time=SHORT, idle_time=3 * SHORT))  # type: ignore[misc]
    assert await office.phone.read_to_end() == b""
    assert office.cut_off == {"idle": 1}


async def test_a_client_that_speaks_no_sip_is_cut_off_at_once(new_office: Callable[..., object]) -> None:
    office = await new_office(PATIENT)  # type: ignore[misc]
    async with await StreamPeer.open(office.port) as browser:
        browser.send(b"GET / HTTP/1.1\r\nHost: pbx\r\n\r\n")
        assert await browser.read_to_end() == b""
    assert office.cut_off == {"unreadable": 1}
    assert office.side.transports.stats["TCP"].malformed == 1
    await office.check_that_the_phone_works()


async def test_an_oversized_message_is_refused_with_513(new_office: Callable[..., object]) -> None:
    office = await new_office(replace(PATIENT, max_message=5_000))  # type: ignore[misc]
    async with await StreamPeer.open(office.port) as client:
        client.send(options(body=b"x" * 6_000))
        answer = await client.read_to_end()
        assert answer.startswith(b"SIP/2.0 513 ")
    assert office.cut_off == {"unreadable": 1}
    await office.check_that_the_phone_works()


async def test_endless_headers_are_cut_off(new_office: Callable[..., object]) -> None:
    office = await new_office(replace(PATIENT, max_head=2_000))  # type: ignore[misc]
    async with await StreamPeer.open(office.port) as client:
        client.send(b"OPTIONS sip:a@b SIP/2.0\r\n" + b"X-Long: x\r\n" * 300)
        assert await client.read_to_end() == b""
    assert office.cut_off == {"unreadable": 1}


async def test_a_length_that_is_no_number_gets_400_and_ends_the_connection(new_office: Callable[..., object]) -> None:
    office = await new_office(PATIENT)  # type: ignore[misc]
    async with await StreamPeer.open(office.port) as client:
        client.send(options().replace(b"Content-Length: 0", b"Content-Length: zero"))
        assert (await client.read_to_end()).startswith(b"SIP/2.0 400 ")
    async with await StreamPeer.open(office.port) as client:
        client.send(b"ACK sip:a@b SIP/2.0\r\nContent-Length: zero\r\n\r\n")
        assert await client.read_to_end() == b""
    async with await StreamPeer.open(office.port) as client:
        client.send(b"SIP/2.0 200 OK\r\nContent-Length: zero\r\n\r\n")
        assert await client.read_to_end() == b""
    assert office.cut_off == {"unreadable": 3}


async def flow_of(office: Office, client: StreamPeer) -> Flow:
    client.send(options())
    await client.read_message()
    while True:
        _, flow = await office.side.message()
        if flow.remote[1] == client.port:
            return flow


async def test_a_client_that_reads_nothing_is_cut_off_after_a_while(new_office: Callable[..., object]) -> None:
    office = await new_office(replace(PATIENT, write_time=SHORT, max_unsent=1 << 30))  # type: ignore[misc]
    async with await StreamPeer.open(office.port, limit=1_024) as client:
        flow = await flow_of(office, client)
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]
        for _ in range(40):
            flow.send(b"x" * 500_000)
        failed, reason = await office.side.failure()
    assert failed is flow
    assert "has not taken what waits" in reason
    assert office.cut_off == {"not reading": 1}
    await office.check_that_the_phone_works()


async def test_a_client_for_whom_too_much_waits_is_cut_off_at_once(new_office: Callable[..., object]) -> None:
    office = await new_office(replace(PATIENT, max_unsent=100_000))  # type: ignore[misc]
    async with await StreamPeer.open(office.port, limit=1_024) as client:
        flow = await flow_of(office, client)
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]
        while not flow.closed:
            flow.send(b"x" * 500_000)
            await asyncio.sleep(0)
        assert "bytes wait for it" in (await office.side.failure())[1]
    await office.check_that_the_phone_works()


async def test_a_client_that_catches_up_is_kept(new_office: Callable[..., object]) -> None:
    office = await new_office(replace(PATIENT, max_unsent=1 << 30))  # type: ignore[misc]
    size = 40 * 250_000
    async with await StreamPeer.open(office.port, limit=1 << 20) as client:
        flow = await flow_of(office, client)
        for _ in range(40):
            flow.send(b"x" * 250_000)
            await asyncio.sleep(0)
        await client.read(size)
        client.send(options())
        assert b"200 OK" in await client.read_message()
    assert office.cut_off == {}


class HandClock:
    """A loop whose time only the test moves."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self._timers: list[asyncio.TimerHandle] = []

    def time(self) -> float:
        return self.now

    def call_later(self, delay: float, callback: Callable[..., object], *args: Any) -> asyncio.TimerHandle:
        self._timers.append(asyncio.TimerHandle(self.now + delay, callback, args, self))  # type: ignore[arg-type]
        return self._timers[-1]

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        if handle in self._timers:  # a timer that runs may cancel itself
            self._timers.remove(handle)

    def get_debug(self) -> bool:
        return False

    def pass_time(self, seconds: float) -> None:
        end = self.now + seconds
        while due := [timer for timer in self._timers if timer.when() <= end]:
            timer = min(due, key=asyncio.TimerHandle.when)
            self._timers.remove(timer)
            self.now = timer.when()
            timer._run()
        self.now = end


class Wire(asyncio.Transport):
    """The other end of a connection that is only in memory."""

    def __init__(self) -> None:
        super().__init__({"sockname": ("127.0.0.1", 5060)})
        self.written = b""
        self.gone = False

    def write(self, data: Any) -> None:
        self.written += data

    def get_write_buffer_size(self) -> int:
        return 0

    def abort(self) -> None:
        self.gone = True

    close = abort


class InMemory:
    """One connection of a phone, with the time in our hand."""

    def __init__(self, limits: TransportLimits) -> None:
        self.clock = HandClock()
        self.reports: list[str] = []
        self.wire = Wire()
        stats = Stats()
        log = SparseLog(logging.getLogger("test"), self.clock.time, every=10.0)
        connections = Connections(
            self.clock,  # type: ignore[arg-type]
            Inbox(lambda message, flow: None, stats, log),
            limits,
            log,
            report_later=lambda flow, reason: self.reports.append(reason),
            tls_client=lambda hop: None,  # type: ignore[arg-type, return-value]
            traffic_class=0,
        )
        self.flow = StreamFlow(connections, "TCP", ("127.0.0.1", 5999))
        self.flow.connection_made(self.wire)

    def hear(self, data: bytes, then_wait: float) -> bool:
        """Tell whether the connection still stands after this."""
        self.flow.data_received(data)
        self.clock.pass_time(then_wait)
        return not self.wire.gone


def test_the_time_for_a_message_starts_anew_with_each_message() -> None:
    connection = InMemory(TransportLimits(message_time=15.0))
    whole = options()
    assert connection.hear(whole[:50], then_wait=14.0)
    for _ in range(8):
        assert connection.hear(whole[50:] + whole[:50], then_wait=14.0)
    assert connection.hear(whole[50:], then_wait=1_000.0)
    assert connection.hear(whole[:50], then_wait=14.0)
    assert not connection.hear(whole[50:60], then_wait=1.0)  # more of the same message wins no time
    assert connection.reports == ["cut off: a message took over 15 s"]


def test_a_phone_may_be_quiet_for_as_long_as_it_stays_registered() -> None:
    connection = InMemory(TransportLimits(greeting_time=30.0, idle_time=4_000.0))
    assert connection.hear(b"", then_wait=29.0)
    assert connection.hear(options(), then_wait=3_999.0)
    assert connection.hear(b"\r\n\r\n", then_wait=3_999.0)
    assert not connection.hear(b"\r\n", then_wait=4_000.0)
    assert connection.reports == ["cut off: nothing came for 4000 s"]


def test_a_peer_that_takes_again_what_waits_for_it_is_kept() -> None:
    connection = InMemory(TransportLimits(write_time=20.0))
    assert connection.hear(options(), then_wait=0.0)
    connection.flow.pause_writing()
    connection.clock.pass_time(19.0)
    connection.flow.resume_writing()
    assert connection.hear(options(), then_wait=100.0)
    connection.flow.pause_writing()
    assert connection.hear(options(), then_wait=19.0)
    assert not connection.hear(options(), then_wait=1.0)
    assert connection.reports == ["cut off: it has not taken what waits for it for 20 s"]


def test_any_sign_of_life_is_as_good_as_a_pong() -> None:
    connection = InMemory(TransportLimits(pong_time=10.0))
    connection.flow.ping()
    assert connection.hear(options(), then_wait=100.0)
    connection.flow.ping()
    connection.clock.pass_time(9.0)
    assert connection.hear(b"\r\n", then_wait=1_000.0)
    connection.flow.ping()
    connection.clock.pass_time(10.0)
    assert connection.wire.gone
    assert connection.wire.written == b"\r\n\r\n" * 3


def test_the_log_says_a_thing_once_in_a_while_and_how_often_it_was_not_said(caplog: pytest.LogCaptureFixture) -> None:
    now = 0.0
    log = SparseLog(logging.getLogger("test"), lambda: now, every=10.0)
    for _ in range(4):
        log(logging.WARNING, "a", "%s again", "it")
    log(logging.WARNING, "b", "another")
    now = 10.0
    log(logging.WARNING, "a", "%s again", "it")
    for number in range(5_000):
        log(logging.DEBUG, str(number), "many sources")
    assert [record.message for record in caplog.records if record.levelno == logging.WARNING] == [
        "it again",
        "another",
        "it again (and 3 more like this since the last line)",
    ]
