"""What somebody gave us: certificates and keys out of PEM, DER and PKCS#12, told apart by what is in them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from django.utils.translation import gettext as _

from jackfield.console.faults import ConsoleError

__all__ = ["LARGEST", "Bundle", "CertificateError", "Key", "issued", "public_bytes", "read", "serialised"]

LARGEST = 256 << 10
"""Bytes that a file may have: ten times the longest chain that anybody uses."""
_SHA256 = hashes.SHA256()
MOST = 20
"""Certificates that one upload may hold."""
_PEM = re.compile(rb"-----BEGIN ([A-Z0-9 ]{1,40})-----.+?-----END \1-----", re.DOTALL)

Key = (
    rsa.RSAPrivateKey
    | ec.EllipticCurvePrivateKey
    | dsa.DSAPrivateKey
    | ed25519.Ed25519PrivateKey
    | ed448.Ed448PrivateKey
)


class CertificateError(ConsoleError):
    """What was given can't be used. The text says why, and the mend."""


@dataclass(slots=True)
class Bundle:
    """All that was found in the files: the server's own certificate, those that lead on from it, the key."""

    leaf: x509.Certificate
    chain: list[x509.Certificate]
    key: Key | None
    unrelated: int = 0  # certificates that have nothing to do with it
    given: bool = True  # the key was in what was given

    @property
    def chain_pem(self) -> bytes:
        """The certificate and its chain, in the order that servers send them in."""
        return b"".join(one.public_bytes(serialization.Encoding.PEM) for one in (self.leaf, *self.chain))


@dataclass(slots=True)
class _Found:
    certificates: list[x509.Certificate] = field(default_factory=list)
    keys: list[Key] = field(default_factory=list)


def read(files: Iterable[bytes], password: str = "", known_keys: Sequence[Key] = ()) -> Bundle:
    """Return what stands in `files`. `known_keys`: keys of ours that a certificate without one may belong to.

    Raises `CertificateError`.
    """
    found = _Found()
    for data in files:
        if len(data) > LARGEST:
            text = _("The file has %(kilobytes)d kB: more than %(most)d are not taken. Give the certificate alone.")
            raise CertificateError(text % {"kilobytes": len(data) >> 10, "most": LARGEST >> 10})
        if data.strip():
            _read_one(data, password.encode(), found)
    if not found.certificates:
        raise CertificateError(
            _("There is a key in it, but no certificate: give the file with the certificate too.")
            if found.keys
            else _("There is no certificate in it. Give a file that ends in .pem, .crt, .cer, .p12 or .pfx.")
        )
    if len(found.certificates) > MOST:
        text = _("There are %(count)d certificates in it: give the one of this server with its chain.")
        raise CertificateError(text % {"count": len(found.certificates)})
    return _sorted_out(found, known_keys)


def _sorted_out(found: _Found, known_keys: Sequence[Key]) -> Bundle:
    keys = {public_bytes(key): key for key in found.keys}
    if len(keys) > 1:
        raise CertificateError(_("There are several keys in it: give the one that belongs to the certificate."))
    known = keys or {public_bytes(key): key for key in known_keys}
    fitting = [(one, known[public_bytes(one)]) for one in found.certificates if public_bytes(one) in known]
    if fitting:
        leaf, key = fitting[0]
    elif keys:
        raise CertificateError(
            _("The certificate and the key do not belong together. Give the key that the certificate was made for.")
        )
    else:
        raise CertificateError(
            _(
                "The key is missing, and the certificate fits no key that is here. Give the file with the key too, or "
                "have a certificate signed for the request that this page makes."
            )
        )
    rest = {one.fingerprint(_SHA256): one for one in found.certificates if one != leaf}
    chain = [leaf]
    while not issued(chain[-1], chain[-1]):
        above = next((one for one in rest.values() if issued(chain[-1], one)), None)
        if above is None:
            break
        chain.append(above)
        del rest[above.fingerprint(_SHA256)]
    return Bundle(leaf, chain[1:], key, unrelated=len(rest), given=bool(keys))


def _read_one(data: bytes, password: bytes, found: _Found) -> None:
    blocks = list(_PEM.finditer(data))
    for block in blocks:
        _read_block(block[1].decode(), block[0] + b"\n", password, found)
    if not blocks:
        _read_binary(data, password, found)


def _read_block(kind: str, text: bytes, password: bytes, found: _Found) -> None:
    if kind.endswith("PRIVATE KEY"):
        found.keys.append(_key(text, password))
    elif kind in ("CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE"):
        try:
            found.certificates.append(x509.load_pem_x509_certificate(text))
        except ValueError:
            raise CertificateError(_("A certificate in it is damaged: copy it once more, whole.")) from None
    elif kind.endswith("CERTIFICATE REQUEST"):
        raise CertificateError(
            _("This is the request for a certificate. Give the certificate that the authority made of it.")
        )
    elif kind == "PKCS7":
        raise CertificateError(_("This is PKCS#7, which has no key. Ask the authority for PEM, or convert it to that."))


def _key(text: bytes, password: bytes) -> Key:
    try:
        key = serialization.load_pem_private_key(text, password or None)
    except TypeError:  # a password without need, or none where one is needed
        if password:
            return _key(text, b"")
        raise CertificateError(_("The key is protected by a password: give that too.")) from None
    except (ValueError, UnsupportedAlgorithm):
        raise CertificateError(_("The key can't be read: the password is wrong, or the file is damaged.")) from None
    return _known_kind(key)


def _read_binary(data: bytes, password: bytes, found: _Found) -> None:
    try:
        found.certificates.append(x509.load_der_x509_certificate(data))
        return
    except ValueError:
        pass
    try:
        bundle = pkcs12.load_pkcs12(data, password or None)
    except (ValueError, UnsupportedAlgorithm):
        bundle = None
    if bundle is not None:
        found.keys += [_known_kind(bundle.key)] if bundle.key is not None else []
        several = [*([bundle.cert] if bundle.cert is not None else []), *bundle.additional_certs]
        found.certificates += [one.certificate for one in several]
        return
    try:
        found.keys.append(_known_kind(serialization.load_der_private_key(data, password or None)))
    except (TypeError, ValueError, UnsupportedAlgorithm):
        raise CertificateError(
            _("This can't be read: the password is wrong, or it is neither a certificate nor a key (PEM, PKCS#12).")
            if data[:1] == b"\x30"  # a sequence of ASN.1, as all of these are
            else _("This is neither a certificate nor a key. Give a file that ends in .pem, .crt, .cer, .p12 or .pfx.")
        ) from None


def _known_kind(key: object) -> Key:
    if not isinstance(key, Key):
        raise CertificateError(_("The key is of a kind that no TLS server can use: take RSA with 2048 bits."))
    return key


def issued(one: x509.Certificate, by: x509.Certificate) -> bool:
    """Tell whether `one` was signed by `by`."""
    if one.issuer != by.subject:
        return False
    try:
        one.verify_directly_issued_by(by)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def public_bytes(of: Key | x509.Certificate) -> bytes:
    """Return the public key, to be compared."""
    try:
        return of.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    except (ValueError, UnsupportedAlgorithm):
        return b""


def serialised(key: Key) -> bytes:
    """Return a key as PEM, unprotected: the file is for its owner alone."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
