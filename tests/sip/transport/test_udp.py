"""SIP over UDP as a phone sees it."""

from __future__ import annotations

import asyncio
import logging
import os
import random
import socket
from collections.abc import Callable
from typing import Any

import pytest

from jackfield.sip import stun
from jackfield.sip.flow import Flow, Hop, TransportFailed
from jackfield.sip.message import parse
from jackfield.sip.transport import Admission, TransportLimits
from jackfield.sip.transport.udp import UdpSocket

from .peers import PATIENCE, Side, UdpPeer, options

NewSide = Callable[..., Side]
ALL_IPV4 = "0.0.0.0"


async def test_a_request_and_its_response_travel_between_two_sides(new_side: NewSide) -> None:
    here, there = new_side(), new_side()
    port = await there.transports.listen("UDP", "127.0.0.1", 0)
    own_port = await here.transports.listen("UDP", "127.0.0.1", 0)
    flow = await here.transports.flow_to(Hop("UDP", "127.0.0.1", port))
    flow.send(options(f"UDP 127.0.0.1:{own_port}"))
    request, back = await there.request()
    response, came_by = await here.response()
    assert request.method == "OPTIONS"
    assert back.remote == ("127.0.0.1", own_port)
    assert response.status == 200
    assert came_by is flow
    assert (flow.reliable, flow.secure, flow.closed) == (False, False, False)
    assert flow.local == ("127.0.0.1", own_port)
    assert there.transports.stats["UDP"].received == there.transports.stats["UDP"].sent == 1


async def test_ipv6_has_its_own_socket_beside_ipv4_on_the_same_port(new_side: NewSide) -> None:
    side = new_side()
    port = await side.transports.listen("UDP", ALL_IPV4, 0)
    assert await side.transports.listen("UDP", "[::]", port) == port
    with UdpPeer(port, "::1") as six, UdpPeer(port) as four:
        six.send(options("UDP [::1]:5999"))
        answer = parse(await six.read())
        assert answer.via.received == "::1"
        assert answer.via.host == "::1"
        assert answer.via.rport == six.port
        four.send(options("UDP 127.0.0.1:5999"))
        assert parse(await four.read()).via.received == "127.0.0.1"
    (_, first), (_, second) = await side.message(), await side.message()
    assert (first.remote, first.local) == (("::1", six.port), ("::1", port))
    assert (second.remote, second.local) == (("127.0.0.1", four.port), ("127.0.0.1", port))
    flow = await side.transports.flow_to(Hop("UDP", "::1", six.port))
    assert flow is first
    assert await side.transports.flow_to(Hop("UDP", "0:0:0:0:0:0:0:1", six.port)) is first


async def test_a_phone_behind_a_nat_gets_its_answer_where_it_sent_from(new_side: NewSide) -> None:
    side = new_side()
    port = await side.transports.listen("UDP", "127.0.0.1", 0)
    with UdpPeer(port) as phone:
        phone.send(options("UDP 192.168.7.7:5060"))
        via = parse(await phone.read()).via
    assert (via.host, via.received, via.rport) == ("192.168.7.7", "127.0.0.1", phone.port)


async def test_a_phone_that_asks_for_no_rport_gets_its_answer_at_the_port_of_its_via(new_side: NewSide) -> None:
    side = new_side()
    port = await side.transports.listen("UDP", "127.0.0.1", 0)
    with UdpPeer(port) as sends, UdpPeer(port) as listens:
        sends.send(options(f"UDP 127.0.0.1:{listens.port}", rport=False))
        assert b"received" not in await listens.read()
        sends.send(options(f"UDP phone.invalid:{listens.port}", rport=False))
        assert b";received=127.0.0.1" in await listens.read()
    request, flow = await side.request()
    assert side.transports.flow_for_response(request.reply(200), flow).remote == ("127.0.0.1", listens.port)


