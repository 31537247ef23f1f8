"""Connectivity checks as the tests' browsers send them: written apart from what they test."""

from __future__ import annotations

import hmac
import secrets
import struct
import zlib

COOKIE = 0x2112A442


def binding_request(
    username: str,
    password: str,
    *,
    nominates: bool = False,
    controlled: bool = False,
    priority: int = 1845501695,
    more: tuple[tuple[int, bytes], ...] = (),
    signed: bool = True,
    fingerprint: bytes = b"",
    kind: int = 0x0001,
) -> bytes:
    attributes = [(0x0006, username.encode()), (0x0024, struct.pack("!I", priority)), *more]
    attributes.append((0x8029 if controlled else 0x802A, secrets.token_bytes(8)))
    if nominates:
        attributes.append((0x0025, b""))
    body = b"".join(attribute(*one) for one in attributes)
    identifier = secrets.token_bytes(12)

    def head(length: int) -> bytes:
        return struct.pack("!HHI12s", kind, length, COOKIE, identifier)

    if signed:
        digest = hmac.digest(password.encode(), head(len(body) + 24) + body, "sha1")
        body += attribute(0x0008, digest)
    checksum = struct.pack("!I", zlib.crc32(head(len(body) + 8) + body) ^ 0x5354554E)
    body += attribute(0x8028, fingerprint or checksum)
    return head(len(body)) + body


def attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("!HH", kind, len(value)) + value + bytes(-len(value) % 4)


def read(message: bytes, password: str) -> dict[int, bytes]:
    """The attributes of an answer, whose signature and checksum must be right."""
    found: dict[int, bytes] = {}
    assert int.from_bytes(message[2:4], "big") == len(message) - 20
    place = 20
    while place < len(message):
        kind, size = struct.unpack_from("!HH", message, place)
        value = message[place + 4 : place + 4 + size]
        before = message[:2] + struct.pack("!H", place - 20 + 4 + size) + message[4:place]
        if kind == 0x0008:
            assert value == hmac.digest(password.encode(), before, "sha1"), "wrongly signed"
        if kind == 0x8028:
            assert value == struct.pack("!I", zlib.crc32(before) ^ 0x5354554E), "wrong checksum"
        found[kind] = value
        place += 4 + size + -size % 4
    assert 0x0008 in found
    assert 0x8028 in found
    return found
