"""`jackfield check`: the low ports that phones of the local networks need, and our own DHCP server's program."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from jackfield.check import local_networks
from jackfield.check.local_networks import dhcp_program, ports_for_phones
from jackfield.settings import load


def test_a_port_that_is_free_or_ours_is_fine_and_one_that_is_off_is_not_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_networks, "owner", lambda _: "python3 (pid 7)")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ours:
        ours.bind(("127.0.0.1", 0))
        port = ours.getsockname()[1]
        settings = load(data_dir=tmp_path, host="127.0.0.1", tftp_port=port, ldap_port=0, ldaps_port=0)
        assert [(one.level, one.text) for one in ports_for_phones(settings)] == [
            ("ok", f"Jackfield listens at UDP port {port} on 127.0.0.1")
        ]
        monkeypatch.setattr(local_networks, "owner", lambda _: "in.tftpd (pid 8)")
        assert next(iter(ports_for_phones(settings))).level == "warning"
    assert "is free" in next(iter(ports_for_phones(settings))).text


def test_without_the_right_to_low_ports_the_mend_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_networks, "can_bind", lambda *_: PermissionError(13, os.strerror(13)))
    settings = load(data_dir=tmp_path, host="127.0.0.1")
    found = list(ports_for_phones(settings))
    assert [one.level for one in found] == ["warning"] * 3
    assert "UDP port 69 on 127.0.0.1 needs more rights" in found[0].text
    assert "packaging/jackfield.service" in found[0].mend


def test_dnsmasq_is_named_with_its_package_where_it_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda *_, **__: None)
    (found,) = dhcp_program(load(data_dir=tmp_path))
    assert (found.level, "dnsmasq-base" in found.text) == ("ok", True)
