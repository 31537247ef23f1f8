"""The spool: nothing is lost by a crash, a full disk or a slow reader, and nothing stops for it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jackfield import spool
from jackfield.spool import Mark, Spool, SpoolReader, read


def ids(entries: list[dict[str, Any]]) -> list[str]:
    return [entry["id"] for entry in entries]


class Unspeakable:
    def __str__(self) -> str:
        raise ValueError("no words for it")


def wait_until(condition: Callable[[], bool]) -> None:
    """Another process or thread works on it; pytest's time-out ends what never comes."""
    while not condition():
        time.sleep(0.005)


def test_what_goes_in_comes_out_in_order(tmp_path: Path) -> None:
    writer = Spool(tmp_path)
    for number in range(1200):
        writer.append("call", f"c{number}", {"legs": [number], "name": "Zoë"})
    reader = SpoolReader(tmp_path)
    seen: list[str] = []
    while entries := (batch := reader.batch(500)).entries:
        seen += ids(entries)
        reader.done(batch.mark)
    assert seen == [f"c{number}" for number in range(1200)]
    assert entries == []
    assert reader.waiting() == 0
    assert writer.close()


def test_an_entry_can_be_read_at_once(tmp_path: Path) -> None:
    writer, reader = Spool(tmp_path), SpoolReader(tmp_path)
    writer.append("call", "c1", {"number": "101"})
    assert reader.batch().entries == [{"kind": "call", "id": "c1", "data": {"number": "101"}}]
    writer.close()


def test_entries_come_again_until_they_are_done(tmp_path: Path) -> None:
    writer = Spool(tmp_path)
    writer.append("call", "c1", {})
    writer.append("call", "c2", {})
    first = SpoolReader(tmp_path).batch(limit=1)
    assert ids(first.entries) == ["c1"]
    again = SpoolReader(tmp_path)  # the reader died before it said that it stored c1
    batch = again.batch(limit=1)
    assert ids(batch.entries) == ["c1"]
    again.done(batch.mark)
    assert ids(SpoolReader(tmp_path).batch().entries) == ["c2"]
    writer.close()


def test_segments_that_were_read_are_deleted(tmp_path: Path) -> None:
    writer = Spool(tmp_path, max_bytes=2000)
    for number in range(200):
        writer.append("call", f"c{number}", {})
    assert len(list(tmp_path.glob("*.spool"))) > 3
    reader = SpoolReader(tmp_path)
    batch = reader.batch(1000)
    assert len(batch.entries) == 200
    reader.done(batch.mark)
    reader.done(batch.mark)  # twice does no harm
    assert len(list(tmp_path.glob("*.spool"))) == 1
    writer.append("call", "later", {})
    assert ids(reader.batch().entries) == ["later"]
    assert reader.waiting() > 0
    writer.close()


def test_rotate_lets_the_reader_delete_the_present_segment(tmp_path: Path) -> None:
    writer, reader = Spool(tmp_path), SpoolReader(tmp_path)
    writer.append("call", "c1", {})
    writer.rotate()
    writer.append("call", "c2", {})
    batch = reader.batch()
    reader.done(batch.mark)
    assert ids(batch.entries) == ["c1", "c2"]
    assert len(list(tmp_path.glob("*.spool"))) == 1
    writer.close()


def test_a_new_writer_leaves_the_segment_of_the_old_one_alone(tmp_path: Path) -> None:
    for name in ("c1", "c2"):
        writer = Spool(tmp_path)
        writer.append("call", name, {})
        writer.close()
    assert len(list(tmp_path.glob("*.spool"))) == 2
    assert ids(SpoolReader(tmp_path).batch().entries) == ["c1", "c2"]


def test_half_an_entry_in_the_newest_segment_is_waited_for(tmp_path: Path) -> None:
    writer = Spool(tmp_path)
    writer.append("call", "c1", {})
    writer.append("call", "c2", {})
    writer.close()
    (path,) = tmp_path.glob("*.spool")
    whole = path.read_bytes()
    path.write_bytes(whole[:-3])
    told: list[str] = []
    reader = SpoolReader(tmp_path, report=told.append)
    batch = reader.batch()
    reader.done(batch.mark)
    assert ids(batch.entries) == ["c1"]
    assert not told
    path.write_bytes(whole)
    assert ids(reader.batch().entries) == ["c2"]


