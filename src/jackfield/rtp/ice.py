"""ICE lite (RFC 8445 section 2.5): we only answer the connectivity checks of the other side, on STUN (RFC 8489).

What is not authenticated gets no answer at all, not even an error: a stranger must not learn that somebody is here, nor
have us send packets to a forged address.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import struct
import zlib
from dataclasses import dataclass
from typing import Any

Source = tuple[Any, ...]  # a socket address, of which host and port count

CONSENT_SECONDS = 30.0  # RFC 7675 section 5.1: so long without a check, and nothing more may be sent
MOST_SOURCES = 16  # addresses of one party; a laptop has about six
AGGRESSIVE_SECONDS = 2.0  # in which a party may nominate several (RFC 5245 section 8.1.1.2); the best one counts

_COOKIE = 0x2112A442
_HEADER = struct.Struct("!HHI12s")
_ATTRIBUTE = struct.Struct("!HH")
_REQUEST, _SUCCESS, _ERROR = 0x0001, 0x0101, 0x0111  # of the Binding method
_USERNAME, _INTEGRITY, _ERROR_CODE, _UNKNOWN, _XOR_MAPPED = 0x0006, 0x0008, 0x0009, 0x000A, 0x0020
_PRIORITY, _USE_CANDIDATE, _FINGERPRINT, _CONTROLLED = 0x0024, 0x0025, 0x8028, 0x8029
_INTEGRITY_SHA256 = 0x001C
_KNOWN = frozenset((_USERNAME, _INTEGRITY, _PRIORITY, _USE_CANDIDATE, _INTEGRITY_SHA256))
_FINGERPRINT_MASK = 0x5354554E


@dataclass(frozen=True, slots=True)
class Check:
    """An authenticated connectivity check: what to answer, and whether the source may be used from now on."""

    reply: bytes
    accepted: bool = False
    nominated: bool = False
    priority: int = 0


def read_check(data: bytes, source: Source, *, ufrag: str, password: str, peer_ufrag: str = "") -> Check | None:
    """Judge a datagram; None for whatever is not an authenticated Binding request (RFC 8445 section 7.3).

    `ufrag` and `password` are ours, `peer_ufrag` the other side's; "" takes any.
    """
    if len(data) < 20 or len(data) & 3:
        return None
    kind, length, cookie, transaction = _HEADER.unpack_from(data)
    if kind != _REQUEST or cookie != _COOKIE or length + 20 != len(data):
        return None
    attributes: dict[int, bytes] = {}
    authentic = sealed = False
    position = 20
    while position < len(data):
        attribute, size = _ATTRIBUTE.unpack_from(data, position)
        value = data[position + 4 : position + 4 + size]
        if len(value) != size:
            return None
        if attribute == _FINGERPRINT:
            sealed = value == _checksum(data[:position])
            break  # it is the last one (RFC 8489 section 14.7), and every check has it (RFC 8445 section 7.1)
        if attribute == _INTEGRITY and not authentic:
            if not hmac.compare_digest(value, _signature(data[:position], password)):
                return None
            authentic = True
        elif not authentic:  # what follows the signature is not covered by it (RFC 8489 section 14.5)
            attributes.setdefault(attribute, value)
        position += 4 + size + -size % 4
    if not authentic or not sealed or not _is_for_us(attributes.get(_USERNAME, b""), ufrag, peer_ufrag):
        return None
    unknown = [attribute for attribute in attributes if attribute < 0x8000 and attribute not in _KNOWN]
    if unknown:
        listed = struct.pack(f"!{len(unknown)}H", *unknown)
        return Check(_written(_ERROR, transaction, password, (_error(420, "Unknown Attribute"), (_UNKNOWN, listed))))
    if _CONTROLLED in attributes:  # lite is always the controlled one (section 6.1.1): the other side changes its role
        return Check(_written(_ERROR, transaction, password, (_error(487, "Role Conflict"),)))
    return Check(
        _written(_SUCCESS, transaction, password, ((_XOR_MAPPED, _mapped(source, transaction)),)),
        accepted=True,
        nominated=_USE_CANDIDATE in attributes,
        priority=int.from_bytes(attributes.get(_PRIORITY, b"")[:4], "big"),
    )


class Lite:
    """Our side of one ICE session: it answers checks, and knows from where the party may be heard.

    Times are in seconds of any steady clock.
    """

    __slots__ = ("_first_at", "_password", "_peer_ufrag", "_priority", "_sources", "_ufrag", "checked_at", "source")

    def __init__(self, ufrag: str, password: str, peer_ufrag: str) -> None:
        self._ufrag = ufrag
        self._password = password
        self._peer_ufrag = peer_ufrag
        self._sources: dict[tuple[str, int], None] = {}
        self._first_at: float | None = None  # when the first one was nominated
        self._priority = -1  # of the nominated one
        self.source: Source | None = None
        """Where to send to: the nominated source, before that the first one that passed a check."""
        self.checked_at: float | None = None
        """When the last authenticated check came."""

    def receive(self, data: bytes, source: Source, now: float) -> bytes | None:
        """Take a STUN datagram in; returns what to send back to its source, if anything."""
        check = read_check(data, source, ufrag=self._ufrag, password=self._password, peer_ufrag=self._peer_ufrag)
        if check is None:
            return None
        if check.accepted:
            self.checked_at = now
            key = (source[0], source[1])
            if key not in self._sources:
                if len(self._sources) >= MOST_SOURCES:
                    del self._sources[next(iter(self._sources))]
                self._sources[key] = None
            if check.nominated:
                self._nominate(source, check.priority, now)
            elif self.source is None:
                self.source = source
        return check.reply

    def _nominate(self, source: Source, priority: int, now: float) -> None:
        """Use this source; the last nomination counts, but of several at the beginning the one of highest priority."""
        if self._first_at is None:
            self._first_at = now
        elif now - self._first_at < AGGRESSIVE_SECONDS and priority < self._priority:
            return
        self._priority = priority
        self.source = source

    def knows(self, source: Source) -> bool:
        """Whether a check from this source has passed, so that media and DTLS may come from there."""
        return (source[0], source[1]) in self._sources

    def consents(self, now: float) -> bool:
        """Whether the party still wants our packets (RFC 7675): it says so by checking on."""
        return self.checked_at is not None and now - self.checked_at < CONSENT_SECONDS


def _is_for_us(username: bytes, ufrag: str, peer_ufrag: str) -> bool:
    """USERNAME is the receiver's fragment, a colon, the sender's (RFC 8445 section 7.2.2)."""
    ours, colon, theirs = username.partition(b":")
    return bool(colon) and ours == ufrag.encode() and (not peer_ufrag or theirs == peer_ufrag.encode())


def _mapped(source: Source, transaction: bytes) -> bytes:
    """The value of XOR-MAPPED-ADDRESS (RFC 8489 section 14.2)."""
    host = ipaddress.ip_address(source[0].partition("%")[0])
    mask = _COOKIE.to_bytes(4, "big") + transaction
    packed = bytes(a ^ b for a, b in zip(host.packed, mask, strict=False))
    return struct.pack("!BBH", 0, 1 if host.version == 4 else 2, source[1] ^ (_COOKIE >> 16)) + packed


def _error(code: int, reason: str) -> tuple[int, bytes]:
    return _ERROR_CODE, struct.pack("!HBB", 0, code // 100, code % 100) + reason.encode()


def _written(kind: int, transaction: bytes, password: str, attributes: tuple[tuple[int, bytes], ...]) -> bytes:
    """A response, signed and with its checksum."""
    body = b"".join(_ATTRIBUTE.pack(kind, len(value)) + value + bytes(-len(value) % 4) for kind, value in attributes)
    message = _HEADER.pack(kind, len(body) + 24 + 8, _COOKIE, transaction) + body
    message += _ATTRIBUTE.pack(_INTEGRITY, 20) + _signature(message, password)
    return message + _ATTRIBUTE.pack(_FINGERPRINT, 4) + _checksum(message)


def _signature(before: bytes, password: str) -> bytes:
    """MESSAGE-INTEGRITY for what stands before it; the length in the header counts it in (RFC 8489 section 14.5)."""
    counted = before[:2] + struct.pack("!H", len(before) - 20 + 24) + before[4:]
    return hmac.digest(password.encode(), counted, hashlib.sha1)


def _checksum(before: bytes) -> bytes:
    """FINGERPRINT for what stands before it (RFC 8489 section 14.7)."""
    counted = before[:2] + struct.pack("!H", len(before) - 20 + 8) + before[4:]
    return struct.pack("!I", zlib.crc32(counted) ^ _FINGERPRINT_MASK)
