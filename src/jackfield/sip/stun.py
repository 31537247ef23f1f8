"""STUN on the SIP port (RFC 5389, RFC 8489): the keep-alive of RFC 5626 4.4.2, and how a trunk learns its NAT.

Only the Binding method, without credentials. Reading is tolerant: attributes that we don't know are kept as bytes,
and the RFC 3489 form (no magic cookie) is understood, since old phones still send it.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

from jackfield.sip.limits import MAX_STUN_ATTRIBUTES

__all__ = [
    "BINDING",
    "CHANGE_REQUEST",
    "OTHER_ADDRESS",
    "RESPONSE_ORIGIN",
    "RESPONSE_PORT",
    "MalformedStun",
    "MessageClass",
    "StunMessage",
    "address_value",
    "answer",
    "answered",
    "binding_error",
    "binding_request",
    "binding_response",
    "is_stun",
    "mapped_address",
    "parse",
    "read_address",
]

BINDING: Final = 0x001
_COOKIE: Final = 0x2112A442
_COOKIE_BYTES: Final = _COOKIE.to_bytes(4, "big")
_FINGERPRINT_MASK: Final = 0x5354554E
_HEADER: Final = struct.Struct("!HH16s")
_ATTRIBUTE: Final = struct.Struct("!HH")

# RFC 8489 18.3. Below 0x8000 a receiver has to understand them.
_MAPPED_ADDRESS: Final = 0x0001
_ERROR_CODE: Final = 0x0009
_UNKNOWN_ATTRIBUTES: Final = 0x000A
_XOR_MAPPED_ADDRESS: Final = 0x0020
_XOR_MAPPED_ADDRESS_DRAFT: Final = 0x8020  # as some servers sent it before RFC 5389
_SOFTWARE: Final = 0x8022
_FINGERPRINT: Final = 0x8028
# RFC 5780 section 7: how a client learns what its NAT does. The SIP port knows none of these.
CHANGE_REQUEST: Final = 0x0003
RESPONSE_PORT: Final = 0x0027
RESPONSE_ORIGIN: Final = 0x802B
OTHER_ADDRESS: Final = 0x802C
# What a Binding request may carry that changes nothing in our answer: RFC 3489's RESPONSE-ADDRESS and CHANGE-REQUEST
# (refused), USERNAME, MESSAGE-INTEGRITY (no credentials on this port: passed over), ICE's PRIORITY, USE-CANDIDATE.
_UNDERSTOOD: Final = frozenset((_MAPPED_ADDRESS, 0x0006, 0x0008, _XOR_MAPPED_ADDRESS, 0x0024, 0x0025))


class MalformedStun(ValueError):
    """The datagram is no STUN message."""


class MessageClass(IntEnum):
    """The class bits of the message type (RFC 8489 5)."""

    REQUEST = 0
    INDICATION = 1
    SUCCESS = 2
    ERROR = 3


@dataclass(frozen=True, slots=True)
class StunMessage:
    """One STUN message.

    method: BINDING or another method's number. transaction_id: what an answer repeats, 12 bytes, or 16 in the RFC
    3489 form. attributes: (type, value without padding), in order; of a type given twice the first counts.
    """

    method: int
    message_class: MessageClass
    transaction_id: bytes
    attributes: tuple[tuple[int, bytes], ...] = ()

    @property
    def classic(self) -> bool:
        """Whether this is the RFC 3489 form, which knows no XOR-MAPPED-ADDRESS."""
        return len(self.transaction_id) == 16

    def get(self, attribute: int) -> bytes | None:
        """The value of the first attribute of that type."""
        for kind, value in self.attributes:
            if kind == attribute:
                return value
        return None

    @property
    def error(self) -> tuple[int, str] | None:
        """Code and reason of an error response (RFC 8489 14.8), None if it has none that can be read."""
        value = self.get(_ERROR_CODE)
        if value is None or len(value) < 4:
            return None
        return (value[2] & 7) * 100 + value[3], value[4:].decode("utf-8", "replace")


def is_stun(data: bytes) -> bool:
    """Whether a datagram on the SIP port is STUN: SIP begins with a letter, STUN with two zero bits and a length.

    A cheap test; `parse` may still find it malformed. Keep-alive CRLFs are no STUN: they are shorter than 20 bytes.
    """
    return len(data) >= 20 and data[0] < 2 and int.from_bytes(data[2:4], "big") + 20 == len(data)


def parse(data: bytes) -> StunMessage:
    """Read one message. Raises MalformedStun, also when the FINGERPRINT is wrong."""
    if len(data) < 20 or data[0] & 0xC0:
        raise MalformedStun("no STUN header")
    kind, length, identifier = _HEADER.unpack_from(data)
    if length % 4 or length + 20 != len(data):
        raise MalformedStun("wrong length in a STUN header")
    attributes: list[tuple[int, bytes]] = []
    position = 20
    while position < len(data):
        # The length is a multiple of four, so a whole attribute header fits.
        attribute, size = _ATTRIBUTE.unpack_from(data, position)
        start = position + 4
        if start + size > len(data):
            raise MalformedStun("STUN attribute longer than the message")
        if len(attributes) >= MAX_STUN_ATTRIBUTES:
            raise MalformedStun("too many STUN attributes")
        value = data[start : start + size]
        if attribute == _FINGERPRINT and value != _fingerprint(data[:position]):
            raise MalformedStun("wrong FINGERPRINT")
        attributes.append((attribute, value))
        position = start + size + -size % 4
    method = (kind & 0x000F) | (kind & 0x00E0) >> 1 | (kind & 0x3E00) >> 2
    message_class = MessageClass((kind & 0x0010) >> 4 | (kind & 0x0100) >> 7)
    if identifier[:4] == _COOKIE_BYTES:
        identifier = identifier[4:]
    return StunMessage(method, message_class, identifier, tuple(attributes))


def binding_request(
    transaction_id: bytes, *, software: str = "", attributes: Sequence[tuple[int, bytes]] = ()
) -> bytes:
    """A Binding request. transaction_id: 12 random bytes. Raises ValueError for another length.

    attributes: more of them, as (type, value), such as RESPONSE_PORT (RFC 5780 section 7).
    """
    if len(transaction_id) != 12:
        raise ValueError("a STUN transaction id has 12 bytes")
    named = [(_SOFTWARE, software.encode()[:128])] if software else []
    return _build(MessageClass.REQUEST, transaction_id, [*attributes, *named])


def binding_response(
    request: StunMessage, source: tuple[str, int], attributes: Sequence[tuple[int, bytes]] = ()
) -> bytes:
    """The success response: tells where the request came from, (IP literal, port), and what `attributes` say more."""
    if request.classic:
        mapped = (_MAPPED_ADDRESS, _address(source, b""))
    else:
        mapped = (_XOR_MAPPED_ADDRESS, _address(source, _COOKIE_BYTES + request.transaction_id))
    return _build(MessageClass.SUCCESS, request.transaction_id, [mapped, *attributes])


def binding_error(request: StunMessage, code: int, reason: str, unknown: list[int] | None = None) -> bytes:
    """An error response. unknown: the attributes that made it, for code 420 (RFC 8489 6.3.1)."""
    attributes = [(_ERROR_CODE, struct.pack("!HBB", 0, code // 100, code % 100) + reason.encode())]
    if unknown:
        attributes.append((_UNKNOWN_ATTRIBUTES, b"".join(struct.pack("!H", kind) for kind in unknown)))
    return _build(MessageClass.ERROR, request.transaction_id, attributes)


def answer(data: bytes, source: tuple[str, int]) -> bytes | None:
    """What to send back for a datagram that `is_stun`, or None. Never raises.

    A Binding request gets its address, or 420 if it insists on something we don't know; all else is passed over.
    """
    try:
        request = parse(data)
    except MalformedStun:
        return None
    if request.message_class != MessageClass.REQUEST or request.method != BINDING:
        return None
    unknown = [kind for kind, _ in request.attributes if kind < 0x8000 and kind not in _UNDERSTOOD]
    if unknown:
        return binding_error(request, 420, "Unknown Attribute", unknown)
    return binding_response(request, source)


def answered(data: bytes) -> bytes:
    """Return the transaction id of a success response; b"" for anything else. Never raises."""
    try:
        message = parse(data)
    except MalformedStun:
        return b""
    return message.transaction_id if message.message_class == MessageClass.SUCCESS else b""


def mapped_address(message: StunMessage) -> tuple[str, int] | None:
    """How the peer sees us: (IP literal, port), from XOR-MAPPED-ADDRESS or else MAPPED-ADDRESS.

    None if the message has none that can be read.
    """
    for kind in (_XOR_MAPPED_ADDRESS, _XOR_MAPPED_ADDRESS_DRAFT):
        value = message.get(kind)
        if value is not None:
            return _read_address(value, _COOKIE_BYTES + message.transaction_id)
    value = message.get(_MAPPED_ADDRESS)
    return None if value is None else _read_address(value, b"")


def address_value(address: tuple[str, int]) -> bytes:
    """The value of an attribute that holds an address in the clear, such as OTHER_ADDRESS."""
    return _address(address, b"")


def read_address(value: bytes | None) -> tuple[str, int] | None:
    """Read such a value; None when it can't be read or is not there."""
    return None if value is None else _read_address(value, b"")


