"""STUN: the vectors of RFC 5769, what phones and old stacks send, and that nothing else ever comes back."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jackfield.sip.stun import (
    BINDING,
    MalformedStun,
    MessageClass,
    answer,
    binding_error,
    binding_request,
    binding_response,
    is_stun,
    mapped_address,
    parse,
)

# RFC 5769 2.1, 2.2, 2.3
REQUEST = bytes.fromhex(
    "000100582112a442b7e7a701bc34d686fa87dfae802200105354554e207465737420636c69656e74002400046e0001ff"
    "80290008932ff9b151263b36000600096576746a3a68367659202020000800149aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a2"
    "80280004e57a3bcf"
)
RESPONSE_4 = bytes.fromhex(
    "0101003c2112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220002000080001a147e112a643"
    "000800142b91f599fd9e90c38c7489f92af9ba53f06be7d780280004c07d4c96"
)
RESPONSE_6 = bytes.fromhex(
    "010100482112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220002000140002a147"
    "0113a9faa5d3f179bc25f4b5bed2b9d900080014a382954e4be67bf11784c97c8292c275bfe3ed4180280004c8fb0b4c"
)
IDENTIFIER = b"0123456789ab"


def test_the_request_of_rfc_5769_is_read_and_answered():
    request = parse(REQUEST)
    assert (request.method, request.message_class) == (BINDING, MessageClass.REQUEST)
    assert request.get(0x8022) == b"STUN test client"
    assert request.get(0x7777) is None
    reply = answer(REQUEST, ("192.0.2.1", 32853))
    assert reply is not None
    back = parse(reply)
    assert back.message_class == MessageClass.SUCCESS
    assert back.transaction_id == request.transaction_id
    assert mapped_address(back) == ("192.0.2.1", 32853)


def test_the_responses_of_rfc_5769_tell_the_address():
    assert mapped_address(parse(RESPONSE_4)) == ("192.0.2.1", 32853)
    assert mapped_address(parse(RESPONSE_6)) == ("2001:db8:1234:5678:11:2233:4455:6677", 32853)


@pytest.mark.parametrize("host", ["192.0.2.7", "2001:db8::7", "fe80::1%eth0", "::ffff:192.0.2.7"])
def test_a_peer_learns_how_it_is_seen(host):
    reply = answer(binding_request(IDENTIFIER, software="Jackfield"), (host, 40000))
    assert reply is not None
    assert is_stun(reply)
    expected = {"fe80::1%eth0": "fe80::1", "::ffff:192.0.2.7": "192.0.2.7"}.get(host, host)
    assert mapped_address(parse(reply)) == (expected, 40000)


def test_a_phone_of_rfc_3489_gets_the_plain_address_and_its_own_sixteen_bytes_back():
    request = struct.pack("!HH16s", 1, 0, b"A" * 16)
    assert parse(request).classic
    reply = answer(request, ("192.0.2.7", 5060))
    assert reply is not None
    assert reply[4:20] == b"A" * 16
    assert mapped_address(parse(reply)) == ("192.0.2.7", 5060)


def test_what_we_must_not_pass_over_gets_420():
    request = struct.pack("!HH4s12sHH4s", 1, 8, bytes.fromhex("2112a442"), IDENTIFIER, 0x0003, 4, bytes(4))
    reply = answer(request, ("192.0.2.7", 5060))
    assert reply is not None
    back = parse(reply)
    assert back.message_class == MessageClass.ERROR
    assert back.error == (420, "Unknown Attribute")
    assert back.get(0x000A) == b"\x00\x03"
    assert mapped_address(back) is None


def test_only_binding_requests_are_answered():
    for kind in (0x0011, 0x0101, 0x0111, 0x0003):
        assert answer(struct.pack("!HH4s12s", kind, 0, bytes.fromhex("2112a442"), IDENTIFIER), ("h", 1)) is None
    assert answer(b"\r\n\r\n", ("192.0.2.7", 5060)) is None


def test_methods_and_classes_are_taken_from_their_scattered_bits():
    message = parse(struct.pack("!HH4s12s", 0x3FFF & ~0x0010, 0, bytes.fromhex("2112a442"), IDENTIFIER))
    assert (message.method, message.message_class) == (0xFFF, MessageClass.SUCCESS)
    assert parse(struct.pack("!HH16s", 0x0113, 0, bytes(16))).message_class == MessageClass.ERROR


def test_stun_is_told_from_sip_and_keep_alives():
    assert is_stun(REQUEST)
    assert not is_stun(b"\r\n\r\n")
    assert not is_stun(b"")
    assert not is_stun(b"OPTIONS sip:a@b SIP/2.0\r\n\r\n")
    assert not is_stun(REQUEST + b"x")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        REQUEST[:19],
        REQUEST[:-4],
        REQUEST + bytes(4),
        REQUEST[:-1] + b"\x00",
        b"\xc0" + REQUEST[1:],
        struct.pack("!HH16s", 1, 3, bytes(16)) + b"abc",
        struct.pack("!HH16sHH", 1, 4, bytes(16), 0x8022, 1),
        struct.pack("!HH16s", 1, 4 * 40, bytes(16)) + struct.pack("!HH", 0x8022, 0) * 40,
    ],
)
def test_what_is_no_stun_is_malformed_and_not_answered(data):
    with pytest.raises(MalformedStun):
        parse(data)
    assert answer(data, ("192.0.2.7", 5060)) is None


def test_addresses_and_errors_that_make_no_sense_are_none():
    identifier = bytes.fromhex("2112a442") + IDENTIFIER
    for kind in (0x0020, 0x8020, 0x0001):
        for value in (b"", bytes(8), b"\0\1" + bytes(18), b"\0\2" + bytes(6), bytes(4)):
            data = struct.pack("!HH16sHH", 0x101, 4 + len(value), identifier, kind, len(value)) + value
            assert mapped_address(parse(data)) is None
    assert parse(struct.pack("!HH16sHH", 0x111, 4, identifier, 9, 0)).error is None
    assert parse(RESPONSE_4).error is None
    assert parse(binding_error(parse(REQUEST), 400, "Bad Request")).error == (400, "Bad Request")


def test_a_transaction_id_of_another_length_is_refused():
    with pytest.raises(ValueError, match="12 bytes"):
        binding_request(b"short")


@settings(derandomize=True, max_examples=300, deadline=None)
@given(st.binary(max_size=200) | st.binary(max_size=60).map(lambda tail: REQUEST[:20] + tail))
def test_no_bytes_make_the_reader_fail_in_another_way(data):
    assert (answer(data, ("192.0.2.7", 5060)) is None) or is_stun(data)
    try:
        message = parse(data)
    except MalformedStun:
        return
    _ = mapped_address(message), message.error, message.classic
    assert parse(binding_response(message, ("192.0.2.7", 5060))).transaction_id == message.transaction_id
