"""SIP over TCP: connections are used again, and their end is told to who used them."""

from __future__ import annotations

import asyncio
import logging
import resource
import socket
from collections.abc import Callable

import pytest

from jackfield.sip.flow import Hop, TransportFailed
from jackfield.sip.message import parse
from jackfield.sip.transport import TransportLimits

from .peers import PATIENCE, Side, StreamPeer, options

NewSide = Callable[..., Side]


def hop(port: int, host: str = "127.0.0.1") -> Hop:
    return Hop("TCP", host, port)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_requests_go_both_ways_over_one_connection(new_side: NewSide, host: str) -> None:
    here, there = new_side(), new_side()
    port = await there.transports.listen("TCP", host, 0)
    flow = await here.transports.flow_to(hop(port, host))
    flow.send(options("TCP [::1]:5060" if ":" in host else "TCP 127.0.0.1:5060"))
    _, back = await there.request()
    assert (await here.response())[0].status == 200
    back.send(options("TCP 127.0.0.1:5060", branch="z9hG4bK2"))
    assert (await here.request())[1] is flow
    assert (await there.response())[1] is back
    assert (flow.reliable, flow.secure, back.reliable) == (True, False, True)
    assert flow.local == back.remote
    assert back.local == (host, port)
    assert there.transports.stats["TCP"].accepted == here.transports.stats["TCP"].opened == 1


async def test_a_connection_is_used_again_also_by_who_asks_while_it_is_being_opened(new_side: NewSide) -> None:
    here, there = new_side(), new_side()
    port = await there.transports.listen("TCP", "127.0.0.1", 0)
    flows = await asyncio.gather(*(here.transports.flow_to(hop(port)) for _ in range(5)))
    assert len(set(flows)) == 1
    assert await here.transports.flow_to(hop(port)) is flows[0]
    assert here.transports.existing(flows[0].key) is flows[0]
    assert here.transports.stats["TCP"].opened == 1


async def test_the_connection_that_a_phone_opened_is_used_to_reach_it(new_side: NewSide) -> None:
    here, there = new_side(), new_side()
    port = await there.transports.listen("TCP", "127.0.0.1", 0)
    flow = await here.transports.flow_to(hop(port))
    flow.send(options())
    _, back = await there.request()
    assert await there.transports.flow_to(hop(flow.local[1])) is back


async def test_a_connection_leaves_from_the_address_that_we_listen_on(new_side: NewSide) -> None:
    here, there = new_side(), new_side()
    port = await there.transports.listen("TCP", "127.0.0.1", 0)
    await here.transports.listen("TCP", "127.0.0.3", 0)
    flow = await here.transports.flow_to(hop(port))
    assert flow.local[0] == "127.0.0.3"


async def test_nobody_listening_is_reported_to_all_who_wait(new_side: NewSide) -> None:
    side = new_side()
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    results = await asyncio.gather(*(side.transports.flow_to(hop(port)) for _ in range(2)), return_exceptions=True)
    assert all(isinstance(result, TransportFailed) for result in results)
    assert "Connection refused" in str(results[0])
    assert side.transports.stats["TCP"].handshakes_failed == 1
    with pytest.raises(TransportFailed, match="no IP address"):
        await side.transports.flow_to(hop(port, "pbx.example.com"))
    with pytest.raises(TransportFailed, match="only the peer can open one"):
        await side.transports.flow_to(Hop("WS", "127.0.0.1", port))


async def test_a_peer_that_does_not_answer_is_given_up(new_side: NewSide) -> None:
    side = new_side(limits=TransportLimits(connect_time=0.05))
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        with socket.socket() as first, socket.socket() as second:
            for sock in (first, second):  # the backlog is full now, and the kernel drops the next SYN
                sock.setblocking(False)
                sock.connect_ex(("127.0.0.1", port))
            with pytest.raises(TransportFailed, match="no answer in time"):
                await side.transports.flow_to(hop(port))


