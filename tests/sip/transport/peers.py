"""What the tests talk with: whole transports, bare sockets, and certificates."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from jackfield.sip.flow import Flow
from jackfield.sip.message import Request, Response
from jackfield.sip.transport import TransportLimits, Transports

PATIENCE = 10.0
"""Seconds until a test gives up; none waits that long when all is well."""


def options(
    via: str = "UDP 127.0.0.1:5060", *, branch: str = "z9hG4bK1", rport: bool = True, body: bytes = b""
) -> bytes:
    head = (
        f"OPTIONS sip:jackfield@example.com SIP/2.0\r\n"
        f"Via: SIP/2.0/{via};branch={branch}{';rport' if rport else ''}\r\n"
        f"From: <sip:201@example.com>;tag=a\r\n"
        f"To: <sip:jackfield@example.com>\r\n"
        f"Call-ID: call-1\r\n"
        f"CSeq: 1 OPTIONS\r\n"
        f"Max-Forwards: 70\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class Side:
    """Transports with what came to them; answers requests with 200 unless told otherwise."""

    def __init__(self, *, limits: TransportLimits | None = None, answer: bool = True, **more: Any) -> None:
        self.received: asyncio.Queue[tuple[Request | Response, Flow]] = asyncio.Queue()
        self.failures: asyncio.Queue[tuple[Flow, str]] = asyncio.Queue()
        self.answer = answer
        self.transports = Transports(
            self._receive, failed=lambda flow, reason: self.failures.put_nowait((flow, reason)), limits=limits, **more
        )

    def _receive(self, message: Request | Response, flow: Flow) -> None:
        self.received.put_nowait((message, flow))
        if self.answer and isinstance(message, Request):
            flow.for_response(message).send(message.reply(200).to_bytes())

    async def message(self) -> tuple[Request | Response, Flow]:
        return await asyncio.wait_for(self.received.get(), PATIENCE)

    async def request(self) -> tuple[Request, Flow]:
        message, flow = await self.message()
        assert isinstance(message, Request)
        return message, flow

    async def response(self) -> tuple[Response, Flow]:
        message, flow = await self.message()
        assert isinstance(message, Response)
        return message, flow

    async def failure(self) -> tuple[Flow, str]:
        return await asyncio.wait_for(self.failures.get(), PATIENCE)


class UdpPeer:
    """A phone's bare UDP socket."""

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        self.sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind((host, 0))
        self.sock.setblocking(False)
        self.port: int = self.sock.getsockname()[1]
        self._to = (host, port)
        self._loop = asyncio.get_running_loop()

    def send(self, data: bytes) -> None:
        self.sock.sendto(data, self._to)

    async def read(self) -> bytes:
        return await asyncio.wait_for(self._loop.sock_recv(self.sock, 65_535), PATIENCE)

    def __enter__(self) -> UdpPeer:
        return self

    def __exit__(self, *_: object) -> None:
        self.sock.close()


class StreamPeer:
    """A phone's bare connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.port: int = writer.get_extra_info("sockname")[1]

    @classmethod
    async def open(cls, port: int, host: str = "127.0.0.1", **more: Any) -> StreamPeer:
        return cls(*await asyncio.open_connection(host, port, **more))

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def read_message(self) -> bytes:
        """Read one response without a body."""
        return await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), PATIENCE)

    async def read(self, size: int) -> bytes:
        return await asyncio.wait_for(self.reader.readexactly(size), PATIENCE)

    async def read_to_end(self) -> bytes:
        """Read until the other side closes, in whatever way."""
        data = b""
        with contextlib.suppress(ConnectionError):
            while chunk := await asyncio.wait_for(self.reader.read(65_536), PATIENCE):
                data += chunk
        return data

    async def __aenter__(self) -> StreamPeer:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.writer.close()
        with contextlib.suppress(OSError):
            await self.writer.wait_closed()


class Certificates:
    """An authority, and what it signs."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test Authority")])
        self.authority = folder / "authority.pem"
        self._write(self.authority, self._sign(self._name, self._key, [], authority=True))

    def issue(self, name: str, *alternative: str) -> tuple[Path, Path]:
        """Return certificate and key for a common name, and host names or addresses besides."""
        stem = "-".join((name, *alternative)).replace(":", "_")
        certificate, key_file = self._folder / f"{stem}.pem", self._folder / f"{stem}.key"
        if not certificate.exists():
            key = ec.generate_private_key(ec.SECP256R1())
            subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
            self._write(certificate, self._sign(subject, key, alternative, authority=False))
            key_file.write_bytes(
                key.private_bytes(
                    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
                )
            )
        return certificate, key_file

    def _sign(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, alternative: Iterable[str], *, authority: bool
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        )
        names = [_general_name(name) for name in alternative]
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return builder.sign(self._key, hashes.SHA256())

    @staticmethod
    def _write(path: Path, certificate: x509.Certificate) -> None:
        path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)
