"""RTP ports: even and odd, each once, and never too soon again."""

from __future__ import annotations

import socket
from contextlib import closing
from functools import cache
from random import Random

import pytest

from interop.rig.ports import Block, block
from jackfield.media.ports import NoPort, Ports, disconnect, kernel_drops, socket_address

from .conftest import Clock


@cache
def reserved() -> Block:
    """Ports that no test beside us takes, and that the kernel gives to nobody."""
    return block()


def free_range(pairs: int) -> tuple[int, int]:
    """Ports next to each other that are free, the first even; none is given twice."""
    first = reserved().take(2 * pairs)
    return first, first + 2 * pairs - 1


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ports(clock: Clock) -> Ports:
    made = Ports(*free_range(3), clock=clock, random=Random(1))
    return made


def test_rtp_is_even_and_rtcp_the_next(ports: Ports) -> None:
    pair = ports.open("127.0.0.1")
    assert pair.port % 2 == 0
    assert pair.rtp.getsockname() == ("127.0.0.1", pair.port)
    assert pair.rtcp is not None
    assert pair.rtcp.getsockname() == ("127.0.0.1", pair.port + 1)
    ports.close(pair)


def test_rtcp_may_share_the_port(ports: Ports) -> None:
    pair = ports.open("127.0.0.1", rtcp_mux=True)
    assert pair.rtcp is None
    ports.close(pair)


def test_every_port_is_given_out_once_and_then_it_says_what_to_change(ports: Ports) -> None:
    pairs = [ports.open("127.0.0.1") for _ in range(3)]
    assert len({pair.port for pair in pairs}) == 3
    assert ports.free == 0
    with pytest.raises(NoPort, match=r"rtp_ports") as refused:
        ports.open("127.0.0.1")
    assert ports.range in str(refused.value)
    for pair in pairs:
        ports.close(pair)


def test_a_closed_port_rests_before_it_is_used_again(ports: Ports, clock: Clock) -> None:
    pairs = [ports.open("127.0.0.1") for _ in range(3)]
    ports.close(pairs[1])
    clock.advance(1.9)
    with pytest.raises(NoPort):
        ports.open("127.0.0.1")
    clock.advance(0.2)
    again = ports.open("127.0.0.1")
    assert again.port == pairs[1].port
    for pair in (pairs[0], pairs[2], again):
        ports.close(pair)
    clock.advance(3)
    assert ports.free == 3


@pytest.mark.parametrize("offset", [0, 1])
def test_a_port_held_by_another_program_is_passed_over(clock: Clock, offset: int) -> None:
    first, last = free_range(2)
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as other:
        other.bind(("127.0.0.1", first + offset))
        ports = Ports(first, last, clock=clock, random=Random(1))
        pair = ports.open("127.0.0.1")
        assert pair.port == first + 2
        with pytest.raises(NoPort):
            ports.open("127.0.0.1")
        ports.close(pair)


def test_a_port_held_by_another_program_does_not_keep_the_others_back(clock: Clock) -> None:
    first, last = free_range(2)
    ports = Ports(first, last, clock=clock, random=Random(1))
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as other:
        other.bind(("127.0.0.1", first))
        pair = ports.open("127.0.0.1")
        with pytest.raises(NoPort):
            ports.open("127.0.0.1")
        ports.close(pair)
        clock.advance(3)
        pair = ports.open("127.0.0.1")
        assert pair.port == first + 2
    clock.advance(40)
    freed = ports.open("127.0.0.1")
    assert freed.port == first, "tried again when it may have become free"
    ports.close(pair)
    ports.close(freed)


def test_each_of_our_addresses_has_the_whole_range(ports: Ports) -> None:
    pairs = [ports.open(address) for address in ("127.0.0.1", "127.0.0.2") for _ in range(3)]
    assert len({(pair.pool, pair.port) for pair in pairs}) == 6
    for pair in pairs:
        ports.close(pair)


