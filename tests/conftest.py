"""What every test may rely on: an environment without settings of ours, free ports, a data directory."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from interop.rig.ports import AREA, LAST, Block
from jackfield import compiled
from jackfield.data_dir import DataDir


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("JACKFIELD_") and name not in ("JACKFIELD_LIBRARY_DIR", "JACKFIELD_PURE_PYTHON"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("JACKFIELD_FIREWALL", "programs")  # the kernel's rules are the whole machine's
    monkeypatch.setenv("JACKFIELD_USER_PORT", "0")  # "auto" is one port for all systems of a machine


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that replace parts of classes can't do so with compiled ones; tools/run-tests runs them by themselves."""
    if compiled.in_use():
        skip = pytest.mark.skip(reason="replaces parts of compiled classes: runs with JACKFIELD_PURE_PYTHON=1")
        for item in items:
            if item.get_closest_marker("plain_python"):
                item.add_marker(skip)


@pytest.fixture
def data_dir(tmp_path: Path) -> DataDir:
    """A prepared, empty data directory."""
    files = DataDir(tmp_path / "data")
    files.prepare()
    return files


@cache
def _reserved() -> Block:
    return Block(range(20_000, LAST, AREA))  # not among the ports for audio, as they are when nothing else is set


@pytest.fixture
def free_port() -> Callable[[], int]:
    """Returns ports that nobody uses, by UDP and TCP on 127.0.0.1; none is given twice, nor to a test beside this."""
    return lambda: _reserved().take()
