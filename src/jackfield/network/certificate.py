"""The TLS certificate that an installation makes for itself until it is given a real one.

RSA with 2048 bits, because older desk phones refuse anything else. It covers every name and address of the machine,
so that a phone that is told to trust it finds no mismatch. Made anew when it is about to end.
"""

from __future__ import annotations

import datetime
import fcntl
import ipaddress
import os
import socket
import ssl
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.x509 import GeneralName

__all__ = ["SelfSigned", "alternative", "names_of_this_machine"]

VALID_DAYS = 3650
RENEW_DAYS = 30


class SelfSigned:
    """A self-signed certificate and its key in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.certificate = folder / "self-signed.pem"
        self.key = folder / "self-signed.key"

    def ensure(self, names: Iterable[str], *, now: datetime.datetime) -> bool:
        """Have a certificate that holds for 30 more days; True when it was made now. Raises `OSError`.

        Several processes may ask at once: one makes it, the others wait and take that one.
        """
        until = now + datetime.timedelta(days=RENEW_DAYS)
        if self._lasts(until):
            return False
        self.key.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self.key.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if self._lasts(until):
                return False
            self.make(list(dict.fromkeys(self._names_before() or names)), now)
        return True

    def _names_before(self) -> list[str]:
        """Return the names of the certificate that ends: somebody may have chosen them."""
        from cryptography import x509

        try:
            before = x509.load_pem_x509_certificate(self.certificate.read_bytes())
            known = before.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        except (OSError, ValueError, x509.ExtensionNotFound):
            return []
        return [str(name.value) for name in known if isinstance(name, x509.DNSName | x509.IPAddress)]

    def _lasts(self, until: datetime.datetime) -> bool:
        """Tell whether the pair is whole and holds so long. Its age says so: `cryptography` would cost 15 MB for it."""
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(self.certificate, self.key)
            made = self.certificate.stat().st_mtime
        except OSError:  # ssl.SSLError is one
            return False
        return made + VALID_DAYS * 86400 > until.timestamp()

    def make(self, names: list[str], now: datetime.datetime) -> None:
        """Make a new key and a certificate for these names and addresses. Raises `OSError`, `ValueError` for a name."""
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import rsa
        from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, (names[0] if names else "jackfield")[:64])])
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))  # a phone's clock may be behind
            .not_valid_after(now + datetime.timedelta(days=VALID_DAYS))
            .add_extension(x509.SubjectAlternativeName([alternative(name) for name in names]), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .sign(key, hashes.SHA256())
        )
        _write(
            self.key,
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            ),
            0o600,
        )
        _write(self.certificate, certificate.public_bytes(serialization.Encoding.PEM), 0o644)
        os.utime(self.certificate, (now.timestamp(), now.timestamp()))


def names_of_this_machine(addresses: Iterable[str]) -> list[str]:
    """Return the host's names, "localhost", and `addresses` without wildcards: what a certificate should cover."""
    host = socket.gethostname()
    return [name for name in dict.fromkeys((host, "localhost", *addresses)) if name not in ("", "0.0.0.0", "::")]  # noqa: S104


def alternative(name: str) -> GeneralName:
    """Return a name or an address as certificates have it. Raises `ValueError` for one that none can have."""
    from cryptography import x509

    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _write(path: Path, data: bytes, mode: int) -> None:
    draft = path.with_name(path.name + ".new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
