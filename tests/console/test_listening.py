"""The console's door: HTTPS for other machines, plain HTTP for this one, and what a proxy in front may say."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.db import connections

from jackfield.people.models import User
from jackfield.settings import Settings

from .test_process import console


@pytest.fixture
def somebody(sqlite: Settings) -> Path:
    """The folder of an installation that somebody can sign in to: a fresh one shows how one gets in instead."""
    User.objects.create(login="anna")
    connections.close_all()
    return sqlite.data_dir


def get(port: int, path: str, *, tls: Path | None = None, **headers: str) -> http.client.HTTPResponse:
    """Ask, by HTTPS trusting the certificate in the data directory `tls`."""
    if tls is None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    else:
        context = ssl.create_default_context(cafile=str(tls / "certificates" / "self-signed.pem"))
        connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=10, context=context)
    connection.request("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})
    return connection.getresponse()


def cookie(answer: http.client.HTTPResponse) -> str:
    return answer.headers["Set-Cookie"]


def test_one_port_speaks_https_and_on_loopback_plain_http_too(somebody: Path, free_port: Callable[[], int]):
    port, data = free_port(), somebody
    with console(data, port, console_host="0.0.0.0") as (_, ready):
        assert ready
        assert "checks" in json.load(get(port, "/health"))
        assert "checks" in json.load(get(port, "/health", tls=data))
        assert "Secure" not in cookie(get(port, "/sign-in"))
        assert "Secure" in cookie(get(port, "/sign-in", tls=data))
        with socket.create_connection(("127.0.0.1", port)) as stranger:
            stranger.sendall(b"\x16nonsense")  # begins as a handshake does and is none
            assert not stranger.recv(100).startswith(b"HTTP")
        assert get(port, "/sign-in", tls=data).status == 200


def test_where_https_is_asked_for_plain_http_is_sent_on(somebody: Path, free_port: Callable[[], int]):
    port, data = free_port(), somebody
    with console(data, port, console_tls="on") as (_, ready):
        assert ready
        answer = get(port, "/admin/?q=1")
        assert (answer.status, answer.headers["Location"]) == (308, f"https://127.0.0.1:{port}/admin/?q=1")
        assert get(port, "/sign-in", tls=data).status == 200
        with socket.create_connection(("127.0.0.1", port)) as stranger:
            stranger.sendall(b"GET /\r\n\r\n")
            assert b"write https://" in stranger.makefile("rb").read()


def test_a_trusted_proxy_says_who_asks_and_by_https(somebody: Path, free_port: Callable[[], int]):
    port = free_port()
    stranger = {"X_Forwarded_For": "203.0.113.9", "X_Forwarded_Proto": "https"}
    with console(somebody, port, console_tls="off", trusted_proxies="127.0.0.1") as (_, ready):
        assert ready
        assert get(port, "/health", **stranger).status == 403  # not of the local networks
        assert "Secure" in cookie(get(port, "/sign-in", **stranger))
    port = free_port()
    with console(somebody, port) as (_, ready):
        assert ready
        assert "Secure" not in cookie(get(port, "/sign-in", **stranger))  # nobody said that this one is believed


ALLOCATE = bytes.fromhex("000300042112a442") + bytes(12) + bytes.fromhex("80280000")


def test_who_speaks_turn_inside_tls_is_connected_with_coturn(somebody: Path, free_port: Callable[[], int]):
    port, turn_port, data = free_port(), free_port(), somebody
    context = ssl.create_default_context(cafile=None)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE

    def says(*parts: bytes) -> tuple[ssl.SSLSocket, bytes]:
        client = context.wrap_socket(socket.create_connection(("127.0.0.1", port), 10))
        for part in parts:
            client.sendall(part)
        return client, client.recv(100)

    with (
        socket.create_server(("127.0.0.1", turn_port)) as coturn,
        console(data, port, console_tls="on", host="127.0.0.1", stun_port=str(turn_port)) as (_, ready),
    ):
        assert ready
        coturn.settimeout(10)
        client, answer = says(ALLOCATE)
        assert answer.startswith(b"HTTP/1.1 400"), "TURN is switched off"
        client.close()
        (data / "run" / "turnserver.conf").touch()
        with ThreadPoolExecutor(1) as beside:
            asking = beside.submit(says, ALLOCATE[:5], ALLOCATE[5:])
            relay, _ = coturn.accept()
            got = b""
            while len(got) < len(ALLOCATE):
                got += relay.recv(100)
            assert got == ALLOCATE
            relay.sendall(b"an answer")
            client, answer = asking.result(10)
        assert answer == b"an answer"
        assert get(port, "/sign-in", tls=data).status == 200
        client.sendall(b"more")
        assert relay.recv(100) == b"more"
        client.close()
        assert relay.recv(100) == b"", "coturn is told that its client is gone"
        relay.close()


def test_processes_that_need_a_certificate_at_once_get_the_same(tmp_path: Path):
    script = (
        "import datetime, pathlib, sys; from jackfield.network.certificate import SelfSigned\n"
        "own = SelfSigned(pathlib.Path(sys.argv[1]))\n"
        "print(own.ensure(['localhost'], now=datetime.datetime.now(datetime.UTC)), end='')"
    )
    command = [sys.executable, "-c", script, str(tmp_path)]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(3)]
    assert sorted(process.communicate()[0] for process in started) == [b"False", b"False", b"True"]