async def test_a_closed_connection_is_reported_once_and_opened_anew_when_needed(new_side: NewSide) -> None:
    here, there = new_side(), new_side()
    port = await there.transports.listen("TCP", "127.0.0.1", 0)
    flow = await here.transports.flow_to(hop(port))
    flow.send(options())
    _, back = await there.request()
    await here.response()
    back.close()
    failed, reason = await here.failure()
    assert failed is flow
    assert flow.closed
    assert reason == "closed by the peer"
    flow.send(options())
    assert await here.failure() == (flow, "the connection has gone")
    assert here.transports.existing(flow.key) is None
    again = await here.transports.flow_to(hop(port))
    assert again is not flow
    assert there.failures.empty()  # it was its own doing
    assert here.transports.stats["TCP"].connections == 1


async def test_a_response_whose_connection_has_gone_opens_one_to_the_via(new_side: NewSide) -> None:
    here, there = new_side(), new_side(answer=False)
    port = await there.transports.listen("TCP", "127.0.0.1", 0)
    own_port = await here.transports.listen("TCP", "127.0.0.1", 0)
    flow = await here.transports.flow_to(hop(port))
    flow.send(options(f"TCP phone.invalid:{own_port}"))
    request, back = await there.request()
    assert there.transports.flow_for_response(request, back) is back
    flow.close()
    assert (await there.failure())[0] is back
    response = request.reply(200)
    onward = there.transports.flow_for_response(response, back)
    assert onward is not back
    onward.send(response.to_bytes())  # it waits for the connection
    assert (await here.response())[0].status == 200


async def test_what_was_sent_before_the_connection_failed_is_reported(new_side: NewSide) -> None:
    here, there = new_side(answer=False), new_side()
    port = await here.transports.listen("TCP", "127.0.0.1", 0)
    flow = await there.transports.flow_to(hop(port))
    flow.send(options("TCP 127.0.0.1:9"))
    request, back = await here.request()
    flow.close()
    await here.failure()
    onward = here.transports.flow_for_response(request, back)
    onward.send(request.reply(200).to_bytes())
    failed, reason = await here.failure()
    assert failed is onward
    assert "Connection refused" in reason


async def test_keep_alives_are_answered_and_asked(new_side: NewSide) -> None:
    here, there = new_side(), new_side()
    port = await there.transports.listen("TCP", "127.0.0.1", 0)
    async with await StreamPeer.open(port) as phone:
        phone.send(b"\r\n\r\n" + options())
        assert parse(await phone.read_message()).status == 200
        assert await phone.read(2) == b"\r\n"
    flow = await here.transports.flow_to(hop(port))
    here.transports.keep_alive(flow)
    here.transports.keep_alive(flow)
    while here.transports.stats["TCP"].keep_alives < 1:
        await asyncio.sleep(0)
    assert there.transports.stats["TCP"].keep_alives == 2
    assert here.failures.empty()


async def test_a_ping_that_nobody_answers_fails_the_flow(new_side: NewSide) -> None:
    async with await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0) as mute:
        side = new_side(limits=TransportLimits(pong_time=0.02))
        flow = await side.transports.flow_to(hop(mute.sockets[0].getsockname()[1]))
        side.transports.keep_alive(flow)
        failed, reason = await side.failure()
        await side.transports.close()
    assert failed is flow
    assert "no answer to a keep-alive" in reason
    assert side.transports.stats["TCP"].cut_off == {"no pong": 1}


async def test_a_malformed_request_on_a_proven_connection_disturbs_nothing(new_side: NewSide) -> None:
    side = new_side()
    port = await side.transports.listen("TCP", "127.0.0.1", 0)
    async with await StreamPeer.open(port) as phone:
        phone.send(options() + b"no SIP at all\r\n\r\n" + options().replace(b"From: <sip", b"From: <<sip") + options())
        statuses = [parse_status(await phone.read_message()) for _ in range(3)]
    assert statuses == [200, 400, 200]


def parse_status(response: bytes) -> int:
    return int(response.split(b" ")[1])


async def test_connections_over_the_limit_are_turned_away(new_side: NewSide, caplog: pytest.LogCaptureFixture) -> None:
    side = new_side(limits=TransportLimits(max_unproven_per_address=1, max_connections_per_address=2))
    port = await side.transports.listen("TCP", "127.0.0.1", 0)
    counters = side.transports.stats["TCP"]
    async with await StreamPeer.open(port) as first, await StreamPeer.open(port) as second:
        assert await second.read_to_end() == b""
        first.send(options())
        await first.read_message()  # a SIP peer: the next one may come
        async with await StreamPeer.open(port) as third:
            third.send(options())
            await third.read_message()
            async with await StreamPeer.open(port) as fourth:
                assert await fourth.read_to_end() == b""
        while counters.connections > 1:
            await asyncio.sleep(0)
        async with await StreamPeer.open(port) as fifth:
            fifth.send(options())
            await fifth.read_message()
    assert counters.turned_away == 2
    assert "TCP connection of 127.0.0.1 turned away: it has 1 connections on which no SIP message came" in caplog.text


