from __future__ import annotations

import pytest

from jackfield.rtp import packet


def test_a_packet_is_read_as_it_was_written() -> None:
    original = packet.Packet(8, 65535, 0xFFFFFFFF, 7, b"sound", marker=True)
    assert packet.parse(original.to_bytes()) == original
    assert original.to_bytes()[:2] == b"\x80\x88"


def test_counters_wrap_instead_of_overflowing() -> None:
    data = packet.build(0, 65536 + 5, (1 << 32) + 6, (1 << 32) + 7, b"")
    assert packet.parse(data) == packet.Packet(0, 5, 6, 7, b"")


def test_sources_extensions_and_padding_are_no_payload() -> None:
    header = packet.build(0, 1, 2, 3, b"")
    sources = bytes((header[0] | 2,)) + header[1:] + b"12345678" + b"sound"
    assert packet.payload_of(sources) == b"sound"
    extended = bytes((header[0] | 0x10,)) + header[1:] + b"\xbe\xde\x00\x01" + b"abcd" + b"sound"
    assert packet.payload_of(extended) == b"sound"
    padded = bytes((header[0] | 0x20,)) + header[1:] + b"sound" + b"\x00\x00\x03"
    assert packet.payload_of(padded) == b"sound"
    assert packet.payload_bounds(memoryview(padded)) == (12, 17)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x80" * 11,
        b"\x8f" + bytes(20),  # fifteen sources that aren't there
        b"\x90" + bytes(11),  # an extension that isn't there
        b"\x90" + bytes(13) + b"\xff\xff",  # an extension that is longer than the packet
        b"\xa0" + bytes(11) + b"abc\xff",  # more padding than packet
        b"\xa0" + bytes(11) + b"abc\x00",  # padding of no length
    ],
)
def test_a_header_that_claims_too_much_is_no_packet(data: bytes) -> None:
    assert packet.payload_bounds(data) is None
    assert packet.payload_of(data) is None
    assert packet.parse(data) is None


def test_rtp_rtcp_and_others_are_told_apart() -> None:
    rtp = packet.build(101, 1, 2, 3, b"x", marker=True)
    rtcp = b"\x80\xc8\x00\x06" + bytes(24)
    stun = b"\x00\x01\x00\x00" + bytes(16)
    assert [packet.is_rtp(d) for d in (rtp, rtcp, stun, b"")] == [True, False, False, False]
    assert [packet.is_rtcp(d) for d in (rtp, rtcp, stun, b"")] == [False, True, False, False]
    assert packet.parse(rtcp) is None


@pytest.mark.parametrize(
    ("value", "reference", "bits", "result"),
    [
        (5, 65534, 16, 65541),
        (65534, 65541, 16, 65534),
        (100, 65536 * 3 + 90, 16, 65536 * 3 + 100),
        (10, 0xFFFFFFF0, 32, 0x10000000A),
        (7, 7, 16, 7),
    ],
)
def test_a_wrapped_counter_is_unwrapped(value: int, reference: int, bits: int, result: int) -> None:
    assert packet.extended(value, reference, bits) == result
