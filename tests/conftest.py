"""What every test may rely on: an environment without settings of ours, free ports, a data directory."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from interop.rig.ports import Block, block
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


@cache
def _reserved() -> Block:
    return block()


@pytest.fixture
def free_port() -> Callable[[], int]:
    """Returns ports that nobody uses, by UDP and TCP on 127.0.0.1; none is given twice, nor to a test beside this."""
    return lambda: _reserved().take()