@pytest.mark.parametrize("torn", [b"\x10", b"\x10\x00\x00\x00\x00\x00\x00\x00half", b"\x00" * 64, b"\xff" * 64])
def test_a_torn_tail_of_an_old_segment_is_reported_and_passed(tmp_path: Path, torn: bytes) -> None:
    writer = Spool(tmp_path)
    writer.append("call", "c1", {})
    writer.close()
    (path,) = tmp_path.glob("*.spool")
    path.write_bytes(path.read_bytes() + torn)
    writer = Spool(tmp_path)
    writer.append("call", "c2", {})
    told: list[str] = []
    reader = SpoolReader(tmp_path, report=told.append)
    batch = reader.batch()
    assert ids(batch.entries) == ["c1", "c2"]
    assert "half an entry" in told[0]
    reader.done(batch.mark)
    assert not path.exists()
    assert ids(list(read(next(tmp_path.glob("*.spool"))))) == ["c2"]
    writer.close()


def test_a_damaged_entry_is_left_out_and_reported(tmp_path: Path) -> None:
    writer = Spool(tmp_path)
    for name in ("c1", "c2", "c3"):
        writer.append("call", name, {})
    writer.close()
    (path,) = tmp_path.glob("*.spool")
    path.write_bytes(path.read_bytes().replace(b'"c2"', b'"cX"'))
    told: list[str] = []
    assert ids(list(read(path, report=told.append))) == ["c1", "c3"]
    assert "is damaged" in told[0]


def test_an_entry_that_is_no_record_counts_as_damage(tmp_path: Path) -> None:
    path = tmp_path / "records-1.spool"
    path.write_bytes(b"".join(spool._HEADER.pack(len(p), spool.zlib.crc32(p)) + p for p in (b"[1]", b"{x")))
    told: list[str] = []
    assert list(read(path, report=told.append)) == []
    assert len(told) == 2


def test_a_damaged_mark_means_reading_from_the_start(tmp_path: Path) -> None:
    writer = Spool(tmp_path)
    writer.append("call", "c1", {})
    writer.close()
    reader = SpoolReader(tmp_path)
    reader.done(reader.batch().mark)
    (tmp_path / "records.mark").write_bytes(b"")
    told: list[str] = []
    assert ids(SpoolReader(tmp_path, report=told.append).batch().entries) == ["c1"]
    assert "damaged" in told[0]


def test_a_folder_that_is_not_there_is_empty(tmp_path: Path) -> None:
    reader = SpoolReader(tmp_path / "none")
    assert reader.batch().entries == []
    assert reader.batch().mark == Mark()
    assert reader.waiting() == 0


def test_what_is_no_json_or_too_long_is_refused_with_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "MAX_ENTRY", 100)
    told: list[str] = []
    writer = Spool(tmp_path, report=told.append)
    writer.append("call", "c1", {"x": float})  # a class becomes text
    writer.append("call", "c2", {"x": Unspeakable()})
    writer.append("call", "c3", {"x": "y" * 200})
    writer.close()
    assert ids(SpoolReader(tmp_path).batch().entries) == ["c1"]
    assert "c2 can't be written" in told[0]
    assert "c3 is given up" in told[1]


def test_a_deleted_file_is_noticed_and_writing_goes_on(tmp_path: Path) -> None:
    told: list[str] = []
    writer = Spool(tmp_path, report=told.append)
    writer.append("call", "c1", {})
    next(tmp_path.glob("*.spool")).unlink()
    writer.flush()
    writer.append("call", "c2", {})
    writer.close()
    assert "deleted from outside" in told[0]
    assert ids(SpoolReader(tmp_path).batch().entries) == ["c2"]


