"""The data directory: private, with one secret that stays."""

from __future__ import annotations

import stat
import threading
from pathlib import Path

from jackfield.data_dir import DataDir


def test_nobody_else_may_look_into_it(data_dir: DataDir) -> None:
    assert stat.S_IMODE(data_dir.path.stat().st_mode) == 0o700
    assert stat.S_IMODE(data_dir.secret_key.stat().st_mode) == 0o600


def test_the_secret_stays_the_same(data_dir: DataDir) -> None:
    first = data_dir.secret()
    data_dir.prepare()
    assert data_dir.secret() == first
    assert len(first) == 64


def test_processes_that_start_together_agree_on_the_secret(tmp_path: Path) -> None:
    found: list[bytes] = []
    threads = [threading.Thread(target=lambda: found.append(DataDir(tmp_path / "new").secret())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 1


def test_a_secret_left_empty_by_a_full_disk_is_made_anew(data_dir: DataDir) -> None:
    data_dir.secret_key.write_bytes(b"")
    assert len(data_dir.secret()) == 64
