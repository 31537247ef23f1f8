"""Web Push: a message for one browser, which its push service carries and can't read.

The encryption is that of RFC 8291 (on RFC 8188, one record), who sends proves itself by RFC 8292 (VAPID). The key of
VAPID is of the installation: a browser's subscription belongs to it, so it must not change.
"""

from __future__ import annotations

import base64
import os
import struct
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

__all__ = ["LARGEST", "NotASubscription", "Subscription", "Vapid", "encrypted", "is_public", "subscription"]

LARGEST = 3993
"""Bytes of a message: push services take 4,096, of which 103 are the head, the padding and the tag (RFC 8291, 4)."""
VALID_SECONDS = 12 * 3600
"""RFC 8292 section 2: a proof may last 24 hours at most."""
PUBLIC_POINT = 65  # bytes of an uncompressed point of P-256


class NotASubscription(ValueError):
    """What a page says is no subscription that could be used. The text says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """As the Push API has it: where to send, and for whom to encrypt."""

    address: str
    key: bytes  # p256dh: the browser's public key, an uncompressed point
    secret: bytes  # auth: 16 bytes


def subscription(address: str, key: str, secret: str) -> Subscription:
    """Read what a page tells of its subscription. Raises `NotASubscription`."""
    try:
        parts = urlsplit(address)
        host, port = parts.hostname or "", parts.port or 443
        found = Subscription(address, _decoded(key), _decoded(secret))
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), found.key)
    except ValueError as problem:
        raise NotASubscription(f"this is no push subscription: {problem}") from None
    if parts.scheme != "https" or not host or port != 443 or parts.username is not None or len(address) > 1000:
        raise NotASubscription("a push service has an https address at port 443")
    if not address.isascii() or not address.isprintable() or " " in address:
        raise NotASubscription("the address of the push service has characters that no address has")
    if "." not in host or host.endswith((".local", ".lan", ".internal", ".localhost")) or _is_inside(host):
        raise NotASubscription("push services are in the public Internet")
    if len(found.secret) != 16 or len(found.key) != PUBLIC_POINT:
        raise NotASubscription("the keys of the subscription have the wrong length")
    return found


def _is_inside(host: str) -> bool:
    try:
        return not is_public(host)
    except ValueError:
        return False  # a name: it is looked at when it is connected to


def is_public(address: str) -> bool:
    """Tell whether an IP address is one of the public Internet. Raises `ValueError` for what is no address."""
    found = ip_address(address.partition("%")[0])
    mapped = getattr(found, "ipv4_mapped", None)
    found = found if mapped is None else mapped
    return found.is_global and not found.is_multicast


def encrypted(
    text: bytes,
    whom: Subscription,
    *,
    random: Callable[[int], bytes] = os.urandom,
    ours: ec.EllipticCurvePrivateKey | None = None,
) -> bytes:
    """Return the body of the request. `random` and `ours` are given by the example of RFC 8291 section 5 only."""
    if len(text) > LARGEST:
        raise ValueError(f"a push has {LARGEST} bytes at most")
    ours = ours or ec.generate_private_key(ec.SECP256R1())
    theirs = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), whom.key)
    public, salt = _point(ours.public_key()), random(16)
    shared = ours.exchange(ec.ECDH(), theirs)
    secret = HKDF(hashes.SHA256(), 32, whom.secret, b"WebPush: info\0" + whom.key + public).derive(shared)
    key = HKDF(hashes.SHA256(), 16, salt, b"Content-Encoding: aes128gcm\0").derive(secret)
    nonce = HKDF(hashes.SHA256(), 12, salt, b"Content-Encoding: nonce\0").derive(secret)
    head = salt + struct.pack(">IB", 4096, len(public)) + public
    return head + AESGCM(key).encrypt(nonce, text + b"\x02", None)


class Vapid:
    """Who sends: proves to push services that it is always the same (RFC 8292). The key is a file, made if missing."""

    def __init__(self, path: Path) -> None:
        """Read the key. Raises `OSError`, `ValueError` for a file that holds none."""
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            content = _made(path)
        key = serialization.load_pem_private_key(content, None)
        if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
            raise ValueError(f"{path} holds no key of the curve P-256: remove it, and browsers subscribe anew")
        self._key = key
        self.public = _encoded(_point(key.public_key()))
        """As the page gives it to `pushManager.subscribe`."""

    def header(self, address: str, contact: str, now: float) -> str:
        """Return the value of Authorization for a push to this address. `contact`: "mailto:…" or "https://…"."""
        parts = urlsplit(address)
        claims = {"aud": f"{parts.scheme}://{parts.netloc}", "exp": int(now) + VALID_SECONDS, "sub": contact}
        text = ".".join(_encoded(msgspec.json.encode(part)) for part in ({"typ": "JWT", "alg": "ES256"}, claims))
        r, s = decode_dss_signature(self._key.sign(text.encode(), ec.ECDSA(hashes.SHA256())))
        proof = _encoded(r.to_bytes(32, "big") + s.to_bytes(32, "big"))
        return f"vapid t={text}.{proof}, k={self.public}"


def _made(path: Path) -> bytes:
    content = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
    try:
        os.link(draft, path)  # the first of two wins, and both use its key
    except FileExistsError:
        content = path.read_bytes()
    draft.unlink(missing_ok=True)
    return content


def _point(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
