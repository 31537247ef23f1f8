"""The media process as the supervisor runs it."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from jackfield.media import __main__ as program
from jackfield.media import protocol
from jackfield.media.protocol import Frames, Report

from .process import PATIENCE

START = 20.0  # seconds in which a process must have started, on a machine with much to do


def command(path: Path, *more: str) -> list[str]:
    return [sys.executable, "-m", "jackfield.media", "--socket", str(path), "--rtp-ports", "33000-60000",
            "--host", "127.0.0.1", *more]  # fmt: skip


def connect(path: Path) -> socket.socket:
    deadline = time.monotonic() + START
    while True:
        sock = socket.socket(socket.AF_UNIX)
        try:
            sock.connect(str(path))
            return sock
        except OSError:
            sock.close()
            assert time.monotonic() < deadline, "the media process does not listen"
            select.select([], [], [], 0.02)


def ask(path: Path) -> protocol.WorkerStats:
    with connect(path) as sock:
        sock.sendall(protocol.frame([protocol.AskWorker(1)]))
        told = Frames(Report).feed(sock.recv(65536))[0]
        assert isinstance(told, protocol.WorkerTold)
        return told.stats


@pytest.fixture
def started(tmp_path: Path) -> Iterator[list[subprocess.Popen]]:
    running: list[subprocess.Popen] = []
    yield running
    for process in running:
        process.kill()
        process.wait()


@pytest.mark.parametrize("lane", ["auto", "python"])
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_and_ends_when_told(
    tmp_path: Path,
    started: list[subprocess.Popen],
    lane: str,
    how: signal.Signals,
    request: pytest.FixtureRequest,
) -> None:
    if lane == "auto":
        request.getfixturevalue("fast_library")  # skips where there is no compiler
    path = tmp_path / "m.sock"
    environment = {**os.environ, "JACKFIELD_LIBRARY_DIR": str(tmp_path / "lib")}
    process = subprocess.Popen(command(path, "--lane", lane), env=environment)
    started.append(process)
    stats = ask(path)
    assert stats.pid == process.pid
    assert stats.path == "fast lane" if lane == "auto" else stats.path.startswith("python")
    process.send_signal(how)
    assert process.wait(PATIENCE) == 0
    assert not path.exists()


def test_without_a_compiler_it_serves_all_the_same(tmp_path: Path, started: list[subprocess.Popen]) -> None:
    path = tmp_path / "m.sock"
    environment = {**os.environ, "JACKFIELD_LIBRARY_DIR": str(tmp_path / "lib"), "CC": "false"}
    started.append(subprocess.Popen(command(path), env=environment))
    assert "failed" in ask(path).path


def test_it_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    path = tmp_path / "m.sock"
    # A parent that starts it and waits for a line on its standard input.
    parent = subprocess.Popen(
        [sys.executable, "-c", "import subprocess, sys; subprocess.Popen(sys.argv[1:]); sys.stdin.readline()",
         *command(path, "--lane", "python")],
        stdin=subprocess.PIPE,
    )  # fmt: skip
    with connect(path) as sock:
        parent.kill()
        parent.wait()
        assert parent.stdin is not None
        parent.stdin.close()
        sock.settimeout(PATIENCE)
        assert sock.recv(1) == b"", "the connection ends"
    deadline = time.monotonic() + PATIENCE
    while path.exists():
        assert time.monotonic() < deadline
        select.select([], [], [], 0.02)


def test_it_says_when_it_is_ready(tmp_path: Path, started: list[subprocess.Popen]) -> None:
    reader, writer = os.pipe()
    started.append(
        subprocess.Popen(command(tmp_path / "m.sock", "--ready-fd", str(writer), "--lane", "python"), pass_fds=[writer])
    )
    os.close(writer)
    assert select.select([reader], [], [], START)[0]
    assert os.read(reader, 100) == b"ready\n"
    assert os.read(reader, 100) == b""
    os.close(reader)
    connect(tmp_path / "m.sock").close()


@pytest.mark.parametrize("text", ["nonsense", "20000", "20000-", "-5-10", "a-b"])
def test_what_is_no_range_of_ports_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"range|ports"):
        program.ports_of(text)


def refused(*arguments: str, **environment: str) -> str:
    """What a process says that cannot start."""
    done = subprocess.run(
        [sys.executable, "-m", "jackfield.media", *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=START,
        check=False,
    )
    assert done.returncode == 2
    return done.stderr


def test_why_it_cannot_start_is_told(tmp_path: Path) -> None:
    path = tmp_path / "m.sock"
    assert "ports" in refused("--socket", str(path), "--rtp-ports", "1-70000", "--lane", "python")
    lost = tmp_path / "no" / "m.sock"
    assert str(lost) in refused("--socket", str(lost), "--rtp-ports", "20000-20010", "--lane", "python")
    told = refused("--socket", str(path), "--lane", "fast", CC="false", JACKFIELD_LIBRARY_DIR=str(tmp_path / "lib"))
    assert "failed" in told