async def test_line_ends_before_a_message_are_skipped_and_pings_answered(new_side: NewSide) -> None:
    side = new_side()
    port = await side.transports.listen("UDP", "127.0.0.1", 0)
    with UdpPeer(port) as phone:
        for quiet in (b"", b"\r\n", b"\0\0\0\0", b"\0"):
            phone.send(quiet)
        phone.send(b"\r\n\r\n")
        assert await phone.read() == b"\r\n"
        phone.send(b"\r\n\r\n" + options())
        assert parse(await phone.read()).status == 200
    assert side.transports.stats["UDP"].keep_alives == 5
    assert side.transports.stats["UDP"].malformed == 0


async def test_a_stun_request_is_answered_with_the_address_it_came_from(new_side: NewSide) -> None:
    side = new_side()
    port = await side.transports.listen("UDP", "127.0.0.1", 0)
    with UdpPeer(port) as phone:
        phone.send(b"\0\1" + b"\xff" * 30)  # looks like STUN only at first sight
        phone.send(stun.binding_request(b"123456789012"))
        answer = stun.parse(await phone.read())
        assert answer.transaction_id == b"123456789012"
        assert stun.mapped_address(answer) == ("127.0.0.1", phone.port)
    assert side.transports.stats["UDP"].malformed == 0


async def test_a_ping_of_ours_is_a_double_line_end(new_side: NewSide) -> None:
    side = new_side()
    port = await side.transports.listen("UDP", "127.0.0.1", 0)
    with UdpPeer(port) as trunk:
        side.transports.keep_alive(await side.transports.flow_to(Hop("UDP", "127.0.0.1", trunk.port)))
        assert await trunk.read() == b"\r\n\r\n"


async def test_a_malformed_request_is_answered_and_logged_once(
    new_side: NewSide, caplog: pytest.LogCaptureFixture
) -> None:
    side = new_side()
    port = await side.transports.listen("UDP", "127.0.0.1", 0)
    broken = options().replace(b"Content-Length: 0", b"Content-Length: 9")
    with UdpPeer(port) as phone, caplog.at_level(logging.WARNING, "jackfield.sip.transport"):
        for _ in range(3):
            phone.send(broken)
            answer = parse(await phone.read())
            assert answer.status == 400
            assert answer.via.rport == phone.port
        phone.send(b"GET / HTTP/1.1\r\n\r\n")
        phone.send(broken.replace(b"OPTIONS", b"ACK"))
        phone.send(b"SIP/2.0 200 OK\r\nVia: x\r\n\r\n")
        phone.send(options())
        assert parse(await phone.read()).status == 200
    assert side.transports.stats["UDP"].malformed == 6
    assert len([record for record in caplog.records if "malformed message from UDP 127.0.0.1" in record.message]) == 1


async def test_nothing_that_can_be_sent_disturbs_the_next_request(new_side: NewSide) -> None:
    side = new_side()
    port = await side.transports.listen("UDP", "127.0.0.1", 0)
    rng = random.Random(4475)
    with UdpPeer(port) as phone:
        for _ in range(300):
            data = bytearray(options(body=b"v=0"))
            for _ in range(rng.randrange(1, 12)):
                at = rng.randrange(len(data))
                if rng.random() < 0.5:
                    data[at] = rng.randrange(256)
                else:
                    del data[at : at + rng.randrange(40)]
            phone.send(bytes(data) if rng.random() < 0.9 else rng.randbytes(rng.randrange(200)))
        phone.send(options(branch="z9hG4bKlast"))
        while b"z9hG4bKlast" not in await phone.read():
            pass
    assert side.transports.stats.errors == 0


async def test_a_message_of_another_sip_version_gets_505(new_side: NewSide) -> None:
    side = new_side()
    port = await side.transports.listen("UDP", "127.0.0.1", 0)
    with UdpPeer(port) as phone:
        phone.send(options().replace(b"SIP/2.0\r\nVia", b"SIP/7.0\r\nVia"))
        assert parse(await phone.read()).status == 505


