"""How busy the machine is, over two hours, a day and a month."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from jackfield.console import sampler
from jackfield.console.sampler import PERIODS, Sample, Sampler, Samples, disk_use
from jackfield.data_dir import DataDir

START = 1_800_000_000.0 - 1_800_000_000.0 % 10_800


def test_a_sample_is_kept_in_each_period(tmp_path: Path):
    samples = Samples(tmp_path / "samples")
    samples.add(Sample(at=START, cpu=10, memory=1e9))
    samples.add(Sample(at=START + 30, cpu=30, memory=3e9))
    assert [one.cpu for one in samples.read("hours", START + 30)] == [10, 30]
    assert [(one.at, one.cpu, one.memory) for one in samples.read("day", START + 30)] == [(START, 20, 2e9)]
    assert [one.cpu for one in samples.read("month", START + 30)] == [20]


def test_the_file_never_grows_and_the_old_is_forgotten(tmp_path: Path):
    samples = Samples(tmp_path / "samples")
    samples.add(Sample(at=START, cpu=1))
    size = samples.path.stat().st_size
    for number in range(1, 600):
        samples.add(Sample(at=START + 30 * number, cpu=number))
    assert samples.path.stat().st_size == size < 100_000
    now = START + 30 * 599
    hours = samples.read("hours", now)
    assert len(hours) == PERIODS["hours"].count
    assert hours[-1].cpu == 599
    assert [one.at for one in samples.read("day", now)] == [START + 360 * number for number in range(50)]
    assert samples.read("hours", now + 86_400) == []


def test_it_goes_on_after_a_restart(tmp_path: Path):
    Samples(tmp_path / "samples").add(Sample(at=START, cpu=10))
    again = Samples(tmp_path / "samples")
    again.add(Sample(at=START + 60, cpu=20))
    assert [one.cpu for one in again.read("hours", START + 60)] == [10, 20]
    assert [one.cpu for one in again.read("day", START + 60)] == [15]


@pytest.mark.parametrize("content", [b"", b"something else", b"jackfield samples 1\n".ljust(32) + b"cut"])
def test_a_file_that_is_damaged_is_begun_anew(tmp_path: Path, content: bytes):
    path = tmp_path / "samples"
    path.write_bytes(content)
    samples = Samples(path)
    assert samples.read("hours", START) == []
    samples.add(Sample(at=START, cpu=5))
    assert [one.cpu for one in samples.read("hours", START)] == [5]
    assert Samples(tmp_path / "none").read("day", START) == []


def test_the_disk_is_told_by_what_takes_it(tmp_path: Path):
    files = DataDir(tmp_path)
    for name, size in (("jackfield.sqlite3", 200_000), ("jackfield.sqlite3-wal", 50_000), ("logs/switch.log", 30_000),
                       ("recordings/2026/a.opus", 90_000), ("spool/1", 8_000), ("secret.key", 60)):  # fmt: skip
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.urandom(size))
    found = disk_use(files)
    assert 255_000 < found["history"] < 290_000
    assert 90_000 <= found["recordings"] < 110_000
    assert 30_000 <= found["logs"] < 45_000
    assert 0 < found["rest"] < 10_000
    assert found["free"] > 0


def test_the_machine_is_measured(tmp_path: Path):
    one = Sampler(DataDir(tmp_path))
    one.measure(START, 100.0)
    sum(number * number for number in range(300_000))  # some work of ours
    found = one.measure(START + 1, 101.0)
    assert found.at == START + 1
    assert 0 < found.own_memory < found.memory
    assert found.own_cpu > 0
    assert list(one.processes) == [os.getpid()]


def test_there_is_one_while_the_console_runs(tmp_path: Path):
    with sampler.running(DataDir(tmp_path)) as one:
        assert sampler.sampler is one
    assert sampler.sampler is None
    assert not one._thread.is_alive()
