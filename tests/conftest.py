"""What every test may rely on: an environment without settings of ours, free ports, a data directory."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from jackfield.data_dir import DataDir


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("JACKFIELD_") and name != "JACKFIELD_LIBRARY_DIR":
            monkeypatch.delenv(name)


@pytest.fixture
def data_dir(tmp_path: Path) -> DataDir:
    """A prepared, empty data directory."""
    files = DataDir(tmp_path / "data")
    files.prepare()
    return files


@pytest.fixture
def free_port() -> Iterator[Callable[[], int]]:
    """Returns ports that nobody uses, by UDP and TCP on 127.0.0.1; no port twice in one test."""
    given: set[int] = set()

    def find() -> int:
        while True:
            with (
                socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp,
                socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
            ):
                tcp.bind(("127.0.0.1", 0))
                port: int = tcp.getsockname()[1]
                try:
                    udp.bind(("127.0.0.1", port))
                except OSError:
                    continue
                if port not in given:
                    given.add(port)
                    return port

    return find
