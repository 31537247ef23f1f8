"""Signatures of what webhooks are sent, as the specification Standard Webhooks 1.0.0 has them ("Signature scheme").

A secret is `whsec_` and the base64 of its 24 to 64 bytes. What is signed is `ID.SECONDS.BODY`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Iterable

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

__all__ = ["headers", "key", "new_secret", "secret", "signature"]

PREFIX = "whsec_"
SHORTEST, LONGEST = 24, 64  # bytes


def new_secret() -> str:
    """Return a random secret of 256 bits."""
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def key(secret: str) -> bytes:
    """Return the bytes that sign. Raises `ValueError` for what is no secret."""
    try:
        found = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        found = b""
    if not secret.startswith(PREFIX) or not SHORTEST <= len(found) <= LONGEST:
        raise ValueError("no secret of a webhook")
    return found


def secret(value: str) -> None:
    """Accept a secret. The message never repeats it. Raises `ValidationError`."""
    try:
        key(value)
    except ValueError:
        raise ValidationError(
            _("is no secret: write whsec_ and the base64 of 24 to 64 bytes, or leave it out, then one is made"),
            code="wrong",
        ) from None


def signature(secret: str, id: str, at: int, body: bytes) -> str:
    """Return one signature: `v1,` and the base64 of the HMAC-SHA-256."""
    digest = hmac.new(key(secret), f"{id}.{at}.".encode() + body, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"


def headers(secrets: Iterable[str], id: str, at: int, body: bytes) -> dict[str, str]:
    """Return the headers of one try at `at` (seconds since 1970): a signature by each secret, the newest first."""
    return {
        "webhook-id": id,
        "webhook-timestamp": str(at),
        "webhook-signature": " ".join(signature(secret, id, at, body) for secret in secrets),
    }
