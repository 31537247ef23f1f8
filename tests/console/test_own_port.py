"""The console's second port, on real sockets: own pages there, everything at the first."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from jackfield.settings import SettingsError, load

from .test_listening import get
from .test_process import console


def test_the_two_ports_answer_different_things(tmp_path: Path, free_port: Callable[[], int]):
    port, own = free_port(), free_port()
    with console(tmp_path / "data", port, user_port=str(own)) as (_, ready):
        assert f"own={own}" in ready.split()
        assert get(port, "/sign-in").headers["Location"] == "/first-run"  # where nobody can sign in yet
        assert get(own, "/sign-in").status == 200  # that one is not here
        assert get(port, "/admin/").status == 302  # to the sign-in page
        assert get(own, "/admin/").status == 404
        assert get(own, "/admin/", Host=f"127.0.0.1:{port}").status == 404  # what a request says of itself is no key
        assert get(own, "/first-run").status == 404
        assert get(own, "/me/").status == 302


def test_the_own_port_may_be_open_to_the_network_while_the_other_is_not(tmp_path: Path, free_port: Callable[[], int]):
    port, own, data = free_port(), free_port(), tmp_path / "data"
    with console(data, port, user_port=str(own), user_host="127.0.0.1,127.0.0.2", console_tls="on") as (_, ready):
        assert ready
        assert get(own, "/sign-in", tls=data).status == 200
        for host, at, there in (("127.0.0.2", own, True), ("127.0.0.2", port, False)):
            with socket.socket() as probe:
                assert (probe.connect_ex((host, at)) == 0) is there


def test_a_port_that_nobody_asked_for_is_left_to_others(tmp_path: Path, free_port: Callable[[], int]):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        own, port = taken.getsockname()[1], free_port()
        with console(tmp_path / "a", port, user_port=str(own)) as (process, ready):
            assert ready == ""
            assert b"--user-port" in process.communicate(timeout=15)[1]
    with console(tmp_path / "b", port, user_port="auto") as (_, ready):  # free or not, it starts
        assert ready.startswith("ready")
        assert http.client.HTTPConnection("127.0.0.1", port).connect() is None


def test_the_port_is_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("JACKFIELD_USER_PORT")
    assert load(data_dir=tmp_path).own_port == 8443
    assert load(data_dir=tmp_path, console_port=0).own_port == 0
    assert load(data_dir=tmp_path, console_port=8443).own_port == 0
    assert load(data_dir=tmp_path, user_port="443").own_port == 443
    assert load(data_dir=tmp_path, user_port="0").own_port == 0
    with pytest.raises(SettingsError, match="console_port and user_port are both 4021"):
        load(data_dir=tmp_path, user_port="4021")
    with pytest.raises(SettingsError, match="give a port"):
        load(data_dir=tmp_path, user_port="web")
    opened = load(data_dir=tmp_path, user_host="0.0.0.0")
    assert opened.console_secure
    assert opened.user_hosts == ("0.0.0.0",)
