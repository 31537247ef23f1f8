"""What is known of the machine's network: addresses, ports, certificates."""

from __future__ import annotations

import datetime
import errno
import os
import socket
import ssl
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509

from jackfield.network.addresses import local_addresses, reachable_addresses
from jackfield.network.certificate import SelfSigned, names_of_this_machine
from jackfield.network.ports import can_bind, listening, owner, refusal

NOW = datetime.datetime(2026, 11, 22, tzinfo=datetime.UTC)

FIB_TRIE = """Main:
  +-- 0.0.0.0/0 3 0 5
     |-- 192.0.2.2
        /32 host LOCAL
     |-- 192.0.2.255
        /32 link BROADCAST
     |-- 127.0.0.1
        /32 host LOCAL
     |-- 10.0.0.7
        /32 host LOCAL
"""
IF_INET6 = """00000000000000000000000000000001 01 80 10 80       lo
fe80000000000000000000fffe000001 02 40 20 80     eth0
20010db8000000000000000000000002 02 40 00 80     eth0
"""


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    net = tmp_path / "net"
    net.mkdir()
    (net / "fib_trie").write_text(FIB_TRIE)
    (net / "if_inet6").write_text(IF_INET6)
    return tmp_path


def test_addresses_that_others_can_use_come_first(proc: Path) -> None:
    assert local_addresses(proc) == [
        "10.0.0.7", "192.0.2.2", "2001:db8::2", "fe80::ff:fe00:1", "127.0.0.1", "::1",
    ]  # fmt: skip


def test_a_wildcard_stands_for_the_addresses_of_its_family(proc: Path) -> None:
    assert reachable_addresses(["0.0.0.0"], proc, lambda version: "") == ["10.0.0.7", "192.0.2.2"]
    assert reachable_addresses(["::", "192.0.2.2"], proc) == ["2001:db8::2", "192.0.2.2"]
    assert reachable_addresses(["127.0.0.1"], proc) == ["127.0.0.1"]


def test_the_address_that_most_reach_us_by_comes_before_those_of_bridges_and_of_the_vpn(proc: Path) -> None:
    ways = {4: "192.0.2.2", 6: ""}
    assert reachable_addresses(["0.0.0.0"], proc, ways.__getitem__) == ["192.0.2.2", "10.0.0.7"]
    assert reachable_addresses(["0.0.0.0"], proc, lambda version: "") == ["10.0.0.7", "192.0.2.2"]


def test_without_proc_nothing_is_made_up(tmp_path: Path) -> None:
    assert local_addresses(tmp_path) == []
    assert reachable_addresses(["0.0.0.0"], tmp_path) == ["0.0.0.0"]


def test_this_machine_has_an_address() -> None:
    assert "127.0.0.1" in local_addresses()


@pytest.mark.parametrize(("kind", "type_"), [("tcp", socket.SOCK_STREAM), ("udp", socket.SOCK_DGRAM)])
@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_a_taken_port_is_found_with_its_owner(kind: str, type_: int, address: str) -> None:
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, type_) as taken:
        taken.bind((address, 0))
        if kind == "tcp":
            taken.listen()
        port = taken.getsockname()[1]
        error = can_bind(kind, address, port)  # type: ignore[arg-type]
        assert error is not None
        found = [one for one in listening(kind) if (one.address, one.port) == (address, port)]  # type: ignore[arg-type]
        assert len(found) == 1
        assert "(pid " in owner(found[0].inode)
    assert can_bind(kind, address, port) is None  # type: ignore[arg-type]
    assert owner(found[0].inode) == ""


@pytest.mark.parametrize(
    ("code", "flag", "why", "mend"),
    [
        (
            errno.EADDRNOTAVAIL,
            "--console-port",
            "192.0.2.7 is no address of this machine",
            "--console-host must be one",
        ),
        (errno.EACCES, "--sip-port", "UDP port 60 on 192.0.2.7 needs more rights", "choose one above 1023 with --sip-"),
        (errno.ENOBUFS, "--sip-port", "UDP port 60 on 192.0.2.7 can't be used", "choose another port with --sip-port"),
    ],
)
def test_a_port_that_is_refused_is_told_with_what_helps(code: int, flag: str, why: str, mend: str) -> None:
    told = refusal("udp", "192.0.2.7", 60, OSError(code, os.strerror(code)), flag)
    assert told[0].startswith(why)
    assert told[1].startswith(mend)


def test_a_certificate_covers_names_and_addresses_and_is_kept(tmp_path: Path) -> None:
    own = SelfSigned(tmp_path / "certificates")
    assert own.ensure(["pbx.example", "192.0.2.2", "2001:db8::2"], now=NOW)
    made = own.certificate.read_bytes()
    assert stat.S_IMODE(own.key.stat().st_mode) == 0o600
    found = x509.load_pem_x509_certificate(made)
    names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["pbx.example"]
    assert [str(address) for address in names.get_values_for_type(x509.IPAddress)] == ["192.0.2.2", "2001:db8::2"]
    assert not own.ensure(["other.example"], now=NOW)
    assert own.certificate.read_bytes() == made


def test_it_is_made_anew_before_it_ends_and_when_it_is_damaged(tmp_path: Path) -> None:
    own = SelfSigned(tmp_path)
    own.ensure(["a"], now=NOW)
    assert not own.ensure(["a"], now=NOW + datetime.timedelta(days=3600))
    assert own.ensure(["a"], now=NOW + datetime.timedelta(days=3640))
    own.certificate.write_text("nonsense")
    assert own.ensure(["a"], now=NOW)
    own.key.unlink()
    assert own.ensure(["a"], now=NOW)


def test_a_phone_that_trusts_it_connects(tmp_path: Path, free_port: Callable[[], int]) -> None:
    own = SelfSigned(tmp_path)
    own.ensure(["127.0.0.1"], now=datetime.datetime.now(datetime.UTC))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(own.certificate, own.key)
    client = ssl.create_default_context(cafile=str(own.certificate))
    one, two = ssl.MemoryBIO(), ssl.MemoryBIO()
    here = client.wrap_bio(one, two, server_hostname="127.0.0.1")
    there = server.wrap_bio(two, one, server_side=True)
    for _ in range(3):
        for side in (here, there):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    assert here.version() == "TLSv1.3"


def test_the_machine_names_itself_without_wildcards() -> None:
    names = names_of_this_machine(["0.0.0.0", "192.0.2.2", ""])
    assert names[0] == socket.gethostname()
    assert names[-2:] == ["localhost", "192.0.2.2"]
