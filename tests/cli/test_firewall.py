"""`jackfield firewall` where no system runs."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from jackfield.cli import firewall
from jackfield.cli.app import app
from jackfield.network.firewall import table
from jackfield.network.firewall.rules import Firewall
from jackfield.settings import load
from jackfield.switch import snapshot as snapshots
from jackfield.switch.snapshot import Snapshot


@pytest.fixture
def files(tmp_path: Path) -> Path:
    found = load(data_dir=tmp_path / "data").files
    found.prepare()
    snapshots.write(Snapshot(firewall=Firewall(sip=("192.0.2.0/24",), ssh=())), found.snapshot)
    return found.path


def jackfield(*arguments: str, files: Path) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["firewall", *arguments, "--data-dir", str(files)])
    return done.exit_code, " ".join(done.output.split())


def test_it_shows_what_is_open_to_whom(files: Path):
    status, text = jackfield("show", files=files)
    assert status == 0
    assert "sip SIP over UDP and TCP UDP 5060, TCP 5060 192.0.2.0/24" in text
    assert "ssh SSH TCP" in text
    assert "nobody" in text
    assert "everyone (automatic)" in text
    assert "Jackfield does not run: these rules hold when it does." in text


def test_it_tells_what_an_address_may(files: Path):
    status, text = jackfield("test", "203.0.113.5", "sip", files=files)
    assert status == 1
    assert "closed SIP over UDP and TCP: open to 192.0.2.0/24, and 203.0.113.5 is not among them" in text
    assert "jackfield firewall open sip 203.0.113.5" in text
    assert jackfield("test", "192.0.2.7", "sip", files=files)[0] == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("test", "reception"), "“reception” is no IP address"),
        (("test", "192.0.2.1", "fax"), "there is no service “fax”: one of sip, sip_tls"),
        (("open", "telnet"), "there is no service “telnet”"),
        (("close", "sip", "198.51.100.1"), "“198.51.100.1” is not among them"),
    ],
)
def test_what_makes_no_sense_is_said(files: Path, arguments: tuple[str, ...], said: str):
    status, text = jackfield(*arguments, files=files)
    assert status == 2
    assert said in text.replace("│ ", "").replace(" │", "")


def test_open_adds_and_close_takes_away(files: Path, monkeypatch: pytest.MonkeyPatch):
    changes: list[tuple[str, list[str]]] = []
    monkeypatch.setattr(firewall, "_change", lambda _found, service, open_to: changes.append((service, open_to)))
    jackfield("open", "sip", "203.0.113.5", "Office", files=files)
    jackfield("open", "sip", files=files)
    jackfield("open", "sip-tls", "automatic", files=files)
    jackfield("close", "sip", "192.0.2.0/24", files=files)
    jackfield("close", "stun", files=files)
    assert changes == [
        ("sip", ["192.0.2.0/24", "203.0.113.5", "Office"]), ("sip", ["everyone"]), ("sip_tls", ["automatic"]),
        ("sip", []), ("stun", []),
    ]  # fmt: skip
    assert "sip_tls is open to everyone already" in jackfield("open", "sip_tls", "Office", files=files)[1]


def test_who_sits_at_an_ssh_connection_is_asked_before_ssh_is_closed(files: Path, monkeypatch: pytest.MonkeyPatch):
    changes: list[str] = []
    monkeypatch.setattr(firewall, "_change", lambda _found, service, _open_to: changes.append(service))
    monkeypatch.setenv("SSH_CONNECTION", "203.0.113.5 50000 192.0.2.1 22")
    status, text = jackfield("close", "ssh", files=files)
    assert status == 2
    assert "203.0.113.5" in text
    assert changes == []
    assert jackfield("close", "ssh", "--yes", files=files)[0] == 0
    assert changes == ["ssh"]


def test_panic_waits_for_the_next_start(files: Path):
    known = load(data_dir=files).files.firewall
    assert "All is closed but to the local networks and the VPN" in jackfield("panic", files=files)[1]
    assert table.load(known).panic
    assert jackfield("test", "192.0.2.7", "sip", files=files)[0] == 1
    jackfield("panic", "--end", files=files)
    assert jackfield("test", "192.0.2.7", "sip", files=files)[0] == 0


def test_apply_says_where_the_rules_hold(files: Path):
    assert "These rules hold in the programs alone" in jackfield("apply", files=files)[1]