def test_fsync_happens_by_itself_and_not_in_append(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import threading

    synced: list[str] = []
    monkeypatch.setattr(spool.os, "fsync", lambda file: synced.append(threading.current_thread().name))
    writer = Spool(tmp_path, fsync_seconds=0.01)
    writer.append("call", "c1", {})
    wait_until(lambda: bool(synced))
    assert synced == ["spool-records"]
    writer.close()


def test_a_failing_fsync_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(file: int) -> None:
        raise OSError(5, "Input/output error")

    told: list[str] = []
    writer = Spool(tmp_path, report=told.append)
    writer.append("call", "c1", {})
    monkeypatch.setattr(spool.os, "fsync", fail)
    writer.flush()
    monkeypatch.undo()
    writer.close()
    assert "not safe on the disk: Input/output error" in told[0]


WRITE_FOREVER = """
import sys, pathlib
from jackfield.spool import Spool
writer = Spool(pathlib.Path(sys.argv[1]), max_bytes=20000)
number = 0
while True:
    writer.append("call", f"c{number}", {"text": "x" * (number % 400)})
    number += 1
    if number % 50 == 0:
        print(number, flush=True)
"""


def test_a_writer_that_is_killed_loses_nothing_that_it_had_appended(tmp_path: Path) -> None:
    for kill_after in (3, 11, 24):
        folder = tmp_path / str(kill_after)
        child = subprocess.Popen([sys.executable, "-c", WRITE_FOREVER, str(folder)], stdout=subprocess.PIPE)
        assert child.stdout is not None
        for _ in range(kill_after):
            said = int(child.stdout.readline())
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
        found = ids(SpoolReader(folder, report=lambda _: None).batch(10**9).entries)
        assert len(found) >= said
        assert found == [f"c{number}" for number in range(len(found))]


def test_a_reader_follows_a_writer_in_another_process(tmp_path: Path) -> None:
    child = subprocess.Popen([sys.executable, "-c", WRITE_FOREVER, str(tmp_path)], stdout=subprocess.DEVNULL)
    try:
        reader = SpoolReader(tmp_path)
        seen: list[str] = []
        while len(seen) < 2000:
            batch = reader.batch(300)
            seen += ids(batch.entries)
            reader.done(batch.mark)
        assert seen == [f"c{number}" for number in range(len(seen))]
        assert len(list(tmp_path.glob("*.spool"))) < 200
    finally:
        child.kill()
        child.wait()


FULL_DISK = """
import resource, sys, pathlib, time
from jackfield.spool import Spool
soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
told = []
writer = Spool(pathlib.Path(sys.argv[1]), fsync_seconds=0.01, max_waiting=int(sys.argv[2]), report=told.append)
writer.append("call", "before", {})
resource.setrlimit(resource.RLIMIT_FSIZE, (60, hard))
for number in range(100):
    writer.append("call", f"during{number}", {})
assert writer.waiting > 0, writer.waiting
assert not writer.flush()
resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
while writer.waiting:
    time.sleep(0.005)
writer.append("call", "after", {})
assert writer.close()
print(writer.lost)
print("\\n".join(told))
"""


def test_a_full_disk_is_survived_and_told_once(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(tmp_path), "1000000"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    lost, *told = done.stdout.splitlines()
    found = ids(SpoolReader(tmp_path).batch(1000).entries)
    assert found == ["before", *(f"during{number}" for number in range(100)), "after"]
    assert lost == "0"
    assert len(told) == 2
    assert "wait in memory; make room on the disk" in told[0]
    assert "again; nothing was lost" in told[1]


def test_when_memory_is_full_too_the_oldest_entries_are_given_up_and_counted(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(tmp_path), "600"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    lost = int(done.stdout.splitlines()[0])
    found = ids(SpoolReader(tmp_path).batch(1000).entries)
    assert found[0] == "before"
    assert found[-2:] == ["during99", "after"]
    assert len(found) == 102 - lost
    assert lost > 50
    assert f"{lost} entries were lost" in done.stdout


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small disk")
def test_a_small_disk_that_runs_full_and_is_freed(tmp_path: Path) -> None:
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(tmp_path)], check=False)
    if mounted.returncode:
        pytest.skip("no right to mount here")
    try:
        told: list[str] = []
        writer = Spool(tmp_path / "spool", fsync_seconds=0.01, report=told.append)
        (tmp_path / "ballast").write_bytes(b"x" * 40_000)
        for number in range(300):
            writer.append("call", f"c{number}", {"text": "y" * 100})
        assert writer.waiting > 0
        assert "No space left" in told[0]
        (tmp_path / "ballast").unlink()
        wait_until(lambda: not writer.waiting)
        writer.close()
        found = ids(SpoolReader(tmp_path / "spool").batch(1000).entries)
        assert found == [f"c{number}" for number in range(300)]
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)
