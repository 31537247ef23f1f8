"""GRUUs: addresses that reach one phone and no other of its line (RFC 5627).

A public one names the line and the phone. A temporary one says nothing to others, and two of them can't be told to
be of one phone: it is the phone's number and a counter, encrypted under their own authentication code (RFC 5627
appendix A).
"""

from __future__ import annotations

import base64
import binascii
import hmac
from hashlib import sha256
from typing import NamedTuple

__all__ = ["PREFIX", "Gruus", "Opened"]

PREFIX = "tgruu."
_PLAIN = 8  # bytes: both numbers, four each
_CODE = 10


class Opened(NamedTuple):
    """What a temporary GRUU says to us."""

    phone: int
    counter: int


class Gruus:
    """Makes and opens temporary GRUUs with a key of its own."""

    def __init__(self, secret: bytes) -> None:
        self._code_key = hmac.digest(secret, b"gruu code", "sha256")
        self._cipher_key = hmac.digest(secret, b"gruu cipher", "sha256")

    def temporary(self, phone: int, counter: int) -> str:
        """Return a user part. Both numbers are below 2**32."""
        plain = phone.to_bytes(4, "big") + counter.to_bytes(4, "big")
        code = hmac.digest(self._code_key, plain, sha256)[:_CODE]
        token = base64.b32encode(code + self._crypt(plain, code)).decode().rstrip("=").lower()
        return PREFIX + token

    def open(self, user: str) -> Opened | None:
        """Return what a user part says, None when it is none of ours."""
        if not user.startswith(PREFIX):
            return None
        token = user[len(PREFIX) :].upper()
        try:
            sealed = base64.b32decode(token + "=" * (-len(token) % 8))
        except (binascii.Error, ValueError):
            return None
        if len(sealed) != _CODE + _PLAIN:
            return None
        code, hidden = sealed[:_CODE], sealed[_CODE:]
        plain = self._crypt(hidden, code)
        if not hmac.compare_digest(code, hmac.digest(self._code_key, plain, sha256)[:_CODE]):
            return None
        return Opened(int.from_bytes(plain[:4], "big"), int.from_bytes(plain[4:], "big"))

    def _crypt(self, data: bytes, code: bytes) -> bytes:
        stream = hmac.digest(self._cipher_key, code, sha256)
        return bytes(a ^ b for a, b in zip(data, stream, strict=False))
