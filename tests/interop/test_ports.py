"""The ports of the tests themselves: never two takers of one, and no lack of them on a busy machine."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from .rig.ports import Block, NoPorts


@pytest.fixture
def areas(ports: Block) -> range:
    """Five areas of 20 ports each, that no other test run touches."""
    first = ports.take(100)
    return range(first, first + 100, 20)


@pytest.fixture
def reserved(areas: range) -> Iterator[Block]:
    reserved = Block(areas, patience=0)
    yield reserved
    reserved.release()


def test_ports_do_not_run_out_with_the_first_area(reserved: Block, areas: range) -> None:
    given = [reserved.take(4) for _ in range(12)]
    ports = [port for first in given for port in range(first, first + 4)]
    assert len(set(ports)) == 48
    assert all(first % 2 == 0 for first in given)
    assert set(ports) <= set(range(areas.start, areas.stop))


def test_a_port_that_somebody_uses_is_passed_over(reserved: Block, areas: range) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, socket.socket() as tcp:
        udp.bind(("127.0.0.1", areas[2] + 5))
        tcp.bind(("127.0.0.1", areas[3] + 5))
        taken = [reserved.take(6) for _ in range(13)]
    ports = {port for first in taken for port in range(first, first + 6)}
    assert not ports & {areas[2] + 5, areas[3] + 5}


def test_a_long_range_lies_where_it_fits(reserved: Block, areas: range) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind(("127.0.0.1", areas[2] + 10))
        first, last = (int(port) for port in reserved.span(36).split("-"))
    assert last - first == 35
    assert not first <= areas[2] + 10 <= last


def test_two_never_have_the_same_ports(areas: range) -> None:
    one, two = Block(areas, patience=0), Block(areas, patience=0)
    ports = [block.take(10) for block in (one, two, one, two, one)]
    assert len({(port - areas.start) // 20 for port in ports}) == 5
    one.release()
    two.release()


def test_what_is_given_back_serves_the_next(areas: range) -> None:
    for _ in range(3):
        reserved = Block(areas, patience=0)
        for _ in range(5):
            reserved.take(16)
        reserved.release()


def test_a_lack_is_told_with_the_mend(reserved: Block) -> None:
    for _ in range(5):
        reserved.take(16)
    with pytest.raises(NoPorts, match=r"no 16 ports in a row are free .*ss -lunpt"):
        reserved.take(16)
