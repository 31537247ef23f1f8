"""TLS contexts for SIP: certificates, what is asked of the peer, and who the peer turned out to be."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import cast

__all__ = ["client_context", "peer_identity", "server_context"]

# AEAD with forward secrecy first; AES-CBC with ECDHE stays for the desk phones of the last decade that know TLS 1.2
# but no GCM.
_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:ECDHE+AES:!aNULL:!eNULL:!MD5:!DSS"


def server_context(
    certificate: Path,
    key: Path | None = None,
    *,
    client_authorities: Path | None = None,
    require_client: bool = False,
    minimum: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2,
) -> ssl.SSLContext:
    """Make the context of a listening port. To renew a certificate, make a new one for `Transports.use_tls`.

    certificate, key: PEM files; the chain follows the certificate, the key may be in the same file.
    client_authorities: PEM file of the authorities of phone and trunk certificates; a client is then asked for
        its certificate, and with `require_client` turned away without one.
    Raises OSError or ssl.SSLError when a file can't be read or doesn't fit the other.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = minimum
    context.set_ciphers(_CIPHERS)
    context.load_cert_chain(certificate, key)
    if client_authorities is not None:
        context.load_verify_locations(client_authorities)
        context.verify_mode = ssl.CERT_REQUIRED if require_client else ssl.CERT_OPTIONAL
    return context


def client_context(
    *,
    verify: bool = True,
    authorities: Path | None = None,
    certificate: Path | None = None,
    key: Path | None = None,
) -> ssl.SSLContext:
    """Make the context for connections that we open.

    verify: False accepts any certificate, for a trunk whose certificate is self-signed; the line is encrypted then,
        but who is at its other end is not proved.
    authorities: PEM file in place of the system's; certificate, key: what we show when asked for our own.
    """
    context = ssl.create_default_context(cafile=authorities)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if certificate is not None:
        context.load_cert_chain(certificate, key)
    return context


def peer_identity(connection: ssl.SSLObject | None) -> str | None:
    """Return whom the peer's certificate names, if it showed one that was verified.

    The subject's common name; without one, its first alternative name (RFC 5922 section 7.1 looks there).
    """
    certificate = connection.getpeercert() if connection is not None else None
    if not certificate:
        return None
    subject = cast("tuple[tuple[tuple[str, str], ...], ...]", certificate.get("subject", ()))
    for part in subject:
        for field, value in part:
            if field == "commonName":
                return value
    names = cast("tuple[tuple[str, str], ...]", certificate.get("subjectAltName", ()))
    return names[0][1] if names else None
