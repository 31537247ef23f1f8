"""Phones' files over the network: by HTTPS, by plain HTTP in the local networks, with certificates of their makers."""

from __future__ import annotations

import datetime
import http.client
import ssl
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from django.db import connections

from jackfield.console import api
from jackfield.console.provisioning.asking import Answer, Request
from jackfield.console.provisioning.serving import Desk
from jackfield.settings import Settings

from ..test_process import console
from .conftest import LOCAL, MAC, lines_in


@pytest.fixture
def data(company: Settings) -> Path:
    """The company's data directory, in which nothing is open."""
    connections.close_all()
    return company.data_dir


def test_phones_fetch_by_https_and_by_plain_http_and_find_nothing_else_by_that(
    data: Path, free_port: Callable[[], int]
):
    port = free_port()
    with console(data, port, console_tls="on", user_port="0") as (_, ready):
        assert ready
        plain = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        plain.request("GET", f"/provision/{MAC}.cfg")
        answer = plain.getresponse()
        told = lines_in(answer.read())
        assert (answer.status, told["account.1.user_name"]) == (200, "anna101")
        assert told["static.auto_provision.server.url"] == f"http://127.0.0.1:{port}/provision/"
        plain.request("GET", "/admin/")  # on the connection that began with a phone's question
        answer = plain.getresponse()
        assert (answer.status, answer.headers["Location"]) == (404, None)
        context = ssl.create_default_context(cafile=str(data / "certificates" / "self-signed.pem"))
        secure = http.client.HTTPSConnection("127.0.0.1", port, timeout=10, context=context)
        secure.request("HEAD", f"/provision/{MAC}.cfg")
        answer = secure.getresponse()
        assert (answer.status, answer.read()) == (200, b"")
        secure.request("GET", f"/provision/{MAC}.cfg")
        again = lines_in(secure.getresponse().read())
        assert again["static.auto_provision.server.url"] == f"https://127.0.0.1:{port}/provision/"
        assert again["account.1.password"] != told["account.1.password"]
        secure.request("POST", f"/provision/{MAC}.cfg", body=b"x")
        assert secure.getresponse().status == 405


def test_a_certificate_of_its_maker_proves_a_phone(company: Settings, free_port: Callable[[], int], tmp_path: Path):
    api.apply(company, "{settings: {local_networks: [10.0.0.0/8]}, provisioning: {client_certificates: true}}")
    connections.close_all()
    data, port = company.data_dir, free_port()
    own, authority = certificates("00:15:65:12:AB:CD")
    (data / "certificates" / "phones").mkdir()
    (data / "certificates" / "phones" / "maker.pem").write_bytes(authority)
    (tmp_path / "phone.pem").write_bytes(own)
    with console(data, port, console_tls="on", user_port="0") as (_, ready):
        assert ready
        for with_certificate, status in ((False, 401), (True, 200)):
            context = ssl.create_default_context(cafile=str(data / "certificates" / "self-signed.pem"))
            if with_certificate:
                context.load_cert_chain(tmp_path / "phone.pem")
            connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=10, context=context)
            connection.request("GET", f"/provision/{MAC}.cfg")
            assert connection.getresponse().status == status


def certificates(name: str) -> tuple[bytes, bytes]:
    """Return a phone's certificate with its key, and that of its maker, as PEM."""

    def made(subject: str, issuer: str, key: ec.EllipticCurvePrivateKey, by: ec.EllipticCurvePrivateKey) -> bytes:
        now = datetime.datetime.now(datetime.UTC)
        names = [x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, one)]) for one in (subject, issuer)]
        builder = (
            x509.CertificateBuilder()
            .subject_name(names[0])
            .issuer_name(names[1])
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=subject == issuer, path_length=None), critical=True)
        )
        return builder.sign(by, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    maker, phone = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    private = phone.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return made(name, "Maker of phones", phone, maker) + private, made(
        "Maker of phones", "Maker of phones", maker, maker
    )


def test_what_waits_is_answered_together_and_a_fault_stops_only_the_one(
    company: Settings, monkeypatch: pytest.MonkeyPatch
):
    from jackfield.console.provisioning import door

    seen: list[int] = []
    whole = door.answers

    def answers(requests: list[Request], **more: object) -> object:
        seen.append(len(requests))
        if any("bad" in one.path for one in requests):
            raise RuntimeError("a fault")
        return whole(requests, **more)

    monkeypatch.setattr(door, "answers", answers)
    paths = [f"/provision/{MAC}.cfg", "/provision/bad.cfg", "/provision/y000000000108.cfg"]
    batch: list[tuple[Request, Future[Answer]]] = [
        (Request(path=path, way="http", address=LOCAL), Future()) for path in paths
    ]
    Desk()._answer(batch)
    assert seen == [3, 1, 1, 1]
    assert [future.result(0).status for _, future in batch] == [200, 500, 200]


def test_a_fault_does_not_put_a_one_time_secret_into_the_log(
    company: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    from jackfield.console.provisioning import door, proofs

    def answers(requests: list[Request], **_: object) -> object:
        raise RuntimeError("a fault")

    monkeypatch.setattr(door, "answers", answers)
    secret = proofs.new_secret()
    asked: Future[Answer] = Future()
    Desk()._answer([(Request(path=f"/provision/{secret}/{MAC}.cfg", way="https", address=LOCAL), asked)])
    assert asked.result(0).status == 500
    assert f"{MAC}.cfg" in caplog.text
    assert secret not in caplog.text
