"""Certificates for tests: an authority of one's own, and what it signs. Keys are made once: they take a while."""

from __future__ import annotations

import datetime
import functools
from collections.abc import Sequence
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from jackfield.network.certificate import alternative

NOW = datetime.datetime.now(datetime.UTC)
DAY = datetime.timedelta(days=1)


@functools.cache
def key(number: int = 0, bits: int = 2048) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


@functools.cache
def curve_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def certificate(
    subject: str,
    issuer: str = "",
    *,
    own: Any = None,
    by: Any = None,
    names: Sequence[str] = (),
    begins: datetime.datetime = NOW - DAY,
    ends: datetime.datetime = NOW + 90 * DAY,
    authority: bool = False,
    purpose: Any = None,
    signed: Any = None,
) -> x509.Certificate:
    own = own or key()
    builder = (
        x509.CertificateBuilder()
        .subject_name(name(subject))
        .issuer_name(name(issuer or subject))
        .public_key(own.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(ends)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName([alternative(one) for one in names]), False)
    if purpose is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), False)
    return builder.sign(by or own, signed or hashes.SHA256())


@functools.cache
def root() -> x509.Certificate:
    return certificate("Example Root", own=key(1), authority=True)


@functools.cache
def between() -> x509.Certificate:
    return certificate("Example Issuing", "Example Root", own=key(2), by=key(1), authority=True)


def signed(*names: str, **more: Any) -> x509.Certificate:
    """A server's certificate by the issuing authority."""
    return certificate(names[0], "Example Issuing", by=key(2), names=names, **more)


def pem(*things: Any, password: bytes = b"") -> bytes:
    found = b""
    for one in things:
        if isinstance(one, x509.Certificate):
            found += one.public_bytes(serialization.Encoding.PEM)
        else:
            hidden = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
            found += one.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, hidden)
    return found


CLIENT = ExtendedKeyUsageOID.CLIENT_AUTH
SERVER = ExtendedKeyUsageOID.SERVER_AUTH