async def test_the_limit_on_all_connections_and_admission_hold_too(new_side: NewSide) -> None:
    side = new_side(limits=TransportLimits(max_connections=1))
    port = await side.transports.listen("TCP", "127.0.0.1", 0)
    async with await StreamPeer.open(port) as first:
        first.send(options())
        await first.read_message()
        async with await StreamPeer.open(port) as second:
            assert await second.read_to_end() == b""
        side.transports.admit = lambda address: False
        first.send(options())
        while side.transports.stats["TCP"].throttled < 1:
            await asyncio.sleep(0)
    while side.transports.stats["TCP"].connections:
        await asyncio.sleep(0)
    async with await StreamPeer.open(port) as third:
        assert await third.read_to_end() == b""
    assert side.transports.stats["TCP"].turned_away == 2
    assert side.transports.admit is not None


async def test_without_file_descriptors_accepting_pauses_and_goes_on(
    new_side: NewSide, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("jackfield.sip.transport.listener._PAUSE", 0.01)
    side = new_side()
    port = await side.transports.listen("TCP", "127.0.0.1", 0)
    async with await StreamPeer.open(port) as early:  # its own descriptors are had before there are none
        early.send(options())
        await early.read_message()
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        with socket.socket() as phone:
            phone.setblocking(False)
            used = socket.socket()
            lowest = used.fileno()
            used.close()
            resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, hard))
            try:
                phone.connect_ex(("127.0.0.1", port))
                while "takes no connections for a moment" not in caplog.text:
                    await asyncio.sleep(0.001)
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            loop = asyncio.get_running_loop()
            await asyncio.wait_for(loop.sock_sendall(phone, options()), PATIENCE)
            assert b"200 OK" in await asyncio.wait_for(loop.sock_recv(phone, 4_096), PATIENCE)
    assert "LimitNOFILE" in caplog.text


async def test_listening_says_what_is_wrong(new_side: NewSide) -> None:
    transports = new_side().transports
    with pytest.raises(ValueError, match="no SIP transport 'SCTP'"):
        await transports.listen("SCTP", "127.0.0.1", 0)
    with pytest.raises(ValueError, match="TLS needs certificate"):
        await transports.listen("TLS", "127.0.0.1", 0)
    port = await transports.listen("TCP", "127.0.0.1", 0)
    with pytest.raises(OSError, match="in use"):
        await transports.listen("TCP", "127.0.0.1", port)
    udp = await transports.listen("UDP", "127.0.0.1", 0)
    with pytest.raises(OSError, match="in use"):
        await transports.listen("UDP", "127.0.0.1", udp)


async def test_the_close_ends_all_connections_and_reports_none(
    new_side: NewSide, caplog: pytest.LogCaptureFixture
) -> None:
    side = new_side()
    port = await side.transports.listen("TCP", "127.0.0.1", 0)
    with caplog.at_level(logging.DEBUG):
        async with await StreamPeer.open(port) as phone, await StreamPeer.open(port) as silent:
            phone.send(options())
            await phone.read_message()
            await side.transports.close()
            assert await phone.read_to_end() == b""
            assert await silent.read_to_end() == b""
    assert side.failures.empty()
    assert side.transports.stats["TCP"].connections == 0
    with pytest.raises(TransportFailed):
        await side.transports.flow_to(hop(port))


async def test_a_close_while_connecting_ends_the_wait(new_side: NewSide) -> None:
    side = new_side()
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        with socket.socket() as first, socket.socket() as second:
            for sock in (first, second):
                sock.setblocking(False)
                sock.connect_ex(("127.0.0.1", port))
            waiting = asyncio.ensure_future(side.transports.flow_to(hop(port)))
            await asyncio.sleep(0)
            await side.transports.close()
            with pytest.raises(TransportFailed):
                await waiting