async def test_an_error_in_the_code_above_is_logged_and_stops_nothing(
    new_side: NewSide, caplog: pytest.LogCaptureFixture
) -> None:
    side = new_side(admit=lambda address: True)
    port = await side.transports.listen("UDP", "127.0.0.1", 0)
    side._receive = None  # type: ignore[method-assign]
    seen: list[bytes] = []

    def trace(data: bytes, flow: Flow, way: str) -> None:
        seen.append(data)
        if len(seen) == 1:
            raise RuntimeError("the trace broke")

    side.transports.trace = trace
    with UdpPeer(port) as phone:
        phone.send(options())
        phone.send(options())
        assert parse(await phone.read()).status == 200
    assert side.transports.stats.errors == 1
    assert "could not be worked with" in caplog.text


async def test_the_trace_shows_what_comes_and_goes(new_side: NewSide) -> None:
    seen: list[tuple[str, bytes]] = []
    side = new_side(trace=lambda data, flow, way: seen.append((way, data[:3])))
    port = await side.transports.listen("UDP", "127.0.0.1", 0)
    with UdpPeer(port) as phone:
        phone.send(options())
        await phone.read()
        side.transports.trace = None
        phone.send(options())
        await phone.read()
    assert seen == [("in", b"OPT"), ("out", b"SIP")]


async def test_a_flood_is_dropped_before_it_is_parsed_but_not_a_known_phone(new_side: NewSide) -> None:
    now = 100.0
    known: set[str] = set()
    side = new_side(admit=Admission(lambda: now, rate=1.0, burst=3.0, is_known=known.__contains__))
    port = await side.transports.listen("UDP", "127.0.0.1", 0)
    with UdpPeer(port) as phone:
        for _ in range(5):
            phone.send(b"flood")
        while side.transports.stats["UDP"].throttled < 2:
            await asyncio.sleep(0)
        assert side.transports.stats["UDP"].malformed == 3
        now += 1.0
        phone.send(options())
        assert parse(await phone.read()).status == 200
        known.add("127.0.0.1")
        phone.send(options())
        assert parse(await phone.read()).status == 200


async def test_a_batch_leaves_time_for_others(new_side: NewSide) -> None:
    side = new_side(limits=TransportLimits(udp_batch=2), answer=False)
    port = await side.transports.listen("UDP", "127.0.0.1", 0)
    with UdpPeer(port) as phone:
        for _ in range(7):
            phone.send(options())
        for _ in range(7):
            await side.message()


async def test_flows_that_were_forgotten_still_work(new_side: NewSide) -> None:
    side = new_side(limits=TransportLimits(udp_flows=4))
    port = await side.transports.listen("UDP", "127.0.0.1", 0)
    peers = [UdpPeer(port) for _ in range(8)]
    for peer in peers:
        peer.send(options())
        await peer.read()
    first = (await side.message())[1]
    first.send(b"still there")
    assert await peers[0].read() == b"still there"
    assert side.transports.existing(first.key) is not None
    latest = (await asyncio.gather(*(side.message() for _ in range(7))))[-1][1]
    assert side.transports.existing(latest.key) is latest
    for peer in peers:
        peer.sock.close()


async def test_without_a_socket_of_the_family_there_is_no_flow(new_side: NewSide) -> None:
    side = new_side()
    await side.transports.listen("UDP", "127.0.0.1", 0)
    with pytest.raises(TransportFailed, match="no UDP port of IPv6"):
        await side.transports.flow_to(Hop("UDP", "::1", 5060))
    with pytest.raises(TransportFailed, match="no IP address"):
        await side.transports.flow_to(Hop("UDP", "pbx.example.com", 5060))
    assert side.transports.supports("UDP", "127.0.0.1")
    assert not side.transports.supports("UDP", "::1")
    assert not side.transports.supports("WS", "127.0.0.1")
    assert side.transports.existing(("UDP", ("127.0.0.1", 1), ("127.0.0.1", 2))) is None