def test_ipv6_works_the_same(clock: Clock) -> None:
    ports = Ports(33000, 60000, clock=clock, random=Random())
    pair = ports.open("::1")
    assert pair.rtp.getsockname()[:2] == ("::1", pair.port)
    ports.close(pair)


def test_an_address_that_only_the_nat_has_is_bound_on_the_host(clock: Clock) -> None:
    ports = Ports(33000, 60000, clock=clock, random=Random(), hosts=("::1", "127.0.0.1"))
    pair = ports.open("203.0.113.50")
    assert pair.rtp.getsockname()[0] == "127.0.0.1"
    ports.close(pair)
    pair = ports.open("2001:db8::50")
    assert pair.rtp.getsockname()[0] == "::1"
    ports.close(pair)


def test_what_is_no_address_is_refused(ports: Ports) -> None:
    with pytest.raises(NoPort, match="pbx"):
        ports.open("pbx.example.com")


@pytest.mark.parametrize(("first", "last"), [(5001, 5001), (6000, 5000), (0, 10), (65000, 70000)])
def test_a_range_without_a_pair_is_refused(clock: Clock, first: int, last: int) -> None:
    with pytest.raises(ValueError, match="RTP ports"):
        Ports(first, last, clock=clock, random=Random())


def test_an_odd_start_begins_at_the_next_even_port(clock: Clock) -> None:
    first, last = free_range(2)
    ports = Ports(first + 1, last, clock=clock, random=Random())
    pair = ports.open("127.0.0.1")
    assert pair.port == first + 2
    ports.close(pair)


def test_packets_are_marked_for_the_network(clock: Clock) -> None:
    ports = Ports(33000, 60000, clock=clock, random=Random(), dscp=46)
    four, six = ports.open("127.0.0.1"), ports.open("::1")
    assert four.rtp.getsockopt(socket.IPPROTO_IP, socket.IP_TOS) == 184
    assert six.rtp.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS) == 184
    plain = Ports(33000, 60000, clock=clock, random=Random(), dscp=0)
    unmarked = plain.open("127.0.0.1")
    assert unmarked.rtp.getsockopt(socket.IPPROTO_IP, socket.IP_TOS) == 0
    for owner, pair in ((ports, four), (ports, six), (plain, unmarked)):
        owner.close(pair)


def test_what_the_kernel_drops_is_counted(clock: Clock) -> None:
    ports = Ports(33000, 60000, clock=clock, random=Random(), receive_buffer=4096)
    pair = ports.open("127.0.0.1")
    assert kernel_drops(pair.rtp) == 0
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as phone:
        for _ in range(100):
            phone.sendto(bytes(172), pair.rtp.getsockname())
    assert kernel_drops(pair.rtp) > 50
    ports.close(pair)
    assert kernel_drops(pair.rtp) == 0, "a closed socket has none, and raises nothing"


def test_a_connected_socket_can_hear_everybody_again(clock: Clock) -> None:
    ports = Ports(33000, 60000, clock=clock, random=Random())
    pair = ports.open("127.0.0.1")
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as phone:
        phone.bind(("127.0.0.1", 0))
        pair.rtp.connect(("127.0.0.2", 9))
        phone.sendto(b"not heard", pair.rtp.getsockname())
        disconnect(pair.rtp)
        assert pair.rtp.getsockname() == ("127.0.0.1", pair.port)
        phone.sendto(b"heard", pair.rtp.getsockname())
        pair.rtp.setblocking(True)
        pair.rtp.settimeout(5)
        assert pair.rtp.recv(100) == b"heard"
    ports.close(pair)


def test_scopes_of_link_local_addresses_are_understood() -> None:
    assert socket_address("127.0.0.1", 5) == ("127.0.0.1", 5)
    assert socket_address("2001:DB8::1", 5) == ("2001:db8::1", 5, 0, 0)
    assert socket_address("fe80::1%3", 5) == ("fe80::1", 5, 0, 3)
    assert socket_address("fe80::1%lo", 5)[3] == socket.if_nametoindex("lo")