def _address(source: tuple[str, int], mask: bytes) -> bytes:
    """The value of (XOR-)MAPPED-ADDRESS (RFC 8489 14.1, 14.2); `mask` is empty, or cookie and transaction id."""
    host: IPv4Address | IPv6Address = ip_address(source[0].partition("%")[0])
    if isinstance(host, IPv6Address) and host.ipv4_mapped is not None:
        host = host.ipv4_mapped  # a dual-stack socket shows IPv4 so
    packed, port = host.packed, source[1]
    if mask:
        packed = bytes(a ^ b for a, b in zip(packed, mask, strict=False))
        port ^= _COOKIE >> 16
    return struct.pack("!BBH", 0, 1 if host.version == 4 else 2, port) + packed


def _read_address(value: bytes, mask: bytes) -> tuple[str, int] | None:
    if (len(value), value[1:2]) not in ((8, b"\1"), (20, b"\2")):
        return None
    port, packed = int.from_bytes(value[2:4], "big"), value[4:]
    if mask:
        packed = bytes(a ^ b for a, b in zip(packed, mask, strict=False))
        port ^= _COOKIE >> 16
    return str(ip_address(packed)), port


def _fingerprint(before: bytes) -> bytes:
    """The value of FINGERPRINT for a message whose bytes before that attribute are `before` (RFC 8489 14.7)."""
    return struct.pack("!I", zlib.crc32(before) ^ _FINGERPRINT_MASK)


def _build(message_class: MessageClass, transaction_id: bytes, attributes: list[tuple[int, bytes]]) -> bytes:
    kind = BINDING | (message_class & 1) << 4 | (message_class & 2) << 7
    body = b"".join(
        _ATTRIBUTE.pack(attribute, len(value)) + value + bytes(-len(value) % 4) for attribute, value in attributes
    )
    if len(transaction_id) == 16:
        return _HEADER.pack(kind, len(body), transaction_id) + body
    # The length in the header covers the FINGERPRINT too when its checksum is made.
    before = _HEADER.pack(kind, len(body) + 8, _COOKIE_BYTES + transaction_id) + body
    return before + _ATTRIBUTE.pack(_FINGERPRINT, 4) + _fingerprint(before)
