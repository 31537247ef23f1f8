"""A real SMTP server in the tests' own process (aiosmtpd), which keeps what it is sent."""

from __future__ import annotations

import email
import email.policy
import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope

LOGIN, PASSWORD = "jack", "field-7"


class Mailbox:
    """What an SMTP server took. It refuses `nobody@`, and other passwords than the right one."""

    def __init__(self) -> None:
        self.port = 0
        self.messages: list[Any] = []
        self.secure: list[bool] = []  # whether each of them came encrypted

    async def handle_RCPT(self, server: Any, session: Any, envelope: Envelope, address: str, options: Any) -> str:
        if address.startswith("relay@"):
            return "550 5.7.1 relaying denied"
        if address.startswith("nobody@"):
            return "550 5.1.1 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Envelope) -> str:
        assert isinstance(envelope.content, bytes)
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        self.messages.append((envelope.mail_from, list(envelope.rcpt_tos), message))
        self.secure.append(session.ssl is not None or server.transport.get_extra_info("ssl_object") is not None)
        return "250 taken"

    def plain(self, index: int = -1) -> str:
        """Return the text part of a message."""
        return str(self.messages[index][2].get_body(("plain",)).get_content())

    def html(self, index: int = -1) -> str:
        """Return the HTML part of a message."""
        return str(self.messages[index][2].get_body(("html",)).get_content())

    def link(self, begin: str, index: int = -1) -> str:
        """Return the path of the link whose path begins so."""
        found = re.search(rf"https://[^/\s]+({re.escape(begin)}\S*)", self.plain(index))
        assert found, self.plain(index)
        return found[1]


@contextmanager
def serving(
    port: int, *, tls: ssl.SSLContext | None = None, at_once: bool = False, required: bool = False
) -> Iterator[Mailbox]:
    """Serve on 127.0.0.1. `tls`: by STARTTLS (`required`: nothing goes without), or `at_once` from the beginning."""
    box = Mailbox()
    box.port = port

    def check(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        right = (data.login, data.password) == (LOGIN.encode(), PASSWORD.encode())
        return AuthResult(success=right, handled=False)

    more: dict[str, Any] = {"ssl_context": tls} if tls and at_once else {"tls_context": tls} if tls else {}
    more["require_starttls"] = required
    server = Controller(
        box, hostname="127.0.0.1", port=port, authenticator=check, auth_require_tls=False, auth_required=False, **more
    )
    server.start()
    try:
        yield box
    finally:
        server.stop()


def certificate(folder: Path, host: str = "localhost") -> tuple[ssl.SSLContext, Path]:
    """Make a certificate of our own; return the server's context, and the file by which clients trust it."""
    import datetime

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, host)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    chain, secret = folder / "mail.pem", folder / "mail.key"
    chain.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, secret)
    return context, chain
