"""The console as a process: starts, says it is ready, serves, works, and ends when told to."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connections

from jackfield.console import api
from jackfield.history.models import Call
from jackfield.settings import Settings
from jackfield.spool import Spool
from jackfield.switch import snapshot

from .records import record


@contextlib.contextmanager
def console(data_dir: Path, port: int, **more: str) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """A running console, and what it wrote when it was ready ("" when it ended instead)."""
    here, there = os.pipe()
    flags = [part for name, value in more.items() for part in (f"--{name.replace('_', '-')}", value)]
    process = subprocess.Popen(
        [
            sys.executable, "-m", "jackfield.console", "--data-dir", str(data_dir), "--console-port", str(port),
            "--ready-fd", str(there), *flags,
        ],
        pass_fds=(there,), stderr=subprocess.PIPE,
    )  # fmt: skip
    os.close(there)
    try:
        with os.fdopen(here, "rb") as pipe:
            yield process, pipe.readline().decode()
    finally:
        if process.poll() is None:
            process.terminate()
        process.communicate(timeout=15)


def ask(port: int, path: str = "/health", host: str = "127.0.0.1") -> tuple[int, Any]:
    try:
        with urllib.request.urlopen(f"http://{host}:{port}{path}", timeout=10) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def test_it_prepares_serves_and_ends_when_told(tmp_path: Path, free_port: Callable[[], int]):
    port = free_port()
    with console(tmp_path / "data", port) as (process, ready):
        assert ready.startswith("ready ")  # and the token of the first run, because nobody can sign in yet
        status, found = ask(port)
        assert status == 503  # there is no switch
        assert found["checks"]["database"]["ok"]
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    assert snapshot.read(tmp_path / "data" / "snapshot.json").version == 1


def test_it_moves_records_into_the_database(settings: Settings, free_port: Callable[[], int]):
    spool = Spool(settings.files.spool)
    import time

    spool.append("call", "k3f9", record("k3f9", started=time.time()).to_dict())
    spool.close()
    connections.close_all()
    port = free_port()
    with console(settings.data_dir, port, database_url=settings.database_url) as (process, ready):
        assert ready
        for _ in range(500):
            if ask(port)[1]["checks"]["records"]["waiting_bytes"] == 0:
                break
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
    assert Call.objects.get().id == "k3f9"


def test_it_serves_and_says_why_while_the_database_is_away(tmp_path: Path, free_port: Callable[[], int]):
    port = free_port()
    url = f"postgresql://jf:topsecret@/pbx?host={tmp_path}"
    with console(tmp_path / "data", port, database_url=url) as (process, ready):
        assert ready == "ready\n"
        status, found = ask(port)
        assert status == 503
        assert "See that PostgreSQL runs there" in found["checks"]["database"]["problem"]
        process.terminate()
        _, errors = process.communicate(timeout=10)
    assert process.returncode == 0
    assert errors.decode().count("Calls go on with the configuration published last.") == 1
    assert b"topsecret" not in errors


def test_it_publishes_what_was_changed_meanwhile(settings: Settings, free_port: Callable[[], int]):
    api.apply(settings, "extensions: [{number: 201}]")
    settings.files.snapshot.unlink()
    connections.close_all()
    with console(settings.data_dir, free_port(), database_url=settings.database_url) as (_, ready):
        assert ready
    assert snapshot.read(settings.files.snapshot).extensions[0].number == "201"


def test_a_port_in_use_is_told_with_the_mend(tmp_path: Path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        with console(tmp_path / "data", other.getsockname()[1]) as (process, ready):
            assert ready == ""
            _, errors = process.communicate(timeout=10)
        assert process.returncode == 1
        assert b"choose another port with --console-port" in errors


def test_wrong_settings_end_it_with_words(tmp_path: Path):
    with console(tmp_path / "data", 99999) as (process, ready):
        assert ready == ""
        _, errors = process.communicate(timeout=10)
    assert process.returncode == 2
    assert b"console_port" in errors or b"console-port" in errors


def test_port_0_means_no_pages_but_the_work_goes_on(settings: Settings):
    connections.close_all()
    with console(settings.data_dir, 0, database_url=settings.database_url) as (process, ready):
        assert ready == "ready\n"
        process.terminate()
        assert process.wait(10) == 0
    assert settings.files.snapshot.exists()


@pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6 here")
def test_it_answers_on_several_addresses(tmp_path: Path, free_port: Callable[[], int]):
    port = free_port()
    with console(tmp_path / "data", port, console_host="127.0.0.1,::1") as (_, ready):
        assert ready
        assert ask(port)[0] == ask(port, host="[::1]")[0] == 503


def test_it_ends_with_the_supervisor_that_started_it(tmp_path: Path, free_port: Callable[[], int]):
    """The middle process stands for the supervisor: it starts the console, waits until that is ready, and is killed."""
    port = free_port()
    script = (
        "import os, subprocess, sys, time\n"
        "here, there = os.pipe()\n"
        "child = subprocess.Popen([sys.executable, '-m', 'jackfield.console', '--ready-fd', str(there), *sys.argv[1:]],"
        " pass_fds=(there,), env=os.environ | {'JACKFIELD_PROCESS': 'console'})\n"
        "os.close(there)\n"
        "os.read(here, 100)\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    middle = subprocess.Popen(
        [sys.executable, "-c", script, "--data-dir", str(tmp_path / "data"), "--console-port", str(port)],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    assert middle.stdout is not None
    child = int(middle.stdout.readline())
    watch = os.pidfd_open(child)
    middle.kill()
    middle.communicate()
    import select

    assert select.select([watch], [], [], 10)[0], "the console is still there"
    os.close(watch)
