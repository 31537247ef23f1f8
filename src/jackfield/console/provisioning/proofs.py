"""What proves that a phone is the one it names: a one-time secret, its own credentials, its maker's certificate."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import secrets
from functools import lru_cache
from hmac import compare_digest
from typing import TYPE_CHECKING, Any

from jackfield.provisioning.requests import normal_mac
from jackfield.sip.digest import Challenger, ha1

if TYPE_CHECKING:
    from jackfield.settings import Settings

__all__ = [
    "REALM",
    "challenges",
    "claimed",
    "digest_of",
    "mac_of_certificate",
    "new_password",
    "new_secret",
    "secret_in",
    "stored",
    "verify",
]

REALM = "phones"
_SECRET = re.compile(r"/?provision/([A-Za-z0-9_-]{22,64})/")
_CLAIMED = re.compile(r'username="?([^",]{1,40})')
_MAC = re.compile(r"[0-9A-Fa-f]{2}([:-]?[0-9A-Fa-f]{2}){5}")


def new_secret() -> str:
    """Return the secret of a one-time address: 144 bits, fit for addresses."""
    return secrets.token_urlsafe(18)


def new_password() -> str:
    """Return a phone's own password for fetching: 120 bits."""
    return secrets.token_urlsafe(15)


def digest_of(secret: str) -> str:
    """Return what is kept of a one-time secret. It is random, so that a plain digest can't be turned around."""
    return hashlib.sha256(secret.encode()).hexdigest()


def secret_in(path: str) -> str:
    """Return the one-time secret in an address; "" when it has none."""
    found = _SECRET.match(path)
    return found[1] if found else ""


def stored(mac: str, password: str) -> str:
    """Return what is kept of a phone's own password: HA1 (RFC 7616 section 3.4.2), by which both schemes are told."""
    return ha1(mac, REALM, password)


@lru_cache(maxsize=4)
def _challenger(secret: bytes) -> Challenger:
    return Challenger(REALM, hashlib.sha256(b"phones" + secret).digest(), algorithms=("MD5",), nonce_lifetime=300.0)


def challenges(
    settings: Settings, address: str, now: float, *, stale: bool = False, basic: bool = True
) -> tuple[tuple[str, str], ...]:
    """Return the headers that ask for a phone's credentials: digest, and for phones that know no better, basic."""
    found = _challenger(settings.files.secret()).challenges(address, now, stale=stale)
    return tuple(("WWW-Authenticate", value) for value in (*found, *([f'Basic realm="{REALM}"'] if basic else ())))


def claimed(authorization: str) -> str:
    """Return the MAC address that credentials name; "" when there is none in them."""
    if authorization[:6].lower() == "basic ":
        name = _basic(authorization)[0]
    else:
        found = _CLAIMED.search(authorization)
        name = found[1] if found else ""
    try:
        return normal_mac(name)
    except ValueError:
        return ""


def verify(
    settings: Settings, authorization: str, method: str, uri: str, address: str, now: float, standing: Any
) -> tuple[bool, bool, bool]:
    """Judge credentials: whether they are right, whether by the newest password, and whether only the nonce is old."""
    known = [] if standing is None else [one for one in (standing.password, standing.password_before) if one]
    if authorization[:6].lower() == "basic ":
        name, password = _basic(authorization)
        try:
            given = stored(normal_mac(name), password)
        except ValueError:
            return False, False, False
        right = [compare_digest(given, one) for one in known]
        return any(right), bool(right and right[0]), False
    challenger = _challenger(settings.files.secret())
    for number, one in enumerate(known or [""]):
        verdict = challenger.verify(authorization, method, uri, address, now, lambda *_, one=one: one or None)
        if verdict.ok or verdict.stale:
            return verdict.ok, verdict.ok and number == 0, verdict.stale
    return False, False, False


def _basic(authorization: str) -> tuple[str, str]:
    try:
        name, _colon, password = base64.b64decode(authorization[6:].strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return "", ""
    return name, password


def mac_of_certificate(name: str) -> str:
    """Return the MAC address in the common name of a phone's certificate; "" when it has none.

    Yealink writes it alone, Polycom and Cisco with their model before it ("SEP001565AABBCC").
    """
    found = _MAC.search(name.removeprefix("SEP"))
    if not found:
        return ""
    try:
        return normal_mac(found[0])
    except ValueError:
        return ""
