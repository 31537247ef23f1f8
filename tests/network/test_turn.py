"""TURN by coturn: credentials that end by themselves, and nowhere to relay to but our own audio."""

from __future__ import annotations

import base64
import hashlib
import hmac
import stat
from pathlib import Path

from jackfield.network import turn
from jackfield.network.outside import read


def test_credentials_end_by_themselves_and_are_what_coturn_reckons() -> None:
    found = turn.credentials(b"shared", "anna", ["turn:198.51.100.1:3478"], 1_700_000_000.7)
    assert found.username == f"{1_700_000_000 + turn.SECONDS}:anna"
    assert found.until == 1_700_000_000 + turn.SECONDS
    expected = hmac.new(b"shared", found.username.encode(), hashlib.sha1).digest()
    assert base64.b64decode(found.password) == expected


def test_the_secret_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "turn.secret"
    first = turn.secret(path)
    assert turn.secret(path) == first
    assert len(first) == 64
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_only_our_own_addresses_are_relayed_to(tmp_path: Path) -> None:
    lines = turn.lines(
        realm="jackfield", key=b"k", addresses=["192.168.1.10"], known=read("203.0.113.5"), port=3478,
        relay_ports=(61000, 61999), certificate=None, folder=tmp_path,
    )  # fmt: skip
    allowed = [line for line in lines if line.startswith("allowed-peer-ip")]
    assert allowed == ["allowed-peer-ip=192.168.1.10", "allowed-peer-ip=203.0.113.5"]
    assert "denied-peer-ip=0.0.0.0-255.255.255.255" in lines
    assert "external-ip=203.0.113.5/192.168.1.10" in lines
    assert "no-tcp-relay" in lines
    assert "no-tls" in lines