async def test_what_the_kernel_refuses_to_send_is_reported(new_side: NewSide) -> None:
    side = new_side()
    await side.transports.listen("UDP", "127.0.0.1", 0)
    # A socket on loopback can't reach the world.
    flow = await side.transports.flow_to(Hop("UDP", "192.0.2.1", 5060))
    flow.send(options())
    failed, reason = await side.failure()
    assert failed is flow
    assert "sending to 192.0.2.1 port 5060 failed" in reason
    assert side.transports.stats["UDP"].lost == 1


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_a_peer_whose_port_is_closed_is_reported_at_once_and_nobody_else_disturbed(
    new_side: NewSide, host: str
) -> None:
    side = new_side()
    port = await side.transports.listen("UDP", host, 0)
    with UdpPeer(port, host) as gone:
        nobody = gone.port
    flow = await side.transports.flow_to(Hop("UDP", host, nobody))
    with UdpPeer(port, host) as phone:
        other = await side.transports.flow_to(Hop("UDP", host, phone.port))
        for _ in range(3):
            flow.send(options())
            other.send(b"for another peer")
            other.send(b"twice")
            assert await phone.read() == b"for another peer"
            assert await phone.read() == b"twice"
            failed, reason = await side.failure()
            assert failed is flow
            assert reason == f"sending to {host} port {nobody} failed: Connection refused"
            phone.send(options())
            assert parse(await phone.read()).status == 200
    assert side.transports.stats["UDP"].unreachable == 3
    assert side.transports.stats["UDP"].lost == 0


async def test_two_sockets_each_answer_by_themselves(new_side: NewSide) -> None:
    side = new_side()
    first = await side.transports.listen("UDP", "127.0.0.1", 0)
    second = await side.transports.listen("UDP", "127.0.0.2", 0)
    with UdpPeer(second, "127.0.0.2") as phone:
        phone.send(options())
        await phone.read()
        _, flow = await side.message()
        assert flow.local == ("127.0.0.2", second)
        again = await side.transports.flow_to(Hop("UDP", "127.0.0.2", phone.port), local=flow)
        assert again is flow
        assert (await side.transports.flow_to(Hop("UDP", "127.0.0.2", phone.port))).local == ("127.0.0.1", first)


async def test_datagrams_that_the_kernel_dropped_are_counted(new_side: NewSide) -> None:
    side = new_side(limits=TransportLimits(udp_receive_buffer=4_096), answer=False)
    port = await side.transports.listen("UDP", "127.0.0.1", 0)
    assert side.transports.refresh_stats().kernel_drops == 0
    with UdpPeer(port) as phone:
        for _ in range(50):
            phone.send(options(body=b"x" * 1_000))
        assert side.transports.refresh_stats().kernel_drops > 20


async def test_our_address_is_the_one_that_the_peer_sees_or_the_one_advertised(new_side: NewSide) -> None:
    side = new_side()
    port = await side.transports.listen("UDP", ALL_IPV4, 0)
    tcp = await side.transports.listen("TCP", "127.0.0.1", 0)
    local_address = side.transports.local_address
    assert local_address("UDP", "127.0.0.1") == ("127.0.0.1", port)
    assert local_address("TCP", "127.0.0.1") == ("127.0.0.1", tcp)
    assert local_address("UDP", "::1") == ("::1", 5060)
    assert local_address("TLS", "127.0.0.1") == ("127.0.0.1", 5061)
    side.transports.advertised = lambda remote, ours: {"127.0.0.9": "203.0.113.7"}.get(remote)
    assert local_address("UDP", "127.0.0.9") == ("203.0.113.7", port)
    assert local_address("UDP", "127.0.0.1") == ("127.0.0.1", port)


async def test_nothing_arrives_after_the_close(new_side: NewSide) -> None:
    side = new_side()
    port = await side.transports.listen("UDP", "127.0.0.1", 0)
    flow = await side.transports.flow_to(Hop("UDP", "127.0.0.1", port))
    await side.transports.close()
    flow.send(options())
    await asyncio.sleep(0)
    assert side.received.empty()
    assert side.failures.empty()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as again:
        again.bind(("127.0.0.1", port))


