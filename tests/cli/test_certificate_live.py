"""Another certificate in a running system: new connections get it, those that stand go on."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
from pathlib import Path

import pytest

from console.certificate_maker import between, key, pem, root, signed

from .conftest import PATIENCE, Installation

NAME = "phone.example.com"


def options(port: int) -> bytes:
    return (
        f"OPTIONS sip:127.0.0.1:{port};transport=tls SIP/2.0\r\nVia: SIP/2.0/TLS 127.0.0.1:1;branch=z9hG4bK{port}\r\n"
        "From: <sip:a@127.0.0.1>;tag=1\r\nTo: <sip:127.0.0.1>\r\nCall-ID: c\r\nCSeq: 1 OPTIONS\r\n"
        "Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
    ).encode()


def connect(port: int, trusted: Path) -> ssl.SSLSocket:
    """A client that looks at the certificate as closely as a browser does."""
    context = ssl.create_default_context(cafile=str(trusted))
    plain = socket.create_connection(("127.0.0.1", port), PATIENCE)
    return context.wrap_socket(plain, server_hostname=NAME if "root" in trusted.name else "127.0.0.1")


def asks(connection: ssl.SSLSocket, port: int) -> str:
    connection.sendall(options(port))
    return connection.recv(4096).decode().split("\r\n")[0]


def gets(connection: ssl.SSLSocket) -> int:
    connection.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
    answer = http.client.HTTPResponse(connection)
    answer.begin()
    answer.read()
    return answer.status


def upgrade(connection: ssl.SSLSocket) -> None:
    """Become a WebSocket (RFC 6455 section 4.1)."""
    connection.sendall(
        b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: sip\r\n\r\n"
    )
    assert connection.recv(4096).startswith(b"HTTP/1.1 101")


def pings(connection: ssl.SSLSocket) -> bytes:
    connection.sendall(b"\x89\x80\0\0\0\0")
    return connection.recv(100)


def test_a_new_certificate_reaches_new_connections_and_drops_none(fresh: Installation, tmp_path: Path) -> None:
    fresh.more = {"JACKFIELD_SIP_WSS_PORT": str(fresh.console_port + 1), "JACKFIELD_CONSOLE_TLS": "on"}
    fresh.start()
    own = fresh.data_dir / "certificates" / "self-signed.pem"
    ports = fresh.tls_port, fresh.console_port + 1, fresh.console_port
    before = [connect(port, own) for port in ports]
    assert asks(before[0], ports[0]) == "SIP/2.0 200 OK"
    upgrade(before[1])
    assert gets(before[2]) in (200, 503)

    authority = tmp_path / "root.pem"
    authority.write_bytes(pem(root()))
    given = tmp_path / "given.pem"
    given.write_bytes(pem(signed(NAME), between(), key()))
    shown = json.loads(fresh.jackfield("certificate", "import", str(given), "--json").stdout)
    assert shown["names"] == [NAME]
    for port in ports:
        with connect(port, authority) as after:
            assert after.getpeercert()["subjectAltName"] == (("DNS", NAME),)
        with pytest.raises(ssl.SSLCertVerificationError):
            connect(port, own)
    assert asks(before[0], ports[0]) == "SIP/2.0 200 OK"
    assert pings(before[1]) == b"\x8a\x00"
    assert gets(before[2]) in (200, 503)
    for connection in before:
        connection.close()

    # what does not fit is refused, and nothing changes
    wrong = tmp_path / "wrong.pem"
    wrong.write_bytes(pem(signed(NAME), key(3)))
    refused = fresh.jackfield("certificate", "import", str(wrong))
    assert refused.returncode == 1
    assert "do not belong together" in refused.stderr
    connect(ports[0], authority).close()

    request = fresh.jackfield("certificate", "request", "other.example.com").stdout
    assert request.startswith("-----BEGIN CERTIFICATE REQUEST-----")
    assert "Requested  other.example.com" in fresh.jackfield("certificate", "show").stdout
    assert "Names      127.0.0.1" in fresh.jackfield("certificate", "renew", "127.0.0.1").stdout
    with connect(ports[0], own) as again:
        assert asks(again, ports[0]) == "SIP/2.0 200 OK"
    connect(ports[2], own).close()
    assert fresh.end() == 0