async def test_a_close_from_inside_the_receiver_is_no_trouble(new_side: NewSide) -> None:
    side = new_side(answer=False)
    port = await side.transports.listen("UDP", "127.0.0.1", 0)
    done = asyncio.get_running_loop().create_future()

    def close(data: bytes, flow: Flow, way: str) -> None:
        for udp in side.transports._udp.values():
            udp.close()
        done.set_result(None)

    side.transports.trace = close
    with UdpPeer(port) as phone:
        phone.send(options())
        await asyncio.wait_for(done, PATIENCE)


class FullSocket:
    """A socket whose kernel takes nothing until told to: the send buffer of a real one can't be filled at will."""

    def __init__(self) -> None:
        self._real, self._peer = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._real.setblocking(False)
        self.family = socket.AF_INET
        self.full = True
        self.sent: list[bytes] = []

    def getsockname(self) -> tuple[str, int]:
        return ("127.0.0.1", 5060)

    def fileno(self) -> int:
        return self._real.fileno()

    def recvfrom(self, size: int) -> tuple[bytes, Any]:
        raise BlockingIOError

    def sendto(self, data: bytes, address: Any) -> int:
        if self.full:
            raise BlockingIOError
        if data == b"refused":
            raise OSError(1, os.strerror(1))
        self.sent.append(data)
        return len(data)

    def _unsupported(self, *_: Any) -> Any:
        raise OSError

    getsockopt = setsockopt = recvmsg = _unsupported

    def close(self) -> None:
        self._real.close()
        self._peer.close()


async def test_messages_wait_while_the_send_buffer_is_full_and_are_lost_when_too_many_wait(new_side: NewSide) -> None:
    side = new_side()
    sock = FullSocket()
    transports = side.transports
    limits = TransportLimits(udp_unsent=3)
    failed: list[str] = []
    udp = UdpSocket(
        asyncio.get_running_loop(),
        sock,  # type: ignore[arg-type]
        transports._inbox,
        limits,
        transports._addresses,
        lambda flow, reason: failed.append(reason),
    )
    flow = udp.flow(("127.0.0.1", 5070))
    for data in (b"1", b"refused", b"3", b"4"):
        flow.send(data)
    await asyncio.sleep(0)
    assert sock.sent == []
    assert transports.stats["UDP"].lost == 1
    sock.full = False
    flow.send(b"5")
    assert sock.sent == []  # in order: it waits behind the others
    while not failed or len(sock.sent) < 2:
        await asyncio.sleep(0)
    assert sock.sent == [b"1", b"3"]
    assert failed == [
        "sending to 127.0.0.1 port 5070 failed: Operation not permitted (a firewall of this machine forbids it)"
    ]
    flow.send(b"6")
    assert sock.sent == [b"1", b"3", b"6"]
    assert udp.kernel_drops() == 0
    udp.close()
    udp.close()


async def test_a_multicast_group_shares_the_port_when_it_may_and_takes_nothing_away(new_side: NewSide) -> None:
    """What phones ask a whole network (plug and play) is heard by another process, though the port is ours."""
    side = new_side()
    port = await side.transports.listen("UDP", ALL_IPV4, 0)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as group, UdpPeer(port) as phone:
        group.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with pytest.raises(OSError, match="in use"):
            group.bind(("224.0.1.75", port))
        side.transports.let_share(0)
        group.bind(("224.0.1.75", port))
        group.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton("224.0.1.75") + bytes(4))
        await asyncio.sleep(0.001)  # it is over
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as thief:
            thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with pytest.raises(OSError, match="in use"):
                thief.bind((ALL_IPV4, port))
        phone.send(options("UDP 127.0.0.1:5999"))
        assert parse(await phone.read()).cseq.method == "OPTIONS"
